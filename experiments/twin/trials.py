"""Boards that are to have a profile if their traces suffice: fitted and judged."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tvfs_gym.experiments.results.tables import markdown_table
from tvfs_gym.experiments.twin.admission import Verdict, verdict
from tvfs_gym.experiments.twin.catalogue import Fit
from tvfs_gym.experiments.twin.refit import Result, judged, refitted

HEADER = (
    "board, cooling",
    "steady gain, ±%",
    "held-out RMSE, °C",
    "constant, °C",
    "window of a minute: RMSE, °C",
    "profile",
)


@dataclass(frozen=True)
class Trial:
    """A candidate's cooling and what the rule says of it.

    Attributes:
        result: The fit and its errors.
        verdict: What the rule says.
        minute: What it says with a window of at least a minute but of any number of samples.
    """

    result: Result
    verdict: Verdict
    minute: Verdict


def tried(fit: Fit, folder: Path) -> Trial:
    """Fits a candidate's cooling and applies the rule.

    Raises:
        InputError: A trace is missing or cannot be used.
    """
    result = refitted(fit, folder)
    log_se = result.chosen.resistance_log_se
    held = [run for runs in result.held_out.values() for run in runs]
    minute = [
        run.errors
        for held_out in fit.held_out
        for run in judged(fit, held_out, result.board, result.model, folder, 0)
    ]
    return Trial(result, verdict(log_se, held), verdict(log_se, minute))


def shipping(trials: Sequence[Trial]) -> list[Trial]:
    """The admitted coolings of boards whose first cooling is admitted."""
    first = {trial.result.fit.board: trial for trial in reversed(trials)}
    return [
        trial
        for trial in trials
        if not (trial.verdict.reasons or first[trial.result.fit.board].verdict.reasons)
    ]


def trials_table(trials: Sequence[Trial]) -> str:
    """What the rule says of every candidate, as Markdown."""
    ships = shipping(trials)
    rows = [
        [
            f"{trial.result.fit.board}, {trial.result.fit.cooling}",
            f"{100 * trial.verdict.gain_log_se:.0f}",
            f"{trial.verdict.rmse_c:.2f}",
            f"{trial.verdict.constant_rmse_c:.2f}",
            f"{trial.minute.rmse_c:.2f}",
            "yes" if trial in ships else f"no: {'; '.join(trial.verdict.reasons)}",
        ]
        for trial in trials
    ]
    return markdown_table(HEADER, rows)
