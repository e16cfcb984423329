"""``step_wise`` in user space: as drivers/thermal/gov_step_wise.c has it.

Without hysteresis it restates torvalds/linux @00211025, with it openSUSE/kernel @3d16167a and the
threshold of thermal_core.c. The map is that of mainline's exynos5422-odroidxu3-common.dtsi, 70 degC
(states 0..2) and 85 degC (3..14), hysteresis 10; at T_max = 85 degC it stands where the
device tree has it.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.baselines.readings import readings
from tvfs_gym.baselines import Design, build
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.physics.throttling import (
    LOWER,
    NEVER_POLLED_C,
    NO_TARGET,
    PER_TRIP,
    TARGET,
    TEMPERATURE,
    UPPER,
    poll_trips,
)

TOP = 18
AS_IN_THE_DEVICE_TREE = 85.0

courses_c = st.lists(st.integers(40, 110).map(float), min_size=1, max_size=60)


def states(
    name: str, design: Design, course_c: Sequence[float], t_max_c: float = AS_IN_THE_DEVICE_TREE
) -> list[int]:
    """VF levels below the highest over a course of readings."""
    controller = build(name, design)
    state, seen = controller.start(1), []
    for reading_c in course_c:
        reading = readings(temperature_c=reading_c, t_max_c=t_max_c)
        choice, state = controller.decide(reading, state)
        seen.append(TOP - int(choice.vf_level[0]))
    return seen


COURSE_C = (60, 70, 71, 72, 71, 85, 86, 86, 83, 75, 74, 69, 68, 67, 66, 60, 59, 70)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Rises above 70: up by one, at most 2. At 85 at once to 3, the second trip's lower state.
        # A steady reading holds. Falling between the trips: the second steps down to its lower
        # state and lets go, the first holds 2. Below 70: down by one.
        ("step_wise", [0, 1, 2, 2, 2, 3, 4, 4, 3, 2, 2, 1, 0, 0, 0, 0, 0, 1]),
        # The second trip holds 4 until 75 and lets go below it, the first holds 2 until 60.
        ("step_wise_hysteresis", [0, 1, 2, 2, 2, 3, 4, 4, 4, 4, 2, 2, 2, 2, 2, 2, 0, 1]),
    ],
)
def test_it_steps_as_the_kernel_does(name: str, expected: list[int], xu4: Design) -> None:
    assert states(name, xu4, COURSE_C) == expected


@pytest.mark.parametrize("name", ["step_wise", "step_wise_hysteresis"])
def test_the_first_poll_throttles_by_one_state_whatever_the_trend(name: str, xu4: Design) -> None:
    """``!instance->initialized``."""
    assert states(name, xu4, [72.0]) == [1]
    assert states(name, xu4, [90.0]) == [3]


@pytest.mark.parametrize("name", ["step_wise", "step_wise_hysteresis"])
@pytest.mark.parametrize("t_max_c", [70.0, 85.0, 95.0])
def test_the_map_moves_with_t_max(name: str, t_max_c: float, xu4: Design) -> None:
    moved_c = [reading_c + t_max_c - AS_IN_THE_DEVICE_TREE for reading_c in COURSE_C]
    assert states(name, xu4, moved_c, t_max_c) == states(name, xu4, COURSE_C)


def test_a_map_of_another_board_is_refused(xu4: Design) -> None:
    with pytest.raises(InputError, match="19 VF levels, and odroid_c2 has 6"):
        build("step_wise", replace(xu4, profile=load_profile("odroid_c2")))


@given(courses_c, st.booleans())
def test_targets_stay_within_the_trips_ranges_and_the_device_takes_the_highest(
    course_c: list[float], hysteresis: bool
) -> None:
    trips = np.array([(70.0, 10.0, 0, 2), (85.0, 10.0, 3, 14)])
    trip_state = np.tile([NO_TARGET, 0.0], len(trips))
    state, previous_c = 0.0, NEVER_POLLED_C
    for reading_c in course_c:
        before = trip_state[TARGET::PER_TRIP].copy()
        last = state
        state = poll_trips(trips, trip_state, state, reading_c, previous_c, hysteresis)
        targets = trip_state[TARGET::PER_TRIP]
        active = targets != NO_TARGET
        assert (targets >= trips[:, LOWER])[active].all()
        assert (targets <= trips[:, UPPER])[active].all()
        assert state == max(targets.max(), 0.0)
        if reading_c == previous_c:
            assert (targets == before).all() and state == last
        if reading_c > previous_c != NEVER_POLLED_C and (reading_c >= trips[:, TEMPERATURE]).all():
            assert state == min(max(last + 1, 3), 14)
        previous_c = reading_c
