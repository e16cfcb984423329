"""DS3's throttling: a state machine over three trips, each with a cap on the clock.

segemena/DS3 @e0d80ee6: DTPM_power_models.py (``evaluate_throttling``), trips of
config_Files/config_file.ini, caps of the Cortex-A15 cluster of config_SoC/SoC.BAL_only.txt. The
caps are clocks of an Odroid-XU3; a board whose highest clock is below one is not capped by it.

The map, with its distances between trips, is moved as a whole until its last trip lies `GUARD_C`
below T_max: above T_max the kernel throttles whatever a controller wants, and all that it can do is
done by then.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.controller import Design, State
from tvfs_gym.baselines.frequency_governor import FrequencyGovernor
from tvfs_gym.envs.limits import GUARD_C
from tvfs_gym.envs.observation import Reading

NOT_THROTTLED = -1


@dataclass(frozen=True)
class TripSet:
    """A set of trips.

    Attributes:
        trips_c: Temperatures, ascending.
        hysteresis_c: How far below its trip a state is left.
        caps_hz: Highest clock in the state of each trip.
    """

    trips_c: tuple[float, ...]
    hysteresis_c: tuple[float, ...]
    caps_hz: tuple[float, ...]


REGULAR = TripSet((85.0, 90.0, 95.0), (3.0, 3.0, 3.0), (1600e6, 1000e6, 600e6))
"""``trip_temperature``, ``trip_hysteresis`` and ``trip_freq``."""

DTPM = TripSet((95.0, 100.0, 105.0), (3.0, 3.0, 3.0), (1000e6, 800e6, 600e6))
"""``DTPM_trip_temperature`` and ``DTPM_trip_freq``; the hysteresis is the same."""


def next_state(
    trips: TripSet, state: NDArray[np.int64], temperature_c: NDArray[np.float64]
) -> NDArray[np.int64]:
    """One evaluation: up by as many trips as are exceeded, or down by one.

    Args:
        trips: Set of trips.
        state: Highest trip in force, or `NOT_THROTTLED`; shape (batch,).
        temperature_c: Now, same shape.
    """
    for trip, (trip_c, hysteresis_c) in enumerate(
        zip(trips.trips_c, trips.hysteresis_c, strict=True)
    ):
        exceeded = temperature_c > trip_c
        left = ~exceeded & (state == trip) & (temperature_c < trip_c - hysteresis_c)
        state = np.where(exceeded, np.maximum(state, trip), state - left)
    return state


class Ds3(FrequencyGovernor):
    """The highest clock that DS3's throttling allows; it remembers the state.

    Args:
        design: Knowledge before the run.
        trips: Set of trips.
    """

    def __init__(self, design: Design, trips: TripSet) -> None:
        super().__init__(design)
        self._trips = trips
        clocks_hz = np.array([point.frequency_hz for point in design.operating_points])
        allowed = [(clocks_hz <= cap_hz).sum() - 1 for cap_hz in trips.caps_hz]
        self._levels = np.maximum([design.highest, *allowed], 0)

    def start(self, count: int) -> State:
        """Not throttled."""
        return (np.full(count, NOT_THROTTLED),)

    def level(self, reading: Reading, state: State) -> tuple[NDArray[np.int64], State]:
        """Evaluates once."""
        last_trip_c = self._trips.trips_c[-1]
        now_c = reading.temperature_c - (reading.t_max_c - GUARD_C - last_trip_c)
        after = next_state(self._trips, state[0], now_c)
        return self._levels[after + 1], (after,)


def ds3_throttling(design: Design) -> Ds3:
    """DS3's throttling: the trips that it enables with ``enable_throttling``."""
    return Ds3(design, REGULAR)


def ds3_dtpm(design: Design) -> Ds3:
    """DS3's throttling: the trips of its custom policies, ``enable_DTPM_throttling``."""
    return Ds3(design, DTPM)
