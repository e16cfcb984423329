"""The oracle: how well any controller could do, and a controller that comes near it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np

from tvfs_gym.baselines.controller import Design
from tvfs_gym.baselines.fixed import SEARCH_SEED, MakeTwins
from tvfs_gym.baselines.oracle import dp
from tvfs_gym.baselines.oracle.horizon import Course, finite_horizon, grid_error
from tvfs_gym.baselines.oracle.lp import Mix, long_run
from tvfs_gym.baselines.oracle.plan import Oracle, Plan
from tvfs_gym.baselines.oracle.segments import caps, segments_of
from tvfs_gym.envs.boards.twin.arrays import P
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.boards.twin.kernel import CLOSE_K
from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.randomisation import Key
from tvfs_gym.envs.scenario import Scenario

GUARDS_C = (0.0, 0.5, 1.0, 2.0)
"""Distances from T_max that the oracle's plan is rehearsed with."""

REHEARSALS = 8
"""Episodes of each."""


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
        grid_error: By how much it changes on a grid twice as fine: of the first of several episodes
            on the same kind of board.
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
    found: dict[tuple[Scenario, Key | None], Bounds] = {}
    price, error = None, 0.0
    for episode in dict.fromkeys(episodes):
        course = course_of(board, *episode, frames_per_step)
        horizon = finite_horizon(course, price)
        if price is None:
            error = grid_error(course, horizon)
        price = horizon.price
        mix = long_run(course.segments[-1], course.t_max_c)
        reached = min(horizon.reliable_accuracy + error, course.highest)
        found[episode] = Bounds(mix.on_time_accuracy, mix, reached, error, price)
    return [found[episode] for episode in episodes]


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


def oracle(design: Design, make_twins: MakeTwins, scenarios: Sequence[Scenario]) -> Oracle:
    """The controller that follows the finite horizon's plan in the very scenarios.

    How far the plans keep below T_max and the trips is chosen by rehearsals on the twins.

    Args:
        design: Knowledge before the run.
        make_twins: Makes twins of the scenarios.
        scenarios: Those of the episodes to come, in the batch's order; a single one for all.
    """
    profile = design.model("the oracle")
    board = TwinBoard(profile, design.characterisation.family)
    distinct = list(dict.fromkeys(scenarios))
    planned = []
    for scenario in distinct:
        course = course_of(board, scenario, None, design.frames_per_step)
        price = finite_horizon(course).price
        planned.append((course, caps(board, strict=True), price))
    controllers = []
    for guard_c in GUARDS_C:
        plans = {
            scenario: Plan(course, strict, price, len(board.levels), guard_c)
            for scenario, (course, strict, price) in zip(distinct, planned, strict=True)
        }
        controllers.append((plans, _rehearsed(design, make_twins, plans)))
    plans, _ = max(controllers, key=itemgetter(1))
    return Oracle(design, [plans[scenario] for scenario in scenarios])


def _rehearsed(design: Design, make_twins: MakeTwins, plans: Mapping[Scenario, Plan]) -> float:
    """Reliable frames in episodes of the very scenarios, with seeds of the search's own."""
    each = -(-REHEARSALS // len(plans))
    scenarios = [scenario for scenario in plans for _ in range(each)]
    controller = Oracle(design, [plans[scenario] for scenario in scenarios])
    env = make_twins(scenarios)
    observation, _ = env.reset(seed=[SEARCH_SEED + i for i in range(len(scenarios))])
    state, running = None, np.ones(len(scenarios), bool)
    reliable = 0.0
    while running.any():
        actions, state = controller.predict(observation, state)
        observation, _, terminated, truncated, info = env.step(actions)
        reliable += Window(info["window"]).reliable_frames[running].sum()
        running &= ~(terminated | truncated)
    return float(reliable)
