"""Throttling: the kernel's ``step_wise`` governor, and the Raspberry Pi firmware's law.

A cooling state s caps the clock at the s-th VF level below the highest. Every trip is bound to the
CPU with a range of states [lower, upper] and asks for a target in it; the CPU is set to the highest
target that any trip asks for. Source: gov_step_wise.c and thermal_core.c of torvalds/linux
@00211025 and @058c9792; with hysteresis as in openSUSE/kernel @3d16167a.
"""

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.jit import jit

TEMPERATURE, HYSTERESIS, LOWER, UPPER = range(4)
"""Columns of the trips' array: degC, degC, cooling state, cooling state."""

TARGET, CROSSED, PER_TRIP = range(3)
"""A trip's columns in the trips' state: the target (or `NO_TARGET`), and whether the trip
was crossed upwards and not yet left through its hysteresis."""

NO_TARGET = -1.0
NEVER_POLLED_C = -1000.0
"""Previous temperature of a governor that has not run yet."""


@jit
def _clamp(state: float, lower: float, upper: float) -> float:
    return min(max(state, lower), upper)


@jit
def next_target(
    target: float,
    cooling_state: float,
    lower: float,
    upper: float,
    throttle: bool,
    temperature_c: float,
    previous_c: float,
    one_shot_release: bool,
) -> float:
    """The cooling state that one trip asks for.

    Args:
        target: Target that it asked for before.
        cooling_state: The CPU's state now; the rule reads this, not the trip's own target.
        lower: Lowest state of the trip's range.
        upper: Highest state of its range.
        throttle: True if the temperature is at or above the trip's threshold.
        temperature_c: Reading now.
        previous_c: Reading at the previous poll; `NEVER_POLLED_C` at the first one.
        one_shot_release: Drop the target at once when cooling down (kernels that honour the
            trips' hysteresis), instead of stepping down state by state.
    """
    if previous_c == NEVER_POLLED_C:
        return _clamp(cooling_state + 1.0, lower, upper) if throttle else NO_TARGET
    if throttle and temperature_c > previous_c:
        return _clamp(cooling_state + 1.0, lower, upper)
    if not throttle and temperature_c < previous_c:
        if one_shot_release or cooling_state <= lower:
            return NO_TARGET
        return _clamp(cooling_state - 1.0, lower, upper)
    return target


@jit
def poll_trips(
    trips: NDArray[np.float64],
    trip_state: NDArray[np.float64],
    cooling_state: float,
    temperature_c: float,
    previous_c: float,
    hysteresis: bool,
) -> float:
    """One poll of the governor; updates the trips' state in place.

    Args:
        trips: Shape (trips, 4).
        trip_state: Shape (2 trips,).
        cooling_state: The CPU's state now.
        temperature_c: Reading now.
        previous_c: Reading at the previous poll.
        hysteresis: True if this kernel honours the trips' hysteresis: the threshold falls by it
            once the trip is crossed upwards, and leaving it releases the CPU at once. Older
            kernels ignore it.

    Returns:
        The new cooling state.
    """
    highest = 0.0
    for i in range(len(trips)):
        threshold = trips[i, TEMPERATURE]
        if hysteresis and trip_state[PER_TRIP * i + CROSSED] > 0.0:
            threshold -= trips[i, HYSTERESIS]
        throttle = temperature_c >= threshold
        trip_state[PER_TRIP * i + CROSSED] = 1.0 if throttle else 0.0
        trip_state[PER_TRIP * i + TARGET] = next_target(
            trip_state[PER_TRIP * i + TARGET],
            cooling_state,
            trips[i, LOWER],
            trips[i, UPPER],
            throttle,
            temperature_c,
            previous_c,
            hysteresis,
        )
        highest = max(highest, trip_state[PER_TRIP * i + TARGET])
    return highest


@jit
def progressive(
    clocks_ghz: NDArray[np.float64], temperature_c: float, from_c: float, ghz_per_c: float
) -> float:
    """The cooling state that the Raspberry Pi's firmware asks for.

    From some temperature on it lowers the clock in proportion to what lies above (raspberrypi/
    documentation: "progressively throttled" from 80 degC); the twin takes the nearest VF level that
    is not faster.

    Args:
        clocks_ghz: VF levels, slowest first.
        temperature_c: Reading now.
        from_c: Where it begins; infinite for a board without this law.
        ghz_per_c: How much clock a degree costs.
    """
    highest = len(clocks_ghz) - 1
    if temperature_c <= from_c:
        return 0.0
    allowed_ghz = clocks_ghz[highest] - ghz_per_c * (temperature_c - from_c)
    level = highest
    while level > 0 and clocks_ghz[level] > allowed_ghz:
        level -= 1
    return float(highest - level)
