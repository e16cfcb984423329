"""The arrays that the kernel works on: their columns, and what belongs to one board."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.jit import indices, jit, matrix
from tvfs_gym.envs.physics import power_budget
from tvfs_gym.envs.physics.throttling import PER_TRIP

Array = NDArray[np.float64]
Outcomes = NDArray[np.float32]

S: Any = indices(
    "TIME_S",  # since reset
    "FRAME",  # frames answered since reset
    "NEXT_ARRIVAL_S",
    "NEXT_POLL_S",
    "POLLED_C",  # the governor's previous reading
    "COOLING_STATE",
    "TOPOLOGY",
    "REQUESTED_LEVEL",
    "MAX_PASSES",
    "CLOCK_LEVEL",  # the level the clock runs at: requested, or the cap if that is lower
    "KEY_0",  # two 32-bit words: the episode's random stream
    "KEY_1",
    "ENERGY_J",  # spent since reset
    "FAN_STATE",
    "HEATED_S",  # the time to which heat and energy are up to date
    "HOTTEST_C",  # die since the frame began, of all looks
    "POLLS",  # of the governor since reset
    "NEXT_THROTTLING_S",  # poll of throttling; the next poll is the soonest of the three
    "NEXT_TICK_S",  # of the thermal governor; infinite: the throttling preset is alone
    "NEXT_SAMPLE_S",  # of the cpufreq governor; infinite: userspace, or asleep
    "GOVERNED_LEVEL",  # the level that the cpufreq governor asks for
    "GOVERNED_STATE",  # the cooling state that the thermal governor asks for
    "READY_TOPOLOGY",  # the one that the latest pass ran; -1 before the first
)
"""State of a board."""

P: Any = indices(
    "CLUSTER_NF",
    "THREAD_NF",
    "THREADS",
    "REST_W",  # power of the rest of the chip
    "LEAKAGE_C1_A_K2",
    "LEAKAGE_C2_K",
    "LEAKAGE_GATE_A",
    "CLOCK_GCYCLES",
    "MEMORY_S",
    "EXPECTED_PASS_FACTOR",  # expected upper end of a pass relative to its median
    "SWITCH_S",  # cost of a change of VF level
    "SENSOR_RESOLUTION_C",
    "POLL_S",
    "HONOURS_HYSTERESIS",
    "CPU_TRIPS",  # how many of the trips bind the CPU; those behind them bind the fan
    "PROGRESSIVE_FROM_C",  # infinite: the firmware does not throttle
    "PROGRESSIVE_GHZ_PER_C",
    "CRITICAL_C",
    "AMBIENT_C",
    "T_MAX_C",
    "LATENCY_CONSTRAINT_S",
    "DEADLINE_S",  # the constraint if AdapTTA is deadline-aware, else infinity
    "TAU",
    "SLOWDOWN",  # by background load
    "ARRIVAL_PERIOD_S",  # 0: back to back
    "MOST_PASSES",  # of the scenario's policy
    "MODES",  # thermal nodes, and modes
    "FAN_STATES",
    "TRIPS",
    "SENSOR_OF_ITS_OWN",  # 1 if any of the next three is not 0
    "SENSOR_LAG_S",
    "SENSOR_BIAS_C",
    "SENSOR_NOISE_C",
    "LOOKS",  # at the die that the sensor's lag spans; 0 without a lag
    "CPUFREQ",  # index into `tvfs_gym.envs.governors.CPUFREQ`
    "THERMAL",  # index into `tvfs_gym.envs.governors.THERMAL`
    "TICK_S",  # of the thermal governor
    "ZONE_TRIPS",  # passive trips of the thermal governor
)
"""Parameters, which do not change within a window."""

G: Any = indices(
    "IDLE_S",  # of the CPU since reset
    "SAMPLED_S",  # time and idle time at the cpufreq governor's latest sample
    "SAMPLED_IDLE_S",
    "LOAD_PERCENT",  # of that sample; 0: not to be used again
    "TICKED_S",  # time and idle time at the thermal governor's latest tick
    "TICKED_IDLE_S",
    "TICKED_C",  # its reading
    "UTILISATION",
    "TRACKED_S",  # the time to which the utilisation is up to date
    "LOST_S",  # time that slower clocks took from it since the CPU was idle
    "ESTIMATE",  # of the task's utilisation
)
"""Memory of the kernel's governors."""

FREQUENCY_GHZ, VOLTAGE_V = range(2)
"""Columns of the VF levels."""

RELATIVE_LATENCY, ACTIVITY, CHANGE_SHARE, TOPOLOGY_SIZE = range(4)
"""Columns of the topologies."""

CONFIDENCE, CORRECT = range(2)
"""Last axis of the outcomes: confidence of the consensus, and 1 where it is right."""

IMAGE, JITTERS, DRAW_SIZE = range(3)
"""Columns of a frame's draw: the image, and the bits that choose the jitter of its first passes;
see `tvfs_gym.envs.boards.twin.randomness`."""

DRAWN_FRAMES = 16
"""Frames whose draws have room in a board's buffer."""

TRIP_SIZE = 4
"""Numbers of a trip: temperature, hysteresis, lower and upper state."""

LOOK_SIZE = 2
"""Numbers of a look at the die: time and temperature."""
BUDGET_SIZE = power_budget.PARAMETERS_SIZE + power_budget.STATE_SIZE
"""Numbers of the power allocator."""

LEVELS, TOPOLOGIES, HEADER_SIZE = range(3)
"""Entries at the beginning of the shared buffer: how many there are of each."""


class BoardArrays(NamedTuple):
    """The arrays of one board, as the kernel's functions hand them on: views of its buffers.

    Attributes:
        parameters: Entries as in `P`.
        state: Entries as in `S`.
        modes: The thermal modes.
        nodes: Scratch space for node temperatures or modes, as many.
        trip_state: Two entries per trip.
        networks: `RcNetwork.modes` of every state of the fan, one after the other.
        trips: The CPU's, then the fan's, shape (trips, 4).
        draws: Draws of the next frames, shape (`DRAWN_FRAMES`, `DRAW_SIZE`).
        looks: Ring of the polls' looks at the die, shape (looks, `LOOK_SIZE`).
        governors: Memory of the kernel's governors, entries as in `G`.
        budget: Parameters, then state, of `tvfs_gym.envs.physics.power_budget`.
        zone_trips: Passive trips of the thermal governor, shape (trips, 4).
        zone_state: Two entries per trip of it.
        core_mw: Power of a busy core by VF level, as the kernel's energy model has it.
        levels: VF levels, slowest first, shape (levels, 2).
        topologies: Fastest first, shape (topologies, `TOPOLOGY_SIZE`).
        outcomes: Recorded outcomes, shape (topologies, images, views, 2).
        jitters: `tvfs_gym.envs.boards.twin.randomness.jitter_table`.
        window: Sums over the window.
    """

    parameters: Array
    state: Array
    modes: Array
    nodes: Array
    trip_state: Array
    networks: Array
    trips: Array
    draws: Array
    looks: Array
    governors: Array
    budget: Array
    zone_trips: Array
    zone_state: Array
    core_mw: Array
    levels: Array
    topologies: Array
    outcomes: Outcomes
    jitters: Array
    window: Array


class Layout(NamedTuple):
    """Where the parts of a board's own buffer end; each begins where the one before ends.

    Attributes:
        state: The parameters, entries as in `P`, stand before it.
        modes: Thermal modes.
        nodes: Scratch space for as many node temperatures.
        trip_state: Two entries per trip.
        networks: The network in every state of the fan.
        trips: Four entries per trip.
        draws: Draws of the next frames.
        looks: Looks at the die.
        governors: Memory of the kernel's governors.
        budget: The power allocator's numbers.
        zone_trips: Four entries per trip of the thermal governor.
        zone_state: Two entries per trip of it.
    """

    state: int
    modes: int
    nodes: int
    trip_state: int
    networks: int
    trips: int
    draws: int
    looks: int
    governors: int
    budget: int
    zone_trips: int
    zone_state: int


@jit
def layout(modes: int, fan_states: int, trips: int, looks: int, zone_trips: int) -> Layout:
    """Lays a board's own buffer out."""
    state = len(P) + len(S)
    modes_end = state + modes
    nodes = modes_end + modes
    trip_state = nodes + PER_TRIP * trips
    networks = trip_state + fan_states * modes * (3 + 2 * modes)
    trips_end = networks + TRIP_SIZE * trips
    draws = trips_end + DRAWN_FRAMES * DRAW_SIZE
    looks_end = draws + LOOK_SIZE * looks
    governors = looks_end + len(G)
    budget = governors + BUDGET_SIZE
    zone_trips_end = budget + TRIP_SIZE * zone_trips
    return Layout(
        state, modes_end, nodes, trip_state, networks, trips_end, draws, looks_end, governors,
        budget, zone_trips_end, zone_trips_end + PER_TRIP * zone_trips,
    )  # fmt: skip


@jit
def board_of(own: Array, shared: Array, outcomes: Outcomes, window: Array) -> BoardArrays:
    """Splits the buffers of a board into views.

    Args:
        own: The board's parameters, state, networks, trips, draws, looks and governors, see
            `Layout`; what is longer has room to spare.
        shared: Data common to all boards of one profile and family: header, levels,
            topologies, power of a core, jitters.
        outcomes: Recorded outcomes.
        window: Entries as in `W`.
    """
    modes, fan_states = int(own[P.MODES]), int(own[P.FAN_STATES])
    trips, looks, zone_trips = int(own[P.TRIPS]), int(own[P.LOOKS]), int(own[P.ZONE_TRIPS])
    ends = layout(modes, fan_states, trips, looks, zone_trips)
    levels, topologies = int(shared[LEVELS]), int(shared[TOPOLOGIES])
    levels_end = HEADER_SIZE + 2 * levels
    topologies_end = levels_end + TOPOLOGY_SIZE * topologies
    core_end = topologies_end + levels
    return BoardArrays(
        own[: len(P)],
        own[len(P) : ends.state],
        own[ends.state : ends.modes],
        own[ends.modes : ends.nodes],
        own[ends.nodes : ends.trip_state],
        matrix(own[ends.trip_state : ends.networks], fan_states * modes, 3 + 2 * modes),
        matrix(own[ends.networks : ends.trips], trips, TRIP_SIZE),
        matrix(own[ends.trips : ends.draws], DRAWN_FRAMES, DRAW_SIZE),
        matrix(own[ends.draws : ends.looks], looks, LOOK_SIZE),
        own[ends.looks : ends.governors],
        own[ends.governors : ends.budget],
        matrix(own[ends.budget : ends.zone_trips], zone_trips, TRIP_SIZE),
        own[ends.zone_trips : ends.zone_state],
        shared[topologies_end:core_end],
        matrix(shared[HEADER_SIZE:levels_end], levels, 2),
        matrix(shared[levels_end:topologies_end], topologies, TOPOLOGY_SIZE),
        outcomes,
        shared[core_end:],
        window,
    )
