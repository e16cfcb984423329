"""A board's log, played again: `tvfs_gym.envs.boards.board.Board` over what was logged."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.boards.board import BoardInfo, Configuration, Telemetry, clock_bound_latency_s
from tvfs_gym.envs.boards.profile import BoardProfile, OperatingPoint
from tvfs_gym.envs.boards.window import F, W, WindowVector
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.topology import Family
from tvfs_gym.envs.scenario import Scenario


@dataclass(frozen=True)
class EpisodeLog:
    """An episode that was logged.

    Attributes:
        start: Sensor readings before its first step.
        windows: Windows of its steps, shape (steps, WINDOW_SIZE).
        requested: Request of each: topology, VF level, and pass budget or 0 where the
            action had none; shape (steps, 3).
    """

    start: Telemetry
    windows: NDArray[np.float64]
    requested: NDArray[np.int64]

    @property
    def frames(self) -> int:
        """Frames of the episode, or of what there is of it."""
        return int(self.windows[:, W.FRAMES].sum())


class ReplayBoard:
    """Delivers what was logged, step by step, whatever is asked for.

    A log cannot tell what another choice would have come to, and nothing is made up: `on_log` says
    whether everything so far was asked for as logged. Single frames are not logged, so windows come
    without them.

    Attributes:
        on_log: True if all choices since the reset were the logged ones.
        matched: True if the latest was.

    Args:
        info: Identity of the board.
        logs: The episodes; a reset begins the one that its key draws.
        operating_points: VF levels of the board.
        family: Its topologies.
        views: The most passes a frame could get.
        nominal_latency_s: As the board had it.
        profile: Profile of the board; None if it had none.

    Raises:
        InputError: There is no episode.
    """

    def __init__(
        self,
        info: BoardInfo,
        logs: Sequence[EpisodeLog],
        operating_points: tuple[OperatingPoint, ...],
        family: Family,
        views: int,
        nominal_latency_s: float,
        profile: BoardProfile | None = None,
    ) -> None:
        if not logs:
            raise InputError("a log with at least one episode is needed to play it again.")
        self.info = info
        self.logs = tuple(logs)
        self.operating_points = operating_points
        self.family = family
        self.views = views
        self.nominal_latency_s = nominal_latency_s
        self.pass_latency_s = clock_bound_latency_s(family, operating_points, nominal_latency_s)
        self.profile = profile
        self._begin(self.logs[0])

    def _begin(self, log: EpisodeLog) -> None:
        self.log = log
        self._step = 0
        self.on_log = self.matched = True

    def check(self, scenario: Scenario) -> None:
        """Refuses nothing: a scenario is the log's own."""

    def reset(self, scenario: Scenario, key: tuple[int, int]) -> Telemetry:
        """Begins an episode of the log; the scenario is the log's own."""
        self._begin(self.logs[key[0] % len(self.logs)])
        return self.telemetry()

    def apply(self, configuration: Configuration) -> None:
        """Compares the choice with the logged one; a budget counts where both have one."""
        topology, level, passes = self.log.requested[self._step].tolist()
        wanted = configuration.max_passes
        self.matched = (configuration.topology, configuration.vf_level) == (topology, level) and (
            not passes or wanted is None or wanted == passes
        )
        self.on_log = self.on_log and self.matched

    def infer(self, frames: int) -> tuple[WindowVector, NDArray[np.float64]]:
        """The next logged window, without its frames.

        Raises:
            InputError: The log has ended.
        """
        if self._step == len(self.log.windows):
            raise InputError("the log has no further step: reset the environment.")
        window = self.log.windows[self._step].copy()
        self._step += 1
        return window, np.full((frames, len(F)), np.nan)

    def telemetry(self) -> Telemetry:
        """Sensor readings at the end of the latest step."""
        if self._step == 0:
            return self.log.start
        window = self.log.windows[self._step - 1]
        duration_s = window[W.DURATION_S]
        power_w = window[W.ENERGY_J] / duration_s
        return Telemetry(
            time_s=float(window[W.TIME_S]),
            temperature_c=float(window[W.TEMPERATURE_C]),
            frequency_hz=float(window[W.FREQUENCY_HZ]),
            vf_level=int(window[W.VF_LEVEL]),
            cap_level=int(window[W.CAP_LEVEL]),
            power_w=None if np.isnan(power_w) else float(power_w),
        )

    def close(self) -> None:
        """Nothing to restore."""
