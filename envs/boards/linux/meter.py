"""From samples of the board's sensors to what a window delivered."""

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.boards import window as summary
from tvfs_gym.envs.boards.board import WindowVector
from tvfs_gym.envs.boards.linux.machine import Sample
from tvfs_gym.envs.scenario import Scenario


class WindowMeter:
    """Adds samples up between the beginning and the end of a window.

    Between two samples, the temperature goes straight, and the clock is the earlier one's.

    Args:
        first: The sample at the beginning.
        level_before: VF level at the end of the previous window.
        t_max_c: T_max.
    """

    def __init__(self, first: Sample, level_before: int, t_max_c: float) -> None:
        self._first = self._last = first
        self._t_max_c = t_max_c
        self._heat_c_s = self._cycles = self._above_s = self._throttled_s = 0.0
        self._highest_c = first.temperature_c
        self._switches = int(first.vf_level != level_before)

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
        self._cycles += passed_s * before.frequency_hz
        self._above_s += passed_s * (mean_c > self._t_max_c)
        self._throttled_s += passed_s * (before.vf_level < requested)
        self._highest_c = max(self._highest_c, sample.temperature_c)
        self._switches += sample.vf_level != before.vf_level
        self._last = sample

    def window(
        self, rows: NDArray[np.float64], began_s: float, topology: int, scenario: Scenario
    ) -> WindowVector:
        """What the window delivered.

        Args:
            rows: Its frames, columns `tvfs_gym.envs.boards.board.FRAME_FIELDS`.
            began_s: When the episode began, of the monotonic clock.
            topology: That answered.
            scenario: That held.
        """
        first, last = self._first, self._last
        duration_s = max(last.time_s - first.time_s, 1e-9)
        window = np.zeros(summary.WINDOW_SIZE)
        summary.summarise(rows, window)
        window[summary.W_TIME_S] = last.time_s - began_s
        window[summary.W_DURATION_S] = duration_s
        window[summary.W_TEMPERATURE_C] = last.temperature_c
        window[summary.W_TEMPERATURE_RATE_C_S] = (
            last.temperature_c - first.temperature_c
        ) / duration_s
        window[summary.W_TEMPERATURE_MEAN_C] = self._heat_c_s / duration_s
        window[summary.W_TEMPERATURE_MAX_C] = self._highest_c
        window[summary.W_FREQUENCY_HZ] = last.frequency_hz
        window[summary.W_FREQUENCY_MEAN_HZ] = self._cycles / duration_s
        window[summary.W_VF_LEVEL] = last.vf_level
        window[summary.W_CAP_LEVEL] = last.cap_level
        window[summary.W_TOPOLOGY] = topology
        window[summary.W_FRAMES] = len(rows)
        window[summary.W_ENERGY_J] = last.energy_j - first.energy_j
        unknown = np.isnan(last.temperature_c)
        window[summary.W_TIME_ABOVE_T_MAX_S] = np.nan if unknown else self._above_s
        window[summary.W_THROTTLED_S] = self._throttled_s
        window[summary.W_VF_SWITCHES] = self._switches
        window[summary.W_LATENCY_CONSTRAINT_S] = scenario.latency_constraint_s
        window[summary.W_T_MAX_C] = scenario.t_max_c
        window[summary.W_COST_TEMPERATURE] = window[summary.W_TIME_ABOVE_T_MAX_S] / duration_s
        window[summary.W_COST_DEADLINE] = window[summary.W_LATE_FRAMES] / len(rows)
        window[summary.W_COST] = (
            window[summary.W_COST_TEMPERATURE] + window[summary.W_COST_DEADLINE]
        )
        return window
