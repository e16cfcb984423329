"""``tvfs-gym train``: trains a controller on a batch of twins."""

import sys
from pathlib import Path
from typing import Any

from tvfs_gym.agents.training import Training, train
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.randomisation import Randomise
from tvfs_gym.experiments.results.folder import free_folder, write_circumstances

DRAWN = {"latency_constraint_s": "--latency-ms", "t_max_c": "--t-max-c"}
"""What ``--conditions`` draws for every episode, and the options that fix it."""


def run(
    algorithm: str,
    board: str,
    family: str,
    scenario: dict[str, Any],
    randomise: Randomise,
    reward: str | None,
    steps: int | None,
    envs: int | None,
    seed: int,
    output: Path | None,
) -> None:
    """Trains, and writes the run's folder.

    Args:
        algorithm: One of `tvfs_gym.agents.training.ALGORITHMS`.
        board: Board profile, name or TOML file.
        family: Topology family, name or TOML file.
        scenario: Values of the scenario that are not its defaults.
        randomise: Whether every episode runs on another unit in another room, or under other
            conditions altogether.
        reward: Name of the reward; None for the environment's default, or a published method's own.
        steps: Environment steps, over all twins together; None for the algorithm's preset.
        envs: Twins; None for the algorithm's preset.
        seed: Of all that is random.
        output: Folder to write; None for the next free one under ``results/``.

    Raises:
        InputError: stable-baselines3 is missing, an argument is impossible, or the folder holds
            results already.
    """
    if steps is not None and steps < 1:
        raise InputError(f"the number of steps must be at least 1, not {steps}.")
    for name, option in DRAWN.items():
        if randomise == "conditions" and name in scenario:
            raise InputError(
                f"L_c and T_max are drawn with the conditions: give {option} or --conditions."
            )
    environment = {
        "profile": board,
        "family": family,
        "scenario": scenario,
        "randomise": randomise,
        **({} if reward is None else {"reward": reward}),
    }
    training = Training(algorithm, environment, steps, envs, seed)
    folder = free_folder(output, f"train_{algorithm}")
    write_circumstances(
        folder,
        {"algorithm": algorithm, "environment": environment, "steps": training.resolved_steps,
         "envs": training.resolved_envs, "seed": seed},
    )  # fmt: skip
    train(training, folder, progress_bar=sys.stderr.isatty())
    print(f"policy: {folder}; benchmark it with: tvfs-gym benchmark --controller {folder}")
