"""``tvfs-gym adaptta sweep``: AdapTTA's accuracy against its passes.

Replays every threshold and limit of passes over recorded outcomes and prints the Pareto front of
each network. With a target it also calibrates: the setting is chosen on the design half of the
images, and the figures shown are those of the run half, which the choice has not seen.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich import box
from rich.table import Table

from tvfs_gym.envs.arrays import read_arrays
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.outcomes import Halves, RecordedOutcomes, halves, load_outcomes
from tvfs_gym.envs.inference.topology import ZOO
from tvfs_gym.experiments.adaptta.calibration import (
    CalibrationData,
    SweepPoint,
    choose,
    evaluate_setting,
    pareto_front,
    sweep_settings,
)
from tvfs_gym.experiments.results.folder import write_provenance
from tvfs_gym.experiments.results.frames import write_parquet
from tvfs_gym.experiments.results.resuming import resumed_folder
from tvfs_gym.experiments.results.tables import print_fitting, spread, text_lines
from tvfs_gym.experiments.results.unfinished import finish

HEADER = ("network", "most passes", "tau", "top-1, %", "mean passes", "latency p95, ms")


MOST_NETWORKS = 10
"""Networks that fit one screen."""

MOST_OF_IT = 0.9
"""Share of a front's gain in accuracy that is most of it."""


@dataclass(frozen=True)
class Target:
    """Target of a calibration, see `choose`: at most one of the three."""

    accuracy: float | None = None
    passes: float | None = None
    latency_s: float | None = None

    @classmethod
    def in_units_of_the_command(
        cls, accuracy_percent: float | None, passes: float | None, latency_ms: float | None
    ) -> "Target":
        """Builds a target from percent, passes, and milliseconds.

        Raises:
            InputError: It cannot be meant.
        """
        if accuracy_percent is not None and not 1 < accuracy_percent <= 100:
            raise InputError(
                f"a target accuracy is in %, more than 1 and at most 100, not {accuracy_percent:g}."
            )
        return cls(
            None if accuracy_percent is None else accuracy_percent / 100,
            passes,
            None if latency_ms is None else latency_ms / 1e3,
        )

    @property
    def is_set(self) -> bool:
        """True if there is a target."""
        return any(value is not None for value in asdict(self).values())


def run_sweep(
    outcomes: Path | None, target: Target, output: Path | None, full: bool = False
) -> dict[str, Any]:
    """Prints the fronts, and the calibrated settings if there is a target.

    Args:
        outcomes: Recorded outcomes, or the folder of a live run; None for the outcomes that ship
            with the package.
        target: Target of the calibration, if there is one.
        output: Folder for ``sweep.parquet`` and ``pareto.png``; None to write nothing.
        full: True to print every point of the fronts.

    Returns:
        front and calibrated, lists of points: network, max_passes, tau, accuracy, passes and
        latency_s.

    Raises:
        InputError: The outcomes cannot be read, or no network meets the target.
    """
    recorded, seconds = _recorded(outcomes)
    views = max(recording.confidence.shape[1] for recording in recorded.recordings.values())
    if target.passes is not None and not 1 <= target.passes <= views:
        raise InputError(f"mean passes lie between 1 and {views}, not at {target.passes:g}.")
    networks = {
        name: CalibrationData(recording.confidence, recorded.correct(name), seconds.get(name))
        for name, recording in recorded.recordings.items()
    }
    calibrated = _calibrated(networks, halves(recorded.truth), target) if target.is_set else []
    points = {name: sweep_settings(data) for name, data in networks.items()}
    fronts = [(name, point) for name in points for point in pareto_front(points[name])]
    if full:
        print_fitting(_table("Pareto front", fronts))
    elif not calibrated:
        print("\n".join(_brief_lines(fronts)))
    if calibrated:
        print_fitting(
            _table("Calibrated on the design half of the images, shown on the run half", calibrated)
        )
    if output is not None:
        from tvfs_gym.experiments.adaptta.figures import pareto_fronts  # and all of matplotlib

        config = {"outcomes": str(outcomes), "target": asdict(target)}
        folder = resumed_folder(output, "adaptta_sweep", config)
        write_provenance(folder, config)
        rows = [{"network": name, **asdict(point)} for name in points for point in points[name]]
        write_parquet(folder / "sweep.parquet", pl.DataFrame(rows))
        pareto_fronts(points, folder / "pareto.png")
        finish(folder)
        print(f"written to {folder}")
    return {
        "front": [{"network": name, **asdict(point)} for name, point in fronts],
        "calibrated": [{"network": name, **asdict(point)} for name, point in calibrated],
    }


def _brief_lines(fronts: Sequence[tuple[str, SweepPoint]]) -> list[str]:
    """Of every front its first point, the one with most of the gain, and the last."""
    rows = []
    for name in spread(list(dict.fromkeys(name for name, _ in fronts)), MOST_NETWORKS):
        points = [point for network, point in fronts if network == name]
        first, best = points[0], max(points, key=lambda point: point.accuracy)
        wanted = first.accuracy + MOST_OF_IT * (best.accuracy - first.accuracy)
        most = min((p for p in points if p.accuracy >= wanted), key=lambda p: p.passes)
        rows.append(
            [
                name,
                f"{100 * first.accuracy:.1f}",
                *(f"{100 * most.accuracy:.1f}", f"{most.passes:.2f}", f"{most.tau:g}"),
                *(f"{100 * best.accuracy:.1f}", f"{best.passes:.2f}"),
            ]
        )
    header = ("top-1, %", "1 pass", "with", "passes", "tau", "at best", "passes")
    return [
        *text_lines(header, rows),
        f"'with' has {MOST_OF_IT:.0%} of the gain; --full prints every point of the Pareto fronts.",
    ]


def _recorded(path: Path | None) -> tuple[RecordedOutcomes, dict[str, NDArray[np.float64]]]:
    """The outcomes, and the seconds of every pass by network where a live run measured them."""
    seconds: dict[str, NDArray[np.float64]] = {}
    if path is not None and path.is_dir():
        try:
            seconds = read_arrays(path / "seconds.npz")
        except (OSError, InputError) as error:
            raise InputError(f"{path} holds no finished run of adaptta live.") from error
        path = path / "outcomes.npz"
    return load_outcomes(path or ZOO / "recorded.npz"), seconds


def _calibrated(
    networks: dict[str, CalibrationData], parts: Halves[NDArray[np.intp]], target: Target
) -> list[tuple[str, SweepPoint]]:
    """Results of each network's setting on unseen images; networks that miss the target are out."""
    if np.array_equal(parts.design, parts.run):
        raise InputError("a calibration takes at least two images.")
    results, reason = [], None
    for name, data in networks.items():
        seen, unseen = data.only(parts.design), data.only(parts.run)
        try:
            chosen = choose(sweep_settings(seen), **asdict(target))
        except InputError as error:
            reason = error
            continue
        results.append((name, evaluate_setting(unseen, chosen.max_passes, chosen.tau)))
    if not results and reason is not None:
        raise reason
    return results


def _table(title: str, rows: list[tuple[str, SweepPoint]]) -> Table:
    table = Table(title=title, box=box.SIMPLE, title_justify="left")
    table.add_column(HEADER[0], no_wrap=True)
    for heading in HEADER[1:]:
        table.add_column(heading, justify="right")
    for name, point in rows:
        table.add_row(
            name,
            str(point.max_passes),
            f"{point.tau:g}",
            f"{100 * point.accuracy:.1f}",
            f"{point.passes:.2f}",
            "" if point.latency_s is None else f"{1e3 * point.latency_s:.1f}",
        )
    return table
