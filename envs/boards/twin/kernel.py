"""The twin's one step function: a window of continuous inference on one board.

It is the only place where the equations of power, heat, throttling and latency meet. Everything
it works on is a plain array, whose columns are those of `tvfs_gym.envs.boards.twin.arrays`;
`tvfs_gym.envs.boards.twin.board` fills them from a board profile and a scenario.
"""

import numpy as np

from tvfs_gym.envs.boards.twin.arrays import (
    ACTIVITY,
    CHANGE_SHARE,
    CONFIDENCE,
    CORRECT,
    DRAWN_FRAMES,
    FREQUENCY_GHZ,
    IMAGE,
    JITTERS,
    RELATIVE_LATENCY,
    VOLTAGE_V,
    Array,
    BoardArrays,
    G,
    Outcomes,
    P,
    S,
    board_of,
)
from tvfs_gym.envs.boards.twin.cpufreq import fall_asleep, wake_up
from tvfs_gym.envs.boards.twin.governor import cap_level, plan_poll, poll, sample_load, set_clock
from tvfs_gym.envs.boards.twin.randomness import (
    JITTER_BITS,
    JITTERS_ALONE,
    JITTERS_WITH_IMAGE,
    first_jitter,
    image_and_jitters,
    more_jitters,
)
from tvfs_gym.envs.boards.twin.sensor import read_sensor
from tvfs_gym.envs.boards.window import F, W, summarise
from tvfs_gym.envs.inference.stopping import wants_another_pass
from tvfs_gym.envs.jit import jit, jit_apart
from tvfs_gym.envs.physics.latency import pass_latency_s
from tvfs_gym.envs.physics.power import dynamic_power_w, leakage_power_w
from tvfs_gym.envs.physics.thermal import (
    die_temperature_c,
    propagate,
    time_above_s,
)

CLOSE_K = 30.0
"""So near its critical temperature a board is looked at after every frame: no die gets hotter by
that much between two polls."""

NEAR_K = 2.0
"""So near T_max the die's course between two looks decides how long it was above."""


@jit
def switching_w(
    parameters: Array, frequency_ghz: float, voltage_v: float, threads: float, activity: float
) -> float:
    """Switching power of a board with these parameters."""
    cluster_nf, thread_nf = parameters[P.CLUSTER_NF], parameters[P.THREAD_NF]
    return dynamic_power_w(frequency_ghz, voltage_v, threads, activity, cluster_nf, thread_nf)


@jit
def leakage_w(parameters: Array, voltage_v: float, temperature_c: float) -> float:
    """Leakage of a board with these parameters."""
    return leakage_power_w(
        voltage_v,
        temperature_c,
        parameters[P.LEAKAGE_C1_A_K2],
        parameters[P.LEAKAGE_C2_K],
        parameters[P.LEAKAGE_GATE_A],
    )


@jit
def _heat(board: BoardArrays, threads: float, activity: float) -> None:
    """Brings heat and energy up to date with the time since, at the present clock and one load.

    That is done before every poll, at the window's end, and where the load changes or the board
    might shut down: the power is constant meanwhile but for the leakage, which is taken at the
    temperature of the beginning.
    """
    state, parameters, window = board.state, board.parameters, board.window
    duration_s = state[S.TIME_S] - state[S.HEATED_S]
    if duration_s <= 0.0:
        return
    clock = int(state[S.CLOCK_LEVEL])
    frequency_ghz, voltage_v = board.levels[clock, FREQUENCY_GHZ], board.levels[clock, VOLTAGE_V]
    before_c = die_temperature_c(board.modes)
    dynamic_w = switching_w(parameters, frequency_ghz, voltage_v, threads, activity)
    power_w = dynamic_w + leakage_w(parameters, voltage_v, before_c) + parameters[P.REST_W]
    size = len(board.modes)
    first = int(state[S.FAN_STATE]) * size
    network = board.networks[first : first + size]
    scratch = board.nodes
    for k in range(size):
        scratch[k] = board.modes[k]
    integral_c_s = propagate(board.modes, network, parameters[P.AMBIENT_C], power_w, duration_s)
    after_c = die_temperature_c(board.modes)
    state[S.HEATED_S] = state[S.TIME_S]
    state[S.HOTTEST_C] = max(state[S.HOTTEST_C], after_c)
    window[W.ENERGY_J] += power_w * duration_s
    window[W.TEMPERATURE_MEAN_C] += integral_c_s
    window[W.TEMPERATURE_MAX_C] = max(window[W.TEMPERATURE_MAX_C], after_c)
    window[W.FREQUENCY_MEAN_HZ] += 1e9 * frequency_ghz * duration_s
    t_max_c = parameters[P.T_MAX_C]
    if min(before_c, after_c) > t_max_c + NEAR_K:
        window[W.TIME_ABOVE_T_MAX_S] += duration_s
    elif max(before_c, after_c) > t_max_c - NEAR_K:
        window[W.TIME_ABOVE_T_MAX_S] += time_above_s(
            scratch, network, parameters[P.AMBIENT_C], power_w, duration_s, t_max_c
        )
    if cap_level(board) <= state[S.CLOCK_LEVEL] < state[S.REQUESTED_LEVEL]:
        window[W.THROTTLED_S] += duration_s
    if after_c >= parameters[P.CRITICAL_C]:
        window[W.SHUT_DOWN] = 1.0


@jit
def _heat_busy(board: BoardArrays) -> None:
    """`_heat` after passes."""
    activity = board.topologies[int(board.state[S.TOPOLOGY]), ACTIVITY]
    _heat(board, board.parameters[P.THREADS], activity)


@jit_apart
def _look_closely(board: BoardArrays) -> None:
    """`_heat_busy`, seldom: compiled apart."""
    _heat_busy(board)


@jit_apart
def _await_arrival(board: BoardArrays) -> float:
    """Idles until the next frame arrives; returns when that was.

    A board that cannot keep up answers later and later.
    """
    state = board.state
    _heat_busy(board)
    idles = state[S.TIME_S] < state[S.NEXT_ARRIVAL_S]
    if idles:
        fall_asleep(board)
    while state[S.TIME_S] < state[S.NEXT_ARRIVAL_S]:
        until_s = max(min(state[S.NEXT_ARRIVAL_S], state[S.NEXT_POLL_S]), state[S.TIME_S])
        pause_s = until_s - state[S.TIME_S]
        board.governors[G.IDLE_S] += pause_s / board.parameters[P.SLOWDOWN]  # less other work
        state[S.TIME_S] = until_s
        if until_s >= state[S.NEXT_POLL_S]:
            if sample_load(board, False):
                _heat(board, 0.0, 0.0)
            poll(board)
    if idles:
        _heat(board, 0.0, 0.0)
        wake_up(board)
        set_clock(board)
        plan_poll(board)
    arrived_s = state[S.NEXT_ARRIVAL_S]
    state[S.NEXT_ARRIVAL_S] += board.parameters[P.ARRIVAL_PERIOD_S]
    return arrived_s


@jit
def _median_pass_s(board: BoardArrays) -> float:
    """Median latency of a pass of the present topology at the present clock."""
    parameters = board.parameters
    return parameters[P.SLOWDOWN] * pass_latency_s(
        board.levels[int(board.state[S.CLOCK_LEVEL]), FREQUENCY_GHZ],
        board.topologies[int(board.state[S.TOPOLOGY]), RELATIVE_LATENCY],
        parameters[P.CLOCK_GCYCLES],
        parameters[P.MEMORY_S],
    )


@jit_apart
def _change_topology(board: BoardArrays) -> None:
    """Spends the time that a change to another resident network adds to its first pass."""
    state = board.state
    if state[S.READY_TOPOLOGY] >= 0.0:
        share = board.topologies[int(state[S.TOPOLOGY]), CHANGE_SHARE]
        state[S.TIME_S] += share * _median_pass_s(board)
    state[S.READY_TOPOLOGY] = state[S.TOPOLOGY]


@jit
def _run_past_polls(board: BoardArrays, pass_s: float, median_s: float) -> float:
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
    while state[S.TIME_S] + left_s >= state[S.NEXT_POLL_S]:
        until_poll_s = max(state[S.NEXT_POLL_S] - state[S.TIME_S], 0.0)
        share_left = 1.0 - until_poll_s / left_s
        state[S.TIME_S] += until_poll_s
        if sample_load(board, True):
            _heat_busy(board)
        poll(board)
        slower = _median_pass_s(board) / median_s
        median_s *= slower
        left_s *= share_left * slower
    state[S.TIME_S] += left_s
    return median_s


@jit
def _answer_frame(board: BoardArrays, start_s: float, image: int, bits: int, answer: Array) -> None:
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
    outcomes = board.outcomes[int(state[S.TOPOLOGY]), image]
    most_passes, tau, deadline_s = (
        int(state[S.MAX_PASSES]),
        parameters[P.TAU],
        parameters[P.DEADLINE_S],
    )
    state[S.HOTTEST_C] = die_temperature_c(board.modes)
    median_s = _median_pass_s(board)
    expected_s = parameters[P.EXPECTED_PASS_FACTOR] * median_s
    time_s, next_poll_s = state[S.TIME_S], state[S.NEXT_POLL_S]
    passes, block, jitters_left = 0, 0, JITTERS_WITH_IMAGE
    another = True
    while another:
        if jitters_left == 0:
            block += 1
            bits = more_jitters(
                int(state[S.KEY_0]), int(state[S.KEY_1]), int(state[S.FRAME]), block
            )
            jitters_left = JITTERS_ALONE
        pass_s = board.jitters[first_jitter(bits)] * median_s
        bits >>= JITTER_BITS
        jitters_left -= 1
        if time_s + pass_s < next_poll_s:
            time_s += pass_s
        else:
            state[S.TIME_S] = time_s
            median_s = _run_past_polls(board, pass_s, median_s)
            expected_s = parameters[P.EXPECTED_PASS_FACTOR] * median_s
            time_s, next_poll_s = state[S.TIME_S], state[S.NEXT_POLL_S]
        confidence = outcomes[passes, CONFIDENCE]
        passes += 1
        another = wants_another_pass(
            confidence, passes, most_passes, tau, time_s - start_s, expected_s, deadline_s
        )
    state[S.TIME_S] = time_s
    if die_temperature_c(board.modes) > parameters[P.CRITICAL_C] - CLOSE_K:
        _look_closely(board)
    if board.window[W.SHUT_DOWN] > 0.0:
        return
    latency_s = time_s - start_s
    answer[F.LATENCY_S] = latency_s
    answer[F.PASSES] = passes
    answer[F.CONFIDENCE] = confidence
    answer[F.CORRECT] = outcomes[passes - 1, CORRECT]
    answer[F.ON_TIME] = 1.0 if latency_s <= parameters[P.LATENCY_CONSTRAINT_S] else 0.0
    answer[F.COOL] = 1.0 if state[S.HOTTEST_C] <= parameters[P.T_MAX_C] else 0.0
    answer[F.IMAGE] = image
    state[S.FRAME] += 1.0


@jit
def draw_frames(board: BoardArrays, frames: int) -> None:
    """Draws the images and first jitters of the next frames, at most `DRAWN_FRAMES`.

    Apart from the passes, because a processor works on many draws at once, but on a pass only after
    the one before.
    """
    state, draws = board.state, board.draws
    key_0, key_1, first = int(state[S.KEY_0]), int(state[S.KEY_1]), int(state[S.FRAME])
    images = board.outcomes.shape[1]
    for row in range(min(frames, DRAWN_FRAMES)):
        image, bits = image_and_jitters(key_0, key_1, first + row, images)
        draws[row, IMAGE] = image
        draws[row, JITTERS] = bits


@jit
def run_window(board: BoardArrays, frames: Array) -> int:
    """Answers as many frames as `frames` has rows; updates the board's state in place.

    If the board shuts down, the frame at hand and those after it stay unanswered and count as late.

    Args:
        board: The first of its frames are drawn.
        frames: Filled, columns `F`, NaN where a frame was not answered.

    Returns:
        How many frames were answered.
    """
    state, parameters, window, draws = board.state, board.parameters, board.window, board.draws
    window[:] = 0.0
    start_s = state[S.TIME_S]
    window[W.TEMPERATURE_MAX_C] = die_temperature_c(board.modes)
    start_c = read_sensor(board, window[W.TEMPERATURE_MAX_C])
    set_clock(board)
    already = int(state[S.FRAME])
    for row in range(len(frames)):
        if window[W.SHUT_DOWN] == 0.0:
            drawn = row % DRAWN_FRAMES
            if drawn == 0 and row > 0:
                draw_frames(board, len(frames) - row)
            arrived_s = state[S.TIME_S]  # back to back, a frame arrives when the board turns to it
            if parameters[P.ARRIVAL_PERIOD_S] > 0.0:
                arrived_s = _await_arrival(board)
            if state[S.TOPOLOGY] != state[S.READY_TOPOLOGY]:
                _change_topology(board)
            image, bits = int(draws[drawn, IMAGE]), int(draws[drawn, JITTERS])
            _answer_frame(board, arrived_s, image, bits, frames[row])
    _heat_busy(board)
    answered = int(state[S.FRAME]) - already
    frames[answered:] = np.nan
    summarise(frames[:answered], window)
    window[W.FRAMES] = len(frames)
    window[W.LATE_FRAMES] += len(frames) - answered
    window[W.LOAD] = window[W.LATENCY_MEAN_S] * answered
    _finish(board, state[S.TIME_S] - start_s, start_c)
    return answered


@jit
def _v2f(levels: Array, level: int) -> float:
    """V^2 f of a VF level."""
    return levels[level, VOLTAGE_V] ** 2 * levels[level, FREQUENCY_GHZ]


@jit
def _finish(board: BoardArrays, duration_s: float, start_c: float) -> None:
    """Turns the window's sums into means, and adds what holds at its end.

    Args:
        board: The board.
        duration_s: Duration of the window.
        start_c: Sensor reading at its beginning.
    """
    state, parameters, window = board.state, board.parameters, board.window
    clock = int(state[S.CLOCK_LEVEL])
    end_c = read_sensor(board, die_temperature_c(board.modes))
    state[S.ENERGY_J] += window[W.ENERGY_J]
    window[W.TIME_S] = state[S.TIME_S]
    window[W.DURATION_S] = duration_s
    window[W.TEMPERATURE_C] = end_c
    window[W.TEMPERATURE_RATE_C_S] = (end_c - start_c) / duration_s
    window[W.TEMPERATURE_MEAN_C] /= duration_s
    # Highest of what was looked at; between two looks it may have been higher, as the mean tells.
    window[W.TEMPERATURE_MAX_C] = max(window[W.TEMPERATURE_MAX_C], window[W.TEMPERATURE_MEAN_C])
    window[W.TIME_ABOVE_T_MAX_S] = min(window[W.TIME_ABOVE_T_MAX_S], duration_s)  # rounding
    window[W.FREQUENCY_MEAN_HZ] /= duration_s
    window[W.FREQUENCY_HZ] = 1e9 * board.levels[clock, FREQUENCY_GHZ]
    window[W.VF_LEVEL] = clock
    window[W.CAP_LEVEL] = cap_level(board)
    window[W.TOPOLOGY] = state[S.TOPOLOGY]
    window[W.LATENCY_CONSTRAINT_S] = parameters[P.LATENCY_CONSTRAINT_S]
    window[W.T_MAX_C] = parameters[P.T_MAX_C]
    window[W.COST_TEMPERATURE] = window[W.TIME_ABOVE_T_MAX_S] / duration_s
    window[W.COST_DEADLINE] = window[W.LATE_FRAMES] / window[W.FRAMES]
    window[W.COST] = window[W.COST_TEMPERATURE] + window[W.COST_DEADLINE]
    window[W.LOAD] = min(window[W.LOAD] / duration_s, 1.0)
    highest = _v2f(board.levels, len(board.levels) - 1)
    window[W.V2F] = _v2f(board.levels, clock) / highest
    window[W.V2F_SLOWEST] = _v2f(board.levels, 0) / highest


@jit_apart
def infer(own: Array, shared: Array, outcomes: Outcomes, frames: Array, window: Array) -> int:
    """Draws and answers the next frames of one board; see `board_of` and `run_window`."""
    board = board_of(own, shared, outcomes, window)
    draw_frames(board, len(frames))
    return run_window(board, frames)
