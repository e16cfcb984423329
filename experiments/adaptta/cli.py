"""The commands ``adaptta recorded``, ``live``, ``sweep`` and ``readings``, and their pages."""

from pathlib import Path
from typing import Annotated

import typer

from tvfs_gym.experiments.adaptta.live_options import LiveOptions
from tvfs_gym.experiments.options import (
    CheckoutOption,
    FamilyOption,
    ImagesOption,
    ModelsOption,
    OutcomesOption,
    OutputFolderOption,
    Printing,
    TauOption,
    TopologiesOption,
    expand_groups,
)

app = typer.Typer(
    help="Run AdapTTA on real networks and images, or on recorded outcomes.", no_args_is_help=True
)
publish_app = typer.Typer()

LiveFolders = Annotated[
    list[Path], typer.Argument(help="Folders of live runs; the first is replayed under every rule.")
]
OthersOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--other", help="Live run, or outcomes, of other files of the networks. Repeatable."
    ),
]
AlteredOption = Annotated[
    list[Path] | None,
    typer.Option("--altered", help="Live run, or outcomes, on altered views. Repeatable."),
]


@app.command()
@expand_groups
def recorded(*, outcomes: OutcomesOption = None, tau: TauOption = 0.8, printing: Printing) -> None:
    """Replay AdapTTA over recorded outcomes; --full shows the published numbers beside.

    Example: tvfs-gym adaptta recorded --tau 0.6
    """
    from tvfs_gym.experiments.adaptta.recorded import run_recorded
    from tvfs_gym.experiments.results.printing import print_findings, words

    with words(printing):
        findings = run_recorded(outcomes, tau, printing.full)
    print_findings(findings, printing)


@app.command()
@expand_groups
def live(
    *,
    models: ModelsOption,
    images: ImagesOption,
    family: FamilyOption = "recorded",
    topologies: TopologiesOption = None,
    options: LiveOptions,
    output: OutputFolderOption = None,
    printing: Printing,
) -> None:
    """Run AdapTTA on real networks and images; write tables, a row per image, and figures.

    Example: tvfs-gym adaptta live --family digits --models demo --images demo/images.csv
    """
    from tvfs_gym.experiments.adaptta.live import run_live
    from tvfs_gym.experiments.results.printing import print_findings, words

    with words(printing):
        findings = run_live(
            family, topologies or [], models, images, options, output, printing.full
        )
    print_findings(findings, printing)


@app.command()
@expand_groups
def sweep(
    *,
    outcomes: OutcomesOption = None,
    target_accuracy: Annotated[
        float | None, typer.Option(help="Calibrate for this top-1 accuracy, %.")
    ] = None,
    target_passes: Annotated[
        float | None, typer.Option(help="Calibrate for this mean number of passes.")
    ] = None,
    target_latency_ms: Annotated[
        float | None, typer.Option(help="Calibrate for this 95th percentile of the latency, ms.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Folder to write.")] = None,
    printing: Printing,
) -> None:
    """Show accuracy against mean passes, or calibrate the threshold for one target.

    Example: tvfs-gym adaptta sweep --target-passes 2
    """
    from tvfs_gym.experiments.adaptta.sweep import Target, run_sweep
    from tvfs_gym.experiments.results.printing import print_findings, words

    target = Target.in_units_of_the_command(target_accuracy, target_passes, target_latency_ms)
    with words(printing):
        findings = run_sweep(outcomes, target, output, printing.full)
    print_findings(findings, printing)


@app.command()
def readings(folders: LiveFolders) -> None:
    """Compare every reading of the published description with the published numbers."""
    from tvfs_gym.experiments.adaptta.readings import render_readings

    print(render_readings(folders), end="")


@app.command()
def suspects(others: OthersOption = None, altered: AlteredOption = None) -> None:
    """Show what may explain passes that differ from the published ones."""
    from tvfs_gym.experiments.adaptta.suspects import run_suspects

    run_suspects(others or [], altered or [])


@publish_app.command("suspects")
def publish_suspects_table(
    others: OthersOption = None, altered: AlteredOption = None, checkout: CheckoutOption = Path()
) -> None:
    """Write the table of suspects into docs/adaptta.md."""
    from tvfs_gym.experiments.adaptta.suspects import publish_suspects

    publish_suspects(others or [], altered or [], checkout)


@publish_app.command("recorded")
def publish_recorded_page(checkout: CheckoutOption = Path()) -> None:
    """Put the table of the recorded outcomes into the README."""
    from tvfs_gym.experiments.adaptta.recorded import publish_recorded

    publish_recorded(checkout)


@publish_app.command("live")
def publish_live_page(
    folder: Annotated[Path, typer.Argument(help="Folder of a live run.")],
    checkout: CheckoutOption = Path(),
) -> None:
    """Write the tables of a live run to docs/adaptta.md."""
    from tvfs_gym.experiments.adaptta.report import publish_live

    publish_live(folder, checkout)


@publish_app.command("readings")
def publish_readings_page(folders: LiveFolders, checkout: CheckoutOption = Path()) -> None:
    """Write the readings of the published description to docs/adaptta_readings.md."""
    from tvfs_gym.experiments.adaptta.readings import publish_readings

    publish_readings(folders, checkout)
