"""The throttling governor, step by step, as gov_step_wise.c has it."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.physics.throttling import NEVER_POLLED_C, NO_TARGET, poll_trips, progressive


def states(
    trips: Sequence[tuple[float, ...]], readings_c: Sequence[float], hysteresis: bool
) -> list[float]:
    """Cooling states over a course of sensor readings."""
    array = np.array(trips)
    trip_state = np.tile([NO_TARGET, 0.0], len(trips))
    state, previous_c = 0.0, NEVER_POLLED_C
    seen = []
    for reading_c in readings_c:
        state = poll_trips(array, trip_state, state, reading_c, previous_c, hysteresis)
        previous_c = reading_c
        seen.append(state)
    return seen


VENDOR = [(85.0, 2.5, 0, 4), (90.0, 2.5, 5, 8), (95.0, 2.5, 9, 12)]
MAINLINE = [(70.0, 10.0, 0, 2), (85.0, 10.0, 3, 14)]
VF_LOW = [(85.0, 10.0, 14, 14)]


def test_it_steps_up_while_the_temperature_rises_above_the_trip() -> None:
    assert states(VENDOR, [80, 84, 85, 86, 87, 88, 89], False) == [0, 0, 1, 2, 3, 4, 4]


def test_a_steady_temperature_changes_nothing() -> None:
    assert states(VENDOR, [84, 86, 86, 86], False) == [0, 1, 1, 1]


def test_without_hysteresis_it_steps_down_below_the_trip() -> None:
    assert states(VENDOR, [80, 85, 86, 84, 83, 82], False) == [0, 1, 2, 1, 0, 0]


def test_cooling_above_the_trip_holds_the_state() -> None:
    assert states(VENDOR, [80, 86, 88, 87, 86, 85], False) == [0, 1, 2, 2, 2, 2]


def test_the_second_trip_starts_at_its_lower_state() -> None:
    assert states(VENDOR, [80, 90, 91], False) == [0, 5, 6]
    assert states(MAINLINE, [60, 71, 85], True) == [0, 1, 3]


def test_with_hysteresis_it_releases_at_once_below_the_threshold() -> None:
    assert states(MAINLINE, [60, 71, 72, 65, 61, 60, 59], True) == [0, 1, 2, 2, 2, 2, 0]


def test_vf_low_holds_until_the_temperature_is_back_to_safety() -> None:
    assert states(VF_LOW, [80, 84, 85, 80, 75, 74, 76], True) == [0, 0, 14, 14, 14, 0, 0]


@pytest.mark.parametrize(
    ("preset", "frequencies_mhz"),
    [("vendor_xu4", [1600, 1200, 800]), ("mainline_step_wise", [1800, 600]), ("vf_low", [600])],
)
def test_the_trips_end_at_the_clocks_their_device_trees_name(
    preset: str, frequencies_mhz: list[int]
) -> None:
    profile = load_profile("odroid_xu4")
    slowest = [
        profile.operating_points[-1 - trip.upper].frequency_hz / 1e6
        for trip in profile.throttling_named(preset).trips
    ]
    assert slowest == pytest.approx(frequencies_mhz)


@given(st.floats(20, 120))
def test_the_firmware_takes_so_much_clock_per_degree(temperature_c: float) -> None:
    """No VF level faster than 1.2 GHz - 110 MHz/degC (T - 80 degC), and none faster would do."""
    clocks = np.arange(0.6, 1.25, 0.1)
    state = int(progressive(clocks, temperature_c, 80.0, 0.110))
    allowed_ghz = 1.2 - 0.110 * max(temperature_c - 80.0, 0.0)
    clock = clocks[len(clocks) - 1 - state]
    assert clock <= allowed_ghz + 1e-9 or state == len(clocks) - 1
    assert state == 0 or clocks[len(clocks) - state] > allowed_ghz - 1e-9
    assert progressive(clocks, temperature_c, np.inf, 0.110) == 0
