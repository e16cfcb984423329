"""The features that a learner sees: of the board as a whole, and of every rung."""

from math import exp, isfinite, log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.agents.interface.heat import foresee_heat
from tvfs_gym.agents.interface.history import POWER_MEMORY_S, TEMPERATURE_MEMORY_S, B, M
from tvfs_gym.agents.interface.ladder import BACK_TO_BACK, RATIO_STEP, UNTIMED, R
from tvfs_gym.envs.jit import indices, jit
from tvfs_gym.envs.lengths import STEP_S
from tvfs_gym.envs.observation import (
    ENTRY,
    PER_LAST_LEVEL,
    PER_NOMINAL_LATENCY,
)

Array = NDArray[np.float64]

LIMIT = 5.0
"""Every feature lies within this, either way."""

G: Any = indices(
    "TEMPERATURE", "HEADROOM", "RATE", "SENSOR", "T_MAX", "CAP", "THROTTLED",
    "CONSTRAINT", "PERIOD", "DEADLINE_AWARE", "MANY_PASSES",
    "SLOW_DOWN", "HIGHEST_SLOW_DOWN", "CHANGES", "LATE_SHARE", "LATE_MEAN", "LATENCY_MAX",
    "TEMPERATURE_MEAN", "TEMPERATURE_MEAN_2", "TEMPERATURE_MEAN_3",
    "POWER_MEAN", "POWER_MEAN_2", "POWER_MEAN_3", "POWER_MEAN_4", "POWER",
    "LEVEL", "LAST_LEVEL", "TOPOLOGY", "PASSES", "CONFIDENCE", "DURATION", "START", "LONG_START",
)  # fmt: skip
"""Features of the board.

Reading, its distance to T_max, its rate; 1 if the sensor works; T_max; cap; 1 if the clock is lower
than asked for; L_c over the slow-down and over the nominal latency, logarithm; period over L_c; the
classifier; slow-down, its recent highest above it, recent changes; share of late frames, its mean,
highest latency over L_c; running means of the readings, as differences to the last one; running
means of the power, and the last one; VF level and the one before; topology; passes; confidence;
length of the last window, logarithm; and two marks of the start that fade.
"""

Q: Any = indices(
    "ACCURACY", "GAP", "POWER", "MORE_POWER", "DUTY", "DURATION", "LEVEL", "ABOVE_CAP", "CHOSEN",
    "HEADROOM", "FORESEEN", "UNSURE", "SAFE",
)  # fmt: skip
"""Features of a rung.

Accuracy within L_c, and below the best rung's; power, and more than in the last six seconds; busy
share; length of a step, logarithm; VF level; 1 above the cap; 1 if chosen last; distance of the
reading to the temperature up to which the level may be used; of the temperature foreseen after a
step to the same; its standard deviation; and their ratio.
"""

K: Any = indices("DEADLINE_AWARE", "MANY_PASSES")
"""Entries of a kind of conditions."""

START_S, LONG_START_S = 8.0, 60.0
"""Time constants with which the marks of the start fade."""


@jit
def key_of(
    observation: NDArray[np.float32], memory: Array, scales: Array, board: Array,
    key: NDArray[np.int64],
) -> None:  # fmt: skip
    """Finds which ladder holds: see `tvfs_gym.agents.interface.ladder.Ladder.rungs`.

    Args:
        observation: As in `tvfs_gym.agents.interface.history.follow`.
        memory: As there.
        scales: As there.
        board: As there.
        key: Filled: step of L_c, step of the period.
    """
    key[0], key[1] = UNTIMED, BACK_TO_BACK
    if board[B.RELATIVE] > 0.0 and not isfinite(memory[M.FIRST_SLOW_DOWN]):
        return
    constraint_s = float(observation[ENTRY.LATENCY_CONSTRAINT]) / scales[PER_NOMINAL_LATENCY]
    key[0] = int(np.rint((log(constraint_s) - memory[M.SLOW_DOWN]) / RATIO_STEP))
    if memory[M.PERIOD_S] > 0.0:
        key[1] = int(np.rint((log(memory[M.PERIOD_S]) - memory[M.SLOW_DOWN]) / RATIO_STEP))


@jit
def _limited(value: float) -> float:
    return min(max(value, -LIMIT), LIMIT) if isfinite(value) else 0.0


@jit
def describe(
    observation: NDArray[np.float32],
    memory: Array,
    heat: Array,
    key: NDArray[np.int64],
    ladder: Array,
    limits_c: Array,
    kind: Array,
    scales: Array,
    board: Array,
    features: NDArray[np.float32],
) -> None:
    """Fills the features: those of the board, then those of each rung.

    Args:
        observation: As in `tvfs_gym.agents.interface.history.follow`.
        memory: As there, after it.
        heat: Belief of the heat, see `tvfs_gym.agents.interface.heat`.
        key: From `key_of`.
        ladder: Its rungs, columns `R`.
        limits_c: Temperatures up to which the levels may be used: below T_max, and absolute, shape
            (2, levels).
        kind: Entries as in `K`.
        scales: As there.
        board: As there.
        features: Filled.
    """
    _describe_board(observation, memory, key, kind, scales, board, features)
    t_max_c = 100.0 * float(observation[ENTRY.T_MAX])
    cap = float(observation[ENTRY.CAP]) / scales[PER_LAST_LEVEL] + 0.5
    slow_down = 0.0 if key[0] == UNTIMED else memory[M.SLOW_DOWN]
    best = 0.0
    for level in range(len(ladder)):
        if level <= cap:
            best = max(best, ladder[level, R.ACCURACY])
    for level in range(len(ladder)):
        start = len(G) + level * len(Q)
        limit_c = min(t_max_c - limits_c[0, level], limits_c[1, level])
        power = ladder[level, R.POWER]
        duration_s = ladder[level, R.DURATION_S]
        features[start + Q.ACCURACY] = ladder[level, R.ACCURACY]
        features[start + Q.GAP] = _limited(10.0 * (best - ladder[level, R.ACCURACY]))
        features[start + Q.POWER] = _limited(2.0 * power)
        features[start + Q.MORE_POWER] = _limited(4.0 * (power - memory[M.POWER_MEAN + 1]))
        features[start + Q.DUTY] = ladder[level, R.DUTY]
        features[start + Q.DURATION] = _limited(log(duration_s / STEP_S) + slow_down)
        features[start + Q.LEVEL] = level / board[B.LAST_LEVEL]
        features[start + Q.ABOVE_CAP] = 1.0 if level > cap else 0.0
        features[start + Q.CHOSEN] = 1.0 if level == memory[M.ASKED] else 0.0
        features[start + Q.HEADROOM] = _limited(0.1 * (limit_c - memory[M.TEMPERATURE_C]))
        foreseen_c, sigma_c = foresee_heat(heat, power, duration_s * exp(slow_down))
        features[start + Q.FORESEEN] = _limited(0.1 * (limit_c - foreseen_c))
        features[start + Q.UNSURE] = _limited(0.2 * sigma_c)
        features[start + Q.SAFE] = _limited((limit_c - foreseen_c) / max(sigma_c, 0.1))


@jit
def _describe_board(
    observation: NDArray[np.float32],
    memory: Array,
    key: NDArray[np.int64],
    kind: Array,
    scales: Array,
    board: Array,
    features: NDArray[np.float32],
) -> None:
    t_max_c = 100.0 * float(observation[ENTRY.T_MAX])
    temperature_c = memory[M.TEMPERATURE_C]
    constraint_s = float(observation[ENTRY.LATENCY_CONSTRAINT]) / scales[PER_NOMINAL_LATENCY]
    level = float(observation[ENTRY.VF_LEVEL]) / scales[PER_LAST_LEVEL]
    first = memory[M.FIRST_SLOW_DOWN] if isfinite(memory[M.FIRST_SLOW_DOWN]) else 0.0
    begun = memory[M.DURATION_S] > 0.0
    relative_s = 0.0 if key[0] == UNTIMED else RATIO_STEP * key[0] - log(board[B.NOMINAL_S])
    features[G.TEMPERATURE] = _limited(0.04 * (temperature_c - 60.0))
    features[G.HEADROOM] = _limited(0.1 * (t_max_c - temperature_c))
    features[G.RATE] = _limited(0.5 * float(observation[ENTRY.TEMPERATURE_RATE]))
    features[G.SENSOR] = 1.0 if isfinite(float(observation[ENTRY.TEMPERATURE])) else 0.0
    features[G.T_MAX] = _limited(0.1 * (t_max_c - 85.0))
    features[G.CAP] = float(observation[ENTRY.CAP])
    features[G.THROTTLED] = 1.0 if begun and memory[M.ASKED] > level + 0.5 else 0.0
    features[G.CONSTRAINT] = _limited(relative_s)
    features[G.PERIOD] = _limited(memory[M.PERIOD_S] / constraint_s)
    features[G.DEADLINE_AWARE] = kind[K.DEADLINE_AWARE]
    features[G.MANY_PASSES] = kind[K.MANY_PASSES]
    features[G.SLOW_DOWN] = _limited(4.0 * (memory[M.SLOW_DOWN] - first))
    above = memory[M.HIGHEST_SLOW_DOWN] - memory[M.SLOW_DOWN]
    features[G.HIGHEST_SLOW_DOWN] = _limited(4.0 * above)
    features[G.CHANGES] = _limited(memory[M.CHANGES])
    features[G.LATE_SHARE] = float(observation[ENTRY.LATE_SHARE])
    features[G.LATE_MEAN] = _limited(memory[M.LATE_SHARE])
    features[G.LATENCY_MAX] = _limited(float(observation[ENTRY.LATENCY_MAX]))
    for mean in range(len(TEMPERATURE_MEMORY_S)):
        difference = memory[M.TEMPERATURE_MEAN + mean] - temperature_c
        features[G.TEMPERATURE_MEAN + mean] = _limited(0.1 * difference)
    for mean in range(len(POWER_MEMORY_S)):
        features[G.POWER_MEAN + mean] = _limited(2.0 * memory[M.POWER_MEAN + mean])
    features[G.POWER] = _limited(2.0 * memory[M.POWER])
    features[G.LEVEL] = float(observation[ENTRY.VF_LEVEL])
    features[G.LAST_LEVEL] = memory[M.LAST_LEVEL] / board[B.LAST_LEVEL]
    features[G.TOPOLOGY] = float(observation[ENTRY.TOPOLOGY])
    features[G.PASSES] = float(observation[ENTRY.PASSES_MEAN])
    features[G.CONFIDENCE] = float(observation[ENTRY.CONFIDENCE_MEAN])
    features[G.DURATION] = _limited(log(memory[M.DURATION_S] / STEP_S)) if begun else 0.0
    features[G.START] = exp(-memory[M.TIME_S] / START_S)
    features[G.LONG_START] = exp(-memory[M.TIME_S] / LONG_START_S)
