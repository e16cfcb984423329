"""``tvfs-gym validate``: how far a profile's thermal network is from traces."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich import box
from rich.table import Table

from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.errors import InputError
from tvfs_gym.experiments.results.tables import print_fitting
from tvfs_gym.experiments.twin.errors import errors, predictions, window_s
from tvfs_gym.experiments.twin.identification import model_of
from tvfs_gym.experiments.twin.traces.folders import files_of
from tvfs_gym.experiments.twin.traces.heat import heated, runs_of
from tvfs_gym.experiments.twin.traces.record import read_record
from tvfs_gym.experiments.twin.traces.sweep import is_sweep


def run(
    board: str,
    files: Sequence[Path],
    cooling: str | None,
    full_load_w: float | None,
    figure: Path | None,
) -> None:
    """Prints the free-run errors on every run, and their mean.

    Args:
        board: Profile, name or TOML file.
        files: Traces.
        cooling: Name of the profile's cooling; None for its first.
        full_load_w: Heat at a load of 1, for traces without measured power.
        figure: PNG to draw the worst run to.

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
    table = Table(box=box.SIMPLE)
    table.add_column("run", no_wrap=True)
    for heading in (
        "window, s", "length, s", "RMSE, degC", "MAE", "worst", "first order RMSE", "constant RMSE",
    ):  # fmt: skip
        table.add_column(heading, justify="right")
    rows = [errors(model, trace) for trace in traces]
    for trace, row in zip(traces, rows, strict=True):
        table.add_row(
            trace.name,
            f"{window_s(model, trace):.0f}",
            f"{trace.time_s[-1]:.0f}",
            *(f"{value:.2f}" for value in (row["model"].rmse_c, row["model"].mae_c)),
            f"{row['model'].worst_c:.1f}",
            f"{row['first order'].rmse_c:.2f}",
            f"{row['constant'].rmse_c:.2f}",
        )
    table.add_section()
    means = [
        np.mean([getattr(row[name], field) for row in rows])
        for name, field in (
            ("model", "rmse_c"), ("model", "mae_c"), ("model", "worst_c"),
            ("first order", "rmse_c"), ("constant", "rmse_c"),
        )
    ]  # fmt: skip
    table.add_row(f"mean of {len(rows)}", "", "", *(f"{mean:.3f}" for mean in means))
    print_fitting(table)
    if figure is not None:
        from tvfs_gym.experiments.twin.figures import measured_against_predicted  # matplotlib

        worst = max(zip(rows, traces, strict=True), key=lambda pair: pair[0]["model"].rmse_c)[1]
        measured_against_predicted(worst, *predictions(model, worst), figure)
