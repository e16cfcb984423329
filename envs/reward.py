"""Rewards: documented functions of what a window of frames delivered."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.boards import window as summary
from tvfs_gym.envs.jit import jit

LATENESS_WEIGHT = 1.0
"""Points of accuracy that a mean latency of twice L_c costs, in `accuracy_latency`."""

HEAT_WEIGHT = 1.0
"""Points of accuracy that a window spent above T_max costs, in `on_time_accuracy_cool`."""


@jit
def on_time_accuracy(window: NDArray[np.float64]) -> float:
    """Share of the frames answered correctly and within L_c: 0..1.

    r = (1/n) sum_i correct_i [latency_i <= L_c]
    """
    return window[summary.W_ON_TIME_CORRECT_FRAMES] / window[summary.W_FRAMES]


@jit
def accuracy_latency(window: NDArray[np.float64]) -> float:
    """Accuracy, less what the mean latency exceeds L_c by: a soft deadline, at most 1.

    r = (1/n) sum_i correct_i - w max(0, mean latency / L_c - 1), w = `LATENESS_WEIGHT`
    """
    accuracy = window[summary.W_CORRECT_FRAMES] / window[summary.W_FRAMES]
    excess = window[summary.W_LATENCY_MEAN_S] / window[summary.W_LATENCY_CONSTRAINT_S] - 1.0
    return accuracy - LATENESS_WEIGHT * max(0.0, excess)


@jit
def on_time_accuracy_cool(window: NDArray[np.float64]) -> float:
    """On-time accuracy, less the share of the time above T_max: -1..1.

    r = (1/n) sum_i correct_i [latency_i <= L_c] - w t_above / t, w = `HEAT_WEIGHT`
    """
    on_time = window[summary.W_ON_TIME_CORRECT_FRAMES] / window[summary.W_FRAMES]
    return on_time - HEAT_WEIGHT * window[summary.W_COST_TEMPERATURE]


Reward = Callable[[NDArray[np.float64]], float]

REWARDS: dict[str, Reward] = {
    "on_time_accuracy": on_time_accuracy,
    "accuracy_latency": accuracy_latency,
    "on_time_accuracy_cool": on_time_accuracy_cool,
}
"""Rewards by name; a user's own function of the window does as well."""

NAMES = tuple(REWARDS)


@jit
def named_reward(number: int, window: NDArray[np.float64]) -> float:
    """A reward by its place in `NAMES`, for compiled code."""
    if number == 0:
        return on_time_accuracy(window)
    if number == 1:
        return accuracy_latency(window)
    return on_time_accuracy_cool(window)
