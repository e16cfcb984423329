"""The kernel's cpufreq governor at work on a board: samples of its load, and the clock it asks for.

It is called when the CPU is busy only (``cpufreq_update_util``, on scheduler ticks and wake-ups):
while the board waits for a frame it leaves the clock as it is, and it looks first thing afterwards.
"""

import math

from tvfs_gym.envs.boards.twin.arrays import FREQUENCY_GHZ, BoardArrays, G, P, S
from tvfs_gym.envs.governors import CPUFREQ
from tvfs_gym.envs.jit import jit, jit_apart
from tvfs_gym.envs.physics.cpufreq import (
    UP_THRESHOLD_PERCENT,
    ds3_level,
    estimated,
    ondemand_level,
    schedutil_level,
    tracked,
)

SAMPLE_S = 0.010
"""Time between two samples of ``ondemand``, and rate limit of ``schedutil``: 1000 times the
transition latency, but at most 10 ms (`cpufreq_policy_transition_delay_us` before v6.9, then 2);
for ``ondemand`` two ticks at least (`CPUFREQ_DBS_MIN_SAMPLING_INTERVAL`: 8 ms at 250 Hz)."""

LONG_IDLE = 2.0
"""Sampling intervals of idle time after which ``ondemand`` reuses its last load (`dbs_update`)."""

USERSPACE, ONDEMAND, ONDEMAND_DS3, SCHEDUTIL = range(len(CPUFREQ))


@jit_apart
def sample(board: BoardArrays, awake: bool) -> None:
    """Chooses the level that the governor asks for, from the time since the last sample."""
    state, memory = board.state, board.governors
    governor = board.parameters[P.CPUFREQ]
    if not awake and governor != ONDEMAND_DS3:
        state[S.NEXT_SAMPLE_S] = math.inf
        return
    clocks_ghz = board.levels[:, FREQUENCY_GHZ]
    elapsed_s = state[S.TIME_S] - memory[G.SAMPLED_S]
    idle_s = memory[G.IDLE_S] - memory[G.SAMPLED_IDLE_S]
    load = max(1.0 - idle_s / elapsed_s, 0.0) if elapsed_s > 0.0 else 1.0
    if governor == ONDEMAND:
        percent = int(100.0 * load)
        if idle_s > LONG_IDLE * SAMPLE_S and memory[G.LOAD_PERCENT] > 0.0:
            percent = int(memory[G.LOAD_PERCENT])
            memory[G.LOAD_PERCENT] = 0.0
        else:
            memory[G.LOAD_PERCENT] = percent
        state[S.GOVERNED_LEVEL] = ondemand_level(percent, clocks_ghz, UP_THRESHOLD_PERCENT)
    elif governor == ONDEMAND_DS3:
        level = int(state[S.GOVERNED_LEVEL])
        state[S.GOVERNED_LEVEL] = ds3_level(load, level, len(board.levels) - 1)
    else:
        track(board, awake)
        expected = max(memory[G.UTILISATION], memory[G.ESTIMATE])
        state[S.GOVERNED_LEVEL] = schedutil_level(expected, clocks_ghz)
    memory[G.SAMPLED_S], memory[G.SAMPLED_IDLE_S] = state[S.TIME_S], memory[G.IDLE_S]
    state[S.NEXT_SAMPLE_S] = state[S.TIME_S] + SAMPLE_S


@jit
def track(board: BoardArrays, awake: bool) -> None:
    """Brings the utilisation up to date with the time since, at the present clock."""
    memory, clocks_ghz = board.governors, board.levels[:, FREQUENCY_GHZ]
    duration_s = board.state[S.TIME_S] - memory[G.TRACKED_S]
    memory[G.TRACKED_S] = board.state[S.TIME_S]
    if awake:
        ratio = clocks_ghz[int(board.state[S.CLOCK_LEVEL])] / clocks_ghz[len(clocks_ghz) - 1]
        memory[G.LOST_S] += (1.0 - ratio) * duration_s
        memory[G.UTILISATION] = tracked(memory[G.UTILISATION], 1.0, ratio * duration_s)
    else:
        other_work = 1.0 - 1.0 / board.parameters[P.SLOWDOWN]
        memory[G.UTILISATION] = tracked(
            memory[G.UTILISATION], other_work, duration_s + memory[G.LOST_S]
        )
        memory[G.LOST_S] = 0.0


@jit
def fall_asleep(board: BoardArrays) -> None:
    """The inference ends its run, and the CPU is idle."""
    if board.parameters[P.CPUFREQ] == SCHEDUTIL:
        track(board, True)
        memory = board.governors
        memory[G.ESTIMATE] = estimated(memory[G.ESTIMATE], memory[G.UTILISATION])


@jit
def wake_up(board: BoardArrays) -> None:
    """A frame arrives; a sample that is due is taken."""
    governor = board.parameters[P.CPUFREQ]
    if governor == SCHEDUTIL:
        track(board, False)
    if governor != USERSPACE and board.state[S.NEXT_SAMPLE_S] == math.inf:
        sample(board, True)
