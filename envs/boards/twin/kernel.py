"""The twin's one step function: a window of continuous inference on one board.

It is the only place where the equations of power, heat, throttling and latency meet. Everything
it works on is a plain array, whose columns are those of `tvfs_gym.envs.boards.twin.arrays`;
`tvfs_gym.envs.boards.twin.board` fills them from a board profile and a scenario.
"""

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.boards.twin.arrays import (
    ACTIVITY,
    AMBIENT_C,
    ARRIVAL_PERIOD_S,
    CLOCK_GCYCLES,
    CLOCK_LEVEL,
    CLUSTER_NF,
    CONFIDENCE,
    COOLING_STATE,
    CORRECT,
    CRITICAL_C,
    DEADLINE_S,
    ENERGY_J,
    EXPECTED_PASS_FACTOR,
    FAN_STATE,
    FRAME,
    FREQUENCY_GHZ,
    HEATED_S,
    IMAGE,
    JITTERS,
    KEY_0,
    KEY_1,
    LATENCY_CONSTRAINT_S,
    LEAKAGE_C1_A_K2,
    LEAKAGE_C2_K,
    LEAKAGE_GATE_A,
    MAX_PASSES,
    MEMORY_S,
    NEXT_ARRIVAL_S,
    NEXT_POLL_S,
    RELATIVE_LATENCY,
    REQUESTED_LEVEL,
    REST_W,
    SENSOR_RESOLUTION_C,
    SLOWDOWN,
    STATE_SIZE,
    T_MAX_C,
    TAU,
    THREAD_NF,
    THREADS,
    TIME_S,
    TOPOLOGY,
    VOLTAGE_V,
    Array,
    Board,
)
from tvfs_gym.envs.boards.twin.governor import poll, set_clock
from tvfs_gym.envs.boards.twin.randomness import (
    JITTER_BITS,
    JITTERS_ALONE,
    JITTERS_WITH_IMAGE,
    first_jitter,
    image_and_jitters,
    more_jitters,
)
from tvfs_gym.envs.boards.window import (
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
    summarise,
)
from tvfs_gym.envs.inference.stopping import wants_another_pass
from tvfs_gym.envs.jit import jit, jit_apart
from tvfs_gym.envs.physics.latency import pass_latency_s
from tvfs_gym.envs.physics.power import dynamic_power_w, leakage_power_w
from tvfs_gym.envs.physics.thermal import (
    die_temperature_c,
    propagate,
    sensor_reading_c,
    time_above_s,
)

CLOSE_K = 30.0
"""So near its critical temperature a board is looked at after every frame: no die gets hotter by
that much between two polls."""


@jit
def _heat(board: Board, threads: float, activity: float) -> None:
    """Brings heat and energy up to date with the time since, at the present clock and one load.

    That is done before every poll, at the window's end, and where the load changes or the board
    might shut down: the power is constant meanwhile but for the leakage, which is taken at the
    temperature of the beginning.
    """
    state, parameters, window = board.state, board.parameters, board.window
    duration_s = state[TIME_S] - state[HEATED_S]
    if duration_s <= 0.0:
        return
    clock = int(state[CLOCK_LEVEL])
    frequency_ghz, voltage_v = board.levels[clock, FREQUENCY_GHZ], board.levels[clock, VOLTAGE_V]
    before_c = die_temperature_c(board.modes)
    dynamic_w = dynamic_power_w(
        frequency_ghz, voltage_v, threads, activity, parameters[CLUSTER_NF], parameters[THREAD_NF]
    )
    leakage_w = leakage_power_w(
        voltage_v,
        before_c,
        parameters[LEAKAGE_C1_A_K2],
        parameters[LEAKAGE_C2_K],
        parameters[LEAKAGE_GATE_A],
    )
    power_w = dynamic_w + leakage_w + parameters[REST_W]
    network = board.networks[int(state[FAN_STATE])]
    integral_c_s = propagate(board.modes, network, parameters[AMBIENT_C], power_w, duration_s)
    after_c = die_temperature_c(board.modes)
    state[HEATED_S] = state[TIME_S]
    window[W_ENERGY_J] += power_w * duration_s
    window[W_TEMPERATURE_MEAN_C] += integral_c_s
    window[W_TEMPERATURE_MAX_C] = max(window[W_TEMPERATURE_MAX_C], after_c)
    window[W_FREQUENCY_MEAN_HZ] += 1e9 * frequency_ghz * duration_s
    window[W_TIME_ABOVE_T_MAX_S] += time_above_s(before_c, after_c, parameters[T_MAX_C], duration_s)
    if state[CLOCK_LEVEL] < state[REQUESTED_LEVEL]:
        window[W_THROTTLED_S] += duration_s
    if after_c >= parameters[CRITICAL_C]:
        window[W_SHUT_DOWN] = 1.0


@jit
def _heat_busy(board: Board) -> None:
    """The same after passes."""
    activity = board.topologies[int(board.state[TOPOLOGY]), ACTIVITY]
    _heat(board, board.parameters[THREADS], activity)


@jit_apart
def _look_closely(board: Board) -> None:
    """The same, seldom."""
    _heat_busy(board)


@jit_apart
def _await_arrival(board: Board) -> float:
    """Idles until the next frame arrives; returns when that was.

    A board that cannot keep up answers later and later.
    """
    state = board.state
    _heat_busy(board)
    while state[TIME_S] < state[NEXT_ARRIVAL_S]:
        until_s = min(state[NEXT_ARRIVAL_S], state[NEXT_POLL_S])
        state[TIME_S] = max(until_s, state[TIME_S])
        _heat(board, 0.0, 0.0)
        if until_s == state[NEXT_POLL_S]:
            poll(board)
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
def _run_past_polls(board: Board, pass_s: float, median_s: float) -> float:
    """Runs a pass through polls, and whatever the governor does to the clock meanwhile.

    Args:
        board: The board.
        pass_s: The pass's latency at the present clock.
        median_s: `_median_pass_s` at the present clock.

    Returns:
        The same at the clock that the pass ends with.
    """
    state = board.state
    left_s = pass_s
    while state[TIME_S] + left_s >= state[NEXT_POLL_S]:
        until_poll_s = max(state[NEXT_POLL_S] - state[TIME_S], 0.0)
        share_left = 1.0 - until_poll_s / left_s
        state[TIME_S] += until_poll_s
        _heat_busy(board)
        poll(board)
        slower = _median_pass_s(board) / median_s
        median_s *= slower
        left_s *= share_left * slower
    state[TIME_S] += left_s
    return median_s


@jit
def _answer_frame(board: Board, start_s: float, image: int, bits: int, answer: Array) -> None:
    """Spends passes on one frame until AdapTTA stops, and writes its row.

    A frame during which the board shuts down stays unanswered.

    Args:
        board: The board.
        start_s: The time from which the frame's latency counts.
        image: Which one it is.
        bits: Those that choose the jitter of its first passes.
        answer: Filled, shape (FRAME_SIZE,).
    """
    state, parameters = board.state, board.parameters
    outcomes = board.outcomes[int(state[TOPOLOGY]), image]
    most_passes, tau, deadline_s = int(state[MAX_PASSES]), parameters[TAU], parameters[DEADLINE_S]
    median_s = _median_pass_s(board)
    expected_s = parameters[EXPECTED_PASS_FACTOR] * median_s
    time_s, next_poll_s = state[TIME_S], state[NEXT_POLL_S]
    passes, block, jitters_left = 0, 0, JITTERS_WITH_IMAGE
    another = True
    while another:
        if jitters_left == 0:
            block += 1
            bits = more_jitters(int(state[KEY_0]), int(state[KEY_1]), int(state[FRAME]), block)
            jitters_left = JITTERS_ALONE
        pass_s = board.jitters[first_jitter(bits)] * median_s
        bits >>= JITTER_BITS
        jitters_left -= 1
        if time_s + pass_s < next_poll_s:
            time_s += pass_s
        else:
            state[TIME_S] = time_s
            median_s = _run_past_polls(board, pass_s, median_s)
            expected_s = parameters[EXPECTED_PASS_FACTOR] * median_s
            time_s, next_poll_s = state[TIME_S], state[NEXT_POLL_S]
        confidence = outcomes[passes, CONFIDENCE]
        passes += 1
        another = wants_another_pass(
            confidence, passes, most_passes, tau, time_s - start_s, expected_s, deadline_s
        )
    state[TIME_S] = time_s
    if die_temperature_c(board.modes) > parameters[CRITICAL_C] - CLOSE_K:
        _look_closely(board)
    if board.window[W_SHUT_DOWN] > 0.0:
        return
    latency_s = time_s - start_s
    answer[FRAME_LATENCY_S] = latency_s
    answer[FRAME_PASSES] = passes
    answer[FRAME_CONFIDENCE] = confidence
    answer[FRAME_CORRECT] = outcomes[passes - 1, CORRECT]
    answer[FRAME_ON_TIME] = 1.0 if latency_s <= parameters[LATENCY_CONSTRAINT_S] else 0.0
    state[FRAME] += 1.0


@jit
def draw_frames(
    state: Array, outcomes: NDArray[np.float32], frames: int, draws: NDArray[np.int64]
) -> None:
    """Draws the images and first jitters of the frames to come.

    Apart from the passes, because a processor works on many draws at once, but on a pass only after
    the one before.

    Args:
        state: Of the board, see `tvfs_gym.envs.boards.twin.arrays`.
        outcomes: Recorded outcomes, shape (topologies, images, views, 2).
        frames: How many.
        draws: Filled, shape (at least frames, DRAWS_SIZE).
    """
    key_0, key_1, first = int(state[KEY_0]), int(state[KEY_1]), int(state[FRAME])
    for row in range(frames):
        image, bits = image_and_jitters(key_0, key_1, first + row, outcomes.shape[1])
        draws[row, IMAGE] = image
        draws[row, JITTERS] = bits


@jit
def run_window(
    state: Array,
    parameters: Array,
    networks: Array,
    trips: Array,
    levels: Array,
    topologies: Array,
    outcomes: NDArray[np.float32],
    jitters: Array,
    draws: NDArray[np.int64],
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
        jitters: `tvfs_gym.envs.physics.latency.jitter_table`.
        draws: From `draw_frames`, shape (at least frames, DRAWS_SIZE).
        frames: Filled, shape (frames, FRAME_SIZE).
        window: Filled, shape (WINDOW_SIZE,).

    Returns:
        How many frames were answered.
    """
    size = networks.shape[1]
    modes = state[STATE_SIZE : STATE_SIZE + size]
    nodes = state[STATE_SIZE + size : STATE_SIZE + 2 * size]
    board = Board(
        state, modes, nodes, state[STATE_SIZE + 2 * size :], parameters, networks, trips, levels,
        topologies, outcomes, jitters, window,
    )  # fmt: skip
    window[:] = 0.0
    start_s = state[TIME_S]
    window[W_TEMPERATURE_MAX_C] = die_temperature_c(modes)
    start_c = sensor_reading_c(window[W_TEMPERATURE_MAX_C], parameters[SENSOR_RESOLUTION_C])
    set_clock(board)
    already = int(state[FRAME])
    for row in range(len(frames)):
        if window[W_SHUT_DOWN] == 0.0:
            arrived_s = state[TIME_S]  # back to back, a frame arrives when the board turns to it
            if parameters[ARRIVAL_PERIOD_S] > 0.0:
                arrived_s = _await_arrival(board)
            _answer_frame(board, arrived_s, draws[row, IMAGE], draws[row, JITTERS], frames[row])
    _heat_busy(board)
    answered = int(state[FRAME]) - already
    summarise(frames[:answered], window)
    window[W_FRAMES] = len(frames)
    window[W_LATE_FRAMES] += len(frames) - answered
    _finish(board, state[TIME_S] - start_s, start_c)
    return answered


@jit
def _finish(board: Board, duration_s: float, start_c: float) -> None:
    """Turns the window's sums into means, and adds what holds at its end.

    Args:
        board: The board.
        duration_s: Of the window.
        start_c: Sensor reading at its beginning.
    """
    state, parameters, window = board.state, board.parameters, board.window
    clock = int(state[CLOCK_LEVEL])
    end_c = sensor_reading_c(die_temperature_c(board.modes), parameters[SENSOR_RESOLUTION_C])
    state[ENERGY_J] += window[W_ENERGY_J]
    window[W_TIME_S] = state[TIME_S]
    window[W_DURATION_S] = duration_s
    window[W_TEMPERATURE_C] = end_c
    window[W_TEMPERATURE_RATE_C_S] = (end_c - start_c) / duration_s
    window[W_TEMPERATURE_MEAN_C] /= duration_s
    # Highest of what was looked at; between two looks it may have been higher, as the mean tells.
    window[W_TEMPERATURE_MAX_C] = max(window[W_TEMPERATURE_MAX_C], window[W_TEMPERATURE_MEAN_C])
    window[W_TIME_ABOVE_T_MAX_S] = min(window[W_TIME_ABOVE_T_MAX_S], duration_s)  # rounding
    window[W_FREQUENCY_MEAN_HZ] /= duration_s
    window[W_FREQUENCY_HZ] = 1e9 * board.levels[clock, FREQUENCY_GHZ]
    window[W_VF_LEVEL] = clock
    window[W_CAP_LEVEL] = len(board.levels) - 1 - state[COOLING_STATE]
    window[W_TOPOLOGY] = state[TOPOLOGY]
    window[W_LATENCY_CONSTRAINT_S] = parameters[LATENCY_CONSTRAINT_S]
    window[W_T_MAX_C] = parameters[T_MAX_C]
    window[W_COST_TEMPERATURE] = window[W_TIME_ABOVE_T_MAX_S] / duration_s
    window[W_COST_DEADLINE] = window[W_LATE_FRAMES] / window[W_FRAMES]
    window[W_COST] = window[W_COST_TEMPERATURE] + window[W_COST_DEADLINE]
