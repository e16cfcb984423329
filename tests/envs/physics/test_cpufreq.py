"""The rules of cpufreq's governors: cpufreq_ondemand.c (gregkh/linux v6.18.38),
cpufreq_schedutil.c (torvalds/linux @00d6a8a7), pelt.c; DS3's ondemand (DTPM_policies.py,
segemena/DS3 @e0d80ee6).
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tvfs_gym.envs.physics.cpufreq import (
    UP_THRESHOLD_PERCENT,
    ds3_level,
    estimated,
    level_at_least,
    ondemand_level,
    schedutil_level,
    tracked,
)

CLOCKS_GHZ = np.arange(2, 21) / 10.0
TOP = 18


def level_of(mhz: int) -> int:
    return round(mhz / 100) - 2


@pytest.mark.parametrize(
    ("percent", "mhz"),
    # 200 + percent of 1800 MHz, to the nearest level, of two the slower (25 % is 650 MHz); above
    # the threshold the highest.
    [(100, 2000), (96, 2000), (95, 1900), (80, 1600), (50, 1100), (33, 800), (25, 600), (0, 200)],
)
def test_ondemand_is_proportional_below_its_threshold(percent: int, mhz: int) -> None:
    assert ondemand_level(percent, CLOCKS_GHZ, UP_THRESHOLD_PERCENT) == level_of(mhz)


def test_ondemand_of_a_kernel_with_ticks_has_a_lower_threshold() -> None:
    assert ondemand_level(80, CLOCKS_GHZ, 80) == level_of(1600)
    assert ondemand_level(81, CLOCKS_GHZ, 80) == TOP


def test_ds3s_ondemand_jumps_up_steps_down_and_holds_in_between() -> None:
    load, level = [0.81, 0.8, 0.5, 0.3, 0.29, 0.29], [5, 5, 5, 5, 5, 0]
    found = [ds3_level(*pair, TOP) for pair in zip(load, level, strict=True)]
    assert found == [TOP, 5, 5, 5, 4, 0]


@pytest.mark.parametrize(
    ("utilisation", "mhz"),
    # util = 1024 of the capacity; 2500 MHz * util / 1024, to the next level that is not slower.
    [(0.5, 1300), (0.25, 700), (0.4, 1000), (0.45, 1200), (0.01, 200), (0.8, 2000), (1.0, 2000)],
)
def test_schedutil_asks_for_a_quarter_more_than_is_used(utilisation: float, mhz: int) -> None:
    assert schedutil_level(utilisation, CLOCKS_GHZ) == level_of(mhz)


@given(st.integers(0, TOP), st.floats(0.01, 0.99))
def test_schedutil_settles_where_a_fifth_of_the_clock_is_spare(level: int, load: float) -> None:
    """With work that takes a given number of cycles, within the rounding of 1024 steps."""
    used_ghz = load * CLOCKS_GHZ[level]
    settled = schedutil_level(used_ghz / 2.0, CLOCKS_GHZ)
    step_ghz = 2.5 / 1024
    assert settled == TOP or 1.25 * used_ghz <= CLOCKS_GHZ[settled] + step_ghz
    assert settled == 0 or 1.25 * used_ghz > CLOCKS_GHZ[settled - 1]


@pytest.mark.parametrize(("khz", "level"), [(0, 0), (200_000, 0), (200_001, 1), (9_000_000, TOP)])
def test_a_clock_is_rounded_up_to_a_level(khz: int, level: int) -> None:
    assert level_at_least(CLOCKS_GHZ, khz) == level


def test_utilisation_halves_in_32_ms_of_idleness_and_fills_as_fast() -> None:
    assert tracked(1.0, 0.0, 0.032) == pytest.approx(0.5)
    assert tracked(0.0, 1.0, 0.064) == pytest.approx(0.75)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_utilisation_does_not_depend_on_how_often_it_is_updated(
    utilisation: float, share: float, first_s: float, second_s: float
) -> None:
    in_two = tracked(tracked(utilisation, share, first_s), share, second_s)
    assert math.isclose(in_two, tracked(utilisation, share, first_s + second_s), abs_tol=1e-9)


def test_an_estimate_rises_at_once_and_falls_by_a_quarter() -> None:
    assert estimated(0.4, 0.8) == 0.8
    assert estimated(0.8, 0.4) == pytest.approx(0.7)
    assert estimated(0.8, 0.795) == 0.8
