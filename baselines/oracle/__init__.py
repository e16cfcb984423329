"""The oracle: how well any controller could do, and a controller that comes near it."""

from dataclasses import dataclass

from tvfs_gym.baselines.controller import Design
from tvfs_gym.baselines.fixed import MakeTwins
from tvfs_gym.baselines.oracle.horizon import Course, finite_horizon
from tvfs_gym.baselines.oracle.lp import Mix, long_run
from tvfs_gym.baselines.oracle.plan import Oracle, Plan
from tvfs_gym.baselines.oracle.segments import caps, segments_of
from tvfs_gym.envs.boards.twin.arrays import P
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.scenario import Scenario


@dataclass(frozen=True)
class Bounds:
    """Bounds on the on-time accuracy in a scenario, 0..1.

    Attributes:
        long_run: For controllers whose mean temperature does not exceed T_max, under the last of
            the scenario's conditions, if they held for ever: see `lp.long_run`.
        mix: The configurations that it consists of.
        finite_horizon: For every controller, whatever temperature the kernel lets it reach: see
            `horizon.finite_horizon`.
        grid_error: By how much the latter changes on a coarser grid.
        price: What one more frame is worth there: the accuracy at which the episode could go on.
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
        mix.on_time_accuracy, mix, horizon.on_time_accuracy, horizon.grid_error, horizon.price
    )


def course_of(board: TwinBoard, scenario: Scenario) -> Course:
    """The course of a scenario on a twin, which is reset.

    Raises:
        InputError: The scenario is impossible on that board.
    """
    segments = segments_of(board, scenario)
    start_c = board.arrays.nodes.copy()
    poll_s = float(board.arrays.parameters[P.POLL_S])
    return Course(segments, caps(board), start_c, scenario.frames, poll_s)


def oracle(design: Design, make_twins: MakeTwins) -> Oracle:
    """The controller that follows the finite horizon's plan in the very scenario."""
    (scenario,) = make_twins(1).scenarios
    profile = design.model("the oracle")
    board = TwinBoard(profile, design.characterisation.family)
    course = course_of(board, scenario)
    price = finite_horizon(course, design.frames_per_step).price
    plan = Plan(course, caps(board, strict=True), price, len(board.levels))
    return Oracle(design, plan, profile.sensor.resolution_c)
