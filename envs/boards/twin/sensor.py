"""The temperature sensor at work on a board: every reading, the governor's and the controller's."""

from tvfs_gym.envs.boards.twin.arrays import Array, BoardArrays, P, S
from tvfs_gym.envs.boards.twin.randomness import AT_FRAMES, AT_POLLS, standard_normal
from tvfs_gym.envs.jit import jit, jit_apart
from tvfs_gym.envs.physics.thermal import (
    die_temperature_c,
    sensor_reading_c,
    temperature_before_c,
)


@jit_apart
def _sensed_c(
    temperature_c: float, looks: Array, state: Array, parameters: Array, look: float, stream: int
) -> float:
    """What a sensor of its own senses, up to the time that heat is up to date with.

    Args:
        temperature_c: The die's temperature.
        looks: See `BoardArrays`.
        state: The same.
        parameters: The same.
        look: Number of the frame or poll, which the noise belongs to.
        stream: `AT_FRAMES` or `AT_POLLS`.
    """
    if len(looks) > 0:
        temperature_c = temperature_before_c(
            looks,
            int(state[S.POLLS]) - 1,
            state[S.HEATED_S],
            temperature_c,
            parameters[P.SENSOR_LAG_S],
        )
    temperature_c += parameters[P.SENSOR_BIAS_C]
    if parameters[P.SENSOR_NOISE_C] > 0.0:
        keys = int(state[S.KEY_0]), int(state[S.KEY_1])
        normal = standard_normal(keys[0], keys[1], int(look), stream)
        temperature_c += parameters[P.SENSOR_NOISE_C] * normal
    return temperature_c


@jit
def _read(board: BoardArrays, temperature_c: float, look: float, stream: int) -> float:
    state, parameters = board.state, board.parameters
    if parameters[P.SENSOR_OF_ITS_OWN] > 0.0:
        temperature_c = _sensed_c(temperature_c, board.looks, state, parameters, look, stream)
    return sensor_reading_c(temperature_c, parameters[P.SENSOR_RESOLUTION_C])


@jit
def read_sensor(board: BoardArrays, temperature_c: float) -> float:
    """A controller's reading of a die: the same one until a further frame is answered."""
    return _read(board, temperature_c, board.state[S.FRAME], AT_FRAMES)


@jit
def poll_sensor(board: BoardArrays) -> float:
    """The governor's reading; counts its polls and remembers what they saw."""
    state, polls, temperature_c = board.state, board.state[S.POLLS], die_temperature_c(board.modes)
    if len(board.looks) > 0:
        row = int(polls) % len(board.looks)
        board.looks[row, 0] = state[S.HEATED_S]
        board.looks[row, 1] = temperature_c
    state[S.POLLS] = polls + 1.0
    return _read(board, temperature_c, polls, AT_POLLS)
