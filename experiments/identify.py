"""``tvfs-gym identify``: fits a board's thermal network to traces and writes a board profile."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import tomli_w
from rich import box
from rich.table import Table

from tvfs_gym.envs.boards.profile import BoardProfile, Cooling, load_profile
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.physics.identification import ThermalModel, Trace, fit, network_of
from tvfs_gym.experiments.documents import print_wide
from tvfs_gym.experiments.figures import measured_against_predicted
from tvfs_gym.experiments.results import checked_output
from tvfs_gym.experiments.traces import Record, read_record
from tvfs_gym.experiments.validation import held_out_rmse_c, predictions

ORDERS = (1, 2, 3)


def run(
    files: Sequence[Path], board: str, cooling: str, full_load_w: float | None, out: Path
) -> None:
    """Identifies, prints the orders side by side, and writes profile and figure.

    Args:
        files: Traces of one board with one cooling.
        board: Profile whose other sections are kept.
        cooling: Name of the fitted cooling in the new profile.
        full_load_w: Heat at a load of 1, for traces without measured power.
        out: Profile to write, TOML; the figure stands beside it.

    Raises:
        InputError: A trace cannot be used, nothing physical fits, or the output file exists.
    """
    checked_output(out)
    profile = load_profile(board)
    traces = traces_in_watts([read_record(file) for file in files], full_load_w)
    chosen = choose(traces)
    network = network_of(chosen.time_constants_s, chosen.gains)
    source = (
        f"fitted to {', '.join(sorted({trace.name for trace in traces}))} with tvfs-gym identify: "
        f"{chosen.order} nodes, RMSE {chosen.rmse_c:.2f} degC; time constants "
        f"{_with_errors(chosen.time_constants_s, chosen.time_constants_se_s)} s, gains "
        f"{_with_errors(chosen.gains, chosen.gains_se)} K/W"
    )
    fitted = Cooling(
        source=source,
        resistances_k_w=network.resistances_k_w,
        capacitances_j_k=network.capacitances_j_k,
    )
    out.write_text(_toml(profile, cooling, fitted), encoding="utf-8")
    longest = max(traces, key=lambda trace: trace.time_s[-1])
    figure = out.with_suffix(".png")
    measured_against_predicted(longest, *predictions(chosen, longest), figure)
    print(f"{out}: cooling '{cooling}'; figure: {figure}")


def traces_in_watts(records: Sequence[Record], full_load_w: float | None) -> list[Trace]:
    """The runs of all records with their heat in watts; prints the records' warnings.

    Raises:
        InputError: A record has a load instead of power, and it is not known what that heats with.
    """
    traces: list[Trace] = []
    for record in records:
        for warning in record.warnings:
            print(f"warning: {warning}")
        if not record.measured_power and full_load_w is None:
            raise InputError(
                f"{record.traces[0].name} has a load, not watts: say with --full-load-w how much "
                "heat a load of 1 makes."
            )
        factor = 1.0 if record.measured_power or full_load_w is None else full_load_w
        traces += [replace(trace, heat=factor * trace.heat) for trace in record.traces]
    return traces


def choose(traces: Sequence[Trace]) -> ThermalModel:
    """Fits every order, prints them, and returns the one with the lowest held-out error.

    Held out is each run in turn, or the second half of a single run.

    Raises:
        InputError: No order fits with positive gains and time constants that the runs can show.
    """
    table = Table(box=box.SIMPLE)
    for heading in ("nodes", "time constants, s", "gains, K/W", "RMSE, degC", "held out, degC"):
        table.add_column(heading, justify="right")
    best, lowest_c = None, np.inf
    for order in ORDERS:
        model = fit(traces, order)
        held_out_c = _held_out_c(traces, order)
        verdict = f"{held_out_c:.3f}" if model.physical else "no network"
        table.add_row(
            str(order),
            _with_errors(model.time_constants_s, model.time_constants_se_s),
            _with_errors(model.gains, model.gains_se),
            f"{model.rmse_c:.3f}",
            verdict,
        )
        if model.physical and held_out_c < lowest_c:
            best, lowest_c = model, held_out_c
    print_wide(table)
    if best is None:
        raise InputError(
            "no thermal network fits: in every order a gain is negative or a time constant lies "
            "beyond what the traces can show. Record longer runs of rest and load in turn."
        )
    print(f"chosen: {best.order} nodes; steady gain {best.steady_gain:.2f} K/W")
    return best


def _held_out_c(traces: Sequence[Trace], order: int) -> float:
    if len(traces) == 1:
        middle = len(traces[0].time_s) // 2
        halves = _part(traces[0], slice(None, middle)), _part(traces[0], slice(middle, None))
        return held_out_rmse_c(fit(halves[:1], order), halves[1])
    return float(
        np.mean(
            [
                held_out_rmse_c(fit([*traces[:i], *traces[i + 1 :]], order), traces[i])
                for i in range(len(traces))
            ]
        )
    )


def _part(trace: Trace, samples: slice) -> Trace:
    time_s = trace.time_s[samples]
    return Trace(trace.name, time_s - time_s[0], trace.heat[samples], trace.temperature_c[samples])


def _with_errors(values: np.ndarray, errors: np.ndarray) -> str:
    return ", ".join(f"{v:.3g} ±{e:.2g}" for v, e in zip(values, errors, strict=True))


def _toml(profile: BoardProfile, cooling: str, fitted: Cooling) -> str:
    """The profile with the fitted cooling in the first place."""
    others = {name: one for name, one in profile.cooling.items() if name != cooling}
    updated = profile.model_copy(update={"cooling": {cooling: fitted, **others}})
    return tomli_w.dumps(updated.model_dump(exclude_none=True))
