"""The twin's one step function: a window of continuous inference on one board.

It is the only place where the equations of power, heat, throttling and latency meet. Everything
it works on is a plain array, whose columns are the constants below; `tvfs_gym.envs.boards.twin`
fills them from a board profile and a scenario.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.inference.stopping import wants_another_pass
from tvfs_gym.envs.jit import jit, jit_apart
from tvfs_gym.envs.physics.latency import jitter_factor, pass_latency_s
from tvfs_gym.envs.physics.power import dynamic_power_w, leakage_power_w
from tvfs_gym.envs.physics.randomness import standard_normal, threefry_2x32, unit
from tvfs_gym.envs.physics.summary import (
    FRAME_CONFIDENCE,
    FRAME_CORRECT,
    FRAME_LATENCY_S,
    FRAME_ON_TIME,
    FRAME_PASSES,
    W_CAP_LEVEL,
    W_COST,
    W_COST_DEADLINE,
    W_COST_TEMPERATURE,
    W_DURATION_S,
    W_ENERGY_J,
    W_FRAMES,
    W_FREQUENCY_HZ,
    W_FREQUENCY_MEAN_HZ,
    W_LATE_FRAMES,
    W_LATENCY_CONSTRAINT_S,
    W_SHUT_DOWN,
    W_T_MAX_C,
    W_TEMPERATURE_C,
    W_TEMPERATURE_MAX_C,
    W_TEMPERATURE_MEAN_C,
    W_TEMPERATURE_RATE_C_S,
    W_THROTTLED_S,
    W_TIME_ABOVE_T_MAX_S,
    W_TIME_S,
    W_TOPOLOGY,
    W_VF_LEVEL,
    W_VF_SWITCHES,
    summarise,
)
from tvfs_gym.envs.physics.thermal import (
    change_network,
    die_temperature_c,
    propagate,
    sensor_reading_c,
)
from tvfs_gym.envs.physics.throttling import PER_TRIP, progressive, step_wise

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
    BUSY_S,  # passes run since heat and energy were last brought up to date
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
    JITTER_LOG_SIGMA,
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
) = range(27)
"""What does not change within a window."""

FREQUENCY_GHZ, VOLTAGE_V = range(2)
"""Columns of the VF levels."""

RELATIVE_LATENCY, ACTIVITY = range(2)
"""Columns of the topologies."""

CONFIDENCE, CORRECT = range(2)
"""Last axis of the outcomes: confidence of the consensus, and 1 where it is right."""


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
    window: Array


@jit
def _heat(board: Board, duration_s: float, threads: float, activity: float) -> None:
    """Brings heat and energy up to date with a time at the present clock, and adds up the rest."""
    state, parameters, window = board.state, board.parameters, board.window
    clock = int(state[CLOCK_LEVEL])
    voltage_v = board.levels[clock, VOLTAGE_V]
    before_c = die_temperature_c(board.modes)
    power_w = (
        dynamic_power_w(
            board.levels[clock, FREQUENCY_GHZ],
            voltage_v,
            threads,
            activity,
            parameters[CLUSTER_NF],
            parameters[THREAD_NF],
        )
        + leakage_power_w(
            voltage_v,
            before_c,
            parameters[LEAKAGE_C1_A_K2],
            parameters[LEAKAGE_C2_K],
            parameters[LEAKAGE_GATE_A],
        )
        + parameters[REST_W]
    )
    network = board.networks[int(state[FAN_STATE])]
    propagate(board.modes, network, parameters[AMBIENT_C], power_w, duration_s)
    after_c = die_temperature_c(board.modes)
    window[W_DURATION_S] += duration_s
    window[W_ENERGY_J] += power_w * duration_s
    state[ENERGY_J] += power_w * duration_s
    window[W_TEMPERATURE_MEAN_C] += 0.5 * (before_c + after_c) * duration_s
    window[W_TEMPERATURE_MAX_C] = max(window[W_TEMPERATURE_MAX_C], after_c)
    window[W_FREQUENCY_MEAN_HZ] += board.levels[clock, FREQUENCY_GHZ] * 1e9 * duration_s
    if after_c > parameters[T_MAX_C]:
        window[W_TIME_ABOVE_T_MAX_S] += duration_s
    if state[CLOCK_LEVEL] < state[REQUESTED_LEVEL]:
        window[W_THROTTLED_S] += duration_s
    if after_c >= parameters[CRITICAL_C]:
        window[W_SHUT_DOWN] = 1.0


@jit
def _spend(board: Board, duration_s: float) -> None:
    """Lets idle time pass at the present clock."""
    board.state[TIME_S] += duration_s
    _heat(board, duration_s, 0.0, 0.0)


@jit
def _catch_up(board: Board) -> None:
    """Brings heat and energy up to date with the passes run since.

    That is done once per frame and before every poll: the power is constant meanwhile but for the
    leakage.
    """
    state = board.state
    if state[BUSY_S] > 0.0:
        activity = board.topologies[int(state[TOPOLOGY]), ACTIVITY]
        _heat(board, state[BUSY_S], board.parameters[THREADS], activity)
        state[BUSY_S] = 0.0


@jit
def _set_clock(board: Board) -> None:
    """Runs the clock at the requested level or the cap, whichever is lower."""
    state = board.state
    clock = min(state[REQUESTED_LEVEL], len(board.levels) - 1 - state[COOLING_STATE])
    if clock != state[CLOCK_LEVEL]:
        state[CLOCK_LEVEL] = clock
        board.window[W_VF_SWITCHES] += 1.0
        _spend(board, board.parameters[SWITCH_S])


@jit_apart
def _poll(board: Board) -> None:
    """Lets the throttling governor look at the sensor, and set the cap and the fan."""
    state, parameters = board.state, board.parameters
    reading_c = sensor_reading_c(die_temperature_c(board.modes), parameters[SENSOR_RESOLUTION_C])
    cpu_trips = int(parameters[CPU_TRIPS])
    asked = step_wise(
        board.trips[:cpu_trips],
        board.trip_state[: PER_TRIP * cpu_trips],
        state[COOLING_STATE],
        reading_c,
        state[POLLED_C],
        parameters[HONOURS_HYSTERESIS] > 0.0,
    )
    by_firmware = progressive(
        board.levels[:, FREQUENCY_GHZ],
        reading_c,
        parameters[PROGRESSIVE_FROM_C],
        parameters[PROGRESSIVE_GHZ_PER_C],
    )
    state[COOLING_STATE] = max(asked, by_firmware)
    _set_fan(board, reading_c)
    state[POLLED_C] = reading_c
    state[NEXT_POLL_S] += parameters[POLL_S]
    _set_clock(board)


@jit
def _set_fan(board: Board, reading_c: float) -> None:
    """Lets the governor choose the fan's state; the node temperatures stay as they are."""
    state = board.state
    cpu_trips = int(board.parameters[CPU_TRIPS])
    if len(board.trips) == cpu_trips:
        return
    before = int(state[FAN_STATE])
    state[FAN_STATE] = step_wise(
        board.trips[cpu_trips:],
        board.trip_state[PER_TRIP * cpu_trips :],
        state[FAN_STATE],
        reading_c,
        state[POLLED_C],
        board.parameters[HONOURS_HYSTERESIS] > 0.0,
    )
    after = int(state[FAN_STATE])
    if after != before:
        change_network(board.modes, board.nodes, board.networks[before], board.networks[after])


@jit
def _await_frame(board: Board) -> float:
    """Waits for the next frame to arrive; returns the time from which its latency counts.

    Back to back, that is when the board turns to it; with a fixed period it is when the frame
    arrived, so a board that cannot keep up answers later and later.
    """
    state = board.state
    if board.parameters[ARRIVAL_PERIOD_S] == 0.0:
        return state[TIME_S]
    while state[TIME_S] < state[NEXT_ARRIVAL_S]:
        until_s = min(state[NEXT_ARRIVAL_S], state[NEXT_POLL_S])
        _spend(board, max(until_s - state[TIME_S], 0.0))
        if until_s == state[NEXT_POLL_S]:
            _poll(board)
        else:
            state[TIME_S] = until_s
    arrived_s = state[NEXT_ARRIVAL_S]
    state[NEXT_ARRIVAL_S] += board.parameters[ARRIVAL_PERIOD_S]
    return arrived_s


@jit
def _median_pass_s(board: Board) -> float:
    """Median latency of a pass of the present topology at the present clock."""
    parameters = board.parameters
    return parameters[SLOWDOWN] * pass_latency_s(
        board.levels[int(board.state[CLOCK_LEVEL]), FREQUENCY_GHZ],
        board.topologies[int(board.state[TOPOLOGY]), RELATIVE_LATENCY],
        parameters[CLOCK_GCYCLES],
        parameters[MEMORY_S],
    )


@jit
def _run_pass(board: Board, jitter: float, median_s: float) -> float:
    """Runs one forward pass, through whatever the governor does to the clock meanwhile.

    Args:
        board: The board.
        jitter: Factor on the pass's latency.
        median_s: `_median_pass_s` at the present clock.

    Returns:
        The same at the clock that the pass ends with.
    """
    state = board.state
    left_s = jitter * median_s
    while state[TIME_S] + left_s >= state[NEXT_POLL_S]:
        until_poll_s = max(state[NEXT_POLL_S] - state[TIME_S], 0.0)
        share_left = 1.0 - until_poll_s / left_s
        state[TIME_S] += until_poll_s
        state[BUSY_S] += until_poll_s
        _catch_up(board)
        _poll(board)
        slower = _median_pass_s(board) / median_s
        median_s *= slower
        left_s *= share_left * slower
    state[TIME_S] += left_s
    state[BUSY_S] += left_s
    return median_s


@jit
def _answer_frame(
    board: Board, start_s: float, outcomes: NDArray[np.float32], answer: Array
) -> None:
    """Spends passes on one frame until AdapTTA stops, and writes its row.

    A frame during which the board shuts down stays unanswered.
    """
    state, parameters = board.state, board.parameters
    key_0, key_1, frame = int(state[KEY_0]), int(state[KEY_1]), int(state[FRAME])
    topology = int(state[TOPOLOGY])
    # Draws of a frame, two by two: the image and the jitter of pass 1; of passes 2 and 3; ...
    image_word, jitter_word = threefry_2x32(key_0, key_1, frame, 0)
    next_word = jitter_word
    image = int(unit(image_word) * outcomes.shape[1])
    median_s = _median_pass_s(board)
    passes = 0
    another = True
    while another:
        if passes % 2 == 1:
            jitter_word, next_word = threefry_2x32(key_0, key_1, frame, (passes + 1) // 2)
        else:
            jitter_word = next_word
        jitter = jitter_factor(parameters[JITTER_LOG_SIGMA], standard_normal(jitter_word))
        median_s = _run_pass(board, jitter, median_s)
        confidence = outcomes[topology, image, passes, CONFIDENCE]
        right = outcomes[topology, image, passes, CORRECT]
        passes += 1
        another = wants_another_pass(
            confidence,
            passes,
            int(state[MAX_PASSES]),
            parameters[TAU],
            state[TIME_S] - start_s,
            parameters[EXPECTED_PASS_FACTOR] * median_s,
            parameters[DEADLINE_S],
        )
    latency_s = state[TIME_S] - start_s
    _catch_up(board)
    if board.window[W_SHUT_DOWN] > 0.0:
        return
    answer[FRAME_LATENCY_S] = latency_s
    answer[FRAME_PASSES] = passes
    answer[FRAME_CONFIDENCE] = confidence
    answer[FRAME_CORRECT] = right
    answer[FRAME_ON_TIME] = 1.0 if latency_s <= parameters[LATENCY_CONSTRAINT_S] else 0.0
    state[FRAME] += 1.0


@jit_apart
def run_window(
    state: Array,
    parameters: Array,
    networks: Array,
    trips: Array,
    levels: Array,
    topologies: Array,
    outcomes: NDArray[np.float32],
    frames: Array,
    window: Array,
) -> int:
    """Answers as many frames as `frames` has rows; updates the board's state in place.

    If the board shuts down, the frame at hand and those after it stay unanswered and count as late;
    their rows are not filled. The arrays come one by one: numba takes in a tuple far more slowly.

    Args:
        state: Shape (STATE_SIZE + 2 modes + 2 trips,).
        parameters: Shape (PARAMETERS_SIZE,).
        networks: `RcNetwork.modes` by state of the fan, shape (fan states, modes, 3 + 2 modes).
        trips: The CPU's, then the fan's, shape (trips, 4).
        levels: VF levels, slowest first, shape (levels, 2).
        topologies: Fastest first, shape (topologies, 2).
        outcomes: Recorded outcomes, shape (topologies, images, views, 2).
        frames: Filled, shape (frames, FRAME_SIZE).
        window: Filled, shape (WINDOW_SIZE,).

    Returns:
        How many frames were answered.
    """
    size = networks.shape[1]
    modes = state[STATE_SIZE : STATE_SIZE + size]
    nodes = state[STATE_SIZE + size : STATE_SIZE + 2 * size]
    trip_state = state[STATE_SIZE + 2 * size :]
    board = Board(
        state, modes, nodes, trip_state, parameters, networks, trips, levels, topologies, window
    )
    window[:] = 0.0
    window[W_TEMPERATURE_MAX_C] = die_temperature_c(modes)
    start_c = sensor_reading_c(window[W_TEMPERATURE_MAX_C], parameters[SENSOR_RESOLUTION_C])
    _set_clock(board)
    already = int(state[FRAME])
    for row in range(len(frames)):
        if window[W_SHUT_DOWN] == 0.0:
            _answer_frame(board, _await_frame(board), outcomes, frames[row])
    answered = int(state[FRAME]) - already
    summarise(frames[:answered], window)
    window[W_FRAMES] = len(frames)
    window[W_LATE_FRAMES] += len(frames) - answered
    end_c = sensor_reading_c(die_temperature_c(modes), parameters[SENSOR_RESOLUTION_C])
    clock = int(state[CLOCK_LEVEL])
    window[W_TIME_S] = state[TIME_S]
    window[W_TEMPERATURE_C] = end_c
    window[W_TEMPERATURE_RATE_C_S] = (end_c - start_c) / window[W_DURATION_S]
    window[W_TEMPERATURE_MEAN_C] /= window[W_DURATION_S]
    window[W_FREQUENCY_MEAN_HZ] /= window[W_DURATION_S]
    window[W_FREQUENCY_HZ] = levels[clock, FREQUENCY_GHZ] * 1e9
    window[W_VF_LEVEL] = clock
    window[W_CAP_LEVEL] = len(levels) - 1 - state[COOLING_STATE]
    window[W_TOPOLOGY] = state[TOPOLOGY]
    window[W_LATENCY_CONSTRAINT_S] = parameters[LATENCY_CONSTRAINT_S]
    window[W_T_MAX_C] = parameters[T_MAX_C]
    window[W_COST_TEMPERATURE] = window[W_TIME_ABOVE_T_MAX_S] / window[W_DURATION_S]
    window[W_COST_DEADLINE] = window[W_LATE_FRAMES] / window[W_FRAMES]
    window[W_COST] = window[W_COST_TEMPERATURE] + window[W_COST_DEADLINE]
    return answered
