"""``power_allocator``: drivers/thermal/gov_power_allocator.c, torvalds/linux @03c11eb3.

Expected numbers are worked out by hand from its rules, with P_sus = 2000 mW, P_most = 6000 mW, a
control temperature of 85 degC and a switch-on temperature of 70 degC; so, with ten fractional bits,
k_po = 2000 * 1024 / 15000 = 136, k_pu = 273, k_i = 27.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.baselines.readings import readings
from tvfs_gym.baselines import Design, build
from tvfs_gym.baselines.governors.power_allocator import core_power_mw, highest_level
from tvfs_gym.baselines.governors.power_budget import (
    ERROR_SUM,
    INTEGRAL_CUTOFF_MC,
    K_D,
    K_I,
    K_PO,
    K_PU,
    PERIOD_MS,
    STATE_SIZE,
    parameters,
    power_budget_mw,
)
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.limits import GUARD_C
from tvfs_gym.envs.scenario import Scenario

GAINS = [K_PO, K_PU, K_I, K_D]
CONTROL_C = 85.0 - GUARD_C


def governor(span_mc: int = 15000) -> NDArray[np.int64]:
    return parameters(2000, 6000, control_mc=85000, span_mc=span_mc, period_ms=100)


def budgets_mw(
    made: NDArray[np.int64], errors_mc: Sequence[int], state: NDArray[np.int64] | None = None
) -> list[int]:
    """Budgets over a course of T_control - T."""
    state = np.zeros(STATE_SIZE, np.int64) if state is None else state
    return [power_budget_mw(made, state, error_mc) for error_mc in errors_mc]


def test_default_gains() -> None:
    assert governor()[GAINS].tolist() == [136, 273, 27, 0]


def test_default_gains_with_one_passive_trip() -> None:
    """T_control itself is the divisor, and k_i is at least one unit."""
    assert governor(span_mc=0)[GAINS].tolist() == [24, 48, 4, 0]
    weak = parameters(100, 6000, control_mc=85000, span_mc=0, period_ms=100)
    assert weak[GAINS].tolist() == [1, 2, 1, 0]


def test_below_the_control_temperature_the_proportional_term_gives_up_to_three_times_p_sus() -> (
    None
):
    """273 * 10000 = 2 730 000, or 2666 mW; at the switch-on temperature 3999 mW."""
    assert budgets_mw(governor(), [0, 10000, 15000]) == [2000, 4666, 5999]


def test_above_the_control_temperature_the_integral_takes_ever_more() -> None:
    """p = -136 * 5000 = -680 000; i = -27 * 5000 a tick: -815 000, -950 000, -1 085 000.

    A shift rounds down: -795.9 to -796, -927.7 to -928, -1059.6 to -1060.
    """
    assert budgets_mw(governor(), [-5000, -5000, -5000]) == [1204, 1072, 940]
    assert budgets_mw(governor(), [-500]) == [2000 - 80]  # -68 000 - 13 500, or -79.6 mW


def test_the_integral_is_kept_but_not_added_to_below_the_control_temperature() -> None:
    """The cut-off is 0: 273 * 1000 - 2 * 135 000 = 3000, or 2 mW."""
    assert budgets_mw(governor(), [-5000, -5000, 1000, 1000])[2:] == [2002, 2002]


def test_a_higher_cut_off_lets_it_add_up_below_as_well() -> None:
    """At 1000 m°C: (273 + 27) * 1000 = 300 000, or 292 mW, then 319 mW; 2000 m°C lies above."""
    made = governor()
    made[INTEGRAL_CUTOFF_MC] = 1001
    assert budgets_mw(made, [1000, 1000]) == [2292, 2319]
    made[INTEGRAL_CUTOFF_MC] = 1000
    assert budgets_mw(made, [1000, 1000]) == [2266, 2266]


def test_the_integral_stops_short_of_all_that_can_be_drawn() -> None:
    """-270 000 a tick: 22 ticks make 5 940 000, and a 23rd would pass 6000 * 1024 = 6 144 000."""
    state = np.zeros(STATE_SIZE, np.int64)
    budgets_mw(governor(), [-10000] * 40, state)
    assert state[ERROR_SUM] == -22 * 10000 * 1024
    assert budgets_mw(governor(), [15000], state) == [2000 + (273 * 15000 - 5_940_000) // 1024]


def test_below_the_switch_on_temperature_it_is_off_and_forgets() -> None:
    state = np.zeros(STATE_SIZE, np.int64)
    assert budgets_mw(governor(), [-5000, 15001, 0], state)[1:] == [6000, 2000]
    assert not state.any()


def test_with_one_passive_trip_it_is_always_on() -> None:
    """48 * 60000 = 2 880 000, or 2812 mW."""
    assert budgets_mw(governor(span_mc=0), [60000]) == [4812]


def test_the_derivative_term_divides_by_the_period_towards_zero() -> None:
    """-3 m°C * 1024, shifted, by 3071 ms is -1024.3: -1024, or -1 mW, and not -1025, or -2 mW."""
    made = governor()
    made[GAINS] = 0, 0, 0, 1024
    made[PERIOD_MS] = 3071
    assert budgets_mw(made, [0, -3]) == [2000, 1999]
    made[PERIOD_MS] = 1024
    assert budgets_mw(made, [0, -500, -500]) == [2000, 1500, 2000]


@given(st.lists(st.integers(-60000, 60000), min_size=1, max_size=100), st.booleans())
def test_the_budget_stays_within_what_can_be_drawn(errors_mc: list[int], two_trips: bool) -> None:
    state = np.zeros(STATE_SIZE, np.int64)
    for error_mc in errors_mc:
        before = state[ERROR_SUM]
        (budget,) = budgets_mw(governor(15000 if two_trips else 0), [error_mc], state)
        assert 0 <= budget <= 6000
        assert state[ERROR_SUM] <= 0
        if error_mc >= 0:
            assert budget <= 2000 + 273 * error_mc // 1024 or error_mc > 15000
            assert state[ERROR_SUM] in (0, before)
        else:
            assert budget <= 2000


def test_power_becomes_the_highest_level_that_fits() -> None:
    """The kernel's own example: 80 mW of 36, 49, 59, 72, 86 is the fourth level, not the fifth.

    (Message of the commit "Fix wrong frequency converted from power" on cpufreq_cooling.c.)
    """
    core_mw = np.array([36, 49, 59, 72, 86])
    wanted = {80: 3, 86: 4, 72: 3, 71: 2, 36: 0, 35: 0, 0: 0, 1000: 4}
    found = highest_level(core_mw, np.array(list(wanted)), np.full(len(wanted), 100))
    assert found.tolist() == list(wanted.values())


def test_cores_that_are_seldom_busy_may_run_faster() -> None:
    """Four cores, 160 mW: at 100 % 40 mW each, at 50 % 80 mW; idle ones ask for nothing."""
    core_mw = np.array([36, 49, 59, 72, 86])
    load = np.array([400, 200, 100, 0])
    assert highest_level(core_mw, np.full(4, 160), load).tolist() == [0, 3, 4, 0]


def levels(design: Design, course_c: Sequence[float], name: str = "power_allocator") -> list[int]:
    controller = build(name, design)
    state, seen = controller.start(1), []
    for reading_c in course_c:
        choice, state = controller.decide(readings(temperature_c=reading_c), state)
        seen.append(int(choice.vf_level[0]))
    return seen


def test_at_the_control_temperature_it_draws_what_the_board_was_seen_to_sustain(
    xu4: Design,
) -> None:
    """The Odroid-XU4 settled at 77 degC at 1.6 GHz and at 83 degC at 1.7 GHz; 82 lies between."""
    settled_c = xu4.characterisation.temperature_c
    (level,) = levels(xu4, [CONTROL_C])
    assert settled_c[level] <= CONTROL_C < settled_c[level + 1]


def test_a_board_that_never_gets_so_hot_runs_at_its_highest_level_up_to_there(
    xu4: Design,
) -> None:
    cool = replace(xu4.characterisation, temperature_c=np.full(19, 50.0))
    assert levels(replace(xu4, measured=cool), [50.0, CONTROL_C]) == [18, 18]


def test_it_slows_down_the_more_the_hotter_and_lets_go_below_the_switch_on_temperature(
    xu4: Design,
) -> None:
    """The trips are 15 degC apart on the Odroid-XU4's map."""
    rising = levels(xu4, [40.0, CONTROL_C - 15.1, CONTROL_C, CONTROL_C + 5, CONTROL_C + 10])
    assert rising[:2] == [18, 18]
    assert rising[1] > rising[2] > rising[3] > rising[4]
    overshoot = [CONTROL_C + 10] * 5
    assert levels(xu4, [*overshoot, CONTROL_C])[-1] < levels(xu4, [CONTROL_C])[-1]
    assert levels(xu4, [*overshoot, 40.0, CONTROL_C])[-1] == levels(xu4, [CONTROL_C])[-1]


def test_the_power_of_a_level_is_that_of_the_energy_model(xu4: Design) -> None:
    """(0.285 + 4 * 0.40) nF * (1.3125 V)^2 * 2 GHz = 6.4945 W, a quarter per core, no leakage."""
    assert core_power_mw(xu4.model("a test"))[-1] == 1623


def test_it_needs_a_profile(xu4: Design) -> None:
    for name in ("power_allocator", "ipa_topology"):
        with pytest.raises(InputError, match="the power allocator needs the board's thermal and"):
            build(name, replace(xu4, profile=None))


@given(st.floats(30, 110), st.sampled_from([0.04, 0.075, 0.2]))
def test_with_topologies_it_takes_the_most_accurate_one_within_the_budget(
    xu4: Design, temperature_c: float, constraint_s: float
) -> None:
    reading = readings(temperature_c=temperature_c, latency_constraint_s=constraint_s)
    alone, together = build("power_allocator", xu4), build("ipa_topology", xu4)
    allowed = int(alone.decide(reading, alone.start(1))[0].vf_level[0])
    choice, _ = together.decide(reading, together.start(1))
    topology, level = int(choice.topology[0]), int(choice.vf_level[0])
    accuracy = xu4.characterisation.accuracy(constraint_s, xu4.known)
    assert level <= allowed
    if accuracy[:, : allowed + 1].any():
        assert accuracy[topology, level] == accuracy[:, : allowed + 1].max()
        assert xu4.characterisation.pass_p99_s[topology, level] <= constraint_s
        assert (accuracy[:, :level] < accuracy[topology, level]).all()
    else:
        assert (topology, level) == (0, allowed)


def test_with_topologies_it_survives_a_constraint_that_nothing_meets(xu4: Design) -> None:
    together = build("ipa_topology", replace(xu4, known=Scenario()))
    reading = readings(temperature_c=[40.0, CONTROL_C], latency_constraint_s=0.001)
    choice, _ = together.decide(reading, together.start(2))
    assert choice.topology.tolist() == [0, 0]
    assert choice.vf_level.tolist() == [18, *levels(xu4, [CONTROL_C])]
