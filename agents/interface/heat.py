"""A belief about a board's heat that nobody has identified: which power leads to which temperature.

The die's temperature is taken as that of the surroundings plus a gain times the running mean of the
power, for each of a few time constants: the Foster form of any thermal network, its time constants
on a grid. It is linear in surroundings and gains, so a Kalman filter follows them (recursive least
squares with random walks). Power is relative, so the gains are rises at full load, K.
"""

from math import exp, sqrt

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.jit import jit

Array = NDArray[np.float64]

TIME_CONSTANTS_S = (0.5, 2.0, 8.0, 32.0, 128.0)
"""Of the running means: a die's to a heat sink's."""

GAINS = len(TIME_CONSTANTS_S)
SIZE = GAINS + 1
"""The gains, then the temperature of the surroundings."""

GAIN_K, GAIN_SIGMA_K = 7.0, 14.0
"""Each gain before anything is known: together rises of 35 K, or from none to a hundred."""

SURROUNDINGS_SIGMA_C = 12.0
"""The surroundings before the first reading: rooms, and cases that are warm already."""

ROOM_C = 25.0

SURROUNDINGS_DRIFT_C, GAIN_DRIFT_K = 0.3, 0.1
"""Random walks in the root of a second: slower time constants, fans, other work."""

SENSOR_SIGMA_C = 0.5
"""Noise of a sensor: rounding to a degree or two."""

UNSURE_SIGMA_C = 20.0
"""The same where the clock changed within the window, so that its power is not known."""

ERROR_MEMORY, LEAST_SURPRISE, MOST_SURPRISE = 0.9, 0.25, 25.0
"""As of `tvfs_gym.baselines.model_based.observer`: the errors scale what is believed of them."""

STATE, COVARIANCE, COLUMN = GAINS, GAINS + SIZE, GAINS + SIZE + SIZE**2
SURPRISE = COLUMN + SIZE
HEAT_SIZE = SURPRISE + 1
"""Where in a belief the state, its covariance, scratch space for one of its columns, and the mean
square of past errors stand; the running means of the power come first."""


def unknown_heat(idle_power: float) -> Array:
    """The belief before the first reading, of a board that has idled."""
    heat = np.zeros(HEAT_SIZE)
    heat[:GAINS] = idle_power
    heat[STATE : STATE + GAINS], heat[STATE + GAINS] = GAIN_K, ROOM_C
    variances = [GAIN_SIGMA_K**2] * GAINS + [SURROUNDINGS_SIGMA_C**2]
    heat[COVARIANCE:COLUMN] = np.diag(variances).ravel()
    heat[SURPRISE] = 1.0
    return heat


@jit
def follow_heat(
    heat: Array, temperature_c: float, power: float, duration_s: float, unsure: bool
) -> None:
    """Takes a window and the reading at its end in.

    Args:
        heat: The belief; updated.
        temperature_c: The reading.
        power: Mean power in the window, relative to the highest.
        duration_s: Length of the window; 0 for the first reading.
        unsure: True if the power is not known well.
    """
    surprised = max(heat[SURPRISE], 1.0) * duration_s
    for k in range(GAINS):
        kept = exp(-duration_s / TIME_CONSTANTS_S[k])
        heat[k] = power + kept * (heat[k] - power)
        heat[COVARIANCE + k * (SIZE + 1)] += surprised * GAIN_DRIFT_K**2
    heat[COLUMN - 1] += surprised * SURROUNDINGS_DRIFT_C**2
    error_c, variance = temperature_c, SENSOR_SIGMA_C**2
    if unsure:
        variance = UNSURE_SIGMA_C**2
    for i in range(SIZE):
        weight_i = heat[i] if i < GAINS else 1.0
        error_c -= weight_i * heat[STATE + i]
        total = 0.0
        for j in range(SIZE):
            weight_j = heat[j] if j < GAINS else 1.0
            total += heat[COVARIANCE + i * SIZE + j] * weight_j
        heat[COLUMN + i] = total
        variance += weight_i * total
    for i in range(SIZE):
        for j in range(SIZE):
            shrunk = heat[COLUMN + i] * heat[COLUMN + j] / variance
            heat[COVARIANCE + i * SIZE + j] -= shrunk
        heat[STATE + i] += heat[COLUMN + i] * error_c / variance
        if i < GAINS:
            heat[STATE + i] = max(heat[STATE + i], 0.0)
    if duration_s > 0.0:
        square = min(error_c**2 / variance, MOST_SURPRISE)
        heat[SURPRISE] = ERROR_MEMORY * heat[SURPRISE] + (1.0 - ERROR_MEMORY) * square


@jit
def foresee_heat(heat: Array, power: float, duration_s: float) -> tuple[float, float]:
    """Temperature of the die after a step, and its standard deviation.

    Args:
        heat: The belief; its scratch space is used.
        power: Power in the step.
        duration_s: Its length.
    """
    temperature_c = 0.0
    for k in range(GAINS):
        kept = exp(-duration_s / TIME_CONSTANTS_S[k])
        heat[COLUMN + k] = power + kept * (heat[k] - power)
    heat[COLUMN + GAINS] = 1.0
    variance = duration_s * SURROUNDINGS_DRIFT_C**2
    for i in range(SIZE):
        temperature_c += heat[COLUMN + i] * heat[STATE + i]
        total = 0.0
        for j in range(SIZE):
            total += heat[COVARIANCE + i * SIZE + j] * heat[COLUMN + j]
        variance += heat[COLUMN + i] * total
    believed = max(heat[SURPRISE], LEAST_SURPRISE)
    return temperature_c, sqrt(max(variance, 0.0) * believed)
