"""Folders that ``run`` and ``characterise`` wrote, as traces and sweeps of their board."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tvfs_gym.envs.boards.profile import BoardProfile, OperatingPoint, Throttling, Trip
from tvfs_gym.envs.errors import InputError
from tvfs_gym.experiments.results.folder import CONFIG

LATENCY_SWEEP, POWER_SWEEP, HEAT_TRACE = "latency_sweep.csv", "power_sweep.csv", "heat_trace.csv"
"""Files that ``characterise`` writes for ``identify``."""

APART = 1e3
"""Between two episodes lie so many of the longest steps: a gap, in which the heat is unknown."""


def files_of(path: Path) -> list[Path]:
    """The traces and sweeps in a folder; a file, or the log of a run, is one itself."""
    if not path.is_dir():
        return [path]
    named = [path / name for name in (LATENCY_SWEEP, POWER_SWEEP, HEAT_TRACE)]
    return [file for file in named if file.is_file()] or [path]


def read_run(folder: Path) -> pl.DataFrame:
    """The steps of a run, one episode after the other, in the common columns of a trace.

    Each step is a sample. Heat is the measured power, or on a board without a power sensor clock
    and load, the latter times the switching activity of the step's topology.

    Raises:
        InputError: The folder holds no log of a run.
    """
    from tvfs_gym.experiments.results.cells import STEPS, read_cells  # and with it all baselines
    from tvfs_gym.experiments.results.config import RunConfig, read_config

    config, _ = read_config(folder, RunConfig)
    steps = read_cells(folder, STEPS, config)
    if "load" not in steps.columns:
        raise InputError(f"{folder} is not the log of tvfs-gym run: it says nothing of the load.")
    apart_s = APART * float(steps["duration_s"].max())  # type: ignore[arg-type]
    parts, end_s = [], 0.0
    for episode in steps.partition_by("scenario", "controller", "seed", maintain_order=True):
        parts.append(episode.with_columns(time_s=pl.col("time_s") + end_s))
        end_s = float(parts[-1]["time_s"][-1]) + apart_s
    activities = [topology["activity"] for topology in config["topology_family"]["topologies"]]
    activity = pl.col("topology").cast(pl.Int64).replace_strict(dict(enumerate(activities)))
    heat = (
        {"power_w": pl.col("energy_j") / pl.col("duration_s")}
        if config["measures_power"]
        else {"load": activity * pl.col("load"), "frequency_mhz": pl.col("frequency_mean_hz") / 1e6}
    )
    return pl.concat(parts).select("time_s", "temperature_c", **heat)


def recorded_board(paths: Sequence[Path]) -> dict[str, Any] | None:
    """The board as the folders describe it; None if there is none among the paths.

    Raises:
        InputError: They are of different boards.
    """
    folders = [path for path in paths if (path / CONFIG).is_file()]
    if not folders:
        return None
    from tvfs_gym.experiments.results.config import BoardConfig, read_config  # and all baselines

    configs = [read_config(folder, BoardConfig)[0] for folder in folders]
    for config, other in pairwise(configs):
        if config["operating_points"] != other["operating_points"]:
            raise InputError("the folders are of boards with different VF levels: give one's.")
    return configs[0]


def with_board(profile: BoardProfile, board: Mapping[str, Any]) -> BoardProfile:
    """A profile with the VF levels, threads and trips of a board, as far as it tells them.

    Supplies that it does not tell are those of the profile at the same clocks.

    Raises:
        InputError: The board does not tell its clocks.
    """
    points = board["operating_points"]
    if any(point["frequency_hz"] is None for point in points):
        raise InputError(
            "this board does not tell its clock, so no profile can be made of it: give traces and "
            "sweeps as files, with --board for the VF levels."
        )
    clocks_hz = np.array([point["frequency_hz"] for point in points])
    supplies_v = profile.voltages_v(clocks_hz / 1e9)
    told_v = [point["voltage_v"] for point in points]
    assumed = f"; supplies assumed: those of {profile.name} at the same clocks"
    origin = assumed if None in told_v else ""
    known_v = [told or other for told, other in zip(told_v, supplies_v, strict=True)]
    values: dict[str, Any] = {
        "description": board["description"],
        "threads": board["threads"],
        "operating_points_source": f"as found on {board['description']}{origin}",
        "operating_points": tuple(
            OperatingPoint(frequency_hz=float(clock_hz), voltage_v=float(voltage_v))
            for clock_hz, voltage_v in zip(clocks_hz, known_v, strict=True)
        ),
        "sensor": profile.sensor.model_copy(update={"measures_power": board["measures_power"]}),
        "throttling": _throttling(profile, board, len(points) - 1),
    }
    if board.get("critical_c") is not None:
        values["critical_c"] = board["critical_c"]
    return profile.model_copy(update=values)


def _throttling(
    profile: BoardProfile, board: Mapping[str, Any], highest: int
) -> dict[str, Throttling]:
    """The board's own trips first, then the profile's presets, which end at the lowest level."""
    presets: dict[str, Throttling] = {}
    if board.get("passive_c"):
        presets["as_found"] = Throttling(
            source=f"passive trips as found on {board['description']}; assumed: the kernel's "
            "step_wise governor, which looks four times a second, may go to the lowest level and "
            "honours no hysteresis",
            poll_s=0.25,
            honours_hysteresis=False,
            trips=tuple(
                Trip(temperature_c=trip_c, hysteresis_c=0.0, lower=0, upper=highest)
                for trip_c in board["passive_c"]
            ),
        )
    for name, preset in profile.throttling.items():
        trips = tuple(
            trip.model_copy(
                update={"lower": min(trip.lower, highest), "upper": min(trip.upper, highest)}
            )
            for trip in preset.trips
        )
        presets[name] = preset.model_copy(update={"trips": trips})
    return presets
