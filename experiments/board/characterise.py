"""``tvfs-gym characterise``: what is measured on a board before it is controlled.

Writes a folder: ``characterisation.toml``, from which controllers are built; for ``tvfs-gym
identify``, ``latency_sweep.csv``, ``power_sweep.csv`` on a board with a power sensor, and
``heat_trace.csv``; and ``measurements.jsonl``, a line per measurement, from which an interrupted
characterisation is resumed.
"""

import json
import shlex
import sys
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from pydantic import TypeAdapter
from rich import box
from rich.table import Table

from tvfs_gym.baselines.characterisation import file as characterisation_file
from tvfs_gym.baselines.characterisation.characterisation import (
    Characterisation,
    characterisation_of,
)
from tvfs_gym.baselines.characterisation.file import Provenance
from tvfs_gym.baselines.characterisation.measuring import (
    Measurement,
    MeasurementPlan,
    Point,
    Settled,
    Timing,
    measure,
    measurement_points,
    measurement_scenario,
)
from tvfs_gym.envs.boards.board import Board
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.files import write_whole
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.experiments.board.boards import facts
from tvfs_gym.experiments.board.heat_trace import DWELLS, heat_trace
from tvfs_gym.experiments.progress import LOGGER, progress_bar
from tvfs_gym.experiments.results.folder import write_provenance
from tvfs_gym.experiments.results.frames import write_csv
from tvfs_gym.experiments.results.plausible import LATENCY_S, TEMPERATURE_C
from tvfs_gym.experiments.results.resuming import resumed_folder
from tvfs_gym.experiments.results.tables import print_fitting, spread, text_lines
from tvfs_gym.experiments.results.unfinished import finish
from tvfs_gym.experiments.twin.traces.folders import HEAT_TRACE, LATENCY_SWEEP, POWER_SWEEP

MADE = "measurements.jsonl"

MOST_LEVELS, MOST_TOPOLOGIES = 5, 8
"""VF levels and topologies that fit one screen."""

MOST_W = 1e4
"""Power of the largest machine whose CPU is measured."""

MEASUREMENT: TypeAdapter[Measurement] = TypeAdapter(Measurement)
"""A line of `MADE`."""


def spread_levels(board: Board, count: int | None) -> tuple[int, ...] | None:
    """So many VF levels, evenly spread from the lowest to the highest; None for all.

    Raises:
        InputError: There are not so many, or fewer than two.
    """
    have = len(board.operating_points)
    if count is None or count == have:
        return None
    if not 2 <= count < have:
        raise InputError(
            f"--levels must lie between 2 and the board's {have}, not be {count}: the lowest and "
            "the highest are always measured."
        )
    return tuple(np.unique(np.linspace(0, have - 1, count).round().astype(int)).tolist())


def run(
    board: Board,
    scenario: Scenario,
    plan: MeasurementPlan,
    output: Path | None,
    full: bool = False,
) -> dict[str, Any]:
    """Characterises a board.

    Args:
        board: Closed in the end.
        scenario: Its surroundings; see `measurement_scenario`.
        plan: How it is measured.
        output: Folder to write or resume; None for the next free one under ``results/``.
        full: True to print every VF level.

    Returns:
        folder; characterisation, its file; board; topologies; frequency_mhz; pass_median_s and
        pass_p99_s, lists of a list per topology; temperature_c; measured and extrapolated.

    Raises:
        InputError: The folder holds something else, or the board is throttled at once.
        BoardError: The board was lost; what was measured until then is kept.
    """
    config = {
        **facts(board),
        "scenario": measurement_scenario(scenario).model_dump(),
        "plan": {**asdict(plan), "levels": plan.levels_of(board)},
    }
    try:
        folder = resumed_folder(output, "characterise", config)
        write_provenance(folder, config)
        timed, settled = measurement_points(board, plan)
        made = _read(folder / MADE, {*timed, *settled})
        _announce(board, plan, made, folder)
        made = _measured(board, scenario, plan, made, folder)
        found = characterisation_of(board, made)
        provenance = _provenance(board, scenario, plan)
        path = folder / characterisation_file.FILE
        characterisation_file.write(path, found, board, provenance)
        _write_sweeps(folder, board, found, made)
        if np.isnan(board.telemetry().temperature_c):
            LOGGER.warning("no heat trace: the board has no temperature sensor")
        elif not (folder / HEAT_TRACE).exists():
            _write_trace(folder, board, scenario, plan, found)
    finally:
        board.close()
    finish(folder)
    if full:
        _print(found, board)
    else:
        print("\n".join(_brief_lines(found, board)))
    print(f"characterisation: {path}")
    print(f"profile: tvfs-gym identify {shlex.quote(str(folder))} --output my_board.toml")
    return {"folder": str(folder), "characterisation": str(path), **_findings(found, board)}


def _findings(found: Characterisation, board: Board) -> dict[str, Any]:
    return {
        "board": board.info.name,
        "topologies": list(found.family.names),
        "frequency_mhz": [point.frequency_hz / 1e6 for point in board.operating_points],
        "pass_median_s": found.pass_median_s.tolist(),
        "pass_p99_s": found.pass_p99_s.tolist(),
        "temperature_c": found.temperature_c.tolist(),
        "measured": found.measured.tolist(),
        "extrapolated": found.extrapolated.tolist(),
    }


def _brief_lines(found: Characterisation, board: Board) -> list[str]:
    """A few VF levels and topologies, on one screen."""
    levels = spread(range(len(board.operating_points)), MOST_LEVELS)
    rows = spread(range(len(found.family.names)), MOST_TOPOLOGIES)
    clocks = [f"{board.operating_points[level].frequency_hz / 1e6:g} MHz" for level in levels]
    latencies = [
        [found.family.names[row], *(f"{1e3 * found.pass_median_s[row, n]:.1f}" for n in levels)]
        for row in rows
    ]
    reached = [
        f"{found.temperature_c[level]:.1f}{'*' if found.extrapolated[level] else ' '}"
        for level in levels
    ]
    return [
        *text_lines(["pass, ms", *clocks], [*latencies, ["temperature reached, °C", *reached]]),
        f"{len(levels)} of {len(board.operating_points)} VF levels; --full prints all."
        + (" * Extrapolated: throttling cut in." if found.extrapolated[levels].any() else ""),
    ]


def _read(path: Path, points: Collection[Point]) -> list[Measurement]:
    """Measurements so far; lines that a crash cut off or a disk damaged are left out and named."""
    if not path.exists():
        return []
    made: list[Measurement] = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            measurement = MEASUREMENT.validate_json(line)
            _check_possible(measurement)
        except ValueError:
            print(f"{path}, line {number} is damaged: measured anew.", file=sys.stderr)
        else:
            made += [measurement] if measurement.point in points else []
    write_whole(path, "".join(map(_line, made)).encode())
    return made


def _check_possible(measurement: Measurement) -> None:
    """Refuses numbers that no board can have measured.

    Raises:
        ValueError: There is one.
    """
    if isinstance(measurement, Timing):
        outside = any(not 0.0 < latency_s < LATENCY_S[1] for latency_s in measurement.latencies_s)
    else:
        coldest_c, hottest_c = TEMPERATURE_C
        outside = not 0.0 < measurement.p99_s < LATENCY_S[1]
        outside |= measurement.temperature_c < coldest_c or measurement.temperature_c > hottest_c
        outside |= measurement.power_w is not None and not 0.0 <= measurement.power_w < MOST_W
    if outside:
        raise ValueError("outside what can be measured")


def _line(measurement: Measurement) -> str:
    return json.dumps(asdict(measurement)) + "\n"


def _announce(
    board: Board, plan: MeasurementPlan, made: Sequence[Measurement], folder: Path
) -> None:
    """Says how long it will take, on a real board at least."""
    timed, settled = measurement_points(board, plan)
    if made:
        LOGGER.info(
            f"resuming with {len(made)} of {len(timed) + len(settled)} measurements in {folder}"
        )
    if not board.info.real:
        return
    left = [point for point in timed if not _has(made, Timing, point)]
    clocks_hz = np.array([point.frequency_hz for point in board.operating_points])
    slowdown = np.nan_to_num(clocks_hz[-1] / clocks_hz, nan=1.0)
    slowest = board.family.topologies[-1].relative_latency
    passes_s = sum(
        plan.passes
        * board.nominal_latency_s
        * board.family.topologies[point.topology].relative_latency
        / slowest
        * slowdown[point.level]
        for point in left
    )
    settling = sum(not _has(made, Settled, point) for point in settled) + sum(DWELLS)
    minutes = (passes_s + settling * plan.settling_s) / 60
    LOGGER.info(
        f"about {minutes:.0f} minutes of inference, and before each of {len(left) + len(settled)} "
        "measurements the time in which the board cools down; stop it with Ctrl-C, and give the "
        "same command to resume"
    )


def _has(made: Sequence[Measurement], kind: type[Measurement], point: Point) -> bool:
    return any(isinstance(measurement, kind) and measurement.point == point for measurement in made)


def _measured(
    board: Board, scenario: Scenario, plan: MeasurementPlan, made: list[Measurement], folder: Path
) -> list[Measurement]:
    """All measurements; each is written as soon as it is made."""
    total = sum(map(len, measurement_points(board, plan)))
    made = list(made)
    with progress_bar() as bar, (folder / MADE).open("a", encoding="utf-8") as file:
        task = bar.add_task("measuring", total=total, completed=len(made))
        for measurement in measure(board, scenario, plan, tuple(made)):
            made.append(measurement)
            file.write(_line(measurement))
            file.flush()
            point = measurement.point
            clock_mhz = board.operating_points[point.level].frequency_hz / 1e6
            what = f"{board.family.names[point.topology]} at {clock_mhz:g} MHz"
            bar.update(task, advance=1, description=what)
    return made


def _provenance(board: Board, scenario: Scenario, plan: MeasurementPlan) -> Provenance:
    info = board.info
    known = "ambient_c" in scenario.model_fields_set
    return Provenance(
        board=info.name,
        machine=info.description,
        command=shlex.join(["tvfs-gym", *sys.argv[1:]]),
        date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        version=version("tvfs-gym"),
        runtime=info.runtime,
        ambient_c=scenario.ambient_c if known or not info.real else None,
        t_max_c=scenario.t_max_c,
        cooling=scenario.cooling,
        throttling=scenario.throttling,
        background_load=scenario.background_load,
        passes=plan.passes,
        settling_s=plan.settling_s,
        averaged_s=plan.averaged_s,
        threads=info.threads,
        measures_power=info.measures_power,
        nominal_latency_s=board.nominal_latency_s,
    )


def _write_sweeps(
    folder: Path, board: Board, found: Characterisation, made: Sequence[Measurement]
) -> None:
    """Sweeps over the measured clocks, as ``tvfs-gym identify`` reads them.

    A profile's latency is that of the reference network, so the topology nearest to it stands for
    it, its latency divided by its relative one.
    """
    points = board.operating_points
    relative = np.array([topology.relative_latency for topology in found.family.topologies])
    nearest = int(np.abs(np.log(relative)).argmin())
    measured = np.flatnonzero(found.measured)
    latencies = pl.DataFrame(
        {
            "frequency_mhz": [points[level].frequency_hz / 1e6 for level in measured],
            "latency_ms": 1e3 * found.pass_median_s[nearest, measured] / relative[nearest],
        }
    )
    write_csv(folder / LATENCY_SWEEP, latencies)
    last = len(found.family.topologies) - 1
    steady = [
        measurement
        for measurement in made
        if isinstance(measurement, Settled)
        and measurement.point.topology == last
        and measurement.power_w is not None
        and not measurement.throttled
    ]
    unknown = ["voltage_v"] if np.isnan(points[0].voltage_v) else []
    if board.info.measures_power and steady:
        powers = pl.DataFrame(
            {
                "frequency_mhz": [points[run.point.level].frequency_hz / 1e6 for run in steady],
                "power_w": [run.power_w for run in steady],
                "threads": [board.info.threads for _ in steady],
                "voltage_v": [points[run.point.level].voltage_v for run in steady],
                "temperature_c": [run.temperature_c for run in steady],
            }
        )
        known = powers.fill_nan(None).drop(unknown).sort("frequency_mhz")
        write_csv(folder / POWER_SWEEP, known)


def _write_trace(
    folder: Path, board: Board, scenario: Scenario, plan: MeasurementPlan, found: Characterisation
) -> None:
    """Loads and rests the board at the highest VF level that is not throttled."""
    cool = np.flatnonzero(~found.extrapolated)
    level = int(cool[-1]) if len(cool) else 0
    samples = []
    with progress_bar() as bar:
        total = int(sum(DWELLS) * plan.settling_s)
        task = bar.add_task("heat trace, s", total=total)
        for sample in heat_trace(board, scenario, level, plan):
            samples.append(asdict(sample))
            bar.update(task, completed=int(sample.time_s))
    table = pl.DataFrame(samples, infer_schema_length=None)
    if not board.info.measures_power:
        table = table.drop("power_w")
    if table["frequency_mhz"].is_nan().all():
        table = table.drop("frequency_mhz")
    write_csv(folder / HEAT_TRACE, table)


def _print(found: Characterisation, board: Board) -> None:
    table = Table(
        box=box.SIMPLE,
        caption="median latency of a pass, ms; temperature reached: * extrapolated, as throttling "
        "cut in before; levels in brackets were not measured",
        caption_justify="left",
    )
    table.add_column("MHz", justify="right")
    for name in found.family.names:
        table.add_column(name, justify="right")
    table.add_column("°C", justify="right")
    for level, point in enumerate(board.operating_points):
        clock = f"{point.frequency_hz / 1e6:g}"
        table.add_row(
            clock if found.measured[level] else f"({clock})",
            *(f"{1e3 * median_s:.1f}" for median_s in found.pass_median_s[:, level]),
            f"{found.temperature_c[level]:.1f}{'*' if found.extrapolated[level] else ''}",
        )
    print_fitting(table)
