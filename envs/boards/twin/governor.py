"""The throttling governor at work on a board."""

from tvfs_gym.envs.boards.twin.arrays import (
    CLOCK_LEVEL,
    COOLING_STATE,
    CPU_TRIPS,
    FAN_STATE,
    FREQUENCY_GHZ,
    HONOURS_HYSTERESIS,
    NEXT_POLL_S,
    POLL_S,
    POLLED_C,
    PROGRESSIVE_FROM_C,
    PROGRESSIVE_GHZ_PER_C,
    REQUESTED_LEVEL,
    SENSOR_RESOLUTION_C,
    SWITCH_S,
    TIME_S,
    Board,
)
from tvfs_gym.envs.boards.window import W_VF_SWITCHES
from tvfs_gym.envs.jit import jit
from tvfs_gym.envs.physics.thermal import change_network, die_temperature_c, sensor_reading_c
from tvfs_gym.envs.physics.throttling import PER_TRIP, progressive, step_wise


@jit
def set_clock(board: Board) -> None:
    """Runs the clock at the requested level or the cap, whichever is lower."""
    state = board.state
    clock = min(state[REQUESTED_LEVEL], len(board.levels) - 1 - state[COOLING_STATE])
    if clock != state[CLOCK_LEVEL]:
        state[CLOCK_LEVEL] = clock
        state[TIME_S] += board.parameters[SWITCH_S]
        board.window[W_VF_SWITCHES] += 1.0


@jit
def poll(board: Board) -> None:
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
    set_clock(board)


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
