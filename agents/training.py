"""Training a controller on a batch of twins, whatever the algorithm."""

from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tvfs_gym.agents.learners.lotus import Lotus
from tvfs_gym.agents.learners.q_table import QTable
from tvfs_gym.agents.learners.ztt import Ztt
from tvfs_gym.agents.online import MakeLearner, OnlineTraining, train_online
from tvfs_gym.agents.policy import CARD, GreedyPolicy, load
from tvfs_gym.agents.stable_baselines import train_stable_baselines
from tvfs_gym.envs.errors import InputError, unknown
from tvfs_gym.envs.reward import DEFAULT_REWARD, reward_name, reward_of
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv

EVALUATION_SEED = 10_000
"""Seeds of the evaluation's episodes begin here; benchmarks use lower ones."""

TRAINING_SEED = 2_000_000
"""Seeds of the twins that are trained on begin here."""

SEEDS_PER_TRAINING = 100_000
"""Distance between the seeds of two trainings' twins."""


@dataclass(frozen=True)
class Algorithm:
    """An algorithm, and how it is trained unless told otherwise.

    Attributes:
        envs: Twins in the batch.
        steps: Environment steps, over all twins together.
        arguments: Arguments of stable-baselines3's algorithm.
        learner: What makes the published method; None for stable-baselines3's of the same name.
        reward: Name of the one it learns from.
    """

    envs: int
    steps: int
    arguments: dict[str, Any] = field(default_factory=dict)
    learner: MakeLearner | None = None
    reward: str = DEFAULT_REWARD


ALGORITHMS = {
    # stable-baselines3's own (batch 64, 10 epochs) spend over 85 % of the time in optimisation;
    # these reached some twenty times the frames per second on a prototype of this environment.
    "ppo": Algorithm(
        256,
        1_000_000,
        {"n_steps": 32, "batch_size": 2048, "n_epochs": 4, "gamma": 0.98, "learning_rate": 1e-3},
    ),
    "a2c": Algorithm(64, 1_000_000, {"n_steps": 16, "gamma": 0.98}),
    "dqn": Algorithm(
        64,
        1_000_000,
        {"buffer_size": 200_000, "batch_size": 256, "learning_starts": 5_000, "train_freq": 4,
         "gradient_steps": 2, "target_update_interval": 2_000, "gamma": 0.98},
    ),
    # The published methods learn on one board; here on sixteen at once, with one update for all.
    # Updates: zTT twice the published 2000, LOTUS the 10 000 of its exploration's constant.
    "ztt": Algorithm(16, 64_000, learner=partial(Ztt, myopic=False), reward="ztt"),
    "ztt_released": Algorithm(16, 64_000, learner=partial(Ztt, myopic=True), reward="ztt"),
    "lotus": Algorithm(16, 160_000, learner=Lotus, reward="lotus"),
    "q_table": Algorithm(16, 1_000_000, learner=QTable, reward="q_table"),
}  # fmt: skip
"""The algorithms by name: the one list of them."""

LEARNERS = tuple(name for name, algorithm in ALGORITHMS.items() if algorithm.learner)
"""Names of the published methods, which need no PyTorch."""


@dataclass(frozen=True)
class Training:
    """A training to run.

    Attributes:
        name: One of `ALGORITHMS`.
        environment: Arguments of `TwinVectorEnv`: profile, family, scenario, randomise, ...;
            without a reward, the algorithm's; frames show the design half of the photographs.
        steps: Environment steps, over all twins together; None for the algorithm's.
        envs: Twins; None for the algorithm's.
        seed: Seed of the twins, the networks and the exploration.
        evaluation_episodes: Episodes of an evaluation, always the same ones.
        evaluations: How often during the training.
    """

    name: str
    environment: dict[str, Any]
    steps: int | None = None
    envs: int | None = None
    seed: int = 0
    evaluation_episodes: int = 64
    evaluations: int = 20

    def __post_init__(self) -> None:
        """Checks the algorithm and the reward.

        Raises:
            InputError: There is no such algorithm or reward.
        """
        if self.name not in ALGORITHMS:
            raise unknown("algorithm", self.name, ALGORITHMS)
        reward_of(self.resolved_environment["reward"])

    @property
    def algorithm(self) -> Algorithm:
        """The algorithm."""
        return ALGORITHMS[self.name]

    @property
    def resolved_environment(self) -> dict[str, Any]:
        """Arguments of `TwinVectorEnv`, with a reward, and the photographs of design time."""
        return {"reward": self.algorithm.reward, "photographs": "design", **self.environment}

    @property
    def resolved_envs(self) -> int:
        """Twins."""
        return self.envs or self.algorithm.envs

    @property
    def resolved_steps(self) -> int:
        """Environment steps, over all twins together."""
        return self.steps or self.algorithm.steps

    @property
    def seeds(self) -> tuple[int, int]:
        """Seeds of the first twin, and of the rest; none is one of an evaluation or benchmark."""
        return TRAINING_SEED + SEEDS_PER_TRAINING * self.seed, self.seed

    @property
    def record(self) -> dict[str, Any]:
        """The resolved arguments, as JSON can hold them."""
        environment = self.resolved_environment
        return {
            "environment": {**environment, "reward": reward_name(environment["reward"])},
            "steps": self.resolved_steps,
            "envs": self.resolved_envs,
            "seed": self.seed,
        }

    def run(self, folder: Path, progress_bar: bool) -> None:
        """Trains, and saves a policy without PyTorch; interrupted, what was learnt so far.

        Args:
            folder: Where to write; `load_policy` understands it.
            progress_bar: True to show a progress bar.

        Raises:
            InputError: An argument is impossible, or stable-baselines3 is needed and not installed.
        """
        envs, steps = self.resolved_envs, self.resolved_steps
        environment = self.resolved_environment
        judging = self.evaluations, self.evaluation_episodes, EVALUATION_SEED
        if self.algorithm.learner is not None:
            learning = OnlineTraining(
                self.algorithm.learner, environment, envs, steps, self.seeds, self.card()
            )
            train_online(learning, max(steps // envs, 1), judging, folder, progress_bar)
            return
        if find_spec("stable_baselines3") is None:
            raise InputError(
                f"training {self.name} needs stable-baselines3: run pip install "
                '"tvfs-gym[train]"; first, to be spared some 6 GB of CUDA on Linux, pip install '
                "torch --index-url https://download.pytorch.org/whl/cpu."
            )
        arguments = self.algorithm.arguments
        if self.name == "ppo" and envs * arguments["n_steps"] < 2:
            raise InputError("ppo needs at least two environment steps per rollout.")
        train_stable_baselines(
            self.name, arguments, environment, envs, steps, self.seeds, judging, self.card(),
            folder, progress_bar,
        )  # fmt: skip

    def card(self) -> dict[str, Any]:
        """Entries of the policy's card that are the same for all algorithms."""
        twin = TwinVectorEnv(1, **self.resolved_environment)
        topologies, levels = (twin.actions.table[:, :2].max(axis=0) + 1).tolist()
        return {
            "algorithm": self.name,
            "board": twin.board.profile.name,
            "family": twin.board.family.name,
            "topologies": topologies,
            "vf_levels": levels,
            "scales": tuple(twin.scales),
            "training": self.record,
        }


def train(
    algorithm: str,
    folder: Path | str,
    *,
    steps: int | None = None,
    envs: int | None = None,
    seed: int = 0,
    progress_bar: bool = False,
    **environment: Any,
) -> GreedyPolicy:
    """Trains a controller on a batch of twins.

    Args:
        algorithm: One of `ALGORITHMS`.
        folder: Where to write, made if need be; ``--controller`` takes it.
        steps: Environment steps, over all twins together; None for the algorithm's.
        envs: Twins; None for the algorithm's.
        seed: Seed of the twins, the networks and the exploration.
        progress_bar: True to show a progress bar.
        **environment: Arguments of `TwinVectorEnv`: profile, family, scenario, reward, ...; without
            a reward, the algorithm's.

    Returns:
        What was learnt.

    Raises:
        InputError: An argument is impossible, or stable-baselines3 is needed and not installed.
    """
    training = Training(algorithm, environment, steps, envs, seed)
    Path(folder).mkdir(parents=True, exist_ok=True)
    training.run(Path(folder), progress_bar)
    return load_policy(Path(folder))


def load_policy(folder: Path) -> GreedyPolicy:
    """Loads a run's policy: the best by evaluation, or the last one if none was evaluated.

    Raises:
        InputError: The folder holds no trained policy.
    """
    if not (folder / CARD).is_file():
        raise InputError(f"{folder} holds no trained policy: there is no {CARD}.")
    return load(folder)
