"""The command ``tune``; for maintainers ``dev tune-baselines`` and ``dev publish baselines``."""

from pathlib import Path
from typing import Annotated

import typer

from tvfs_gym.experiments.options import (
    CheckoutOption,
    FamilyOption,
    HyperparametersOption,
    MoreHyperparameters,
    OutputFolderOption,
    ProfileOption,
    SeedOption,
)

app = typer.Typer()
dev_app = typer.Typer()
publish_app = typer.Typer()


@dev_app.command("tune-baselines")
def tune_baselines(
    controllers: Annotated[
        list[str] | None,
        typer.Option("--controller", help="Baseline to tune; repeat for several. Default: all."),
    ] = None,
    episodes: Annotated[
        int | None,
        typer.Option(help="Episodes of each board. Default: what two cores do in twelve minutes."),
    ] = None,
    checkout: CheckoutOption = Path(),
) -> None:
    """Tune guards and thresholds of the baselines; write them to baselines/tuned.toml."""
    from tvfs_gym.experiments.tuning.tune import run

    run(controllers or [], episodes, checkout)


@publish_app.command("baselines")
def publish_baselines(checkout: CheckoutOption = Path()) -> None:
    """Write the page of what each baseline knows, and its tuned values, to docs/baselines.md."""
    from tvfs_gym.experiments.tuning.page import publish_baselines_page

    publish_baselines_page(checkout)


@app.command("tune")
def tune_hyperparameters(
    *,
    algo: Annotated[
        str, typer.Option(help="Algorithm of stable-baselines3 or sb3-contrib.")
    ] = "ppo",
    board: ProfileOption = "odroid_xu4",
    family: FamilyOption = "recorded",
    trials: Annotated[int, typer.Option("--n-trials", help="Trials of the whole search.")] = 50,
    steps: Annotated[
        int, typer.Option("--steps", "-n", help="Environment steps of each trial.")
    ] = 100_000,
    hyperparameters: HyperparametersOption = None,
    more_hyperparameters: MoreHyperparameters = None,
    seed: SeedOption = 0,
    output: OutputFolderOption = None,
) -> None:
    """Tune the hyper-parameters of an algorithm; write them in rl-zoo's format (extra "train")."""
    from tvfs_gym.experiments.tuning.hyperparameters import HyperparameterSearch

    overrides = (*(hyperparameters or ()), *(more_hyperparameters or ()))
    search = HyperparameterSearch(algo, board, family, steps, seed, overrides)
    file = search.run(trials, output)
    print(f"hyper-parameters: {file}; train with: tvfs-gym train --algo {algo} -conf {file}")
