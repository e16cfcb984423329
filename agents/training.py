"""Training a controller on a batch of twins, whatever the algorithm."""

from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import gymnasium

from tvfs_gym.agents.dagger.flights import ANY_DRAWN, Distribution, needs_measuring, teacher_named
from tvfs_gym.agents.dagger.training import DaggerPlan, DaggerTraining
from tvfs_gym.agents.exported import ExportedController
from tvfs_gym.agents.hyperparameters import DEFAULT, Hyperparameters, load_hyperparameters
from tvfs_gym.agents.interface.interface import Knowledge
from tvfs_gym.agents.learners.lotus import Lotus
from tvfs_gym.agents.learners.q_table import QTable
from tvfs_gym.agents.learners.ztt import Ztt
from tvfs_gym.agents.online import MakeLearner, OnlineTraining, train_online
from tvfs_gym.agents.policy import CARD, GreedyPolicy
from tvfs_gym.agents.policy_file import load
from tvfs_gym.agents.rungs import ANY_BOARD, INPUTS, RungController
from tvfs_gym.agents.stable_baselines.algorithms import CLASSES
from tvfs_gym.agents.stable_baselines.training import AfterEvaluation, StableBaselinesTraining
from tvfs_gym.baselines import design_of
from tvfs_gym.baselines.characterisation.characterisation import Characterisation
from tvfs_gym.envs.board_env import BoardEnv
from tvfs_gym.envs.boards.drawn import drawn_names
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.errors import InputError, at_least, unknown
from tvfs_gym.envs.inference.topology import DEFAULT_FAMILY
from tvfs_gym.envs.reward import DEFAULT_REWARD, reward_name, reward_of
from tvfs_gym.envs.scenario import as_scenario
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv

EVALUATION_SEED = 10_000
"""Seeds of the evaluation's episodes begin here; benchmarks use lower ones."""

TRAINING_SEED = 2_000_000
"""Seeds of the twins that are trained on begin here."""

SEEDS_PER_TRAINING = 100_000
"""Distance between the seeds of two trainings' twins."""

CHECKPOINTS = 10
"""Checkpoints of a training."""


@dataclass(frozen=True)
class Algorithm:
    """An algorithm, and how it is trained unless told otherwise.

    Attributes:
        envs: Twins in the batch; None for as many as its file of hyper-parameters has.
        steps: Environment steps, over all twins together; None likewise.
        learner: What makes the published method; None for stable-baselines3's of the same name.
        reward: Name of the one it learns from.
    """

    envs: int | None = None
    steps: int | None = None
    learner: MakeLearner | None = None
    reward: str = DEFAULT_REWARD


ALGORITHMS = {name: Algorithm() for name in CLASSES} | {
    # The published methods learn on one board; here on sixteen at once, with one update for all.
    # Updates: zTT twice the published 2000, LOTUS the 10 000 of its exploration's constant.
    "ztt": Algorithm(16, 64_000, learner=partial(Ztt, myopic=False), reward="ztt"),
    "ztt_released": Algorithm(16, 64_000, learner=partial(Ztt, myopic=True), reward="ztt"),
    "lotus": Algorithm(16, 160_000, learner=Lotus, reward="lotus"),
    "q_table": Algorithm(16, 1_000_000, learner=QTable, reward="q_table"),
    # Twins of a flight, and steps of about as many as a training has.
    "dagger": Algorithm(DaggerPlan().units, 1_000_000),
}
"""The algorithms by name: the one list of them."""

DAGGER = "dagger"
"""The algorithm that learns from a teacher, see `tvfs_gym.agents.dagger`."""

LEARNERS = tuple(name for name, algorithm in ALGORITHMS.items() if algorithm.learner)
"""Names of the published methods."""

ALONE = (*LEARNERS, DAGGER)
"""Names of the algorithms that need no PyTorch."""


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
        overrides: Hyper-parameters other than the algorithm's, each ``NAME:VALUE``.
        hyperparameter_file: File of them in rl-zoo's format; None for the one that ships.
        checkpoint_every: Environment steps between two checkpoints; None for a tenth of all.
        evaluation_seed: Seed of the evaluation's first episode.
        after_evaluation: Told of steps done and mean reward of a step, with stable-baselines3's.
        dagger: How DAgger goes.
        knowledge: What DAgger's student knows of the board.
    """

    name: str
    environment: dict[str, Any]
    steps: int | None = None
    envs: int | None = None
    seed: int = 0
    evaluation_episodes: int = 64
    evaluations: int = 20
    overrides: tuple[str, ...] = ()
    hyperparameter_file: Path | None = None
    checkpoint_every: int | None = None
    evaluation_seed: int = EVALUATION_SEED
    after_evaluation: AfterEvaluation | None = None
    dagger: DaggerPlan = field(default_factory=DaggerPlan)
    knowledge: Knowledge = "characterised"

    def __post_init__(self) -> None:
        """Checks the algorithm, its hyper-parameters, and the reward.

        Raises:
            InputError: There is no such algorithm or reward, or a hyper-parameter is impossible.
        """
        if self.name not in ALGORITHMS:
            raise unknown("algorithm", self.name, ALGORITHMS)
        if self.name in ALONE and (self.overrides or self.hyperparameter_file):
            raise InputError(f"{self.name} has values of its own: it takes no hyper-parameters.")
        if self.checkpoint_every is not None:
            at_least("the number of steps between checkpoints", self.checkpoint_every, 1)
        if self.envs is not None:
            at_least("the number of twins, --envs,", self.envs, 1)
        reward_of(self.resolved_environment["reward"])
        if self.name == DAGGER:
            self._check_dagger()

    def _check_dagger(self) -> None:
        possible = {"profile", "family", "scenario", "randomise"}
        if self.steps or self.envs or not possible >= self.environment.keys():
            raise InputError(
                "dagger learns from a teacher, round by round: it takes no reward, steps or twins."
            )
        teacher_named(self.dagger.teacher)
        if self.knowledge not in get_args(Knowledge):
            raise unknown("knowledge", self.knowledge, get_args(Knowledge))

    @property
    def algorithm(self) -> Algorithm:
        """The algorithm."""
        return ALGORITHMS[self.name]

    @cached_property
    def hyperparameters(self) -> Hyperparameters | None:
        """Those of stable-baselines3's algorithms; None for the others."""
        if self.name in ALONE:
            return None
        board = load_profile(self.environment.get("profile", "odroid_xu4"))
        return load_hyperparameters(
            self.name, board.environment_id or DEFAULT, self.overrides, self.hyperparameter_file
        )

    @property
    def resolved_environment(self) -> dict[str, Any]:
        """Arguments of the batch of twins, with a reward, and the photographs of design time."""
        usual = {"reward": self.algorithm.reward, "photographs": "design"}
        wanted = {} if self.hyperparameters is None else self.hyperparameters.env_kwargs
        return {**usual, **wanted, **self.environment}

    @property
    def resolved_envs(self) -> int:
        """Twins."""
        usual = self.hyperparameters.n_envs if self.hyperparameters else self.algorithm.envs
        assert usual is not None
        return self.envs or usual

    @property
    def resolved_steps(self) -> int:
        """Environment steps, over all twins together."""
        usual = self.hyperparameters.n_timesteps if self.hyperparameters else self.algorithm.steps
        assert usual is not None
        return self.steps or usual

    @property
    def seeds(self) -> tuple[int, int]:
        """Seeds of the first twin, and of the rest; none is one of an evaluation or benchmark."""
        return TRAINING_SEED + SEEDS_PER_TRAINING * self.seed, self.seed

    @property
    def record(self) -> dict[str, Any]:
        """The resolved arguments, as JSON can hold them."""
        environment = self.resolved_environment
        if self.name == DAGGER:
            plan = {**asdict(self.dagger), "knowledge": self.knowledge}
            return {"environment": environment, "seed": self.seed, "plan": plan}
        return {
            "environment": {**environment, "reward": reward_name(environment["reward"])},
            "steps": self.resolved_steps,
            "envs": self.resolved_envs,
            "seed": self.seed,
            **({"hyperparameters": self.hyperparameters.values} if self.hyperparameters else {}),
        }

    def run(self, folder: Path, progress_bar: bool) -> None:
        """Trains, and saves a policy without PyTorch; interrupted, what was learnt so far.

        Args:
            folder: Where to write; `load_policy` understands it.
            progress_bar: True to show a progress bar.

        Raises:
            InputError: An argument is impossible, or stable-baselines3 is needed and not installed.
        """
        if self.name == DAGGER:
            self._dagger().run(folder, progress_bar)
            return
        envs, steps = self.resolved_envs, self.resolved_steps
        environment = self.resolved_environment
        judging = self.evaluations, self.evaluation_episodes, self.evaluation_seed
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
        assert self.hyperparameters is not None
        StableBaselinesTraining(
            self.name, self.hyperparameters, environment, envs, steps, self.seeds, judging,
            self.checkpoint_every or max(steps // CHECKPOINTS, 1), self.card(),
            self.after_evaluation,
        ).run(folder, progress_bar)  # fmt: skip

    def _dagger(self) -> DaggerTraining:
        environment = self.environment
        distribution = Distribution(
            environment.get("profile", "odroid_xu4"),
            environment.get("family", DEFAULT_FAMILY),
            as_scenario(environment.get("scenario")),
            environment.get("randomise", "conditions") == "conditions",
            self.knowledge,
            self.knowledge == "characterised" or needs_measuring(self.dagger.teacher),
        )
        own = {"kind": "rungs", "inputs": INPUTS, "knowledge": self.knowledge}
        seeds = *self.seeds, EVALUATION_SEED
        return DaggerTraining(distribution, self.dagger, seeds, {**self.card(), **own})

    def card(self) -> dict[str, Any]:
        """Entries of the policy's card that are the same for all algorithms."""
        environment = self.resolved_environment
        any_board = environment.get("profile") == ANY_DRAWN
        if any_board:
            environment = {**environment, "profile": drawn_names(0, 1)[0]}
        twin = TwinVectorEnv(1, **environment)
        topologies, levels = (twin.actions.table[:, :2].max(axis=0) + 1).tolist()
        return {
            "algorithm": self.name,
            "board": ANY_BOARD if any_board else twin.board.profile.name,
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
) -> GreedyPolicy | RungController | ExportedController:
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
    board = {name: environment[name] for name in ("profile", "family") if name in environment}
    return load_policy(Path(folder), TwinEnv(**board, choose_passes=True))


def load_policy(
    folder: Path | str,
    env: gymnasium.Env[Any, Any] | None = None,
    characterisation: Characterisation | Path | str | None = None,
) -> GreedyPolicy | RungController | ExportedController:
    """Loads a run's policy: the best by evaluation, or the last one if none was evaluated.

    Args:
        folder: The run's folder.
        env: The environment that it is to act in, wrapped or not; only a policy of a
            published method does not need it.
        characterisation: Of its board; None to measure a twin now, if the policy needs that.

    Raises:
        InputError: The folder holds no trained policy, or it needs an environment.
    """
    folder = Path(folder)
    if not (folder / CARD).is_file():
        raise InputError(f"{folder} holds no trained policy: there is no {CARD}.")
    policy = load(folder)
    if isinstance(policy, GreedyPolicy):
        return policy
    if env is None or not isinstance(env.unwrapped, BoardEnv):
        raise InputError(
            f"the policy of {folder} acts by what is known of a board: call load_policy(folder, "
            "env) with an environment of this package."
        )
    measures = policy.card.knowledge == "characterised"
    return policy.on(design_of(env.unwrapped, characterisation, measures))
