"""The kernel's cpufreq governors, which choose the clock and know nothing of heat.

The network is given (`tvfs_gym.baselines.frequency_governor`). Throttling is left to the kernel's
thermal governor below. On a twin the kernel runs those that follow the load, at their own rate
(`tvfs_gym.envs.governors`); in user space they sample once per step. Their rules stand in
`tvfs_gym.envs.physics.cpufreq`. Under back-to-back inference the CPU is never idle, and they are
``performance``.

Source: cpufreq_userspace.c (torvalds/linux @03c11eb3).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.controller import Design, State
from tvfs_gym.baselines.fixed import Fixed
from tvfs_gym.baselines.frequency_governor import FrequencyGovernor
from tvfs_gym.envs.governors import Governors
from tvfs_gym.envs.observation import Reading
from tvfs_gym.envs.physics.cpufreq import (
    UP_THRESHOLD_PERCENT,
    ds3_level,
    level_at_least,
    ondemand_level,
    schedutil_level,
)

Rule = Callable[[float, int, NDArray[np.float64]], int]
"""VF level to go to, from the load (0..1), the VF level now, and clocks by level in GHz."""


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
    level = level_at_least(_clocks_ghz(design), round(frequency_hz / 1e3))
    return Fixed(design, design.most_accurate(level))


def userspace_half(design: Design) -> Fixed:
    """``userspace`` at half the highest clock, for the middle of the range."""
    return userspace(design, 0.5 * design.operating_points[-1].frequency_hz)


class LoadDriven(FrequencyGovernor):
    """A governor that follows the load; in user space, the mean load of the frames of a step.

    On a real board, so rare a sample misses the pauses between a camera's frames: set the kernel's
    own ``scaling_governor`` instead.

    Args:
        design: Knowledge before the run.
        rule: How it chooses.
        governors: The kernel's.
    """

    def __init__(self, design: Design, rule: Rule, governors: Governors) -> None:
        super().__init__(design)
        self.governors = governors
        self._rule = rule
        self._clocks_ghz = _clocks_ghz(design)

    def level(self, reading: Reading, state: State) -> tuple[NDArray[np.int64], State]:
        """Takes the next VF level from the load of the step before."""
        load = utilisation(reading, self.design.known.arrival_period_s).tolist()
        pairs = zip(load, reading.vf_level.tolist(), strict=True)
        return np.array([self._rule(*pair, self._clocks_ghz) for pair in pairs]), state


def ondemand(design: Design) -> LoadDriven:
    """``ondemand``, with the kernel's defaults."""
    return LoadDriven(design, _ondemand, Governors(cpufreq="ondemand"))


def ondemand_ds3(design: Design) -> LoadDriven:
    """DS3's emulation of ``ondemand``."""
    return LoadDriven(design, _ds3, Governors(cpufreq="ondemand_ds3"))


def schedutil(design: Design) -> LoadDriven:
    """``schedutil``, without its boosts."""
    return LoadDriven(design, _schedutil, Governors(cpufreq="schedutil"))


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


def _ondemand(load: float, level: int, clocks_ghz: NDArray[np.float64]) -> int:
    return ondemand_level(int(100.0 * load), clocks_ghz, UP_THRESHOLD_PERCENT)


def _ds3(load: float, level: int, clocks_ghz: NDArray[np.float64]) -> int:
    return ds3_level(load, level, len(clocks_ghz) - 1)


def _schedutil(load: float, level: int, clocks_ghz: NDArray[np.float64]) -> int:
    """A CPU without any idle time climbs with each update, of which there are many in a step."""
    if load >= 1.0:
        return len(clocks_ghz) - 1
    return schedutil_level(load * clocks_ghz[level] / clocks_ghz[-1], clocks_ghz)


def _clocks_ghz(design: Design) -> NDArray[np.float64]:
    return np.array([point.frequency_hz / 1e9 for point in design.operating_points])
