"""``tvfs-gym identify``: fits a board's thermal network to traces and writes a board profile."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tomlkit
from rich import box
from rich.table import Table

from tvfs_gym.envs.boards.profile import BoardProfile, Cooling, load_profile
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.files import write_whole
from tvfs_gym.experiments.progress import LOGGER
from tvfs_gym.experiments.results.folder import checked_output, is_own_figure
from tvfs_gym.experiments.results.tables import print_fitting, text_lines
from tvfs_gym.experiments.twin.errors import between_runs_log_se, held_out_rmse_c, predictions
from tvfs_gym.experiments.twin.identification import ThermalModel, Trace, fit, network_of
from tvfs_gym.experiments.twin.sweep_fits import SweepFit
from tvfs_gym.experiments.twin.traces.folders import files_of, recorded_board, with_board
from tvfs_gym.experiments.twin.traces.heat import heated, reference_of, runs_of
from tvfs_gym.experiments.twin.traces.record import Run, read_record
from tvfs_gym.experiments.twin.traces.sweep import Sweep, fit_sweep, is_sweep, read_sweep
from tvfs_gym.experiments.twin.trust import Candidate, doubts

ORDERS = (1, 2, 3)

WIDTH = 80
"""Columns of what is printed."""

POWER_DIFFERS = 0.2
"""Relative difference of full-load powers from which on resistances do not carry over."""


def run(
    files: Sequence[Path],
    board: str,
    name: str | None,
    cooling: str,
    full_load_w: float | None,
    output: Path,
    full: bool = False,
) -> dict[str, Any]:
    """Identifies, prints what was found, and writes profile and figure.

    Args:
        files: Traces of one board with one cooling, and sweeps over its clock; or folders that
            ``characterise`` and ``run`` wrote, which say what board it is as well.
        board: Profile whose other sections are kept.
        name: Name of the new profile; None for the output file's.
        cooling: Name of the fitted cooling in the new profile.
        full_load_w: Heat at a load of 1, for traces without power and clock.
        output: Profile to write, TOML; the figure stands beside it.
        full: True to print all standard errors.

    Returns:
        profile and figure, its files; sweeps, each with kind, name, values, errors, rms, r2;
        candidates, thermal networks of 1, 2 and 3 nodes, each with nodes, chosen, time_constants_s,
        gains_k_w, rmse_c, held_out_c, steady_gain_k_w and steady_gain_error_k_w.

    Raises:
        InputError: A file cannot be used, nothing physical fits, or the output file exists.
    """
    if output.suffix != ".toml":
        raise InputError(f"a profile is a .toml file: name {output}.toml, not {output}.")
    checked_output(output)
    figure = output.with_suffix(".png")
    checked_output(figure, overwrite=is_own_figure(figure))  # by a command that was killed
    profile = load_profile(board)
    board_found = recorded_board(files)
    if board_found is not None:
        profile = with_board(profile, board_found)
    files = [file for path in files for file in files_of(path)]
    sweeps = [file for file in files if is_sweep(file)]
    runs = runs_of([read_record(file) for file in files if file not in sweeps])
    known_w = profile.full_load_w  # which loads the compiler
    findings: dict[str, Any] = {"profile": str(output), "figure": None, "sweeps": []}
    findings["candidates"] = []
    for sweep in map(read_sweep, sweeps):
        profile, fitted = fit_sweep(sweep, profile)
        _print_sweep(sweep, fitted)
        fit_of = {"values": dict(fitted.values), "errors": dict(fitted.errors)}
        quality = {"rms": float(fitted.rms), "r2": float(fitted.r2)}
        findings["sweeps"].append({"kind": sweep.kind, "name": sweep.name, **fit_of, **quality})
    if sweeps and not runs and abs(profile.full_load_w / known_w - 1) > POWER_DIFFERS:
        LOGGER.warning(
            f"warning: full load is {profile.full_load_w:.2f} W now and was {known_w:.2f} W when "
            "the coolings were fitted: they no longer fit it; give traces in the same command."
        )
    if runs:
        if full_load_w and abs(full_load_w / profile.full_load_w - 1) > POWER_DIFFERS:
            LOGGER.warning(
                f"warning: the profile's power model makes {profile.full_load_w:.2f} W of full "
                f"load, not {full_load_w:g}: the twin will be that much warmer or cooler."
            )
        traces = traces_to_fit(runs, profile, full_load_w)
        found = candidates(traces)
        chosen = best_of(found)
        _print_candidates(found, chosen, full)
        findings["candidates"] = [candidate.findings(candidate is chosen) for candidate in found]
        for doubt in doubts(traces, chosen):
            LOGGER.warning(f"warning: {doubt.sentence}")
        profile = with_cooling(profile, cooling, chosen, [run.name for run in runs])
        from tvfs_gym.experiments.twin.figures import measured_against_predicted  # matplotlib

        longest = max(traces, key=lambda trace: trace.time_s[-1])
        shown = predictions(chosen.model, longest)
        measured_against_predicted(longest, *shown, figure)
        findings["figure"] = str(figure)
        print(f"cooling '{cooling}'; figure: {figure}")
    if name is not None or board != str(output):
        profile = profile.model_copy(update={"name": name or output.stem})
    write_whole(output, tomlkit.dumps(profile.model_dump(exclude_none=True)).encode())
    print(f"profile: {output}")
    return findings


def candidates(traces: Sequence[Trace]) -> list[Candidate]:
    """Fits every order."""
    found = []
    for order in ORDERS:
        model = fit(traces, order)
        between = between_runs_log_se(traces, order)
        log_se = float(np.hypot(model.steady_gain_log_se, between))
        found.append(Candidate(model, held_out_rmse_c(traces, order), log_se))
    return found


def best_of(found: Sequence[Candidate]) -> Candidate:
    """The network with the lowest held-out error; the training error does not count.

    Raises:
        InputError: None of them is physical.
    """
    usable = [
        candidate
        for candidate in found
        if candidate.model.physical and np.isfinite(candidate.held_out_c)
    ]
    if not usable:
        raise InputError(
            "no thermal network fits: with any number of nodes a gain is negative, on all the runs "
            "or without a part of them. Record longer runs of rest and load in turn."
        )
    return min(usable, key=lambda one: one.held_out_c)


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
    profile: BoardProfile, name: str, chosen: Candidate, files: Sequence[str]
) -> BoardProfile:
    """The profile with a fitted cooling in the first place, and the activities found with it."""
    others = {other: cooling for other, cooling in profile.cooling.items() if other != name}
    activities = {**profile.power.activities, **chosen.model.activities}
    return profile.model_copy(
        update={
            "cooling": {name: cooling_of(chosen, files), **others},
            "power": profile.power.model_copy(update={"activities": activities}),
        }
    )


def cooling_of(chosen: Candidate, files: Sequence[str]) -> Cooling:
    """The fitted network as a section of a profile, to four digits."""
    model = chosen.model
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
        resistance_log_se=_finite(chosen.resistance_log_se),
        capacitance_log_se=_finite(model.capacitance_log_se),
    )


def _print_sweep(sweep: Sweep, found: SweepFit) -> None:
    values = [
        f"{name} {value:.4g} ±{found.errors[name]:.2g}"
        if name in found.errors
        else f"{name} {value:.4g} (held, not identified)"
        for name, value in found.values.items()
    ]
    print(f"{sweep.kind}: {sweep.name}: rms {found.rms:.3g}, R^2 {found.r2:.4f}")
    print(textwrap.fill(", ".join(values), WIDTH, initial_indent="  ", subsequent_indent="  "))


def _finite(log_se: float) -> float:
    """To two digits; what is undetermined counts as unknown by a factor of e."""
    return float(f"{min(log_se, 1.0):.2g}")


def _print_candidates(found: Sequence[Candidate], chosen: Candidate, full: bool) -> None:
    headings = ("nodes", "time constants, s", "gains, K/W", "RMSE, degC", "held out, degC")
    rows = [
        (
            str(candidate.model.order),
            *_modes(candidate.model, full),
            f"{candidate.model.rmse_c:.3f}",
            f"{candidate.held_out_c:.3f}" if candidate.model.physical else "no network",
        )
        for candidate in found
    ]
    if full:
        table = Table(box=box.SIMPLE)
        for heading in headings:
            table.add_column(heading, justify="right")
        for row in rows:
            table.add_row(*row)
        print_fitting(table)
    else:
        print("\n".join(text_lines(headings, rows)))
    best = chosen.model
    error = best.steady_gain * chosen.resistance_log_se
    print(f"chosen: {best.order} nodes; steady gain {best.steady_gain:.2f} ±{error:.2g} K/W")
    for name, activity in best.activities.items():
        print(f"activity of {name}: {activity:.3f} ±{best.activities_se[name]:.2g}")


def _modes(model: ThermalModel, full: bool) -> tuple[str, str]:
    """Time constants and gains, in full with their standard errors."""
    if full:
        return (
            with_errors(model.time_constants_s, model.time_constants_se_s),
            with_errors(model.gains, model.gains_se),
        )
    plain = (model.time_constants_s, model.gains)
    tau_s, gains = (", ".join(f"{value:.3g}" for value in values) for values in plain)
    return tau_s, gains


def with_errors(values: np.ndarray, errors: np.ndarray) -> str:
    """Values with their standard errors, as text."""
    return ", ".join(f"{v:.3g} ±{e:.2g}" for v, e in zip(values, errors, strict=True))
