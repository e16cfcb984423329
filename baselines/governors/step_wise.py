"""The kernel's ``step_wise`` thermal governor.

One VF level less with every poll that finds the temperature above a trip and rising. The rule is
`tvfs_gym.envs.physics.throttling.poll_trips`, which names the kernel's files; the trips are those
of `tvfs_gym.envs.boards.thermal_map`. On a twin the kernel polls, every 250 ms; in user space the
governor polls once per step.
"""

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.controller import Design, State
from tvfs_gym.baselines.frequency_governor import FrequencyGovernor
from tvfs_gym.baselines.governors.trips import trips_of
from tvfs_gym.envs.boards.thermal_map import rows
from tvfs_gym.envs.governors import Governors
from tvfs_gym.envs.jit import jit_apart
from tvfs_gym.envs.observation import Reading
from tvfs_gym.envs.physics import throttling


class StepWise(FrequencyGovernor):
    """The governor; it remembers what the kernel does: trips, cooling state, previous reading.

    Args:
        design: Knowledge before the run.
        hysteresis: True if it honours the trips' hysteresis, as kernels from about 6.9 on do.
    """

    def __init__(self, design: Design, hysteresis: bool) -> None:
        super().__init__(design)
        self.governors = Governors(thermal="step_wise_hysteresis" if hysteresis else "step_wise")
        self._trips = rows(trips_of(design, design.known.t_max_c), design.known.t_max_c)
        self._hysteresis = hysteresis

    def start(self, count: int) -> State:
        """A governor that has never polled."""
        trip_state = np.zeros((count, len(self._trips), throttling.PER_TRIP))
        trip_state[..., throttling.TARGET] = throttling.NO_TARGET
        never = np.full(count, throttling.NEVER_POLLED_C)
        return trip_state.reshape(count, -1), np.zeros(count), never

    def level(self, reading: Reading, state: State) -> tuple[NDArray[np.int64], State]:
        """Polls once."""
        trip_state, cooling_state, previous_c = state[0].copy(), state[1].copy(), state[2]
        now_c = reading.temperature_c - (reading.t_max_c - self.design.known.t_max_c)
        _poll_all(self._trips, trip_state, cooling_state, now_c, previous_c, self._hysteresis)
        level = self.design.highest - cooling_state.astype(np.int64)
        return level, (trip_state, cooling_state, now_c)


def step_wise(design: Design) -> StepWise:
    """The kernel's step_wise before about 6.9, which ignores the trips' hysteresis."""
    return StepWise(design, hysteresis=False)


def step_wise_hysteresis(design: Design) -> StepWise:
    """The kernel's step_wise since about 6.9: honours the hysteresis, then releases the clock."""
    return StepWise(design, hysteresis=True)


@jit_apart
def _poll_all(
    trips: NDArray[np.float64],
    trip_state: NDArray[np.float64],
    cooling_state: NDArray[np.float64],
    temperature_c: NDArray[np.float64],
    previous_c: NDArray[np.float64],
    hysteresis: bool,
) -> None:
    """Polls for every board of a batch; updates the states in place."""
    for board in range(len(cooling_state)):
        cooling_state[board] = throttling.poll_trips(
            trips,
            trip_state[board],
            cooling_state[board],
            temperature_c[board],
            previous_c[board],
            hysteresis,
        )
