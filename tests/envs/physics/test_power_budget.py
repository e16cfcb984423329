"""``power_allocator``: drivers/thermal/gov_power_allocator.c, torvalds/linux @03c11eb3.

Expected numbers are worked out by hand from its rules, with P_sus = 2000 mW, P_most = 6000 mW, a
control temperature of 85 degC and a switch-on temperature of 70 degC; so, with ten fractional bits,
k_po = 2000 * 1024 / 15000 = 136, k_pu = 273, k_i = 27.
"""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tvfs_gym.envs.physics.power_budget import (
    ERROR_SUM,
    INTEGRAL_CUTOFF_MC,
    K_D,
    K_I,
    K_PO,
    K_PU,
    PERIOD_MS,
    STATE_SIZE,
    Numbers,
    allocated_state,
    highest_level,
    parameters,
    power_budget_mw,
)

CORE_MW = np.array([36, 49, 59, 72, 86])
GAINS = [K_PO, K_PU, K_I, K_D]


def governor(span_mc: int = 15000) -> NDArray[np.int64]:
    return parameters(2000, 6000, control_mc=85000, span_mc=span_mc, period_ms=100)


def budgets_mw(made: Numbers, errors_mc: Sequence[int], state: Numbers | None = None) -> list[int]:
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
    wanted = {80: 3, 86: 4, 72: 3, 71: 2, 36: 0, 35: 0, 0: 0, 1000: 4}
    found = [highest_level(CORE_MW, budget_mw, 100) for budget_mw in wanted]
    assert found == list(wanted.values())


def test_cores_that_are_seldom_busy_may_run_faster() -> None:
    """Four cores, 160 mW: at 100 % 40 mW each, at 50 % 80 mW; idle ones ask for nothing."""
    found = [highest_level(CORE_MW, 160, percent) for percent in (400, 200, 100, 0)]
    assert found == [0, 3, 4, 0]


def test_the_cooling_state_is_that_of_the_budget_and_none_below_the_switch_on_trip() -> None:
    """One core, P_sus = 72 mW: the fourth of five levels; T_on lies 15 degC below T_control."""
    made = parameters(72, 86, control_mc=85000, span_mc=15000, period_ms=100)

    def state_at(below_mc: int, load_percent: int) -> float:
        return allocated_state(made, np.zeros(STATE_SIZE), CORE_MW, below_mc, load_percent)

    assert [state_at(below_mc, 100) for below_mc in (15000, 0, -60000)] == [0.0, 1.0, 4.0]
    assert [state_at(below_mc, 0) for below_mc in (15001, 15000)] == [0.0, 4.0]


@given(st.lists(st.integers(-60000, 60000), min_size=1, max_size=50))
def test_doubles_hold_the_same_numbers_as_integers(errors_mc: list[int]) -> None:
    in_doubles = budgets_mw(governor().astype(np.float64), errors_mc, np.zeros(STATE_SIZE))
    assert in_doubles == budgets_mw(governor(), errors_mc)
