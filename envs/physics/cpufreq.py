"""The rules of the kernel's cpufreq governors, and the utilisation that schedutil reads.

Sources: drivers/cpufreq/cpufreq_ondemand.c and cpufreq_governor.c (gregkh/linux v6.18.38),
kernel/sched/cpufreq_schedutil.c (torvalds/linux @00d6a8a7), kernel/sched/pelt.c and
``util_est_update`` of kernel/sched/fair.c; segemena/DS3 @e0d80ee6, DTPM_policies.py.
"""

import math

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.jit import jit
from tvfs_gym.envs.physics.exponential import decay

UP_THRESHOLD_PERCENT = 95
"""`MICRO_FREQUENCY_UP_THRESHOLD`, of kernels that account idle time in microseconds, i.e. all that
are tickless; `DEF_FREQUENCY_UP_THRESHOLD`, of the others, is 80."""

DS3_HIGH, DS3_LOW = 0.8, 0.3
"""``util_high_threshold`` and ``util_low_threshold`` of DS3's config_file.ini."""

CAPACITY = 1024
"""`SCHED_CAPACITY_SCALE`: the utilisation of a CPU that is busy at its highest clock."""

HALF_LIFE_S = 0.032
"""`LOAD_AVG_PERIOD`: 32 periods of 1024 us, after which busy time counts half."""

ESTIMATE_MARGIN = 0.01
"""`UTIL_EST_MARGIN`, a hundredth of the capacity."""

ESTIMATE_WEIGHT = 0.25
"""Weight of a new sample in a falling estimate: `UTIL_EST_WEIGHT_SHIFT` = 2."""


@jit
def _khz(clock_ghz: float) -> int:
    return int(1e6 * clock_ghz + 0.5)


@jit
def level_at_least(clocks_ghz: NDArray[np.float64], wanted_khz: int) -> int:
    """The slowest VF level whose clock is not below the one wanted (`CPUFREQ_RELATION_L`)."""
    level = 0
    while level < len(clocks_ghz) - 1 and _khz(clocks_ghz[level]) < wanted_khz:
        level += 1
    return level


@jit
def ondemand_level(
    load_percent: int, clocks_ghz: NDArray[np.float64], up_threshold_percent: int
) -> int:
    """The highest VF level above the threshold; else the one nearest to a share of the range.

    f = f_min + load (f_max - f_min) / 100 (``od_update``), to the nearest VF level, of two the
    slower (`CPUFREQ_RELATION_C`).

    Args:
        load_percent: Busy share of the sampling interval, per cent.
        clocks_ghz: VF levels, slowest first.
        up_threshold_percent: `UP_THRESHOLD_PERCENT` by default in the kernel.
    """
    top = len(clocks_ghz) - 1
    if load_percent > up_threshold_percent:
        return top
    lowest_khz, highest_khz = _khz(clocks_ghz[0]), _khz(clocks_ghz[top])
    wanted_khz = lowest_khz + load_percent * (highest_khz - lowest_khz) // 100
    nearest = 0
    for level in range(1, top + 1):
        if abs(_khz(clocks_ghz[level]) - wanted_khz) < abs(_khz(clocks_ghz[nearest]) - wanted_khz):
            nearest = level
    return nearest


@jit
def ds3_level(load: float, level: int, highest: int) -> int:
    """The highest VF level under a high load, one level down under a low one, else the same."""
    if load > DS3_HIGH:
        return highest
    return max(level - 1, 0) if load < DS3_LOW else level


@jit
def schedutil_level(utilisation: float, clocks_ghz: NDArray[np.float64]) -> int:
    """The slowest VF level that leaves a fifth of the clock spare: f = 1.25 f_max util / max.

    Args:
        utilisation: Share of the CPU's capacity, i.e. of its time at the highest clock, 0..1.
        clocks_ghz: VF levels, slowest first.
    """
    highest_khz = _khz(clocks_ghz[len(clocks_ghz) - 1])
    wanted_khz = (highest_khz + (highest_khz >> 2)) * int(utilisation * CAPACITY) // CAPACITY
    return level_at_least(clocks_ghz, wanted_khz)


@jit
def tracked(utilisation: float, share: float, duration_s: float) -> float:
    """The utilisation of a CPU after some time (PELT): a mean over past time, which fades.

    Args:
        utilisation: Before, 0..1.
        share: Share of the time in which the CPU was busy.
        duration_s: Time, in seconds at the highest clock: busy time at a slower clock is shorter
            by the ratio of the clocks (``update_rq_clock_pelt``), and what it lost passes as soon
            as the CPU is idle.
    """
    return share + (utilisation - share) * decay(math.log(2.0) / HALF_LIFE_S * duration_s)


@jit
def estimated(estimate: float, utilisation: float) -> float:
    """The utilisation that a task is expected to reach when it wakes up again (``util_est``).

    Args:
        estimate: Estimate before.
        utilisation: At the end of the task's run: the estimate follows it up at once, and down by
            a quarter at a time.
    """
    if utilisation >= estimate:
        return utilisation
    if estimate - utilisation < ESTIMATE_MARGIN:
        return estimate
    return estimate - ESTIMATE_WEIGHT * (estimate - utilisation)
