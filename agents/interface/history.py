"""A board's memory in a few numbers: what a learner must know of the windows gone by.

It is compiled, as the features are that are made of it (`tvfs_gym.agents.interface.features`): a
decision on a board may take some forty microseconds.
"""

from math import exp, isfinite, log, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.agents.interface.heat import follow_heat
from tvfs_gym.envs.jit import indices, jit
from tvfs_gym.envs.observation import (
    ENTRY,
    PER_LAST_LEVEL,
    PER_LAST_TOPOLOGY,
    PER_NOMINAL_LATENCY,
    PER_VIEW,
)

Array = NDArray[np.float64]

TEMPERATURE_MEMORY_S = (1.5, 6.0, 25.0)
POWER_MEMORY_S = (1.5, 6.0, 25.0, 80.0)
"""Time constants of the running means: from a chip's fast pole to beyond its heat sink's."""

LATE_MEMORY_S = 6.0
"""Time constant of the running share of late frames."""

RECENT_S = 40.0
"""Time constant with which the highest slow-down, and changes of it, are forgotten."""

JUMP_SIGMAS = 4.0
"""Surprise, in standard deviations of a window's mean, from which on the slow-down has changed."""

ROUNDING = 0.01
"""Error of the slow-down's logarithm that a window may have beyond the jitter of its passes."""

MOST_WINDOWS = 10.0
"""Windows that the mean of the slow-down goes back at most."""

M: Any = indices(
    "KIND", "PERIOD_S", "ASKED", "TIME_S", "TEMPERATURE_C",
    "TEMPERATURE_MEAN", "TEMPERATURE_MEAN_2", "TEMPERATURE_MEAN_3",
    "POWER_MEAN", "POWER_MEAN_2", "POWER_MEAN_3", "POWER_MEAN_4", "POWER",
    "SLOW_DOWN", "FIRST_SLOW_DOWN", "WINDOWS", "HIGHEST_SLOW_DOWN", "CHANGES",
    "LATE_SHARE", "LEVEL", "LAST_LEVEL", "DURATION_S",
)  # fmt: skip
"""Columns of a memory.

Number of the kind of conditions; period of the camera, s; VF level asked for, -1 for none yet; time
since the start, s; last sensor reading, NaN before the first; running means of the readings and of
the power; power in the last window; logarithm of the slow-down, and of the first one, NaN before;
windows that its mean covers; logarithm of the highest lately; lately counted changes; running share
of late frames; VF levels of the last window and of the one before it, -1 for none; length of the
last window, s.
"""

B: Any = indices("FRAMES", "SIGMA", "LAST_LEVEL", "LAST_TOPOLOGY", "RELATIVE", "NOMINAL_S")
"""Entries of a board's constants: frames of a step; jitter of a pass in its logarithm; highest VF
level; last topology; 1 if slow-downs count relative to the first; latency of a pass of the last
topology at the highest level, s."""


@jit
def follow(
    observation: NDArray[np.float32],
    memory: Array,
    scales: Array,
    board: Array,
    busy: Array,
    idle: Array,
    median_s: Array,
) -> None:
    """Takes an observation into a board's memory.

    Args:
        observation: Entries as in `tvfs_gym.envs.observation.FEATURES`.
        memory: Entries as in `M`; updated.
        scales: The board's, see `tvfs_gym.envs.observation`.
        board: Entries as in `B`.
        busy: Power while a pass runs, relative to the highest, shape (topologies, levels).
        idle: Power between passes, relative to the same, shape (levels,).
        median_s: Latency of a pass at design time, shape (topologies, levels).
    """
    _follow_temperature(observation, memory)
    per_constraint = float(observation[ENTRY.LATENCY_MEAN])
    if not per_constraint > 0.0:
        return
    latency_s = per_constraint * float(observation[ENTRY.LATENCY_CONSTRAINT])
    latency_s /= scales[PER_NOMINAL_LATENCY]
    level = int(float(observation[ENTRY.VF_LEVEL]) / scales[PER_LAST_LEVEL] + 0.5)
    topology = int(float(observation[ENTRY.TOPOLOGY]) / scales[PER_LAST_TOPOLOGY] + 0.5)
    passes = max(float(observation[ENTRY.PASSES_MEAN]) / scales[PER_VIEW], 1.0)
    frame_s = max(latency_s, memory[M.PERIOD_S])
    duration_s = board[B.FRAMES] * frame_s
    duty = latency_s / frame_s
    memory[M.TIME_S] += duration_s
    memory[M.DURATION_S] = duration_s
    memory[M.LAST_LEVEL] = memory[M.LEVEL]
    memory[M.LEVEL] = level
    memory[M.POWER] = duty * busy[topology, level] + (1.0 - duty) * idle[level]
    for mean in range(len(TEMPERATURE_MEMORY_S)):
        kept = exp(-duration_s / TEMPERATURE_MEMORY_S[mean])
        change = memory[M.TEMPERATURE_C] - memory[M.TEMPERATURE_MEAN + mean]
        memory[M.TEMPERATURE_MEAN + mean] += (1.0 - kept) * change
    for mean in range(len(POWER_MEMORY_S)):
        kept = exp(-duration_s / POWER_MEMORY_S[mean])
        change = memory[M.POWER] - memory[M.POWER_MEAN + mean]
        memory[M.POWER_MEAN + mean] += (1.0 - kept) * change
    late = float(observation[ENTRY.LATE_SHARE]) - memory[M.LATE_SHARE]
    memory[M.LATE_SHARE] += (1.0 - exp(-duration_s / LATE_MEMORY_S)) * late
    if memory[M.ASKED] < 0.0 or memory[M.ASKED] == level:
        slow_down = log(max(latency_s / (passes * median_s[topology, level]), 1e-6))
        _follow_slow_down(memory, board, slow_down, board[B.FRAMES] * passes, duration_s)


@jit
def _follow_temperature(observation: NDArray[np.float32], memory: Array) -> None:
    """Takes the reading in; of a sensor that fails, the last one, and before any T_max."""
    temperature_c = 100.0 * float(observation[ENTRY.TEMPERATURE])
    if not isfinite(temperature_c):
        temperature_c = memory[M.TEMPERATURE_C]
    if not isfinite(temperature_c):
        temperature_c = 100.0 * float(observation[ENTRY.T_MAX])
    if not isfinite(memory[M.TEMPERATURE_C]):
        for mean in range(len(TEMPERATURE_MEMORY_S)):
            memory[M.TEMPERATURE_MEAN + mean] = temperature_c
    memory[M.TEMPERATURE_C] = temperature_c


@jit
def _follow_slow_down(
    memory: Array, board: Array, slow_down: float, passes: float, duration_s: float
) -> None:
    """Follows the slow-down by a running mean that begins anew where it jumps."""
    kept = exp(-duration_s / RECENT_S)
    memory[M.CHANGES] *= kept
    if not isfinite(memory[M.FIRST_SLOW_DOWN]):
        memory[M.FIRST_SLOW_DOWN] = slow_down if board[B.RELATIVE] > 0.0 else 0.0
        memory[M.SLOW_DOWN] = memory[M.HIGHEST_SLOW_DOWN] = memory[M.FIRST_SLOW_DOWN]
    error = slow_down - memory[M.SLOW_DOWN]
    if abs(error) > JUMP_SIGMAS * (board[B.SIGMA] / sqrt(passes) + ROUNDING):
        memory[M.WINDOWS] = 0.0
        memory[M.CHANGES] += 1.0
    memory[M.WINDOWS] = min(memory[M.WINDOWS] + 1.0, MOST_WINDOWS)
    memory[M.SLOW_DOWN] += error / memory[M.WINDOWS]
    fallen = kept * (memory[M.HIGHEST_SLOW_DOWN] - memory[M.SLOW_DOWN])
    memory[M.HIGHEST_SLOW_DOWN] = memory[M.SLOW_DOWN] + max(fallen, 0.0)


@jit
def follow_reading(observation: NDArray[np.float32], memory: Array, heat: Array) -> None:
    """Takes a reading into the belief of the heat, after `follow`; of a sensor that fails, nothing.

    Args:
        observation: As in `follow`.
        memory: As there.
        heat: See `tvfs_gym.agents.interface.heat`; updated.
    """
    temperature_c = 100.0 * float(observation[ENTRY.TEMPERATURE])
    if isfinite(temperature_c):
        unsure = memory[M.ASKED] >= 0.0 and memory[M.ASKED] != memory[M.LEVEL]
        follow_heat(heat, temperature_c, memory[M.POWER], memory[M.DURATION_S], unsure)
