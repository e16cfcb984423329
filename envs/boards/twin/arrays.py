"""The arrays that the kernel works on: their columns, and what belongs to one board."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

(
    TIME_S,  # since reset
    FRAME,  # frames answered since reset
    NEXT_ARRIVAL_S,
    NEXT_POLL_S,
    POLLED_C,  # the governor's previous reading
    COOLING_STATE,
    TOPOLOGY,
    REQUESTED_LEVEL,
    MAX_PASSES,
    CLOCK_LEVEL,  # the level the clock runs at: requested, or the cap if that is lower
    KEY_0,  # two 32-bit words: the episode's random stream
    KEY_1,
    ENERGY_J,  # spent since reset
    FAN_STATE,
    HEATED_S,  # the time to which heat and energy are up to date
    STATE_SIZE,
) = range(16)
"""The board's state; behind it stand the thermal modes, room for the temperatures of as many nodes,
then the trips' state, two per trip."""

(
    CLUSTER_NF,
    THREAD_NF,
    THREADS,
    REST_W,  # power of the rest of the chip
    LEAKAGE_C1_A_K2,
    LEAKAGE_C2_K,
    LEAKAGE_GATE_A,
    CLOCK_GCYCLES,
    MEMORY_S,
    EXPECTED_PASS_FACTOR,  # expected upper end of a pass relative to its median
    SWITCH_S,  # cost of a change of VF level
    SENSOR_RESOLUTION_C,
    POLL_S,
    HONOURS_HYSTERESIS,
    CPU_TRIPS,  # how many of the trips bind the CPU; those behind them bind the fan
    PROGRESSIVE_FROM_C,  # infinite: the firmware does not throttle
    PROGRESSIVE_GHZ_PER_C,
    CRITICAL_C,
    AMBIENT_C,
    T_MAX_C,
    LATENCY_CONSTRAINT_S,
    DEADLINE_S,  # the constraint if AdapTTA is deadline-aware, else infinity
    TAU,
    SLOWDOWN,  # by background load
    ARRIVAL_PERIOD_S,  # 0: back to back
    PARAMETERS_SIZE,
) = range(26)
"""What does not change within a window."""

FREQUENCY_GHZ, VOLTAGE_V = range(2)
"""Columns of the VF levels."""

RELATIVE_LATENCY, ACTIVITY = range(2)
"""Columns of the topologies."""

CONFIDENCE, CORRECT = range(2)
"""Last axis of the outcomes: confidence of the consensus, and 1 where it is right."""


IMAGE, JITTERS, DRAWS_SIZE = range(3)
"""Columns of the frames' draws: the image, and the bits that choose the jitter of the first
passes; see `tvfs_gym.envs.boards.twin.randomness`."""


class Board(NamedTuple):
    """The arrays of one board, as the kernel's functions hand them on.

    Attributes:
        state: Its first STATE_SIZE entries are used by name.
        modes: The thermal modes: the part of the state behind those.
        nodes: Room for the nodes' temperatures: the next part.
        trip_state: The trips' state: the last part.
        parameters: What does not change within a window.
        networks: One per state of the fan; they match the modes.
        trips: Match the trips' state.
        levels: VF levels.
        topologies: Of the family.
        outcomes: Of the same.
        jitters: Equally likely factors on a pass's latency.
        window: What happens in the window adds up here.
    """

    state: Array
    modes: Array
    nodes: Array
    trip_state: Array
    parameters: Array
    networks: Array
    trips: Array
    levels: Array
    topologies: Array
    outcomes: NDArray[np.float32]
    jitters: Array
    window: Array
