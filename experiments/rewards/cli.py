"""The commands ``rewards``, and for maintainers ``dev publish rewards``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tvfs_gym.experiments.options import (
    CheckoutOption,
    FamilyOption,
    OutputFolderOption,
    ProfileOption,
    SeedOption,
    SeedsOption,
)

app = typer.Typer()
publish_app = typer.Typer()


@app.command("rewards")
def compare_rewards(
    *,
    train: Annotated[str, typer.Option(help="Algorithm; 'train --algorithms' lists them.")] = "ppo",
    rewards: Annotated[
        list[str],
        typer.Option(
            "--reward",
            help="Reward: name, or FILE.py:NAME, a function of tvfs_gym.envs.Window. Repeat.",
        ),
    ],
    board: ProfileOption = "odroid_xu4",
    family: FamilyOption = "recorded",
    suite: Annotated[
        str, typer.Option(help="Suite whose scenarios on the board judge all alike.")
    ] = "main",
    steps: Annotated[
        int | None, typer.Option(help="Environment steps of a training. Default: the algorithm's.")
    ] = None,
    seed: SeedOption = 0,
    seeds: SeedsOption = 5,
    output: OutputFolderOption = None,
) -> None:
    """Train under each of several rewards, and show what comes of each."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from tvfs_gym.experiments.rewards.study import Study

    study = Study(train, tuple(rewards), board, family, suite, steps, seed, seeds)
    from tvfs_gym.experiments.rewards.pareto import (
        COLUMNS,
        FIGURE,
        draw,
        outcome_rows,
        policies_judged,
    )

    folder = study.run(output, progress_bar=sys.stderr.isatty())
    outcomes = policies_judged(folder)
    draw(outcomes, folder / FIGURE)
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("policy", overflow="fold", min_width=20)
    shown = [name for name in COLUMNS if name != "accuracy"]  # what 80 columns have room for
    for name in shown:
        table.add_column(COLUMNS[name][0], justify="right")
    for row in outcome_rows(outcomes):
        cells = dict(zip(COLUMNS, row[1:], strict=True))
        table.add_row(row[0], *(cells[name] for name in shown))
    Console().print(table)
    print(f"Figure: {folder / FIGURE}")


@publish_app.command("rewards")
def publish_rewards(
    folder: Annotated[Path, typer.Argument(help="Folder of 'tvfs-gym rewards'.")],
    checkout: CheckoutOption = Path(),
) -> None:
    """Write the page about rewards to docs/rewards.md."""
    from tvfs_gym.experiments.rewards.pareto import publish_study

    publish_study(folder, checkout)
