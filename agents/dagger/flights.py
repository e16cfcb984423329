"""Flights: batches of episodes under one scenario, each on a unit and in a room of its own."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.agents.interface.interface import Features, Interface, Knowledge
from tvfs_gym.agents.interface.interface import State as InterfaceState
from tvfs_gym.baselines import CONTROLLERS, UNMEASURED, Choice, Design, build, design_of
from tvfs_gym.baselines.controller import State
from tvfs_gym.baselines.model_based.told import Told
from tvfs_gym.envs.boards.drawn import drawn_names
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.conditions import Conditions
from tvfs_gym.envs.errors import unknown
from tvfs_gym.envs.lengths import frames_of_episode, frames_per_step
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv

WARM_C, BELOW_T_MAX_C = 40.0, 10.0
"""Range of a warm start, in a room of 25 degC: its lowest, and its highest as seen from T_max. In
warmer rooms it is as much warmer."""


class Teacher(Protocol):
    """Shows what to choose; what runs instead it is told by `overruled`."""

    def choose(
        self,
        observations: NDArray[np.float32],
        state: State | None = None,
        episode_start: NDArray[np.bool_] | None = None,
    ) -> tuple[Choice, State]:
        """See `tvfs_gym.baselines.controller.Controller.choose`."""
        ...

    def overruled(self, choice: Choice, state: State) -> State:
        """See `tvfs_gym.baselines.controller.Controller.overruled`."""
        ...


@runtime_checkable
class WeighingTeacher(Protocol):
    """Tells what every configuration is worth, not only which one is best."""

    def values(self, observations: NDArray[np.float32], choice: Choice) -> NDArray[np.float64]:
        """See `tvfs_gym.baselines.model_based.told.Told.values`."""
        ...


MakeTeacher = Callable[[Design, TwinVectorEnv], Teacher]
"""Makes a teacher of what is known beforehand, and of the twins, if it may look at them."""

TEACHERS: dict[str, MakeTeacher] = {"told": Told}
"""Teachers beside the baselines, by name."""

ANY_DRAWN = "drawn"
"""Board of a distribution that draws one for every flight: see `tvfs_gym.envs.boards.drawn`."""


def teacher_named(name: str) -> MakeTeacher:
    """Finds a teacher.

    Raises:
        InputError: There is no such teacher.
    """
    if name in TEACHERS:
        return TEACHERS[name]
    if name not in CONTROLLERS:
        raise unknown("teacher", name, (*TEACHERS, *CONTROLLERS))
    return lambda design, twins: build(name, design)


def needs_measuring(teacher: str) -> bool:
    """Tells whether a teacher needs a characterisation of the board."""
    return teacher in CONTROLLERS and teacher not in UNMEASURED


class Student(Protocol):
    """Chooses rungs from features."""

    def best(self, features: Features) -> NDArray[np.int64]:
        """Rungs, shape (batch,)."""
        ...


@dataclass(frozen=True)
class Distribution:
    """What flights are drawn from.

    Attributes:
        profile: Board: name or TOML file; or `ANY_DRAWN` for another one in each flight.
        family: Topology family: name or TOML file.
        scenario: Values that are not drawn.
        conditions: True to draw `tvfs_gym.envs.conditions` as well, False for units and rooms only.
        knowledge: What the student knows of the board.
        measures: True if boards are characterised, for student or teacher.
        margin_c: By how much the student takes T_max for lower than it is, K.
    """

    profile: str
    family: str
    scenario: Scenario
    conditions: bool
    knowledge: Knowledge
    measures: bool = True
    margin_c: float = 0.0

    def flight(self, seed: int, units: int, warm: bool = False) -> "Flight":
        """The flight with a seed, on so many units, which have this seed and the next ones.

        Args:
            seed: Seed of the first unit.
            units: How many.
            warm: True to begin at some temperature up to `BELOW_T_MAX_C` under T_max: a board that
                heats up in minutes seldom meets its limit otherwise.
        """
        profile, scenario = self.profile, self.scenario
        if profile == ANY_DRAWN:
            (profile,) = drawn_names(seed, 1)
        if self.conditions:
            rng = np.random.default_rng(seed)
            nominal_s = 1.0 / float(_design(profile, self.family, self.measures).scales[0])
            scenario = Conditions(load_profile(profile), nominal_s).draw(scenario, rng)
            scenario = scenario.with_values({"frames": frames_of_episode(scenario)})
        if warm:
            highest_c = scenario.t_max_c - BELOW_T_MAX_C
            start_c = np.random.default_rng((seed, 1)).uniform(WARM_C, highest_c)
            scenario = scenario.with_values({"start_temperature_c": max(start_c, WARM_C)})
        return Flight(self, profile, scenario, seed, units)


@dataclass(frozen=True)
class Flight:
    """A batch of episodes.

    Attributes:
        distribution: From which it was drawn.
        profile: Board: name or TOML file.
        scenario: The scenario of all of them, but for unit and room.
        seed: Seed of the first one.
        units: How many there are.
    """

    distribution: Distribution
    profile: str
    scenario: Scenario
    seed: int
    units: int

    @cached_property
    def design(self) -> Design:
        """Knowledge of the episodes' controllers."""
        distribution = self.distribution
        board = _design(self.profile, distribution.family, distribution.measures)
        frames = frames_per_step(self.scenario.latency_constraint_s)
        return replace(board.under(self.scenario), frames_per_step=frames)

    @cached_property
    def interface(self) -> Interface:
        """The learning interface of the board."""
        return Interface(self.design, self.distribution.knowledge, self.distribution.margin_c)

    def twins(self) -> TwinVectorEnv:
        """The twins, which show the photographs of design time."""
        return TwinVectorEnv(
            self.units,
            self.profile,
            self.distribution.family,
            self.scenario,
            self.design.frames_per_step,
            choose_passes=True,
            randomise=True,
            photographs="design",
        )


@lru_cache
def _design(profile: str, family: str, measures: bool) -> Design:
    env = TwinEnv(profile, family, choose_passes=True, photographs="design")
    return design_of(env, measures=measures)


@dataclass(frozen=True)
class Lessons:
    """What a teacher has shown.

    Attributes:
        features: Shape (lessons, features).
        values: What every rung is worth, shape (lessons, levels); of a teacher that only chooses,
            how far from its choice they are, from 0 down to -1.
    """

    features: Features
    values: NDArray[np.float32]


@dataclass(frozen=True)
class FlightOutcome:
    """What a flight came to, by episode.

    Attributes:
        reliable_accuracy: Share of the frames answered rightly, on time and with a cool chip.
        above_t_max_share: Share of the time above T_max.
        steps: Steps.
    """

    reliable_accuracy: NDArray[np.float64]
    above_t_max_share: NDArray[np.float64]
    steps: NDArray[np.int64]


def fly(flight: Flight, student: Student | None, teacher: MakeTeacher | None) -> FlightOutcome:
    """Runs a flight under a student, or else under a teacher."""
    outcome, _ = _flown(flight, student, teacher, 0.0, np.random.default_rng(0))
    return outcome


def teach(
    flight: Flight,
    student: Student | None,
    teacher: MakeTeacher,
    kept: float,
    rng: np.random.Generator,
) -> tuple[Lessons, FlightOutcome]:
    """Runs a flight and asks a teacher at every step.

    Args:
        flight: The flight.
        student: Acts; None for the teacher to act, through the student's rungs.
        teacher: Shows what it would choose, or what every rung is worth.
        kept: Share of the steps that are kept as lessons.
        rng: Draws them.
    """
    outcome, lessons = _flown(flight, student, teacher, kept, rng)
    features, values = zip(*lessons, strict=True)
    return Lessons(np.concatenate(features), np.concatenate(values)), outcome


def _flown(
    flight: Flight,
    student: Student | None,
    make_teacher: MakeTeacher | None,
    kept: float,
    rng: np.random.Generator,
) -> tuple[FlightOutcome, list[tuple[Features, NDArray[np.float32]]]]:
    twins, interface, lessons = flight.twins(), flight.interface, []
    observations, _ = twins.reset(seed=flight.seed)
    teacher = make_teacher(flight.design, twins) if make_teacher else None
    state: InterfaceState | None = None
    told: Any = None
    running = np.ones(flight.units, bool)
    sums, steps = np.zeros((3, flight.units)), np.zeros(flight.units, np.int64)
    while running.any():
        if teacher is None or student is not None or kept > 0.0:
            features, state = interface.observe(observations, state)
        if kept > 0.0:
            assert teacher is not None and state is not None
            values, told = _values(teacher, observations, told, interface.choices(state))
            chosen = running & (rng.random(flight.units) < kept)
            lessons.append((features[chosen], values[chosen]))
        elif teacher is not None:
            choice, told = teacher.choose(observations, told)
        if student is not None or kept > 0.0:
            assert state is not None
            rungs = student.best(features) if student is not None else values.argmax(axis=1)
            choice, state = interface.choice(rungs, state)
            if teacher is not None:
                told = teacher.overruled(choice, told)
        observations, _, terminated, truncated, info = twins.step(twins.actions.batch(*choice))
        window = Window(info["window"])
        now = window.reliable_frames, window.time_above_t_max_s, window.duration_s
        sums += np.where(running, np.stack(now), 0.0)
        steps += running
        running &= ~(terminated | truncated)
    reliable, hot_s, duration_s = sums
    outcome = FlightOutcome(reliable / flight.scenario.frames, hot_s / duration_s, steps)
    return outcome, lessons


def _values(
    teacher: Teacher, observations: NDArray[np.float32], told: State | None, rungs: Choice
) -> tuple[NDArray[np.float32], State | None]:
    """What rungs are worth to a teacher, shape (batch, levels), and what it remembers."""
    if isinstance(teacher, WeighingTeacher):
        return teacher.values(observations, rungs).astype(np.float32), told
    shown, told = teacher.choose(observations, told)
    away = np.abs(rungs.vf_level - shown.vf_level[:, np.newaxis])
    return -(away / rungs.vf_level.shape[1]).astype(np.float32), told
