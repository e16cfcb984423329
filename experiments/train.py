"""``tvfs-gym train``: trains a controller on a batch of twins."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tvfs_gym.envs.errors import InputError
from tvfs_gym.experiments.options import (
    FamilyOption,
    LatencyMsOption,
    ProfileOption,
    SeedOption,
    Surroundings,
    expand_groups,
    seconds,
)

if TYPE_CHECKING:
    from tvfs_gym.agents.training import Training

app = typer.Typer()

DRAWN = {"latency_constraint_s": "--latency-ms", "t_max_c": "--t-max-c"}
"""Values that ``--conditions`` draws for every episode, and the options that fix them."""


@app.command("train")
@expand_groups
def train_command(
    *,
    algo: Annotated[
        str, typer.Option(help="ppo, a2c, dqn (extra train); ztt, ztt_released, lotus, q_table.")
    ] = "ppo",
    board: ProfileOption = "odroid_xu4",
    family: FamilyOption = "recorded",
    latency_ms: LatencyMsOption = None,
    surroundings: Surroundings,
    randomise: Annotated[
        bool, typer.Option(help="Draw another unit of the board and another room every episode.")
    ] = False,
    conditions: Annotated[
        bool, typer.Option("--conditions", help="Draw L_c, T_max, load, arrivals, changes, too.")
    ] = False,
    reward: Annotated[
        str | None, typer.Option(help="Reward. Default: reliable_accuracy, or the method's own.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Environment steps of all twins. Default: the preset's.")
    ] = None,
    envs: Annotated[int | None, typer.Option(help="Twins. Default: the preset's.")] = None,
    seed: SeedOption = 0,
    output: Annotated[
        Path | None,
        typer.Option(help="Folder to write. Default: the next free results/train_ALGO_N."),
    ] = None,
) -> None:
    """Train a controller on a batch of twins; stable-baselines3's need the extra "train"."""
    from tvfs_gym.agents.training import Training

    scenario = surroundings.values(latency_constraint_s=seconds(latency_ms))
    if conditions:
        _check_drawn(scenario)
    environment = {
        "profile": board,
        "family": family,
        "scenario": scenario,
        "randomise": "conditions" if conditions else randomise,
        **({} if reward is None else {"reward": reward}),
    }
    if steps is not None and steps < 1:
        raise InputError(f"the number of steps must be at least 1, not {steps}.")
    run_training(Training(algo, environment, steps, envs, seed), output)


def _check_drawn(scenario: dict[str, Any]) -> None:
    for name, option in DRAWN.items():
        if name in scenario:
            raise InputError(
                f"L_c and T_max are drawn with the conditions: give {option} or --conditions."
            )


def run_training(training: "Training", output: Path | None) -> None:
    """Trains a controller, and writes the run's folder.

    Args:
        training: Algorithm, twins and lengths of the training.
        output: Folder to write; None for the next free one under ``results/``.

    Raises:
        InputError: stable-baselines3 is missing, an argument is impossible, or the folder holds
            results already.
    """
    from tvfs_gym.agents.training import train
    from tvfs_gym.experiments.results.folder import free_folder, write_provenance

    folder = free_folder(output, f"train_{training.algorithm}")
    config = {
        "algorithm": training.algorithm,
        "environment": training.environment,
        "steps": training.resolved_steps,
        "envs": training.resolved_envs,
        "seed": training.seed,
    }
    write_provenance(folder, config)
    train(training, folder, progress_bar=sys.stderr.isatty())
    print(f"policy: {folder}; benchmark it with: tvfs-gym benchmark --controller {folder}")
