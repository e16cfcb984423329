"""Gives a batch of twins another reward."""

from typing import Any

import gymnasium

import tvfs_gym  # noqa: F401
from tvfs_gym.envs import Window


def cool_and_right(window: Window) -> Any:
    right = window.on_time_correct_frames / window.frames
    return right - 0.5 * window.cost_temperature


envs = gymnasium.make_vec("tvfs_gym/OdroidXU4-v1", 64, reward=cool_and_right)
