"""The polls of a board: throttling, and the kernel's governors above it."""

from tvfs_gym.envs.boards.twin.arrays import FREQUENCY_GHZ, BoardArrays, P, S
from tvfs_gym.envs.boards.twin.cpufreq import SCHEDUTIL, sample, track
from tvfs_gym.envs.boards.twin.sensor import poll_sensor
from tvfs_gym.envs.boards.twin.zone import BOARD, tick
from tvfs_gym.envs.boards.window import W
from tvfs_gym.envs.jit import jit
from tvfs_gym.envs.physics.thermal import change_network
from tvfs_gym.envs.physics.throttling import PER_TRIP, poll_trips, progressive


@jit
def cap_level(board: BoardArrays) -> float:
    """The highest VF level that throttling and the thermal governor allow."""
    state = board.state
    return float(len(board.levels) - 1 - max(state[S.COOLING_STATE], state[S.GOVERNED_STATE]))


@jit
def _wanted_level(board: BoardArrays) -> float:
    state = board.state
    return min(state[S.REQUESTED_LEVEL], state[S.GOVERNED_LEVEL], cap_level(board))


@jit
def set_clock(board: BoardArrays) -> None:
    """Runs the clock at the lowest of the requested level, the governor's and the cap."""
    state = board.state
    clock = _wanted_level(board)
    if clock != state[S.CLOCK_LEVEL]:
        if board.parameters[P.CPUFREQ] == SCHEDUTIL:
            track(board, True)
        state[S.CLOCK_LEVEL] = clock
        state[S.TIME_S] += board.parameters[P.SWITCH_S]
        board.window[W.VF_SWITCHES] += 1.0


@jit
def sample_load(board: BoardArrays, awake: bool) -> bool:
    """Begins a poll: the cpufreq governor, if its time has come.

    Args:
        board: The board.
        awake: False while it waits for a frame.

    Returns:
        True if the rest of the poll needs heat and energy up to date, since somebody will look at
        the temperature or the clock will change.
    """
    state = board.state
    now_s = state[S.NEXT_POLL_S]
    if now_s >= state[S.NEXT_SAMPLE_S]:
        sample(board, awake)
    looks = now_s >= min(state[S.NEXT_THROTTLING_S], state[S.NEXT_TICK_S])
    return looks or _wanted_level(board) != state[S.CLOCK_LEVEL]


@jit
def poll(board: BoardArrays) -> None:
    """Runs throttling and the thermal governor, if their time has come, and sets the clock."""
    state = board.state
    now_s = state[S.NEXT_POLL_S]
    if now_s >= min(state[S.NEXT_THROTTLING_S], state[S.NEXT_TICK_S]):
        reading_c = poll_sensor(board)
        if now_s >= state[S.NEXT_THROTTLING_S]:
            _throttle(board, reading_c)
        if now_s >= state[S.NEXT_TICK_S]:
            tick(board, reading_c)
    set_clock(board)
    plan_poll(board)


@jit
def plan_poll(board: BoardArrays) -> None:
    """Sets the time of the next poll."""
    state = board.state
    governors_s = min(state[S.NEXT_TICK_S], state[S.NEXT_SAMPLE_S])
    state[S.NEXT_POLL_S] = min(state[S.NEXT_THROTTLING_S], governors_s)


@jit
def _throttle(board: BoardArrays, reading_c: float) -> None:
    """Polls throttling, which sets the cap and the fan."""
    state, parameters = board.state, board.parameters
    cpu_trips = int(parameters[P.CPU_TRIPS])
    asked = 0.0
    if parameters[P.THERMAL] == BOARD:
        asked = poll_trips(
            board.trips[:cpu_trips],
            board.trip_state[: PER_TRIP * cpu_trips],
            state[S.COOLING_STATE],
            reading_c,
            state[S.POLLED_C],
            parameters[P.HONOURS_HYSTERESIS] > 0.0,
        )
    by_firmware = progressive(
        board.levels[:, FREQUENCY_GHZ],
        reading_c,
        parameters[P.PROGRESSIVE_FROM_C],
        parameters[P.PROGRESSIVE_GHZ_PER_C],
    )
    state[S.COOLING_STATE] = max(asked, by_firmware)
    _set_fan(board, reading_c)
    state[S.POLLED_C] = reading_c
    state[S.NEXT_THROTTLING_S] += parameters[P.POLL_S]


@jit
def _set_fan(board: BoardArrays, reading_c: float) -> None:
    """Polls the governor of the fan; the node temperatures stay as they are."""
    state = board.state
    cpu_trips = int(board.parameters[P.CPU_TRIPS])
    if len(board.trips) == cpu_trips:
        return
    before = int(state[S.FAN_STATE])
    state[S.FAN_STATE] = poll_trips(
        board.trips[cpu_trips:],
        board.trip_state[PER_TRIP * cpu_trips :],
        state[S.FAN_STATE],
        reading_c,
        state[S.POLLED_C],
        board.parameters[P.HONOURS_HYSTERESIS] > 0.0,
    )
    after = int(state[S.FAN_STATE])
    if after != before:
        size = len(board.modes)
        change_network(
            board.modes,
            board.nodes,
            board.networks[before * size : (before + 1) * size],
            board.networks[after * size : (after + 1) * size],
        )
