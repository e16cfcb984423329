"""From samples of the board's sensors to what a window delivered."""

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.boards.linux.cpu_load import CpuLoad
from tvfs_gym.envs.boards.linux.machine import Sample
from tvfs_gym.envs.boards.window import W, WindowVector, summarise
from tvfs_gym.envs.scenario import Scenario


class WindowMeter:
    """Adds samples up between the beginning and the end of a window.

    Between two samples, the temperature goes straight, and the clock is the later one's: the first
    sample of a window falls into idle time, when the CPUs of a PC run slowly.

    Args:
        first: The sample at the beginning.
        level_before: VF level at the end of the previous window.
        t_max_c: T_max.
        v2f: `relative_v2f` of the VF levels.
    """

    def __init__(
        self, first: Sample, level_before: int, t_max_c: float, v2f: NDArray[np.float64]
    ) -> None:
        self._first = self._last = first
        self._t_max_c = t_max_c
        self._v2f = v2f
        self._heat_c_s = self._cycles = self._above_s = self._throttled_s = 0.0
        self._highest_c = first.temperature_c
        self._switches = int(first.vf_level != level_before)
        self._load = CpuLoad()

    def add(self, sample: Sample, requested: int) -> None:
        """Takes a sample in.

        Args:
            sample: The next one.
            requested: The VF level that the controller asked for.
        """
        before = self._last
        passed_s = sample.time_s - before.time_s
        mean_c = 0.5 * (before.temperature_c + sample.temperature_c)
        self._heat_c_s += passed_s * mean_c
        self._cycles += passed_s * sample.frequency_hz
        self._above_s += passed_s * (mean_c > self._t_max_c)
        self._throttled_s += passed_s * (before.vf_level < requested)
        self._highest_c = max(self._highest_c, sample.temperature_c)
        self._switches += sample.vf_level != before.vf_level
        self._last = sample

    def window(
        self, rows: NDArray[np.float64], began_s: float, topology: int, scenario: Scenario
    ) -> WindowVector:
        """Fields of the window.

        Args:
            rows: Its frames, columns `tvfs_gym.envs.boards.window.FRAME_FIELDS`.
            began_s: When the episode began, of the monotonic clock.
            topology: That answered.
            scenario: That held.
        """
        first, last = self._first, self._last
        duration_s = max(last.time_s - first.time_s, 1e-9)
        window = np.zeros(len(W))
        summarise(rows, window)
        window[W.TIME_S] = last.time_s - began_s
        window[W.DURATION_S] = duration_s
        window[W.TEMPERATURE_C] = last.temperature_c
        window[W.TEMPERATURE_RATE_C_S] = (last.temperature_c - first.temperature_c) / duration_s
        window[W.TEMPERATURE_MEAN_C] = self._heat_c_s / duration_s
        window[W.TEMPERATURE_MAX_C] = self._highest_c
        window[W.FREQUENCY_HZ] = last.frequency_hz
        window[W.FREQUENCY_MEAN_HZ] = self._cycles / duration_s
        window[W.VF_LEVEL] = last.vf_level
        window[W.CAP_LEVEL] = last.cap_level
        window[W.TOPOLOGY] = topology
        window[W.FRAMES] = len(rows)
        window[W.ENERGY_J] = last.energy_j - first.energy_j
        unknown = np.isnan(last.temperature_c)
        window[W.TIME_ABOVE_T_MAX_S] = np.nan if unknown else self._above_s
        window[W.THROTTLED_S] = self._throttled_s
        window[W.VF_SWITCHES] = self._switches
        window[W.LATENCY_CONSTRAINT_S] = scenario.latency_constraint_s
        window[W.T_MAX_C] = scenario.t_max_c
        window[W.COST_TEMPERATURE] = window[W.TIME_ABOVE_T_MAX_S] / duration_s
        window[W.COST_DEADLINE] = window[W.LATE_FRAMES] / len(rows)
        window[W.COST] = window[W.COST_TEMPERATURE] + window[W.COST_DEADLINE]
        window[W.V2F] = self._v2f[last.vf_level]
        window[W.V2F_SLOWEST] = self._v2f[0]
        window[W.LOAD] = self._load.share_over(duration_s)
        return window
