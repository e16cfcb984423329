"""The commands ``benchmark`` and ``report``, and for maintainers ``dev publish benchmark``."""

from pathlib import Path
from typing import Annotated

import typer

from tvfs_gym.experiments.engine import DEFAULT_ENGINE
from tvfs_gym.experiments.lists import completing
from tvfs_gym.experiments.options import (
    CharacterisationOption,
    CheckoutOption,
    ControllersOrDefaultOption,
    EngineOption,
    FamilyOrDefaultOption,
    FramesOption,
    OutputFolderOption,
    Printing,
    SeedsOption,
    Surroundings,
    expand_groups,
)

app = typer.Typer()
publish_app = typer.Typer()
dev_app = typer.Typer()

RewardsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--reward",
        help="Rank the controllers under this reward, too: name, or FILE.py:NAME, a function of "
        "tvfs_gym.envs.Window. Repeat for several.",
    ),
]
FolderArgument = Annotated[Path, typer.Argument(help="Folder of a benchmark or a run.")]


@app.command("benchmark")
@expand_groups
def benchmark_suite(
    *,
    controllers: ControllersOrDefaultOption = None,
    suite: Annotated[
        str | None,
        typer.Option(
            help="Suite: a name from 'tvfs-gym list suites', or a TOML file. Default: main; "
            "any_board on a board that main has no scenario on.",
            autocompletion=completing("suites"),
        ),
    ] = None,
    board: Annotated[
        str | None,
        typer.Option(
            help="Board profile, name or TOML file, whose scenarios alone are run. Default: all."
        ),
    ] = None,
    family: FamilyOrDefaultOption = None,
    characterisation: CharacterisationOption = None,
    seeds: SeedsOption = 10,
    frames: FramesOption = None,
    surroundings: Surroundings,
    rewards: RewardsOption = None,
    engine: EngineOption = DEFAULT_ENGINE,
    output: OutputFolderOption = None,
    printing: Printing,
) -> None:
    """Run controllers through scenarios, and rank them: Parquet files, figures, a report.

    Ten seeds of all controllers take some two minutes. Stop with Ctrl-C; run again to resume.

    Example: tvfs-gym benchmark --controller tvfs --controller mine.py --seeds 3
    """
    from tvfs_gym.experiments.benchmarks.plan import BenchmarkPlan
    from tvfs_gym.experiments.benchmarks.suite import suite_for
    from tvfs_gym.experiments.results.folder import check_folder
    from tvfs_gym.experiments.results.unfinished import finish

    if rewards:
        from tvfs_gym.experiments.results.rewards import check_reward

        for reward in rewards:
            check_reward(reward)
    overrides = surroundings.values(frames=frames)
    suite = suite or suite_for(board)
    plan = BenchmarkPlan(
        suite, controllers or [], seeds, board, family, overrides, characterisation
    )
    if output is not None:
        check_folder(output)
    from tvfs_gym.experiments.benchmarks.benchmark import run  # and with it all of polars

    folder = run(plan, output, engine)
    _report(folder, rewards, printing)
    finish(folder)


@app.command()
@expand_groups
def report(*, folder: FolderArgument, rewards: RewardsOption = None, printing: Printing) -> None:
    """Redraw the figures and the report of a benchmark or a run from its Parquet files.

    Example: tvfs-gym report results/benchmark_1 --full
    """
    _report(folder, rewards, printing)


def _report(folder: Path, rewards: list[str] | None, printing: Printing) -> None:
    from tvfs_gym.experiments.results.config import read_comparison_config

    read_comparison_config(folder)  # refused before what draws it is loaded
    from tvfs_gym.experiments.results.printing import print_comparison
    from tvfs_gym.experiments.results.report import write_report  # and with it all of matplotlib

    print_comparison(write_report(folder, rewards or []), printing)


@publish_app.command("benchmark")
def publish_benchmark(folder: FolderArgument, checkout: CheckoutOption = Path()) -> None:
    """Redraw a benchmark's report, and put its tables and figures into README and docs."""
    from tvfs_gym.experiments.benchmarks.page import publish
    from tvfs_gym.experiments.results.report import write_report

    write_report(folder)
    publish(folder, checkout)


@publish_app.command("sensitivity")
def publish_variations(
    suite: Annotated[Path, typer.Argument(help="Folder of the benchmark of the ranked suite.")],
    sensitivity: Annotated[
        Path, typer.Argument(help="Folder of 'tvfs-gym benchmark --suite sensitivity'.")
    ],
    checkout: CheckoutOption = Path(),
) -> None:
    """Write what the ranking hangs on to docs/sensitivity.md, and the README's statements."""
    from tvfs_gym.experiments.benchmarks.sensitivity import publish_sensitivity

    publish_sensitivity(suite, sensitivity, checkout)


@dev_app.command()
def draw_suite(checkout: CheckoutOption = Path()) -> None:
    """Draw suites v2 and main by their rule and seed, and write their files."""
    from tvfs_gym.experiments.benchmarks.drawing import write_suites

    write_suites(checkout)


@dev_app.command()
def pilot(
    output: Annotated[Path, typer.Option(help="Page to write.")] = Path("docs/suite.md"),
) -> None:
    """Try the suite's grid of L_c on conditions of tuning; write the page of its rules. Minutes."""
    from tvfs_gym.experiments.benchmarks.pilot import write_pilot

    write_pilot(output)
