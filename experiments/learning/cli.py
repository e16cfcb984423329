"""The commands ``sweep``, ``dev judge``, ``dev sets-apart``, and those that publish learning."""

from pathlib import Path
from typing import Annotated

import typer

from tvfs_gym.experiments.engine import DEFAULT_ENGINE
from tvfs_gym.experiments.options import (
    CheckoutOption,
    EngineOption,
    OutputFolderOption,
    SeedsOption,
)

app = typer.Typer()
dev_app = typer.Typer()
publish_app = typer.Typer()


@app.command("sweep")
def sweep_trainings(
    file: Annotated[
        Path, typer.Argument(help="YAML file: algo, reward, board and seed, each one or a list.")
    ],
    engine: EngineOption = DEFAULT_ENGINE,
    workers: Annotated[
        int | None, typer.Option(help="Trials at a time. Default: one per CPU.")
    ] = None,
    output: OutputFolderOption = None,
) -> None:
    """Train every combination of algorithms, rewards, boards and seeds; benchmark them all."""
    from tvfs_gym.experiments.learning.sweep_file import read_trainings

    wanted = read_trainings(file)
    assert wanted.trainings
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from tvfs_gym.experiments.learning.sweep import BENCHMARK, train_trials, trial_rows
    from tvfs_gym.experiments.results.brief import print_brief
    from tvfs_gym.experiments.results.report import write_report

    folder = train_trials(wanted, engine, workers, output)
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("trial", overflow="fold")
    for heading in ("steps", "best reward per step"):
        table.add_column(heading, justify="right")
    for row in trial_rows(folder, wanted):
        table.add_row(*row)
    Console().print(table)
    if wanted.benchmark is not None:
        print_brief(write_report(folder / BENCHMARK))
    print(f"Trials: {folder}")


@dev_app.command("judge")
def judge_trainings(
    trainings: Annotated[list[Path], typer.Argument(help="Folders of trainings.")],
    seeds: SeedsOption = 10,
    suite: Annotated[str, typer.Option(help="Suite: v2, or unforeseen.")] = "v2",
    output: OutputFolderOption = None,
) -> None:
    """Run trainings and what they are compared with through a suite."""
    from tvfs_gym.experiments.learning.judging import judge

    print(judge(trainings, seeds, output, suite))


@dev_app.command("sets-apart")
def show_sets_apart(
    seeds: SeedsOption = 10,
) -> None:
    """Show what training draws beside what suite v2 asks; fail if anything is common to both."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from tvfs_gym.experiments.learning.protocol import SUITE
    from tvfs_gym.experiments.learning.sets import sets_apart

    apart = sets_apart(SUITE, seeds)
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
    for heading in ("", "training", f"suite {SUITE}", "common"):
        table.add_column(heading, overflow="fold")
    for one in apart:
        table.add_row(one.what, one.training, one.suite, one.common or "nothing")
    Console().print(table)
    if any(one.common for one in apart):
        raise typer.Exit(1)


@dev_app.command("draw-unforeseen")
def draw_unforeseen_suite(
    traces: Annotated[Path, typer.Argument(help="Folder of measured traces.")],
    checkout: CheckoutOption = Path(),
) -> None:
    """Draw suite unforeseen: what fits to real boards leave over, and work that none shows."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from tvfs_gym.experiments.learning.unforeseen import replay_rows, write_suite

    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0), caption="root mean squares")
    for heading in ("board", "cooling", "left over, K", "not replayed, K"):
        table.add_column(heading)
    for row in replay_rows(write_suite(traces, checkout)):
        table.add_row(*row)
    Console().print(table)


@publish_app.command("learning")
def publish_learned(
    folder: Annotated[Path, typer.Argument(help="Folder of 'tvfs-gym dev judge'.")],
    unforeseen: Annotated[
        Path, typer.Argument(help="Folder of 'tvfs-gym dev judge --suite unforeseen'.")
    ],
    trainings: Annotated[
        list[Path], typer.Option("--curve", help="A training whose course is drawn; repeat.")
    ],
    checkout: CheckoutOption = Path(),
) -> None:
    """Write the page about learned controllers to docs/learning.md."""
    from tvfs_gym.experiments.learning.page import publish_learning

    publish_learning(folder, unforeseen, trainings, checkout)


@dev_app.command("shield")
def measure_shielding(
    episodes: Annotated[int, typer.Option(help="Episodes of each board.")] = 10,
    output: OutputFolderOption = None,
) -> None:
    """Run controllers with and without a shield under the conditions of training."""
    from tvfs_gym.experiments.learning.shielding import measure_shield

    print(measure_shield(episodes, output))


@publish_app.command("shield")
def publish_shield_page(
    folder: Annotated[Path, typer.Argument(help="Folder of 'tvfs-gym dev shield'.")],
    checkout: CheckoutOption = Path(),
) -> None:
    """Write the page about the safety shield to docs/shield.md."""
    from tvfs_gym.experiments.learning.shielding import publish_shield

    publish_shield(folder, checkout)


@publish_app.command("online-learning")
def publish_learning_on_board(
    folder: Annotated[Path, typer.Argument(help="Folder of a run with controllers learn:ALGO.")],
    checkout: CheckoutOption = Path(),
) -> None:
    """Write the page about learning on the board to docs/online_learning.md."""
    from tvfs_gym.experiments.learning.online_page import publish_online_learning

    publish_online_learning(folder, checkout)
