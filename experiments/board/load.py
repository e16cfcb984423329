"""How busy a board's CPU is: what heats it where no power is measured."""

import os
import time
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.boards.window import F, Window


class LoadMeter(Protocol):
    """Measures the busy share of the CPU, 0..1, window by window."""

    def begin(self) -> None:
        """The first window begins now."""

    def load(self, window: Window, frames: NDArray[np.float64]) -> float:
        """The load of the window that has just ended, from it and its frames."""
        ...


class InferenceLoad:
    """Share of a window in which frames were being answered: the load of a twin, all cores busy."""

    def begin(self) -> None:
        """Nothing to remember."""

    def load(self, window: Window, frames: NDArray[np.float64]) -> float:
        """The load of the window that has just ended."""
        return min(float(frames[:, F.LATENCY_S].sum() / window.duration_s), 1.0)


class ProcessLoad:
    """CPU time of this process, all threads, over that of the CPUs that it may run on.

    The kernel counts it by the microsecond, so it holds for windows of milliseconds, where the
    machine's own load, counted in ticks of 4 or 10 ms, does not. Other processes are not in it.
    """

    def __init__(self) -> None:
        self._cpus = len(os.sched_getaffinity(0))
        self.begin()

    def begin(self) -> None:
        """What was spent until now does not count."""
        self._spent_s = time.process_time()

    def load(self, window: Window, frames: NDArray[np.float64]) -> float:
        """The load of the window that has just ended."""
        before_s, self._spent_s = self._spent_s, time.process_time()
        return min((self._spent_s - before_s) / (window.duration_s * self._cpus), 1.0)
