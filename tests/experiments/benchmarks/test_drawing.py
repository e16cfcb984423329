"""The suites' rule: what is drawn, how evenly, and that it is drawn again to the byte."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from tvfs_gym.baselines.characterisation.characterisation import characterise
from tvfs_gym.baselines.controller import Design
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.conditions import HALF_WAVES, Conditions
from tvfs_gym.envs.inference.topology import load_family
from tvfs_gym.envs.lengths import EPISODE_S
from tvfs_gym.envs.scenario import Change, Scenario, Sensing
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.experiments.benchmarks.drawing import (
    MAIN,
    Deck,
    draw_main,
    draw_v2,
    drawn_files,
    possible,
)
from tvfs_gym.experiments.benchmarks.kinds import (
    BOARDS,
    CONDITIONS,
    GRID,
    T_MAX_C,
    BoardOfSuite,
)
from tvfs_gym.experiments.benchmarks.suite import SUITES, Condition, load_suite

V2 = load_suite("v2")
CASES = V2.cases("odroid_xu4", {})
DRAWN = draw_v2()


def kind_of(name: str) -> str:
    return name.split(", ")[0]


def of_kind(prefix: str) -> list[Scenario]:
    return [case.scenario for name, case in CASES.items() if kind_of(name).startswith(prefix)]


def changed(scenario: Scenario, name: str) -> list[Change]:
    return [change for change in scenario.changes if getattr(change, name) is not None]


@pytest.mark.parametrize("suite", ["v2", "main", "sensitivity"])
def test_a_suite_is_drawn_again_to_the_byte(suite: str) -> None:
    assert drawn_files()[suite] == (SUITES / f"{suite}.toml").read_text(encoding="utf-8")


def test_another_seed_draws_another_suite() -> None:
    assert {name: c for name, (_, c) in draw_v2(1).items()} != V2.conditions


def test_every_condition_is_on_every_board_that_can_have_it() -> None:
    boards = {name: {case.board for n, case in CASES.items() if kind_of(n) == name}
              for name in CONDITIONS}  # fmt: skip
    for name, found in boards.items():
        if not name.startswith(("fan", "kernel")):
            assert found == set(BOARDS), name
    assert boards["fan_fails_and_returns"] == {"odroid_xu4", "raspberry_pi_3b"}
    assert boards["fan_steps"] == {"odroid_xu4"}
    kernels = {
        (case.board, case.scenario.throttling)
        for case in CASES.values()
        if case.scenario.throttling
    }
    assert kernels == {
        (board, preset) for board in BOARDS
        for preset in list(load_profile(board).throttling)[1:]
    }  # fmt: skip
    assert len(CASES) == len(DRAWN) >= 60


def test_every_multiple_of_the_grid_comes_about_equally_often_on_every_board() -> None:
    counts = Counter((condition.board, multiple) for multiple, condition in DRAWN.values())
    for board in BOARDS:
        own = [counts[board, multiple] for multiple in GRID]
        assert max(own) - min(own) <= 2
    for name, (multiple, condition) in DRAWN.items():
        assert condition.board is not None and condition.latency_constraints_s is not None
        nominal_s = BoardOfSuite(condition.board).twin.nominal_latency_s
        assert condition.latency_constraints_s[0] == pytest.approx(multiple * nominal_s, abs=1e-4)
        assert V2.conditions[name] == condition


def test_only_the_nominal_condition_is_of_the_profile_s_own_unit() -> None:
    for name, case in CASES.items():
        assert case.units == (kind_of(name) != "nominal")
        assert case.scenario.t_max_c == T_MAX_C[case.board]


def test_cabinets_and_ordinary_rooms_come_about_equally_often() -> None:
    warmest_c = [condition.rooms_c[1] for _, condition in DRAWN.values() if condition.rooms_c]
    in_cabinets = np.mean([room_c > 40 for room_c in warmest_c])
    assert 0.3 < in_cabinets < 0.7
    assert {case.rooms_c for name, case in CASES.items() if kind_of(name) == "cold"} == {(-5, 5)}


def test_an_episode_lasts_300_s_if_every_frame_takes_its_whole_constraint() -> None:
    for name, case in CASES.items():
        scenario = case.scenario
        if not changed(scenario, "latency_constraint_s"):
            period_s = max(scenario.latency_constraint_s, scenario.arrival_period_s)
            assert scenario.frames * period_s == pytest.approx(EPISODE_S, rel=0.01), name


def test_deviations_of_the_sensor_are_those_of_their_names() -> None:
    deviations = [scenario.sensing for scenario in of_kind("sensor_")]
    assert len(deviations) == 16 and Sensing() not in deviations
    assert all(0.5 <= one.sensing.lag_s <= 2 for one in of_kind("sensor_lags"))
    assert {one.deadline_aware for one in of_kind("adaptta_published")} == {False}
    assert {one.policy for one in of_kind("one_pass")} == {"1C"}
    others = [case.scenario for name, case in CASES.items() if kind_of(name) not in
              ("adaptta_published", "one_pass")]  # fmt: skip
    assert all(one.deadline_aware and one.policy == "10C" for one in others)


def test_courses_of_load_and_deadline_are_of_other_shapes_than_in_training() -> None:
    """There: one step, or a regular wave. Here: many changes at irregular times."""
    trained = [
        Conditions(load_profile(board), 0.1).draw(Scenario(), np.random.default_rng(seed))
        for board in BOARDS
        for seed in range(200)
    ]
    for scenario in trained:
        assert len(changed(scenario, "latency_constraint_s")) <= 1
        waves = [change.at_s for change in changed(scenario, "background_load")]
        assert len(waves) in (0, 1, HALF_WAVES)
        assert np.ptp(np.diff(waves)) < 1e-9 if len(waves) > 1 else True
    loads = [*of_kind("load_bursts"), *of_kind("load_alternates")]
    for scenario in loads:
        gaps_s = np.diff([change.at_s for change in changed(scenario, "background_load")])
        assert len(gaps_s) >= 5 and np.ptp(gaps_s) > 5
    for scenario in of_kind("deadline_steps"):
        course = changed(scenario, "latency_constraint_s")
        assert len(course) >= 4
        assert np.ptp(np.diff([change.at_s for change in course])) > 5
        assert all(a.latency_constraint_s != b.latency_constraint_s for a, b in pairwise(course))


@pytest.mark.parametrize("name", CASES)
def test_every_case_can_be_built_and_its_constraint_met(name: str) -> None:
    case = CASES[name]
    board = TwinBoard(load_profile(case.board), load_family(V2.family))
    for scenario in case.scenarios(range(10)):
        board.reset(scenario, (0, 0))
        assert board.pass_latency_s.min() * scenario.unit.latency < scenario.latency_constraint_s


def test_a_case_that_no_controller_could_serve_is_not_possible() -> None:
    served = Condition(latency_constraints_s=(0.1,), scenario={"t_max_c": 85.0})
    xu4 = BoardOfSuite("odroid_xu4")
    assert possible(xu4, served)
    assert not possible(xu4, served.model_copy(update={"latency_constraints_s": (0.001,)}))
    for scenario in ({"ambient_c": 84.0}, {"changes": [{"at_s": 9.0, "ambient_c": 84.0}]}):
        hot = {**served.scenario, **scenario}
        assert not possible(xu4, served.model_copy(update={"scenario": hot}))


def test_controllers_can_be_designed_for_adaptta_as_published() -> None:
    """All of its passes fit within L_c somewhere."""
    for case in CASES.values():
        if not case.scenario.deadline_aware:
            env = TwinEnv(case.board, frames_per_step=case.frames_per_step, choose_passes=True)
            measured = characterise(env.board, Scenario(t_max_c=case.scenario.t_max_c))
            assert Design.of(env, measured, case.scenario).accuracy().any()


def test_main_is_a_part_of_v2_on_every_board() -> None:
    main = load_suite("main")
    assert main.conditions.items() <= V2.conditions.items()
    assert [kind_of(name) for name in main.conditions] == list(MAIN)
    counts = Counter(condition.board for condition in main.conditions.values())
    assert counts == dict.fromkeys(BOARDS, 2)
    assert list(draw_main(DRAWN)) == list(main.conditions)


def test_a_deck_deals_every_value_as_often_as_the_others() -> None:
    deck = Deck("abc", np.random.default_rng(0))
    dealt = [deck.deal() for _ in range(30)]
    assert Counter(dealt) == {"a": 10, "b": 10, "c": 10} and dealt != sorted(dealt)
    assert deck.deal(lambda value: value == "b") == "b"
    assert deck.deal(lambda value: False) is None
