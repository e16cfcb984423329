"""The bounds that the oracle knows: that they hold, and how tight they are."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tvfs_gym.baselines.oracle import Bounds, bounds_of
from tvfs_gym.baselines.oracle.dp import (
    LOOKED_AT_FRAMES,
    LOOKED_AT_POLLS,
    STRICT,
    Grid,
    Induction,
    Stage,
    cool_share,
    next_cap_state,
    value_at,
)
from tvfs_gym.baselines.oracle.lp import long_run
from tvfs_gym.baselines.oracle.options import Options, undominated
from tvfs_gym.baselines.oracle.segments import Segment, caps, segments_of
from tvfs_gym.envs.boards.board import Configuration
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.boards.twin.arrays import P
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.boards.window import F, W
from tvfs_gym.envs.inference.topology import load_family
from tvfs_gym.envs.physics.thermal import RcNetwork
from tvfs_gym.envs.scenario import Scenario, scenario_of


@pytest.fixture(scope="module")
def board() -> TwinBoard:
    return TwinBoard(load_profile("odroid_xu4"), load_family("recorded"))


def bounds(board: TwinBoard, scenario: Scenario, frames_per_step: int) -> Bounds:
    (found,) = bounds_of(board, [scenario], frames_per_step)
    return found


def sustained(board: TwinBoard, **scenario: float) -> float:
    """The long-run bound."""
    met = Scenario.model_validate(scenario)
    return long_run(segments_of(board, met)[-1], met.t_max_c).on_time_accuracy


# What a configuration is worth.


@pytest.mark.parametrize("constraint_s", [0.04, 0.075, 0.2])
@pytest.mark.parametrize("which", [0, 200, 700])
def test_an_option_is_worth_what_the_twin_delivers(
    board: TwinBoard, constraint_s: float, which: int
) -> None:
    """Of the useful ones, from the best down, cold; within four standard errors of the draws."""
    scenario = Scenario(latency_constraint_s=constraint_s, ambient_c=-30, t_max_c=119)
    options = segments_of(board, scenario)[0].options
    option = int(np.argsort(-options.on_time_accuracy)[which])
    board.apply(
        Configuration(
            int(options.topology[option]),
            int(options.vf_level[option]),
            int(options.max_passes[option]),
        )
    )
    count = 10_000
    window, frames = board.infer(count)
    assert window[W.THROTTLED_S] == 0
    delivered = frames[:, F.CORRECT] * frames[:, F.ON_TIME]
    error = 4 * 0.5 / count**0.5
    assert options.on_time_accuracy[option] == pytest.approx(delivered.mean(), abs=error)
    assert options.duration_s[option] * count == pytest.approx(window[W.DURATION_S], rel=0.01)


def test_idle_time_between_arrivals_costs_less_power(board: TwinBoard) -> None:
    hurried = segments_of(board, Scenario())[0].options
    waiting = segments_of(board, Scenario(arrival_period_s=1.0))[0].options
    waits = hurried.duration_s < 1.0
    assert (waiting.duration_s[waits] == 1.0).all()
    assert (waiting.power_w[waits] < hurried.power_w[waits]).all()
    assert (waiting.on_time_accuracy == hurried.on_time_accuracy).all()


def test_undominated_options_gain_more_for_more_heat(board: TwinBoard) -> None:
    options = segments_of(board, Scenario())[0].options
    kept = undominated(options, 0.85)
    gain_1_s = (options.on_time_accuracy - 0.85) / options.duration_s
    for index in range(len(gain_1_s)):
        as_cool = kept[
            (options.power_w[kept] <= options.power_w[index])
            & (options.vf_level[kept] <= options.vf_level[index])
        ]
        assert gain_1_s[as_cool].max() >= gain_1_s[index]


# The throttling.


def test_the_published_governor_is_two_rungs_and_the_critical_trip(board: TwinBoard) -> None:
    """A sensor of 1 degC reads 85 from 84.5 on, and less than 75 below 74.5."""
    board.reset(Scenario(), (0, 0))
    ladder = caps(board)
    assert ladder.up_c.tolist() == [84.5, 120.0] and ladder.down_c[0] == 74.5
    assert ladder.level.tolist() == [18, 4, -1]
    courses = [(84.4, 0), (84.6, 1), (80.0, 1), (74.6, 1), (74.4, 0), (121.0, 2)]
    cap_state = 0
    for die_c, after in courses:
        cap_state = next_cap_state(cap_state, die_c, ladder.up_c, ladder.down_c)
        assert cap_state == after


def test_the_firmware_is_a_rung_for_every_level() -> None:
    twin = TwinBoard(load_profile("raspberry_pi_4b"), load_family("recorded"))
    ladder = caps(twin)
    assert ladder.level.tolist() == [*range(9, -1, -1), -1]
    assert (np.diff(ladder.up_c) > 0).all() and 80 <= ladder.up_c[0] < 80.5


def test_a_biased_sensor_shifts_the_thresholds_but_not_the_die_s_limit(board: TwinBoard) -> None:
    board.reset(scenario_of({"sensing": {"bias_c": -4.0, "resolution_c": 0.5}}), (0, 0))
    ladder = caps(board)
    assert ladder.up_c.tolist() == [88.75, 120.0] and ladder.down_c[0] == 78.75


@pytest.mark.parametrize("sensing", [{"lag_s": 1.0}, {"noise_c": 2.0}])
def test_a_bound_counts_on_no_throttling_that_the_die_does_not_foretell(
    board: TwinBoard, sensing: dict[str, float]
) -> None:
    board.reset(scenario_of({"sensing": sensing}), (0, 0))
    assert caps(board).level.tolist() == [18, 18, -1]
    assert caps(board, strict=True).level.tolist() == [18, 4, -1]


# The linear programme.


def made_up(accuracy: list[float], duration_s: list[float], power_w: list[float]) -> Segment:
    """A segment without leakage: 10 K/W over a room of 25 degC."""
    parameters = np.zeros(len(P))
    parameters[P.AMBIENT_C] = 25.0
    index = np.arange(len(accuracy))
    return Segment(
        0.0,
        parameters,
        RcNetwork((10.0,), (1.0,)).modes,
        Options(
            index, index, index + 1, np.array(accuracy), np.array(duration_s), np.array(power_w),
            np.ones(len(accuracy)),
        ),
    )  # fmt: skip


positive = st.floats(0.1, 1.0)


@settings(max_examples=30)
@given(
    st.lists(positive, min_size=3, max_size=3),
    st.lists(positive, min_size=3, max_size=3),
    st.lists(st.floats(1.0, 12.0), min_size=3, max_size=3),
)
def test_the_linear_programme_equals_a_search_of_duty_cycles(
    accuracy: list[float], duration_s: list[float], power_w: list[float]
) -> None:
    """Shares of time on a fine grid, their mean heat within 6 W, their accuracy per frame."""
    step = 200
    shares = np.array([(i, j, step - i - j) for i in range(step + 1) for j in range(step + 1 - i)])
    times = shares / step
    frames = times / np.array(duration_s)
    reached = (frames @ np.array(accuracy)) / frames.sum(axis=1)
    cool = times @ np.array(power_w) <= 6.0
    mix = long_run(made_up(accuracy, duration_s, power_w), 85.0)
    if min(power_w) > 6.0:
        assert not mix.shares and not cool.any()
        return
    searched = reached[cool].max()
    assert searched - 1e-9 <= mix.on_time_accuracy <= searched + 0.05
    assert sum(mix.shares.values()) == pytest.approx(1.0)
    assert len(mix.shares) <= 2


@settings(max_examples=8)
@given(st.floats(0.03, 0.3), st.floats(15.0, 45.0), st.floats(70.0, 95.0))
def test_the_long_run_bound_grows_with_t_max_and_l_c_and_falls_with_the_rooms_warmth(
    board: TwinBoard, constraint_s: float, ambient_c: float, t_max_c: float
) -> None:
    """With L_c within what a deadline-aware frame can lose by starting another pass."""
    known = {
        "latency_constraint_s": constraint_s, "ambient_c": ambient_c, "t_max_c": t_max_c,
    }  # fmt: skip
    here = sustained(board, **known)
    assert sustained(board, **known | {"t_max_c": t_max_c + 5}) >= here - 1e-9
    assert sustained(board, **known | {"ambient_c": ambient_c + 5}) <= here + 1e-9
    longer = known | {"latency_constraint_s": 1.2 * constraint_s}
    assert sustained(board, **longer) >= here - 0.003


# Dynamic programming.


def tiny(gains: list[float], heats: list[int], trip_c: int) -> tuple[Grid, Stage]:
    """A node that loses a degree a stage and gains one per watt: it stays on the grid."""
    grid = Grid(np.array([-10.0]), np.array([1.0]), np.array([41]), np.inf)
    actions = [
        [gain, float(heat), 0.0, level, -1.0]
        for level, (gain, heat) in enumerate(zip(gains, heats, strict=True))
    ]
    stage = Stage(
        np.eye(1), np.array([-1.0]), np.array([1.0]), np.zeros(3), np.array([float(trip_c)]),
        np.array([trip_c - 2.0]), np.array([2, 0]), np.array(actions, float), 0.0, 0.0,
        0.5, LOOKED_AT_POLLS,
    )  # fmt: skip
    return grid, stage


def tried(stage: Stage, sequence: tuple[int, ...], start_c: float, cap_state: int) -> float:
    """What a sequence of actions gains at best if it stops on the way; nothing if it is barred."""
    die_c, gained, best = start_c, 0.0, 0.0
    for action in sequence:
        gain, heat_w, _, level, _ = stage.actions[action]
        if level > stage.caps[cap_state]:
            break
        gained += gain
        die_c += heat_w - 1.0
        cap_state = next_cap_state(cap_state, die_c, stage.up_c, stage.down_c)
        best = max(best, gained)
    return best


@settings(max_examples=30)
@given(
    st.lists(st.floats(-1.0, 2.0), min_size=3, max_size=3),
    st.lists(st.integers(0, 3), min_size=3, max_size=3),
    st.integers(2, 5),
    st.integers(0, 4),
)
def test_backward_induction_equals_trying_all_sequences_of_actions(
    gains: list[float], heats: list[int], trip_c: int, start_c: int
) -> None:
    stages = 6
    grid, stage = tiny(gains, heats, trip_c)
    induction = Induction(grid, stage)
    values: NDArray[np.float64] = np.zeros((2, grid.size))
    for _ in range(stages):
        values = induction.before(values)
    cap_state = next_cap_state(0, float(start_c), stage.up_c, stage.down_c)
    best = max(
        tried(stage, sequence, float(start_c), cap_state)
        for sequence in product(range(3), repeat=stages)
    )
    assert value_at(values, grid, np.array([float(start_c)]), cap_state) == pytest.approx(best)


def test_values_between_grid_points_are_interpolated() -> None:
    grid = Grid(np.array([0.0, 10.0]), np.array([2.0, 5.0]), np.array([4, 3]), np.inf)
    plane = (grid.points() @ np.array([3.0, -0.5]) + 7.0)[np.newaxis]
    for point_c in ([1.0, 12.0], [5.9, 19.9], [0.0, 10.0], [6.0, 20.0]):
        expected = 3.0 * point_c[0] - 0.5 * point_c[1] + 7.0
        assert value_at(plane, grid, np.array(point_c), 0) == pytest.approx(expected)
    beyond, edge = (value_at(plane, grid, np.array(p), 0) for p in ([9.0, 25.0], [6.0, 20.0]))
    assert beyond == edge


def test_propagation_over_a_stage_is_the_networks(board: TwinBoard) -> None:
    """Long stages settle at the steady temperatures, and many short ones make a long one."""
    here = segments_of(board, Scenario())[0]
    keeps, adds, per_watt = here.propagation(1e4)
    network = board.profile.cooling_named(None).networks[0]
    assert keeps == pytest.approx(0.0, abs=1e-9)
    assert adds + 5.0 * per_watt == pytest.approx(network.steady_nodes_c(25.0, 5.0))
    keeps, adds, per_watt = here.propagation(0.25)
    nodes_c = np.array([60.0, 40.0])
    for _ in range(8):
        nodes_c = keeps @ nodes_c + adds + 5.0 * per_watt
    keeps, adds, per_watt = here.propagation(2.0)
    assert nodes_c == pytest.approx(keeps @ np.array([60.0, 40.0]) + adds + 5.0 * per_watt)


def test_the_episodes_bound_falls_with_the_rooms_warmth_and_grows_with_l_c(
    board: TwinBoard,
) -> None:
    def bound(**scenario: float) -> float:
        met = Scenario.model_validate({"frames": 1000, **scenario})
        return bounds(board, met, 10).finite_horizon

    assert bound(ambient_c=45.0) < bound(ambient_c=35.0) < bound(ambient_c=10.0)
    assert bound(latency_constraint_s=0.06) < bound(latency_constraint_s=0.075)


def test_time_above_t_max_earns_nothing(board: TwinBoard) -> None:
    """The kernel's trip lies at 85 degC: below it only T_max binds."""

    def bound(**scenario: float) -> float:
        met = Scenario.model_validate({"frames": 1000, "latency_constraint_s": 0.05, **scenario})
        return bounds(board, met, 10).finite_horizon

    assert bound(t_max_c=60.0) < bound(t_max_c=70.0) < bound(t_max_c=80.0)
    assert bound(ambient_c=74.0, t_max_c=75.0) < 0.02  # heat that nobody can avoid


def test_values_jump_at_t_max_and_are_not_interpolated_across() -> None:
    grid = Grid(np.array([0.0]), np.array([2.0]), np.array([6]), 4.0)
    assert grid.points()[:, 0] == pytest.approx([0.0, 2.0, 4.0, 4.0, 6.0, 8.0])
    cool = (grid.points() <= 4.0).astype(float).T
    for die_c, expected in ((3.9, 1.0), (4.0, 1.0), (4.001, 0.0), (5.0, 0.0), (9.0, 0.0)):
        assert value_at(cool, grid, np.array([die_c]), 0) == expected


def test_for_long_episodes_the_price_is_what_the_linear_programme_finds(board: TwinBoard) -> None:
    """It allows a mean of T_max; the kernel throttles at any poll above, so that a die which jumps
    by ten degrees when the level changes must stay below on the average."""
    scenario = Scenario(ambient_c=48.0)
    found = bounds(board, scenario, 10)
    below = long_run(segments_of(board, scenario)[0], 75.0).on_time_accuracy
    assert below < found.price < found.long_run
    assert found.long_run == pytest.approx(0.8950, abs=0.001)
    assert sorted(found.mix.shares.values()) == pytest.approx([0.275, 0.725], abs=0.01)


def test_what_nobody_can_answer_in_time_is_worth_nothing(board: TwinBoard) -> None:
    found = bounds(board, Scenario(latency_constraint_s=0.001), 10)
    assert found.finite_horizon == found.long_run == 0.0


@pytest.mark.parametrize("earning", [STRICT, LOOKED_AT_FRAMES, LOOKED_AT_POLLS])
def test_a_stage_earns_while_the_die_is_cool(earning: int) -> None:
    assert cool_share(70.0, 80.0, 80.0, 0.5, earning) == 1.0
    assert cool_share(80.1, 81.0, 80.0, 0.5, earning) == 0.0
    rising = {STRICT: 0.0, LOOKED_AT_FRAMES: 0.25, LOOKED_AT_POLLS: 1.0}
    assert cool_share(79.0, 83.0, 80.0, 0.5, earning) == pytest.approx(rising[earning])
    falling = cool_share(81.0, 77.0, 80.0, 0.5, earning)
    if earning == STRICT:
        assert falling == 0.0
    else:
        assert falling >= 0.75  # of a straight line
        assert falling == pytest.approx(1.0 - np.log(1.0 - 0.5 * 0.25) / np.log(0.5))


LOAD, PHASE_S, PREFIX_S = 0.4, 3.0, 147.0


def alternating(until_s: float, *then: dict[str, float]) -> Scenario:
    """2000 frames with a load for 3 s and none for 3 s, until a time, and what follows."""
    times = np.arange(PHASE_S, until_s, PHASE_S)
    changes = [
        {"at_s": at_s, "background_load": LOAD * (i % 2)} for i, at_s in enumerate(times.tolist())
    ]
    return Scenario.model_validate({"background_load": LOAD, "changes": [*changes, *then]})


def test_the_bound_of_an_alternating_load_does_not_depend_on_what_comes_after_the_last_frame(
    board: TwinBoard,
) -> None:
    """2000 frames take no more than 147 s unless they are slow on purpose, to wait for an end of
    the load: that is worth at most the frames answered later, 17 s of them, by 5.9 points."""
    loaded = alternating(PREFIX_S, {"at_s": PREFIX_S, "background_load": LOAD})
    onwards = (
        alternating(300.0),
        alternating(600.0),
        alternating(PREFIX_S, {"at_s": PREFIX_S, "background_load": 0.9}),
    )
    first = bounds(board, loaded, 10).finite_horizon
    for scenario in onwards:
        assert bounds(board, scenario, 10).finite_horizon == pytest.approx(first, abs=0.001)
    free = alternating(PREFIX_S, {"at_s": PREFIX_S, "background_load": 0.0})
    assert first <= bounds(board, free, 10).finite_horizon + 0.001 <= first + 0.008
