"""The kernel's cpufreq governors, which choose the clock and know nothing of heat.

The network is given (`tvfs_gym.baselines.frequency_governor`). Throttling is left to the kernel's
thermal governor below. Under back-to-back inference the CPU is never idle, and all that follow the
load are ``performance``.

Sources: drivers/cpufreq/cpufreq_ondemand.c (gregkh/linux v6.18.38), cpufreq_userspace.c
(torvalds/linux @03c11eb3), kernel/sched/cpufreq_schedutil.c (torvalds/linux @00d6a8a7);
segemena/DS3 @e0d80ee6, DTPM_policies.py.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.controller import Design, State
from tvfs_gym.baselines.fixed import Fixed
from tvfs_gym.baselines.frequency_governor import FrequencyGovernor
from tvfs_gym.envs.observation import Reading

UP_THRESHOLD_PERCENT = 95
"""`MICRO_FREQUENCY_UP_THRESHOLD`, of kernels that account idle time in microseconds, i.e. all that
are tickless; `DEF_FREQUENCY_UP_THRESHOLD`, of the others, is 80."""

DS3_HIGH, DS3_LOW = 0.8, 0.3
"""``util_high_threshold`` and ``util_low_threshold`` of DS3's config_file.ini."""

CAPACITY = 1024
"""`SCHED_CAPACITY_SCALE`: the utilisation of a CPU that is busy at its highest clock."""

Levels = NDArray[np.int64]
Rule = Callable[[NDArray[np.float64], Levels, NDArray[np.int64]], Levels]
"""VF levels to go to, from utilisation (0..1), VF levels now, and clocks by level in kHz."""


def performance(design: Design) -> Fixed:
    """``performance``: the highest VF level."""
    return Fixed(design, design.most_accurate(design.highest))


def powersave(design: Design) -> Fixed:
    """``powersave``: the lowest VF level."""
    return Fixed(design, design.most_accurate(0))


def userspace(design: Design, frequency_hz: float) -> Fixed:
    """``userspace``: a fixed clock, the slowest that is not below a frequency.

    Args:
        design: Knowledge before the run.
        frequency_hz: As written to ``scaling_setspeed``.
    """
    level = level_at_least(_clocks_khz(design), np.array([round(frequency_hz / 1e3)]))
    return Fixed(design, design.most_accurate(int(level[0])))


def userspace_half(design: Design) -> Fixed:
    """``userspace`` at half the highest clock, for the middle of the range."""
    return userspace(design, 0.5 * design.operating_points[-1].frequency_hz)


class LoadDriven(FrequencyGovernor):
    """A governor that follows the load, which it samples once per step.

    So it sees the mean load of some frames. In the kernel, ``ondemand`` samples at 1000 times the
    transition latency by default (torvalds/linux @00e299ff), every 140 ms on an Odroid-XU4, and
    ``schedutil`` all the time: sampled faster than a frame lasts, each frame of a camera reads as
    full load, and they would be ``performance`` but for the pauses. Sampled as here they may be
    late with every frame, for none of them knows of deadlines.

    Args:
        design: Knowledge before the run.
        rule: How it chooses.
    """

    def __init__(self, design: Design, rule: Rule) -> None:
        super().__init__(design)
        self._rule = rule
        self._clocks_khz = _clocks_khz(design)

    def level(self, reading: Reading, state: State) -> tuple[Levels, State]:
        """Takes the next VF level from the load of the step before."""
        load = utilisation(reading, self.design.known.arrival_period_s)
        return self._rule(load, reading.vf_level, self._clocks_khz), state


def ondemand(design: Design) -> LoadDriven:
    """``ondemand``, with the kernel's defaults."""
    return LoadDriven(design, ondemand_level)


def ondemand_ds3(design: Design) -> LoadDriven:
    """DS3's emulation of ``ondemand``."""
    return LoadDriven(design, ds3_level)


def schedutil(design: Design) -> LoadDriven:
    """``schedutil``, without its boosts."""
    return LoadDriven(design, schedutil_level)


def utilisation(reading: Reading, arrival_period_s: float) -> NDArray[np.float64]:
    """Share of the time of a step in which the CPU was busy with frames, 0..1.

    Back to back it is 1, and so it is before the first step, when a frame is waiting. With a camera
    it is a frame's latency over the period; latency counts from the arrival, so a backlog reads as
    1, as it should. Other work on the CPU is not in the reading.
    """
    latency_s = reading.latency_mean_s
    if arrival_period_s == 0.0:
        return np.ones_like(latency_s)
    return np.where(latency_s > 0.0, np.minimum(latency_s / arrival_period_s, 1.0), 1.0)


def ondemand_level(
    load: NDArray[np.float64],
    level: Levels,
    clocks_khz: NDArray[np.int64],
    up_threshold_percent: int = UP_THRESHOLD_PERCENT,
) -> Levels:
    """The highest VF level above the threshold; else the one nearest to a share of the range.

    f = f_min + load (f_max - f_min) / 100, with the load in per cent (``od_update``).
    """
    percent = np.floor(100.0 * load).astype(np.int64)
    proportional_khz = clocks_khz[0] + percent * (clocks_khz[-1] - clocks_khz[0]) // 100
    nearest = np.abs(proportional_khz[:, np.newaxis] - clocks_khz).argmin(axis=1)
    return np.where(percent > up_threshold_percent, len(clocks_khz) - 1, nearest)


def ds3_level(load: NDArray[np.float64], level: Levels, clocks_khz: NDArray[np.int64]) -> Levels:
    """The highest VF level under a high load, one level down under a low one, else the same."""
    slower = np.maximum(level - (load < DS3_LOW), 0)
    return np.where(load > DS3_HIGH, len(clocks_khz) - 1, slower)


def schedutil_level(
    load: NDArray[np.float64], level: Levels, clocks_khz: NDArray[np.int64]
) -> Levels:
    """The slowest VF level that leaves a fifth of the clock spare: f = 1.25 f_max util / max.

    The utilisation does not depend on the clock (arm, arm64): busy time counts by the clock it was
    spent at (``map_util_freq``). A CPU without any idle time climbs by a quarter with each update,
    and there are many in a step, so it is at the top.
    """
    util = np.floor(load * CAPACITY * clocks_khz[level] / clocks_khz[-1]).astype(np.int64)
    wanted_khz = (clocks_khz[-1] + (clocks_khz[-1] >> 2)) * util // CAPACITY
    spare = level_at_least(clocks_khz, wanted_khz)
    return np.where(load >= 1.0, len(clocks_khz) - 1, spare)


def level_at_least(clocks_khz: NDArray[np.int64], wanted_khz: NDArray[np.int64]) -> Levels:
    """The slowest VF levels whose clock is not below those wanted (`CPUFREQ_RELATION_L`)."""
    return np.minimum(np.searchsorted(clocks_khz, wanted_khz), len(clocks_khz) - 1)


def _clocks_khz(design: Design) -> NDArray[np.int64]:
    return np.array([round(point.frequency_hz / 1e3) for point in design.operating_points])
