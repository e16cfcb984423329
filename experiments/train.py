"""``tvfs-gym train``: trains a stable-baselines3 policy on a batch of twins."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tvfs_gym.agents.training import ALGORITHMS, Training, train
from tvfs_gym.envs.errors import InputError, unknown
from tvfs_gym.experiments.results import free_folder, write_circumstances


def run(
    algorithm: str,
    board: str,
    family: str,
    scenario: dict[str, Any],
    randomise: bool,
    steps: int,
    envs: int | None,
    seed: int,
    output: Path | None,
) -> None:
    """Trains, and writes the run's folder.

    Args:
        algorithm: ``ppo``, ``dqn`` or ``a2c``.
        board: Board profile, name or TOML file.
        family: Topology family, name or TOML file.
        scenario: Values of the scenario that are not its defaults.
        randomise: Whether every episode runs on another unit in another room.
        steps: Environment steps, over all twins together.
        envs: Twins; None for the algorithm's preset.
        seed: Of all that is random.
        output: Folder to write; None for the next free one under ``results/``.

    Raises:
        InputError: stable-baselines3 is missing, an argument is impossible, or the folder holds
            results already.
    """
    if find_spec("stable_baselines3") is None:
        raise InputError('training needs stable-baselines3: run pip install "tvfs-gym[train]".')
    if algorithm not in ALGORITHMS:
        raise unknown("algorithm", algorithm, ALGORITHMS)
    if steps < 1:
        raise InputError(f"the number of steps must be at least 1, not {steps}.")
    environment = {
        "profile": board,
        "family": family,
        "scenario": scenario,
        "randomise": randomise,
    }
    folder = free_folder(output, f"train_{algorithm}")
    training = Training(algorithm, environment, steps, envs, seed)
    write_circumstances(
        folder,
        {"algorithm": algorithm, "environment": environment, "steps": steps, "envs": envs,
         "seed": seed},
    )  # fmt: skip
    policy = train(training, folder, progress_bar=sys.stderr.isatty())
    print(f"policy: {policy}; benchmark it with: tvfs-gym benchmark --controller {folder}")
