"""Driving a controller by hand: readings in, configurations out."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.controller import Controller
from tvfs_gym.envs.board_env import BoardEnv
from tvfs_gym.envs.boards.board import Configuration
from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.observation import FEATURES, observe


def observation(env: BoardEnv, **readings: float) -> NDArray[np.float32]:
    """An observation of a window with these fields; the others are zero.

    L_c is 75 ms and T_max 85 degC unless told otherwise.
    """
    given = {"latency_constraint_s": 0.075, "t_max_c": 85.0, **readings}
    window = np.array([given.get(field, 0.0) for field in Window.fields])
    made = np.empty(len(FEATURES), np.float32)
    observe(window, env.scales, made)
    return made


class Driven:
    """A controller in one episode, from its beginning.

    Args:
        controller: Any.
        env: Encodes and decodes for it.
    """

    def __init__(self, controller: Controller, env: BoardEnv) -> None:
        self._controller, self._env = controller, env
        self._state: Any = None

    def __call__(self, temperature_c: float, **readings: float) -> Configuration:
        """What it chooses at a reading."""
        seen = observation(self._env, temperature_c=temperature_c, **readings)
        action, self._state = self._controller.predict(seen, self._state)
        return self._env.configuration(action)
