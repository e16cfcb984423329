"""The commands ``benchmark`` and ``report``, and for maintainers ``dev publish benchmark``."""

from pathlib import Path
from typing import Annotated

import typer

from tvfs_gym.experiments.options import (
    CharacterisationOption,
    CheckoutOption,
    ControllersOrDefaultOption,
    FamilyOrDefaultOption,
    FramesOption,
    OutputFolderOption,
    ProfileOption,
    SeedsOption,
    Surroundings,
    expand_groups,
)

app = typer.Typer()
publish_app = typer.Typer()

FolderArgument = Annotated[Path, typer.Argument(help="Folder of a benchmark or a run.")]


@app.command("benchmark")
@expand_groups
def benchmark_suite(
    *,
    controllers: ControllersOrDefaultOption = None,
    suite: Annotated[
        str, typer.Option(help="Suite: main, v1, any_board, published, or a TOML file.")
    ] = "main",
    board: ProfileOption = "odroid_xu4",
    family: FamilyOrDefaultOption = None,
    characterisation: CharacterisationOption = None,
    seeds: SeedsOption = 10,
    frames: FramesOption = None,
    surroundings: Surroundings,
    output: OutputFolderOption = None,
) -> None:
    """Run controllers through scenarios; print the table, write Parquet, figures and a report."""
    from tvfs_gym.experiments.benchmarks.benchmark import run

    overrides = surroundings.values(frames=frames)
    run(suite, board, family, controllers or [], seeds, overrides, characterisation, output)


@app.command()
def report(folder: FolderArgument) -> None:
    """Redraw the figures and the report of a benchmark or a run from its Parquet files."""
    from tvfs_gym.experiments.results.report import write_report

    write_report(folder)


@publish_app.command("benchmark")
def publish_benchmark(folder: FolderArgument, checkout: CheckoutOption = Path()) -> None:
    """Redraw a benchmark's report, and put its tables and figures into README and docs."""
    from tvfs_gym.experiments.benchmarks.page import publish
    from tvfs_gym.experiments.results.report import write_report

    write_report(folder)
    publish(folder, checkout)
