"""The base of every controller, and its knowledge before the board runs."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.characterisation.characterisation import Characterisation
from tvfs_gym.envs.actions import Actions
from tvfs_gym.envs.board_env import BoardEnv
from tvfs_gym.envs.boards.board import BoardInfo, Configuration
from tvfs_gym.envs.boards.profile import BoardProfile, OperatingPoint
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.topology import Family
from tvfs_gym.envs.observation import Reading, read
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv

State = tuple[NDArray[Any], ...]
"""A controller's memory from step to step: arrays over the batch."""

KNOWN = (
    "latency_constraint_s", "t_max_c", "throttling", "arrival_period_s", "policy", "tau",
    "deadline_aware",
)  # fmt: skip
"""Fields of a scenario known beforehand: the constraints, the kernel, the rate of the
camera and the classifier; not the room, the cooling, the unit, the load or what will change."""


@dataclass(frozen=True)
class Design:
    """A controller's knowledge before the board runs.

    Attributes:
        profile: The board's profile; None if there is none yet.
        operating_points: VF levels, slowest first.
        actions: The environment's action space.
        scales: Against which its observations are seen.
        frames_per_step: Frames of a step.
        known: The scenario, with everything at its default that a controller cannot know (see
            `KNOWN`).
        family: The topologies, fastest first.
        info: Identity of the board.
        measured: Characterisation of the board; None without one.
    """

    profile: BoardProfile | None
    operating_points: tuple[OperatingPoint, ...]
    actions: Actions
    scales: NDArray[np.float64]
    frames_per_step: int
    known: Scenario
    family: Family
    info: BoardInfo
    measured: Characterisation | None

    @classmethod
    def of(
        cls,
        env: BoardEnv | TwinVectorEnv,
        characterisation: Characterisation | None,
        scenario: Scenario | None = None,
    ) -> "Design":
        """Collects the knowledge of an environment.

        Args:
            env: The environment; it is not kept.
            characterisation: Characterisation of its board; None if nothing was measured.
            scenario: The scenario to come; None for the environment's, of a batch the first one's.
        """
        if scenario is None:
            scenario = env.scenario if isinstance(env, BoardEnv) else env.scenarios[0]
        return cls(
            profile=env.board.profile,
            operating_points=env.board.operating_points,
            actions=env.actions,
            scales=env.scales,
            frames_per_step=env.frames_per_step,
            known=known_of(scenario),
            family=env.board.family,
            info=env.board.info,
            measured=characterisation,
        )

    def under(self, scenario: Scenario) -> "Design":
        """The same knowledge of the board, under another scenario."""
        return replace(self, known=known_of(scenario))

    @property
    def topologies(self) -> tuple[str, ...]:
        """Names of the topologies, fastest first."""
        return self.family.names

    @property
    def characterisation(self) -> Characterisation:
        """Measurements at design time.

        Raises:
            InputError: Nothing was.
        """
        if self.measured is None:
            raise InputError(
                "this controller is built from what was measured on the board: run tvfs-gym "
                "characterise, and name its folder with --characterisation."
            )
        return self.measured

    @cached_property
    def highest(self) -> int:
        """The highest VF level."""
        return len(self.operating_points) - 1

    def model(self, wanted_by: str) -> BoardProfile:
        """The profile, for a controller that cannot do without the board's model.

        Raises:
            InputError: There is none, or it is of a board with other VF levels.
        """
        if self.profile is None:
            raise InputError(
                f"{wanted_by} needs the board's thermal and power model: identify the board first "
                "(tvfs-gym identify), then run with --board-option profile=FILE."
            )
        modelled = len(self.profile.operating_points)
        if modelled != len(self.operating_points):
            raise InputError(
                f"{wanted_by} expects a profile with the board's {len(self.operating_points)} VF "
                f"levels, and {self.profile.name} has {modelled}: give the board's own."
            )
        return self.profile

    def accuracy(self, latency_constraint_s: float | None = None) -> NDArray[np.float64]:
        """Accuracy within a latency constraint, shape (topologies, levels); 0 where none fits.

        Args:
            latency_constraint_s: L_c; None for the one at the episode's start.

        Raises:
            InputError: No configuration meets the constraint.
        """
        constraint_s = latency_constraint_s or self.known.latency_constraint_s
        accuracy = self.characterisation.accuracy(constraint_s, self.known)
        if not accuracy.any():
            raise too_slow(constraint_s, self.characterisation.needed_s(self.known))
        return accuracy

    def most_accurate(self, vf_level: int) -> Configuration:
        """The most accurate topology that meets L_c at a VF level, or else the fastest one."""
        return Configuration(int(self.accuracy()[:, vf_level].argmax()), vf_level)

    def slow_down(self, reading: Reading, vf_level: NDArray[np.int64]) -> NDArray[np.float64]:
        """Ratio of a pass's mean latency in the last window to its median at design time.

        Args:
            reading: Reading of the window; of none yet, the ratio is 1.
            vf_level: VF level of the median, shape (batch,).
        """
        passes = np.maximum(reading.passes_mean, 1.0)
        median_s = passes * self.characterisation.pass_median_s[reading.topology, vf_level]
        return np.where(reading.latency_mean_s > 0.0, reading.latency_mean_s / median_s, 1.0)


def known_of(scenario: Scenario) -> Scenario:
    """The part of a scenario that is known beforehand, everything else at its default."""
    return Scenario(**{name: getattr(scenario, name) for name in KNOWN})


def begun(state: State, start: State, episode_start: NDArray[np.bool_]) -> State:
    """A memory in which some episodes begin.

    Args:
        state: Memory of the batch.
        start: Memory of as many episodes that begin.
        episode_start: Which of them do, shape (batch,).
    """
    first = np.asarray(episode_start, bool)
    return tuple(
        np.where(first.reshape(-1, *[1] * (old.ndim - 1)), new, old)
        for old, new in zip(state, start, strict=True)
    )


def too_slow(constraint_s: float, needed_s: float) -> InputError:
    """The error of a board whose fastest configuration takes longer than L_c."""
    return InputError(
        f"no configuration meets a latency constraint of {1e3 * constraint_s:g} ms: the fastest "
        f"one needs {1e3 * needed_s:.3g} ms."
    )


class Choice(NamedTuple):
    """Configurations for a batch.

    Attributes:
        topology: Shape (batch,).
        vf_level: Shape (batch,).
        max_passes: Shape (batch,); None for as many as the scenario's policy has.
    """

    topology: NDArray[np.int64]
    vf_level: NDArray[np.int64]
    max_passes: NDArray[np.int64] | None = None


@runtime_checkable
class Policy(Protocol):
    """Answers observations with configurations: a controller, or what was learnt."""

    def choose(
        self,
        observations: NDArray[np.float32],
        state: State | None = None,
        episode_start: NDArray[np.bool_] | None = None,
    ) -> tuple[Choice, State | None]:
        """Chooses the configurations of the next step; see `Controller.choose`."""
        ...


class Chooser(ABC):
    """Answers observations with configurations, and with the actions of a space.

    Args:
        actions: The action space.
    """

    def __init__(self, actions: Actions) -> None:
        self.actions = actions

    def predict(
        self,
        observation: NDArray[np.float32],
        state: State | None = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[Any, State | None]:
        """Chooses the actions of the next step.

        Args:
            observation: As the environment returned it, shape (features,) or (batch, features).
            state: State from the previous call; None to begin.
            episode_start: Which episodes begin, shape (batch,); None for none of them.
            deterministic: True if not to explore; only learning controllers explore.

        Returns:
            An action or a batch of them, and what to remember.
        """
        choice, state = self.choose(np.atleast_2d(observation), state, episode_start)
        actions = self.actions.batch(*choice)
        return (actions if np.ndim(observation) > 1 else actions[0]), state

    @abstractmethod
    def choose(
        self,
        observations: NDArray[np.float32],
        state: State | None = None,
        episode_start: NDArray[np.bool_] | None = None,
    ) -> tuple[Choice, State | None]:
        """Chooses the configurations of the next step; see `Controller.choose`."""


class Controller(Chooser):
    """Chooses configurations from observations, for one board or a batch of them.

    `choose` answers a `Choice`, whatever the action space; `predict`, which stable-baselines3's
    policies have too, answers actions of the design's. A controller remembers nothing itself: what
    it must remember goes out of these and in again.

    Args:
        design: Knowledge before the run.
    """

    def __init__(self, design: Design) -> None:
        super().__init__(design.actions)
        self.design = design

    def choose(
        self,
        observations: NDArray[np.float32],
        state: State | None = None,
        episode_start: NDArray[np.bool_] | None = None,
    ) -> tuple[Choice, State]:
        """Chooses the configurations of the next step.

        Args:
            observations: Shape (batch, features).
            state: As in `predict`.
            episode_start: As in `predict`.

        Returns:
            Configurations, and what to remember.
        """
        state = self._begun(state, episode_start, len(observations))
        return self.decide(read(observations, self.design.scales), state)

    def _begun(
        self, state: State | None, episode_start: NDArray[np.bool_] | None, count: int
    ) -> State:
        if state is None:
            return self.start(count)
        if episode_start is None or not np.any(episode_start):
            return state
        return begun(state, self.start(count), episode_start)

    def start(self, count: int) -> State:
        """Initial memory of a batch of episodes: by default nothing."""
        return ()

    def overruled(self, choice: Choice, state: State) -> State:
        """What to remember where something else runs than what was chosen last.

        Args:
            choice: The configurations that run.
            state: Memory of the last step; it is not changed.
        """
        return state

    @abstractmethod
    def decide(self, reading: Reading, state: State) -> tuple[Choice, State]:
        """Chooses configurations from what the boards' sensors and counters tell.

        Args:
            reading: Reading of every board of the batch.
            state: Memory of the last step; it is not changed.

        Returns:
            The configurations, and what to remember.
        """
