"""``tvfs-gym validate``: how far a profile's thermal network is from traces."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.errors import InputError
from tvfs_gym.experiments.results.tables import text_lines
from tvfs_gym.experiments.twin.errors import Error, errors, predictions, window_s
from tvfs_gym.experiments.twin.identification import model_of
from tvfs_gym.experiments.twin.traces.folders import files_of
from tvfs_gym.experiments.twin.traces.heat import heated, runs_of
from tvfs_gym.experiments.twin.traces.record import read_record
from tvfs_gym.experiments.twin.traces.sweep import is_sweep

MOST_RUNS = 8
"""Runs that fit one screen."""

LONGEST = 28
"""Characters of a run's name."""

HEADINGS = ("run", "length, s", "RMSE", "MAE", "worst", "first order", "constant")


def run(
    board: str,
    files: Sequence[Path],
    cooling: str | None,
    full_load_w: float | None,
    figure: Path | None,
    full: bool = False,
) -> dict[str, Any]:
    """Prints the free-run errors on every run, and their mean.

    Args:
        board: Profile, name or TOML file.
        files: Traces.
        cooling: Name of the profile's cooling; None for its first.
        full_load_w: Heat at a load of 1, for traces without measured power.
        figure: PNG to draw the worst run to.
        full: True to print every run.

    Returns:
        runs and mean: name (of a run), rmse_c, mae_c, worst_c of the model, and the rmse_c of the
        naive predictors of `predictions`, first_order_rmse_c and constant_rmse_c.

    Raises:
        InputError: The profile or a trace cannot be used.
    """
    profile = load_profile(board)
    networks = profile.cooling_named(cooling).networks
    if len(networks) > 1:
        raise InputError(
            f"cooling '{cooling}' has a fan that the governor drives, and no trace says at which "
            "speed it ran: validate a cooling without steps."
        )
    model = model_of(networks[0], ambient_c=0.0)
    records = [file for path in files for file in files_of(path) if not is_sweep(file)]
    runs = runs_of([read_record(file) for file in records])
    traces = [heated(run, profile, full_load_w) for run in runs]
    rows = [errors(model, trace) for trace in traces]
    judged = [_judged(row) for row in rows]
    mean = {key: float(np.mean([each[key] for each in judged])) for key in judged[0]}
    windows_s = [window_s(model, trace) for trace in traces]
    named: list[dict[str, Any]] = [
        {"name": trace.name, "window_s": window, "length_s": float(trace.time_s[-1]), **row}
        for trace, window, row in zip(traces, windows_s, judged, strict=True)
    ]
    ordered = sorted(named, key=lambda each: -float(each["rmse_c"]))
    shown = named if full or len(named) <= MOST_RUNS else ordered[:MOST_RUNS]
    lines = [_cells(str(each["name"])[-LONGEST:], each) for each in shown]
    print("\n".join(text_lines(HEADINGS, [*lines, _cells(f"mean of {len(rows)}", mean)])))
    print(
        "Errors of a free run, degC, beside those of the single node that is closest to the "
        "network\n(first order) and of the window's mean (constant)."
        + ("" if len(shown) == len(named) else f" The {MOST_RUNS} worst; --full prints all.")
    )
    if figure is not None:
        from tvfs_gym.experiments.twin.figures import measured_against_predicted  # matplotlib

        worst = max(zip(rows, traces, strict=True), key=lambda pair: pair[0]["model"].rmse_c)[1]
        measured_against_predicted(worst, *predictions(model, worst), figure)
    return {"runs": named, "mean": mean}


def _judged(row: Mapping[str, Error]) -> dict[str, float]:
    model = row["model"]
    return {
        "rmse_c": float(model.rmse_c),
        "mae_c": float(model.mae_c),
        "worst_c": float(model.worst_c),
        "first_order_rmse_c": float(row["first order"].rmse_c),
        "constant_rmse_c": float(row["constant"].rmse_c),
    }


def _cells(name: str, values: Mapping[str, Any]) -> list[str]:
    length = f"{values['length_s']:.0f}" if "length_s" in values else ""
    keys = ("rmse_c", "mae_c", "worst_c", "first_order_rmse_c", "constant_rmse_c")
    return [name, length, *(f"{values[key]:.2f}" for key in keys)]
