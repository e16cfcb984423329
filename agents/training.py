"""Training a controller on a batch of twins, whatever the algorithm."""

from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tvfs_gym.agents.online import LEARNERS, OnlineTraining, train_online
from tvfs_gym.agents.policy import CARD, GreedyPolicy, load
from tvfs_gym.agents.stable_baselines import train_stable_baselines
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.errors import InputError, unknown
from tvfs_gym.envs.inference.topology import load_family
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv

EVALUATION_SEED = 10_000
"""Seeds of the evaluation's episodes begin here; benchmarks use lower ones."""

TRAINING_SEED = 2_000_000
"""Seeds of the twins that are trained on begin here."""

SEEDS_PER_TRAINING = 100_000
"""Distance between the seeds of two trainings' twins."""


@dataclass(frozen=True)
class Preset:
    """How an algorithm is trained, unless told otherwise.

    Attributes:
        envs: Twins in the batch.
        steps: Environment steps, over all twins together.
        arguments: Of stable-baselines3's algorithm.
    """

    envs: int
    steps: int
    arguments: dict[str, Any] = field(default_factory=dict)


PRESETS = {
    # stable-baselines3's own (batch 64, 10 epochs) spend over 85 % of the time in optimisation;
    # these reached some twenty times the frames per second on a prototype of this environment.
    "ppo": Preset(
        256,
        1_000_000,
        {"n_steps": 32, "batch_size": 2048, "n_epochs": 4, "gamma": 0.98, "learning_rate": 1e-3},
    ),
    "a2c": Preset(64, 1_000_000, {"n_steps": 16, "gamma": 0.98}),
    "dqn": Preset(
        64,
        1_000_000,
        {"buffer_size": 200_000, "batch_size": 256, "learning_starts": 5_000, "train_freq": 4,
         "gradient_steps": 2, "target_update_interval": 2_000, "gamma": 0.98},
    ),
    # The published methods learn on one board; here on sixteen at once, with one update for all.
    # Updates: zTT twice the published 2000, LOTUS the 10 000 of its exploration's constant.
    "ztt": Preset(16, 64_000),
    "ztt_released": Preset(16, 64_000),
    "lotus": Preset(16, 160_000),
    "q_table": Preset(16, 1_000_000),
}  # fmt: skip

ALGORITHMS = tuple(PRESETS)


@dataclass(frozen=True)
class Training:
    """What is to be trained.

    Attributes:
        algorithm: One of `ALGORITHMS`.
        environment: Arguments of `TwinVectorEnv`: profile, family, scenario, randomise, ...; with a
            reward named, a published method learns from that one instead of its own.
        steps: Environment steps, over all twins together; None for the preset's.
        envs: Twins; None for the preset's.
        seed: Of the twins, the networks and the exploration.
        evaluation_episodes: Episodes of an evaluation, always the same ones.
        evaluations: How often during the training.
    """

    algorithm: str
    environment: dict[str, Any]
    steps: int | None = None
    envs: int | None = None
    seed: int = 0
    evaluation_episodes: int = 64
    evaluations: int = 20

    def __post_init__(self) -> None:
        """Checks the algorithm.

        Raises:
            InputError: There is no such algorithm.
        """
        if self.algorithm not in ALGORITHMS:
            raise unknown("algorithm", self.algorithm, ALGORITHMS)

    @property
    def needs_pytorch(self) -> bool:
        """Whether it is one of stable-baselines3's."""
        return self.algorithm not in LEARNERS

    @property
    def resolved_envs(self) -> int:
        """Twins."""
        return self.envs or PRESETS[self.algorithm].envs

    @property
    def resolved_steps(self) -> int:
        """Environment steps, over all twins together."""
        return self.steps or PRESETS[self.algorithm].steps

    @property
    def seeds(self) -> tuple[int, int]:
        """Of the first twin, and of the rest; no twin has one of an evaluation or benchmark."""
        return TRAINING_SEED + SEEDS_PER_TRAINING * self.seed, self.seed


def train(training: Training, folder: Path, progress_bar: bool) -> Path:
    """Trains and saves a policy that runs without PyTorch; interrupted, what was learnt so far.

    Args:
        training: What is to be trained.
        folder: The run's folder.
        progress_bar: Whether to show one.

    Returns:
        The folder, which `load_policy` understands.

    Raises:
        InputError: An argument is impossible, or stable-baselines3 is needed and not installed.
    """
    envs, steps = training.resolved_envs, training.resolved_steps
    card = _card(training)
    judging = training.evaluations, training.evaluation_episodes, EVALUATION_SEED
    if not training.needs_pytorch:
        learning = OnlineTraining(
            training.algorithm, training.environment, envs, steps, training.seeds, card
        )
        train_online(learning, max(steps // envs, 1), judging, folder, progress_bar)
        return folder
    if find_spec("stable_baselines3") is None:
        raise InputError(
            f"training {training.algorithm} needs stable-baselines3: run pip install "
            '"tvfs-gym[train]"; first, to be spared some 6 GB of CUDA on Linux, pip install torch '
            "--index-url https://download.pytorch.org/whl/cpu."
        )
    arguments = PRESETS[training.algorithm].arguments
    if training.algorithm == "ppo" and envs * arguments["n_steps"] < 2:
        raise InputError("ppo needs at least two environment steps per rollout.")
    train_stable_baselines(
        training.algorithm, arguments, training.environment, envs, steps, training.seeds, judging,
        card, folder, progress_bar,
    )  # fmt: skip
    return folder


def _card(training: Training) -> dict[str, Any]:
    """What the policy's card says whatever the algorithm."""
    twin = TwinVectorEnv(1, **training.environment)
    topologies, levels = (twin.actions.table[:, :2].max(axis=0) + 1).tolist()
    return {
        "algorithm": training.algorithm,
        "board": load_profile(training.environment["profile"]).name,
        "family": load_family(training.environment["family"]).name,
        "topologies": topologies,
        "vf_levels": levels,
        "scales": tuple(twin.scales),
        "training": {
            "environment": training.environment,
            "steps": training.resolved_steps,
            "envs": training.resolved_envs,
            "seed": training.seed,
        },
    }


def load_policy(folder: Path) -> GreedyPolicy:
    """Loads a run's policy: the best by evaluation, or the last one if none was evaluated.

    Raises:
        InputError: The folder holds no trained policy.
    """
    if not (folder / CARD).is_file():
        raise InputError(f"{folder} holds no trained policy: there is no {CARD}.")
    return load(folder)
