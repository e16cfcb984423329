"""The thermal zone of a board: the kernel's thermal governor at work."""

from tvfs_gym.envs.boards.twin.arrays import BoardArrays, G, P, S
from tvfs_gym.envs.governors import THERMAL
from tvfs_gym.envs.jit import jit_apart
from tvfs_gym.envs.physics.power_budget import PARAMETERS_SIZE, allocated_state
from tvfs_gym.envs.physics.throttling import TEMPERATURE, poll_trips

BOARD, STEP_WISE, STEP_WISE_HYSTERESIS, POWER_ALLOCATOR = range(len(THERMAL))


@jit_apart
def tick(board: BoardArrays, reading_c: float) -> None:
    """Runs the thermal governor once, which asks for a cooling state."""
    state, parameters, memory = board.state, board.parameters, board.governors
    if parameters[P.THERMAL] == POWER_ALLOCATOR:
        last = len(board.zone_trips) - 1
        below_c = board.zone_trips[last, TEMPERATURE] - reading_c
        elapsed_s = state[S.TIME_S] - memory[G.TICKED_S]
        idle_s = memory[G.IDLE_S] - memory[G.TICKED_IDLE_S]
        load = max(1.0 - idle_s / elapsed_s, 0.0) if elapsed_s > 0.0 else 1.0
        state[S.GOVERNED_STATE] = allocated_state(
            board.budget[:PARAMETERS_SIZE],
            board.budget[PARAMETERS_SIZE:],
            board.core_mw,
            round(1e3 * below_c),
            int(parameters[P.THREADS]) * int(100.0 * load),
        )
        memory[G.TICKED_S], memory[G.TICKED_IDLE_S] = state[S.TIME_S], memory[G.IDLE_S]
    else:
        state[S.GOVERNED_STATE] = poll_trips(
            board.zone_trips,
            board.zone_state,
            state[S.GOVERNED_STATE],
            reading_c,
            memory[G.TICKED_C],
            parameters[P.THERMAL] == STEP_WISE_HYSTERESIS,
        )
    memory[G.TICKED_C] = reading_c
    state[S.NEXT_TICK_S] += parameters[P.TICK_S]
