"""The throttling governor at work on a board."""

from tvfs_gym.envs.boards.twin.arrays import FREQUENCY_GHZ, BoardArrays, P, S
from tvfs_gym.envs.boards.twin.sensor import poll_sensor
from tvfs_gym.envs.boards.window import W
from tvfs_gym.envs.jit import jit
from tvfs_gym.envs.physics.thermal import change_network
from tvfs_gym.envs.physics.throttling import PER_TRIP, poll_trips, progressive


@jit
def set_clock(board: BoardArrays) -> None:
    """Runs the clock at the requested level or the cap, whichever is lower."""
    state = board.state
    clock = min(state[S.REQUESTED_LEVEL], len(board.levels) - 1 - state[S.COOLING_STATE])
    if clock != state[S.CLOCK_LEVEL]:
        state[S.CLOCK_LEVEL] = clock
        state[S.TIME_S] += board.parameters[P.SWITCH_S]
        board.window[W.VF_SWITCHES] += 1.0


@jit
def poll(board: BoardArrays) -> None:
    """Polls the throttling governor, which sets the cap and the fan."""
    state, parameters = board.state, board.parameters
    reading_c = poll_sensor(board)
    cpu_trips = int(parameters[P.CPU_TRIPS])
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
    state[S.NEXT_POLL_S] += parameters[P.POLL_S]
    set_clock(board)


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
