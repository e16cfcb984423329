"""The commands ``identify`` and ``validate``, and for maintainers ``dev fidelity``."""

from pathlib import Path
from typing import Annotated

import typer

from tvfs_gym.experiments.options import FullLoadWOption, ProfileOption

app = typer.Typer()
dev_app = typer.Typer()


@app.command()
def identify(
    traces: Annotated[
        list[Path],
        typer.Argument(
            help="Traces of one board with one cooling, or folders of 'characterise' and 'run'."
        ),
    ],
    output: Annotated[Path, typer.Option(help="Board profile to write, TOML.")],
    board: ProfileOption = "odroid_xu4",
    name: Annotated[
        str | None, typer.Option(help="Name of the new profile. Default: that of its file.")
    ] = None,
    cooling: Annotated[str, typer.Option(help="Name of the fitted cooling.")] = "identified",
    full_load_w: FullLoadWOption = None,
) -> None:
    """Fit a board's thermal network to traces and write a board profile.

    Everything that the traces do not determine is copied from the profile '--board'.
    """
    from tvfs_gym.experiments.twin.identify import run

    run(traces, board, name, cooling, full_load_w, output)


@app.command()
def convert(
    log: Annotated[
        Path, typer.Argument(help="Log of a tool, table, or folder of collectd: see the README.")
    ],
    to: Annotated[Path, typer.Option("--to", help="Trace to write, CSV.")],
    period_s: Annotated[
        float | None,
        typer.Option(help="Seconds between two samples, of a log without times."),
    ] = None,
) -> None:
    """Make a trace of a log, and say what was taken for what."""
    from tvfs_gym.experiments.twin.convert import run

    run(log, to, period_s)


@app.command()
def validate(
    profile: Annotated[str, typer.Argument(help="Board profile: name or TOML file.")],
    traces: Annotated[list[Path], typer.Argument(help="Traces it was not fitted to.")],
    cooling: Annotated[
        str | None, typer.Option(help="Cooling of the profile. Default: its first.")
    ] = None,
    full_load_w: FullLoadWOption = None,
    figure: Annotated[Path | None, typer.Option(help="PNG of the worst run.")] = None,
) -> None:
    """Show how far a profile's thermal network is from traces, beside naive predictors."""
    from tvfs_gym.experiments.twin.validate import run

    run(profile, traces, cooling, full_load_w, figure)


@dev_app.command()
def fidelity(
    traces: Annotated[Path, typer.Argument(help="Folder of the measured traces.")],
    publish: Annotated[
        Path | None, typer.Option(help="Checkout whose README, docs and profiles are updated.")
    ] = None,
) -> None:
    """Refit the shipped profiles' coolings to measured traces, and show how good they are."""
    from tvfs_gym.experiments.twin.fidelity import run

    run(traces, publish)
