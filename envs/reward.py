"""Rewards: documented functions of what a window of frames delivered.

A reward is a function of a `Window`, of one board or of a batch: written with arithmetic and NumPy,
it serves both. Any such function is a reward of an environment, a batch, a board and a learner.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.boards.window import W, Window, WindowVector
from tvfs_gym.envs.errors import InputError, unknown
from tvfs_gym.envs.jit import interpreted, jit
from tvfs_gym.envs.published_rewards import lotus, q_table, ztt
from tvfs_gym.envs.user_code import load_module

LATENESS_WEIGHT = 1.0
"""Points of accuracy that a mean latency of twice L_c costs, in `accuracy_latency`."""

HEAT_WEIGHT = 1.0
"""Points of accuracy that a window spent above T_max costs, in `on_time_accuracy_cool`."""

ENERGY_WEIGHT_PER_J = 0.1
"""Share of a frame's worth that a joule costs, in `reliable_accuracy_energy`: a choice, an exchange
rate between answers and a battery; an application has one of its own."""

Reward = Callable[[Window], Any]
"""A number for a window of one board, an array over the boards for a batch."""


@jit
def default_reward(columns: NDArray[np.float64]) -> Any:
    """Computes `reliable_accuracy`, for compiled code too.

    Args:
        columns: See `Window`.
    """
    return columns[W.RELIABLE_FRAMES] / columns[W.FRAMES]


def reliable_accuracy(window: Window) -> Any:
    """Share of the frames answered correctly, within L_c, with the die at or below T_max: 0..1.

    r = (1/n) sum_i correct_i * [latency_i <= L_c] * [die <= T_max at every look during frame i]
    """
    return interpreted(default_reward)(window.columns)


def on_time_accuracy(window: Window) -> Any:
    """Share of the frames answered correctly and within L_c, at any temperature: 0..1.

    r = (1/n) sum_i correct_i [latency_i <= L_c]
    """
    return window.on_time_correct_frames / window.frames


def accuracy_latency(window: Window) -> Any:
    """Accuracy, less what the mean latency exceeds L_c by: a soft deadline, at most 1.

    r = (1/n) sum_i correct_i - w max(0, mean latency / L_c - 1), w = `LATENESS_WEIGHT`
    """
    excess = window.latency_mean_s / window.latency_constraint_s - 1.0
    return window.correct_frames / window.frames - LATENESS_WEIGHT * np.maximum(0.0, excess)


def on_time_accuracy_cool(window: Window) -> Any:
    """On-time accuracy, less the share of the time above T_max: -1..1.

    r = (1/n) sum_i correct_i [latency_i <= L_c] - w t_above / t, w = `HEAT_WEIGHT`
    """
    return on_time_accuracy(window) - HEAT_WEIGHT * window.cost_temperature


def reliable_accuracy_energy(window: Window) -> Any:
    """Reliable accuracy, less the price of the energy: at most 1; NaN where power is unknown.

    r = (1/n) sum_i correct_i * [latency_i <= L_c] * [die <= T_max] - w E / n,
    w = `ENERGY_WEIGHT_PER_J`
    """
    return reliable_accuracy(window) - ENERGY_WEIGHT_PER_J * window.energy_j / window.frames


def expected_on_time_accuracy(window: Window) -> Any:
    """On-time accuracy as the networks themselves expect it, for frames without labels: 0..1.

    r = mean confidence * share of frames on time. It is as good as the networks are calibrated,
    and it takes confidence and lateness for independent.
    """
    return window.confidence_mean * (1.0 - window.late_frames / window.frames)


DEFAULT_REWARD = "reliable_accuracy"

PYTHON = ".py"
"""How the name of a Python file ends."""

REWARDS: dict[str, Reward] = {
    reward.__name__: reward
    for reward in (
        reliable_accuracy,
        on_time_accuracy,
        accuracy_latency,
        on_time_accuracy_cool,
        reliable_accuracy_energy,
        expected_on_time_accuracy,
        ztt,
        lotus,
        q_table,
    )
}
"""Rewards by name."""

WITHOUT_LABELS = ("expected_on_time_accuracy", "ztt", "lotus", "q_table")
"""Names of those that need no right answers."""


def reward_of(reward: str | Reward) -> Reward:
    """Finds a reward.

    Args:
        reward: One of `REWARDS`; a function in a Python file, as ``FILE.py:NAME``; or a function.

    Raises:
        InputError: There is no such reward, or the file cannot be run.
    """
    if callable(reward):
        return reward
    text = str(reward)
    file, _, name = text.rpartition(":")
    if file.endswith(PYTHON):
        return _reward_in(Path(file), name)
    if text.endswith(PYTHON):
        raise InputError(f"expected a function's name behind {text}, as in {text}:NAME.")
    if text not in REWARDS:
        raise unknown("reward", text, REWARDS)
    return REWARDS[text]


def _reward_in(file: Path, name: str) -> Reward:
    """Finds a function in a file."""
    reward = vars(load_module(file)).get(name)
    if not callable(reward):
        raise InputError(
            f"expected a function of tvfs_gym.envs.Window under the name '{name}' in {file}, not "
            f"{'nothing' if reward is None else repr(reward)}."
        )
    return reward


def reward_name(reward: str | Reward) -> str:
    """Names a reward for a record: as it was given, a function by its module."""
    if isinstance(reward, str):
        return reward
    return f"{reward.__module__}.{getattr(reward, '__qualname__', type(reward).__name__)}"


def rewards_of(reward: Reward, windows: WindowVector) -> NDArray[np.float64]:
    """Rewards the windows of a batch.

    Args:
        reward: Called once with all windows; or, where it cannot take arrays (it has an ``if``,
            say), once per window.
        windows: Shape (n, len(W)).

    Returns:
        Shape (n,).
    """
    try:
        rewards = np.asarray(reward(Window(windows)), np.float64)
        if rewards.shape == (len(windows),):
            return rewards
    except (TypeError, ValueError):  # the truth value of an array is ambiguous, say
        pass
    return np.array([reward(Window(window)) for window in windows], np.float64)
