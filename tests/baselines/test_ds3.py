"""DS3's throttling: DTPM_power_models.py (``evaluate_throttling``), segemena/DS3 @e0d80ee6.

Trips 85, 90, 95 degC with a hysteresis of 3; state -1 is "not throttled".
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.baselines.readings import readings
from tvfs_gym.baselines import Design, build
from tvfs_gym.baselines.governors.ds3 import DTPM, NOT_THROTTLED, REGULAR, TripSet, next_state
from tvfs_gym.envs.boards.profile import OperatingPoint
from tvfs_gym.envs.limits import GUARD_C


def states(trips: TripSet, course_c: list[float]) -> list[int]:
    state, seen = np.array([NOT_THROTTLED]), []
    for reading_c in course_c:
        state = next_state(trips, state, np.array([reading_c]))
        seen.append(int(state[0]))
    return seen


def test_it_goes_up_when_a_trip_is_exceeded_not_when_it_is_reached() -> None:
    assert states(REGULAR, [80, 85, 86, 90, 91, 95, 96]) == [-1, -1, 0, 0, 1, 1, 2]


def test_it_climbs_several_trips_at_once() -> None:
    assert states(REGULAR, [80, 91]) == [-1, 1]
    assert states(REGULAR, [80, 120]) == [-1, 2]


def test_it_leaves_a_state_below_its_own_hysteresis() -> None:
    assert states(REGULAR, [96, 93, 92, 91.9, 87, 86.9, 82, 81.9]) == [2, 2, 2, 1, 1, 0, 0, -1]


def test_it_comes_down_by_one_state_per_evaluation() -> None:
    assert states(REGULAR, [120, 40, 40, 40, 40]) == [2, 1, 0, -1, -1]


def test_the_other_set_has_other_trips() -> None:
    assert states(DTPM, [95, 96, 101, 106, 101.9, 40]) == [-1, 0, 1, 2, 1, 0]


@pytest.mark.parametrize(
    ("name", "trips", "clocks_mhz"),
    [
        ("ds3_throttling", REGULAR, [2000, 1600, 1000, 600]),
        ("ds3_dtpm", DTPM, [2000, 1000, 800, 600]),
    ],
)
def test_each_state_caps_the_clock(
    name: str, trips: TripSet, clocks_mhz: list[int], xu4: Design
) -> None:
    """The published caps; the trips stand as published if T_max lies a guard above the last."""
    as_published = trips.trips_c[-1] + GUARD_C
    temperature_c = np.array([20.0, *trips.trips_c]) + 1.0
    controller = build(name, xu4)
    reading = readings(temperature_c=temperature_c, t_max_c=as_published)
    choice, _ = controller.decide(reading, controller.start(4))
    seen = [xu4.operating_points[level].frequency_hz / 1e6 for level in choice.vf_level]
    assert seen == pytest.approx(clocks_mhz)


def test_a_board_between_the_caps_takes_the_next_slower_level(xu4: Design) -> None:
    """And one that has none so slow takes its slowest."""
    points = tuple(OperatingPoint(frequency_hz=hz, voltage_v=1.0) for hz in (700e6, 900e6, 1500e6))
    measured = xu4.characterisation
    few = replace(
        measured,
        pass_median_s=measured.pass_median_s[:, -3:],
        pass_p99_s=measured.pass_p99_s[:, -3:],
    )
    controller = build("ds3_throttling", replace(xu4, operating_points=points, measured=few))
    reading = readings(temperature_c=[20.0, 73.0, 78.0, 83.0], t_max_c=85.0)
    choice, _ = controller.decide(reading, controller.start(4))
    assert choice.vf_level.tolist() == [2, 2, 1, 0]


@given(st.lists(st.floats(20, 130), min_size=1, max_size=60))
def test_the_state_is_never_cooler_than_what_is_exceeded(course_c: list[float]) -> None:
    last = NOT_THROTTLED
    for reading_c, state in zip(course_c, states(REGULAR, course_c), strict=True):
        exceeded = sum(reading_c > trip_c for trip_c in REGULAR.trips_c) - 1
        assert exceeded <= state <= max(last, exceeded)
        assert state >= last - 1
        last = state
