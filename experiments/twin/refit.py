"""A cooling of the catalogue fitted anew, and its errors on what it was not fitted to."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tvfs_gym.envs.boards.profile import BoardProfile
from tvfs_gym.envs.errors import InputError
from tvfs_gym.experiments.twin.catalogue import Fit, HeldOut, profile_to_fit
from tvfs_gym.experiments.twin.errors import (
    WINDOW_SAMPLES,
    Error,
    Samples,
    errors,
    window_s,
)
from tvfs_gym.experiments.twin.identification import ThermalModel, Trace
from tvfs_gym.experiments.twin.identify import Candidate, best_of, candidates, traces_to_fit
from tvfs_gym.experiments.twin.traces.heat import heated
from tvfs_gym.experiments.twin.traces.record import read_record


@dataclass(frozen=True)
class Result:
    """A fitted cooling and its errors on what it was not fitted to.

    Attributes:
        fit: Settings of the fit.
        board: Profile with the activities that were found.
        chosen: Result of the fit.
        held_out: By title: errors of the model and the naive predictors, one of each per run.
        known_s: By title: length of the beginning whose temperatures are known, s.
        shown: The run in the middle of the first held-out set, and which samples of it are known.
    """

    fit: Fit
    board: BoardProfile
    chosen: Candidate
    held_out: dict[str, list[dict[str, Error]]]
    known_s: dict[str, float]
    shown: tuple[Trace, Samples]

    @property
    def model(self) -> ThermalModel:
        """The network that came out."""
        return self.chosen.model


@dataclass(frozen=True)
class Judged:
    """A held-out run.

    Attributes:
        errors: Errors of the model and the naive predictors.
        trace: The run.
        known: Samples whose temperatures are known.
        known_s: Length of what is known, s.
    """

    errors: dict[str, Error]
    trace: Trace
    known: Samples
    known_s: float


def refitted(fit: Fit, folder: Path) -> Result:
    """Fits a cooling and measures its errors on what it was not fitted to.

    Raises:
        InputError: A trace is missing or cannot be used.
    """
    profile = profile_to_fit(fit.board)
    used = files_of_catalogue(folder, fit.traces)
    runs = [run.until(fit.until_s) for file in used for run in read_record(file).runs]
    found = candidates(traces_to_fit(runs, profile, fit.full_load_w))
    chosen = best_of(found)
    model = chosen.model
    power = profile.power.model_copy(update={"activities": model.activities})
    board = profile.model_copy(update={"power": power})
    held_out, known_s, shown = {}, {}, []
    for held in fit.held_out:
        runs_held = judged(fit, held, board, model, folder)
        held_out[held.title] = [run.errors for run in runs_held]
        known_s[held.title] = runs_held[0].known_s
        by_error = sorted(runs_held, key=lambda run: run.errors["model"].rmse_c)
        shown.append(by_error[len(by_error) // 2])
    return Result(fit, board, chosen, held_out, known_s, (shown[0].trace, shown[0].known))


def judged(
    fit: Fit,
    held: HeldOut,
    board: BoardProfile,
    model: ThermalModel,
    folder: Path,
    samples: int = WINDOW_SAMPLES,
) -> list[Judged]:
    """Errors on a set of held-out runs.

    Args:
        fit: Settings of the fit.
        held: The set.
        board: Profile with the activities that were found.
        model: The network.
        folder: Folder of the measured traces.
        samples: Least number of samples in the window.
    """
    used = files_of_catalogue(folder, fit.traces) if held.from_s is None else []
    others = [file for file in files_of_catalogue(folder, held.traces) if file not in used]
    found = []
    for trace in heated_runs(others, board, fit.full_load_w):
        known_s = held.from_s or window_s(model, trace, samples)
        known = trace.time_s < known_s
        found.append(Judged(errors(model, trace, known), trace, known, known_s))
    return found


def files_of_catalogue(folder: Path, patterns: Sequence[str]) -> list[Path]:
    """The traces that match, in order of the patterns.

    Raises:
        InputError: There is none.
    """
    found = [path for pattern in patterns for path in sorted(folder.glob(pattern))]
    if not found:
        raise InputError(f"no trace in {folder} matches {', '.join(patterns)}.")
    return found


def heated_runs(
    paths: Sequence[Path], profile: BoardProfile, full_load_w: float | None
) -> list[Trace]:
    """All runs of the traces with their heat."""
    return [heated(run, profile, full_load_w) for path in paths for run in read_record(path).runs]
