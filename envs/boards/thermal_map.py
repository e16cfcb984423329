"""The passive trips of a board's thermal zone, where its kernel's thermal governor acts.

They are the board's own, with their distances, moved so that the last lies at T_max. As they stand
in the device tree they are one of the twin's throttling presets.
"""

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.boards.profile import BoardProfile, Trip
from tvfs_gym.envs.physics.power_budget import TICK_MS, parameters

USUAL_HYSTERESIS_C = 2.0
"""Hysteresis of the one passive trip of a board whose profile has no map: that of the passive trips
of the S905, RK3399 and RK3588 in mainline's device trees."""


def passive_trips(profile: BoardProfile | None, highest: int, t_max_c: float) -> tuple[Trip, ...]:
    """Passive trips, coolest first, the last at T_max.

    They are those of the first of the profile's presets that has steps; without one, one trip over
    all VF levels. A hot trip is none of them: governors leave it to the firmware.

    Args:
        profile: Profile of the board; None if there is none.
        highest: Its highest VF level.
        t_max_c: T_max, degC.
    """
    for preset in () if profile is None else profile.throttling.values():
        if any(trip.lower < trip.upper for trip in preset.trips):
            passive = [trip for trip in preset.trips if not trip.hot]
            passive.sort(key=lambda trip: trip.at_c(t_max_c))
            shift_c = t_max_c - passive[-1].at_c(t_max_c)
            return tuple(
                trip.model_copy(update={"temperature_c": trip.at_c(t_max_c) + shift_c})
                for trip in passive
            )
    return (Trip(temperature_c=t_max_c, hysteresis_c=USUAL_HYSTERESIS_C, lower=0, upper=highest),)


def rows(trips: tuple[Trip, ...], t_max_c: float) -> NDArray[np.float64]:
    """Trips as `tvfs_gym.envs.physics.throttling.poll_trips` takes them, shape (trips, 4).

    Args:
        trips: Those without a temperature lie at T_max.
        t_max_c: T_max, degC.
    """
    return np.array(
        [(trip.at_c(t_max_c), trip.hysteresis_c, trip.lower, trip.upper) for trip in trips],
        np.float64,
    ).reshape(-1, 4)


def power_allocator(
    core_mw: NDArray[np.int64],
    threads: int,
    trips: tuple[Trip, ...],
    control_c: float,
    sustainable_w: float | None = None,
) -> NDArray[np.int64]:
    """Parameters of ``power_allocator`` in a zone with one CPU cluster as its actor.

    The control temperature is that of the last passive trip, the switch-on temperature that of the
    first; with one passive trip the governor is always on.

    Args:
        core_mw: Power of a busy core by VF level, slowest first.
        threads: Cores.
        trips: `passive_trips` for the control temperature.
        control_c: Control temperature, degC.
        sustainable_w: P_sus, W; None for the kernel's own estimate, the power of the actor at its
            slowest clock (``estimate_sustainable_power``).
    """
    least_mw, most_mw = threads * int(core_mw[0]), threads * int(core_mw[-1])
    return parameters(
        least_mw if sustainable_w is None else round(1e3 * sustainable_w),
        most_mw,
        control_mc=round(1e3 * control_c),
        span_mc=round(1e3 * (control_c - trips[0].at_c(control_c))),
        period_ms=TICK_MS,
    )
