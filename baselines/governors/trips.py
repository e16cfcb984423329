"""Where thermal governors in user space act: a map of trips, moved below T_max.

Above T_max the kernel throttles whatever a controller wants. So a map, with its distances between
trips, is moved as a whole until its last trip lies `GUARD_C` below T_max: all that it can do is
done by then. As it stands in the device tree it is one of the twin's throttling presets.
"""

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.controller import Design
from tvfs_gym.envs.boards.profile import Trip
from tvfs_gym.envs.limits import GUARD_C

USUAL_SPAN_C = 10.0
"""Distance of the two trips of a board whose profile has no map: that of the Odroid-C2's vendor
kernel, 70 and 80 degC (hardkernel/linux meson64_odroidc2.dts)."""

USUAL_HYSTERESIS_C = 2.0
"""Their hysteresis: that of the passive trips of the S905, RK3399 and RK3588 in mainline's device
trees."""


def trips_of(design: Design) -> NDArray[np.float64]:
    """The board's trips as `tvfs_gym.envs.physics.throttling.poll_trips` takes them, coolest first.

    They are those of the first of the profile's presets that has steps; without one, there are two
    trips over the whole range of VF levels.

    Raises:
        InputError: The profile is of a board with other VF levels.
    """
    profile = None if design.profile is None else design.model("a map of trips")
    presets = () if profile is None else profile.throttling.values()
    t_max_c = design.known.t_max_c
    for preset in presets:
        if any(trip.lower < trip.upper for trip in preset.trips):
            return np.array(sorted(_row(trip, t_max_c) for trip in preset.trips))
    usual = (USUAL_HYSTERESIS_C, 0.0, float(design.highest))
    return np.array([(t_max_c - USUAL_SPAN_C, *usual), (t_max_c, *usual)])


def _row(trip: Trip, t_max_c: float) -> tuple[float, ...]:
    temperature_c = t_max_c if trip.temperature_c is None else trip.temperature_c
    return temperature_c, trip.hysteresis_c, float(trip.lower), float(trip.upper)


def on_map_c(
    temperature_c: NDArray[np.float64], t_max_c: NDArray[np.float64], last_trip_c: float
) -> NDArray[np.float64]:
    """Shifts temperatures so that they lie as far from a map's trips as from the moved ones.

    Args:
        temperature_c: Readings.
        t_max_c: T_max, same shape.
        last_trip_c: The map's last trip, where it stands.
    """
    return temperature_c - (t_max_c - GUARD_C - last_trip_c)
