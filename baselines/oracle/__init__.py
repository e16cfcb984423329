"""The oracle: how well any controller could do, and a controller that comes near it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from tvfs_gym.baselines.controller import Controller, Design
from tvfs_gym.baselines.fixed import SEARCH_SEED, Fixed, MakeTwins, best_fixed
from tvfs_gym.baselines.governors.power_allocator import IpaTopology
from tvfs_gym.baselines.model_based.predictive import Predictive
from tvfs_gym.baselines.oracle import dp
from tvfs_gym.baselines.oracle.horizon import (
    Course,
    Horizon,
    best_price,
    finite_horizon,
    grid_error,
)
from tvfs_gym.baselines.oracle.lp import Mix, long_run
from tvfs_gym.baselines.oracle.plan import Oracle, Plan
from tvfs_gym.baselines.oracle.segments import caps, segments_of
from tvfs_gym.baselines.tvfs.duty import TvfsDuty
from tvfs_gym.baselines.tvfs.tvfs import Tvfs
from tvfs_gym.envs.boards.twin.arrays import P
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.boards.twin.kernel import CLOSE_K
from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.randomisation import Key
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv

GUARDS_C = (0.0, 0.5, 1.5)
"""Distances from T_max that the oracle's plans are rehearsed with."""

RIVALS = (Predictive, TvfsDuty, IpaTopology, Tvfs)
"""Controllers that the oracle rehearses besides."""

REHEARSALS = 16
"""Episodes of each candidate at least, and one in every scenario."""


@dataclass(frozen=True)
class Bounds:
    """Bounds on the accuracy in a scenario, 0..1.

    Attributes:
        long_run: On the on-time accuracy of controllers whose mean temperature does not exceed
            T_max, under the last of the scenario's conditions, if they held for ever: see
            `lp.long_run`.
        mix: The configurations that it consists of.
        finite_horizon: On the reliable accuracy of every controller: see
            `horizon.finite_horizon`; the grid's error is added.
        grid_error: By how much it changes on a grid twice as fine: in the episode with the lowest
            bound, where heat binds most, for all that are asked for together.
        price: Value of one more frame there: the accuracy at which the episode could go on.
    """

    long_run: float
    mix: Mix
    finite_horizon: float
    grid_error: float
    price: float


def bounds_of(
    board: TwinBoard,
    scenarios: Sequence[Scenario],
    frames_per_step: int,
    keys: Sequence[Key] | None = None,
) -> list[Bounds]:
    """Bounds for episodes to come on a twin, which is reset.

    With keys, the options are worth what they are on the photographs of that very episode, in an
    order not known: the bound is on the score expected over the order of these photographs and the
    jitter of the passes, of every controller whose choices do not depend on photographs yet to
    come; one that could see them coming may exceed it. Without keys it is on the score
    expected over the photographs, too.

    Args:
        board: The twin.
        scenarios: One per episode, with all that it has in store.
        frames_per_step: For which a controller holds its choice.
        keys: Random streams of the episodes; None for any.

    Raises:
        InputError: A scenario is impossible on that board.
    """
    streams = keys if keys is not None else [None] * len(scenarios)
    episodes = list(zip(scenarios, streams, strict=True))
    price = None
    found: dict[tuple[Scenario, Key | None], tuple[Course, Horizon]] = {}
    for episode in dict.fromkeys(episodes):
        course = course_of(board, *episode, frames_per_step)
        horizon = finite_horizon(course, price)
        price = horizon.price
        found[episode] = course, horizon
    error = grid_error(*min(found.values(), key=lambda each: each[1].reliable_accuracy))
    bounds = {episode: _bounds(*each, error) for episode, each in found.items()}
    return [bounds[episode] for episode in episodes]


def _bounds(course: Course, horizon: Horizon, error: float) -> Bounds:
    mix = long_run(course.segments[-1], course.t_max_c)
    reached = min(horizon.reliable_accuracy + error, course.highest)
    return Bounds(mix.on_time_accuracy, mix, reached, error, horizon.price)


def course_of(
    board: TwinBoard, scenario: Scenario, key: Key | None, frames_per_step: int
) -> Course:
    """The course of a scenario on a twin, which is reset.

    Args:
        board: The twin.
        scenario: With all that it has in store.
        key: See `tvfs_gym.baselines.oracle.segments.segments_of`.
        frames_per_step: For which a controller holds its choice.

    Raises:
        InputError: The scenario is impossible on that board.
    """
    segments = segments_of(board, scenario, key)
    parameters = board.arrays.parameters
    close = scenario.t_max_c > parameters[P.CRITICAL_C] - CLOSE_K
    often = close or scenario.arrival_period_s > 0.0
    return Course(
        segments,
        caps(board),
        board.arrays.nodes.copy(),
        scenario.frames,
        float(parameters[P.POLL_S]),
        scenario.t_max_c,
        dp.LOOKED_AT_FRAMES if often else dp.LOOKED_AT_POLLS,
        frames_per_step,
    )


def oracle(design: Design, make_twins: MakeTwins, scenarios: Sequence[Scenario]) -> Controller:
    """The controller with the future known: the best of several, rehearsed in the very scenarios.

    Those are the finite horizon's plans, which keep below T_max and the trips by one of `GUARDS_C`;
    and, because a plan follows the expected course of frames on a coarse grid, a few controllers
    that know nothing in advance, and the best fixed configurations. One is taken for all the
    scenarios.

    Args:
        design: Knowledge before the run.
        make_twins: Makes twins of the scenarios.
        scenarios: Those of the episodes to come, in the batch's order; a single one for all.
    """
    distinct = list(dict.fromkeys(scenarios))
    each = -(-REHEARSALS // len(distinct))
    rehearsal = [scenario for scenario in distinct for _ in range(each)]
    best = max(
        _candidates(design, make_twins, distinct),
        key=lambda build: _rehearsed(build(rehearsal), make_twins(rehearsal)),
    )
    return best(scenarios)


Candidate = Callable[[Sequence[Scenario]], Controller]
"""Builds a controller for a batch of scenarios."""


def _candidates(
    design: Design, make_twins: MakeTwins, scenarios: Sequence[Scenario]
) -> Iterator[Candidate]:
    """Candidates for batches of these scenarios; of equally good ones the first is taken."""
    board = TwinBoard(design.model("the oracle"), design.characterisation.family)
    courses, price = {}, None
    for scenario in scenarios:
        course = course_of(board, scenario, None, design.frames_per_step)
        price = best_price(course, price)
        courses[scenario] = course, caps(board, strict=True), price
    for guard_c in GUARDS_C:
        plans = {
            scenario: Plan(*known, len(board.levels), guard_c)
            for scenario, known in courses.items()
        }
        yield partial(_follower, design, plans)
    found = best_fixed(design, make_twins, scenarios).configurations
    configurations = dict(zip(scenarios, found, strict=True))
    yield lambda batch: Fixed(design, *(configurations[scenario] for scenario in batch))
    yield from (partial(_blind, design, rival) for rival in RIVALS)


def _follower(design: Design, plans: Mapping[Scenario, Plan], batch: Sequence[Scenario]) -> Oracle:
    return Oracle(design, [plans[scenario] for scenario in batch])


def _blind(
    design: Design, rival: Callable[[Design], Controller], batch: Sequence[Scenario]
) -> Controller:
    return rival(design)


def _rehearsed(controller: Controller, env: TwinVectorEnv) -> float:
    """Reliable frames in an episode of every twin, with seeds of the search's own."""
    observation, _ = env.reset(seed=[SEARCH_SEED + i for i in range(env.num_envs)])
    state, running = None, np.ones(env.num_envs, bool)
    reliable = 0.0
    while running.any():
        choice, state = controller.choose(observation, state)
        observation, _, terminated, truncated, info = env.step(env.actions.batch(*choice))
        reliable += Window(info["window"]).reliable_frames[running].sum()
        running &= ~(terminated | truncated)
    return float(reliable)
