"""``tvfs-gym identify``: fits a board's thermal network to traces and writes a board profile."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tomlkit
from rich import box
from rich.table import Table

from tvfs_gym.envs.boards.profile import BoardProfile, Cooling, load_profile
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.physics.identification import ThermalModel, Trace, fit, network_of
from tvfs_gym.envs.physics.sweeps import SweepFit
from tvfs_gym.experiments.documents import print_wide
from tvfs_gym.experiments.figures import measured_against_predicted
from tvfs_gym.experiments.results import checked_output
from tvfs_gym.experiments.traces.heat import heated, reference_of, runs_of
from tvfs_gym.experiments.traces.record import Run, read_record
from tvfs_gym.experiments.traces.sweep import Sweep, fit_sweep, is_sweep, read_sweep
from tvfs_gym.experiments.validation import held_out_rmse_c, predictions

ORDERS = (1, 2, 3)


def run(
    files: Sequence[Path], board: str, cooling: str, full_load_w: float | None, out: Path
) -> None:
    """Identifies, prints what was found, and writes profile and figure.

    Args:
        files: Traces of one board with one cooling, and sweeps over its clock.
        board: Profile whose other sections are kept.
        cooling: Name of the fitted cooling in the new profile.
        full_load_w: Heat at a load of 1, for traces without power and clock.
        out: Profile to write, TOML; the figure stands beside it.

    Raises:
        InputError: A file cannot be used, nothing physical fits, or the output file exists.
    """
    checked_output(out)
    profile = load_profile(board)
    sweeps = [file for file in files if is_sweep(file)]
    for sweep in map(read_sweep, sweeps):
        profile, fitted = fit_sweep(sweep, profile)
        _print_sweep(sweep, fitted)
    runs = runs_of([read_record(file) for file in files if file not in sweeps])
    if runs:
        traces = traces_to_fit(runs, profile, full_load_w)
        found = candidates(traces)
        chosen = best_of(found)
        _print_candidates(found, chosen)
        profile = with_cooling(profile, cooling, chosen, [run.name for run in runs])
        longest = max(traces, key=lambda trace: trace.time_s[-1])
        measured_against_predicted(longest, *predictions(chosen, longest), out.with_suffix(".png"))
        print(f"cooling '{cooling}'; figure: {out.with_suffix('.png')}")
    out.write_text(tomlkit.dumps(profile.model_dump(exclude_none=True)), encoding="utf-8")
    print(f"profile: {out}")


@dataclass(frozen=True)
class Candidate:
    """A fitted network and its error on what it was not fitted to, degC."""

    model: ThermalModel
    held_out_c: float


def candidates(traces: Sequence[Trace]) -> list[Candidate]:
    """Fits every order."""
    return [Candidate(fit(traces, order), held_out_rmse_c(traces, order)) for order in ORDERS]


def best_of(found: Sequence[Candidate]) -> ThermalModel:
    """The network with the lowest held-out error; the training error does not count.

    Raises:
        InputError: None of them is physical.
    """
    usable = [one for one in found if one.model.physical and np.isfinite(one.held_out_c)]
    if not usable:
        raise InputError(
            "no thermal network fits: in every order a gain is negative. Record longer runs of "
            "rest and load in turn."
        )
    return min(usable, key=lambda one: one.held_out_c).model


def traces_to_fit(
    runs: Sequence[Run], profile: BoardProfile, full_load_w: float | None
) -> list[Trace]:
    """The runs, with the activities of all their workloads but the reference's to be found.

    Raises:
        InputError: A run's heat is unknown.
    """
    reference = reference_of(runs)
    named = {name for run in runs if run.workload is not None for name in run.workload}
    return [heated(run, profile, full_load_w, named - {reference}) for run in runs]


def with_cooling(
    profile: BoardProfile, name: str, model: ThermalModel, files: Sequence[str]
) -> BoardProfile:
    """The profile with a fitted cooling in the first place, and the activities found with it."""
    others = {other: one for other, one in profile.cooling.items() if other != name}
    activities = {**profile.power.activities, **model.activities}
    return profile.model_copy(
        update={
            "cooling": {name: cooling_of(model, files), **others},
            "power": profile.power.model_copy(update={"activities": activities}),
        }
    )


def cooling_of(model: ThermalModel, files: Sequence[str]) -> Cooling:
    """The fitted network as a section of a profile, to four digits."""
    network = network_of(model.time_constants_s, model.gains)
    return Cooling(
        source=(
            f"fitted to {', '.join(sorted(set(files)))}: {model.order} nodes, RMSE "
            f"{model.rmse_c:.2f} degC; time constants "
            f"{with_errors(model.time_constants_s, model.time_constants_se_s)} s, gains "
            f"{with_errors(model.gains, model.gains_se)} K/W"
        ),
        resistances_k_w=tuple(float(f"{r:.4g}") for r in network.resistances_k_w),
        capacitances_j_k=tuple(float(f"{c:.4g}") for c in network.capacitances_j_k),
        resistance_log_se=float(f"{model.steady_gain_log_se:.2g}"),
        capacitance_log_se=float(f"{model.capacitance_log_se:.2g}"),
    )


def _print_sweep(sweep: Sweep, found: SweepFit) -> None:
    table = Table(title=f"{sweep.kind}: {sweep.name}", box=box.SIMPLE)
    for heading in ("parameter", "value", "standard error"):
        table.add_column(heading, justify="right")
    for name, value in found.values.items():
        error = f"{found.errors[name]:.2g}" if name in found.errors else "held, not identified"
        table.add_row(name, f"{value:.4g}", error)
    print_wide(table)
    print(f"rms {found.rms:.3g}, R^2 {found.r2:.4f}")


def _print_candidates(found: Sequence[Candidate], chosen: ThermalModel) -> None:
    table = Table(box=box.SIMPLE)
    for heading in ("nodes", "time constants, s", "gains, K/W", "RMSE, degC", "held out, degC"):
        table.add_column(heading, justify="right")
    for one in found:
        model = one.model
        table.add_row(
            str(model.order),
            with_errors(model.time_constants_s, model.time_constants_se_s),
            with_errors(model.gains, model.gains_se),
            f"{model.rmse_c:.3f}",
            f"{one.held_out_c:.3f}" if model.physical else "no network",
        )
    print_wide(table)
    print(f"chosen: {chosen.order} nodes; steady gain {chosen.steady_gain:.2f} K/W")
    if chosen.drifts:
        print(
            f"warning: the slowest time constant, {chosen.time_constants_s[-1]:.0f} s, is as long "
            "as the longest run: it may be a drift of the room, and the steady gain too large."
        )
    for name, activity in chosen.activities.items():
        print(f"activity of {name}: {activity:.3f} ±{chosen.activities_se[name]:.2g}")


def with_errors(values: np.ndarray, errors: np.ndarray) -> str:
    """Values with their standard errors, as text."""
    return ", ".join(f"{v:.3g} ±{e:.2g}" for v, e in zip(values, errors, strict=True))
