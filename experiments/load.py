"""How busy a board's CPU is: what heats it where no power is measured."""

from collections.abc import Callable

import numpy as np
import psutil
from numpy.typing import NDArray

from tvfs_gym.envs.boards.board import Window
from tvfs_gym.envs.physics import summary

LoadMeter = Callable[[Window, NDArray[np.float64]], float]
"""Busy share of the CPU, 0..1, during the window that has just ended; takes it and its frames."""


def inference_load(window: Window, frames: NDArray[np.float64]) -> float:
    """Share of a window in which frames were being answered: the load of a twin, all cores busy."""
    return min(float(frames[:, summary.FRAME_LATENCY_S].sum() / window.duration_s), 1.0)


def machine_load(window: Window, frames: NDArray[np.float64]) -> float:
    """What the kernel counted on all of this machine's cores since the last call."""
    return float(psutil.cpu_percent()) / 100
