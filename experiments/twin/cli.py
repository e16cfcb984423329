"""The commands ``identify`` and ``validate``, and for maintainers ``dev fidelity``."""

from pathlib import Path
from typing import Annotated

import typer

from tvfs_gym.experiments.options import FullLoadWOption, Printing, ProfileOption, expand_groups

app = typer.Typer()
dev_app = typer.Typer()


@app.command()
@expand_groups
def identify(
    *,
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
    printing: Printing,
) -> None:
    """Fit a board's thermal network to traces and write a board profile.

    Everything that the traces do not determine is copied from the profile '--board'.

    Example: tvfs-gym identify results/characterise_1 --output my_board.toml
    """
    from tvfs_gym.experiments.results.printing import print_findings, words
    from tvfs_gym.experiments.twin.identify import run

    with words(printing):
        findings = run(traces, board, name, cooling, full_load_w, output, printing.full)
    print_findings(findings, printing)


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
@expand_groups
def validate(
    *,
    profile: Annotated[str, typer.Argument(help="Board profile: name or TOML file.")],
    traces: Annotated[list[Path], typer.Argument(help="Traces it was not fitted to.")],
    cooling: Annotated[
        str | None, typer.Option(help="Cooling of the profile. Default: its first.")
    ] = None,
    full_load_w: FullLoadWOption = None,
    figure: Annotated[Path | None, typer.Option(help="PNG of the worst run.")] = None,
    printing: Printing,
) -> None:
    """Show how far a profile's thermal network is from traces, beside naive predictors.

    Example: tvfs-gym validate my_board.toml results/run_1
    """
    from tvfs_gym.experiments.results.printing import print_findings, words
    from tvfs_gym.experiments.twin.validate import run

    with words(printing):
        findings = run(profile, traces, cooling, full_load_w, figure, printing.full)
    print_findings(findings, printing)


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
