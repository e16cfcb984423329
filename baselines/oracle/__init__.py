"""The oracle: how well any controller could do, and a controller that comes near it."""

from dataclasses import dataclass

import numpy as np

from tvfs_gym.baselines.controller import Controller, Design
from tvfs_gym.baselines.fixed import SEARCH_SEED, MakeTwins
from tvfs_gym.baselines.oracle.horizon import Course, finite_horizon
from tvfs_gym.baselines.oracle.lp import Mix, long_run
from tvfs_gym.baselines.oracle.plan import Oracle, Plan
from tvfs_gym.baselines.oracle.segments import caps, segments_of
from tvfs_gym.envs.boards.twin.arrays import P
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.boards.window import Window
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
            `horizon.finite_horizon`.
        grid_error: By how much the latter changes on a coarser grid.
        price: Value of one more frame there: the accuracy at which the episode could go on.
    """

    long_run: float
    mix: Mix
    finite_horizon: float
    grid_error: float
    price: float


def bounds(board: TwinBoard, scenario: Scenario, frames_per_step: int) -> Bounds:
    """Bounds for a scenario on a twin, which is reset.

    Args:
        board: The twin.
        scenario: With all that it has in store.
        frames_per_step: For which a controller holds its choice.

    Raises:
        InputError: The scenario is impossible on that board.
    """
    course = course_of(board, scenario)
    mix = long_run(course.segments[-1], scenario.t_max_c)
    horizon = finite_horizon(course, frames_per_step)
    return Bounds(
        mix.on_time_accuracy, mix, horizon.reliable_accuracy, horizon.grid_error, horizon.price
    )


def course_of(board: TwinBoard, scenario: Scenario) -> Course:
    """The course of a scenario on a twin, which is reset.

    Raises:
        InputError: The scenario is impossible on that board.
    """
    segments = segments_of(board, scenario)
    start_c = board.arrays.nodes.copy()
    poll_s = float(board.arrays.parameters[P.POLL_S])
    return Course(segments, caps(board), start_c, scenario.frames, poll_s, scenario.t_max_c)


def oracle(design: Design, make_twins: MakeTwins) -> Oracle:
    """The controller that follows the finite horizon's plan in the very scenario.

    How far the plan keeps below T_max and the trips is chosen by rehearsals on the twins.
    """
    (scenario,) = make_twins(1).scenarios
    profile = design.model("the oracle")
    board = TwinBoard(profile, design.characterisation.family)
    course = course_of(board, scenario)
    price = finite_horizon(course, design.frames_per_step).price
    strict = caps(board, strict=True)
    controllers = [
        Oracle(
            design,
            Plan(course, strict, price, len(board.levels), guard_c),
            profile.sensor.resolution_c,
        )
        for guard_c in GUARDS_C
    ]
    return max(controllers, key=lambda controller: rehearsed(controller, make_twins))


def rehearsed(controller: Controller, make_twins: MakeTwins) -> float:
    """Reliable accuracy in episodes of the very scenario, with seeds of the search's own."""
    env = make_twins(REHEARSALS)
    observation, _ = env.reset(seed=[SEARCH_SEED + i for i in range(REHEARSALS)])
    state, running = None, np.ones(REHEARSALS, bool)
    reliable = 0.0
    while running.any():
        actions, state = controller.predict(observation, state)
        observation, _, terminated, truncated, info = env.step(actions)
        reliable += Window(info["window"]).reliable_frames[running].sum()
        running &= ~(terminated | truncated)
    return float(reliable)
