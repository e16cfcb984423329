"""Tables of a run of ``tvfs-gym adaptta live``, for its report and for a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.table import Table

from tvfs_gym.envs.inference.outcomes import Recording, at_stop, halves, passes_spent
from tvfs_gym.experiments.adaptta.calibration import (
    CalibrationData,
    evaluate_setting,
    tau_that_keeps_accuracy,
)
from tvfs_gym.experiments.adaptta.recorded import PUBLISHED_PASSES
from tvfs_gym.experiments.results.statistics import mean_cell, paired_cell, share_cell
from tvfs_gym.experiments.results.tables import markdown_table, print_fitting


@dataclass(frozen=True)
class PolicyRun:
    """One network under one policy, on the images that could be read.

    Attributes:
        network: Name of the network.
        policy: Name of the policy.
        truth: Classes of the images, shape (images,).
        recording: Answers after 1, 2, ... views, arrays of shape (images, views).
        settled: True where no further view could change the answer, same shape.
        seconds: Time of every pass, s, same shape.
        passes: Passes that AdapTTA spends, shape (images,).
        tau: Confidence threshold.
    """

    network: str
    policy: str
    truth: NDArray[np.int32]
    recording: Recording
    settled: NDArray[np.bool_]
    seconds: NDArray[np.float64]
    passes: NDArray[np.intp]
    tau: float

    @property
    def correct(self) -> NDArray[np.bool_]:
        """True where the consensus was right, shape (images, views)."""
        return np.asarray(self.recording.label == self.truth[:, np.newaxis])

    def at_stop(self, values: NDArray[Any]) -> NDArray[Any]:
        """Selects from values of shape (images, views) those at which AdapTTA stopped."""
        return at_stop(values, self.passes)

    def passes_until_settled(self, tau: float) -> NDArray[np.intp]:
        """Passes with the early exit of settled answers on top of tau, shape (images,)."""
        stopped = passes_spent(self.recording.confidence, tau)
        return np.minimum(stopped, passes_spent(self.settled.astype(np.float32), 1.0))


@dataclass(frozen=True)
class Section:
    """A table of the report.

    Attributes:
        title: Its heading.
        header: Headings of its columns.
        rows: A row per network and policy.
        note: What is said before it, if anything.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    @property
    def markdown(self) -> str:
        """The section of a document."""
        table = markdown_table(self.header, self.rows)
        return "\n\n".join(part for part in (f"## {self.title}", self.note, table) if part)

    def print(self) -> None:
        """Prints it within the terminal's width."""
        table = Table(title=self.title, box=box.SIMPLE)
        for place, heading in enumerate(self.header):
            table.add_column(heading, justify="right" if place > 1 else "left", no_wrap=True)
        for row in self.rows:
            table.add_row(*row)
        print_fitting(table)


def sections_of(runs: Sequence[PolicyRun]) -> list[Section]:
    """The tables of a report: accuracy, passes and latency, and with tau calibrated."""
    accuracy = Section(
        "Accuracy, %",
        (
            "network", "policy", "1 view", "static", "AdapTTA", "static − 1 view",
            "AdapTTA − static", "top-5 static", "top-5 AdapTTA",
        ),
        [_accuracy_row(run) for run in runs],
    )  # fmt: skip
    speed = Section(
        "Passes and latency",
        (
            "network", "policy", "passes", "published", "1 pass", "between", "all passes",
            "static, ms", "AdapTTA, ms", "p50", "p95", "speed-up, time", "speed-up, passes",
            "settled exit: static", "settled exit: AdapTTA",
        ),
        [_speed_row(run) for run in runs],
    )  # fmt: skip
    sections = [accuracy, speed]
    if len(runs[0].truth) > 1:
        header = (
            "network", "policy", "tau", "static", "AdapTTA", "AdapTTA − static", "passes",
            "speed-up, passes",
        )  # fmt: skip
        note = (
            "The lowest tau from which on AdapTTA loses less than half a point of accuracy against "
            "static augmentation, with 95 % confidence, on the design half of the images, which "
            "splits every class; the run half, which it has not seen, gives the figures."
        )
        rows = [_calibrated_row(run) for run in runs]
        sections.append(Section("With tau calibrated", header, rows, note))
    return sections


def _accuracy_row(run: PolicyRun) -> list[str]:
    single, static, adaptive = run.correct[:, 0], run.correct[:, -1], run.at_stop(run.correct)
    return [
        run.network,
        run.policy,
        share_cell(single),
        share_cell(static),
        share_cell(adaptive),
        paired_cell(static, single),
        paired_cell(adaptive, static),
        share_cell(run.recording.in_top5[:, -1]),
        share_cell(run.at_stop(run.recording.in_top5)),
    ]


def _speed_row(run: PolicyRun) -> list[str]:
    views = run.seconds.shape[1]
    static_ms = 1e3 * run.seconds.sum(axis=1)
    adaptive_ms = 1e3 * run.at_stop(np.cumsum(run.seconds, axis=1))
    published = PUBLISHED_PASSES.get(run.network, {}).get(run.policy)
    shares = [(run.passes == 1).mean(), 0.0, (run.passes == views).mean()]
    shares[1] = 1 - shares[0] - shares[2]
    return [
        run.network,
        run.policy,
        mean_cell(run.passes),
        f"{published:.2f}" if published else "",
        *(f"{100 * share:.1f} %" for share in shares),
        f"{static_ms.mean():.1f}",
        f"{adaptive_ms.mean():.1f}",
        *(f"{np.quantile(adaptive_ms, q):.1f}" for q in (0.5, 0.95)),
        f"{static_ms.mean() / adaptive_ms.mean():.2f}",
        f"{views / run.passes.mean():.2f}",
        f"{run.passes_until_settled(np.inf).mean():.2f}",
        f"{run.passes_until_settled(run.tau).mean():.2f}",
    ]


def _calibrated_row(run: PolicyRun) -> list[str]:
    data = calibration_data(run)
    parts = halves(run.truth)
    seen, unseen = data.only(parts.design), data.only(parts.run)
    views = run.seconds.shape[1]
    tau = tau_that_keeps_accuracy(seen)
    point = evaluate_setting(unseen, views, tau)
    adaptive = at_stop(unseen.correct, passes_spent(unseen.confidence, tau))
    return [
        run.network,
        run.policy,
        f"{tau:g}",
        share_cell(unseen.correct[:, -1]),
        share_cell(adaptive),
        paired_cell(adaptive, unseen.correct[:, -1]),
        f"{point.passes:.2f}",
        f"{views / point.passes:.2f}",
    ]


def calibration_data(run: PolicyRun) -> CalibrationData:
    """Results of a run in the form that a calibration takes."""
    return CalibrationData(run.recording.confidence, run.correct, run.seconds)
