"""The environment of one twin: a whole step is one compiled call."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.batch import step_board
from tvfs_gym.envs.board_env import BoardEnv, Stepped
from tvfs_gym.envs.boards.board import Configuration
from tvfs_gym.envs.boards.twin import TwinBoard
from tvfs_gym.envs.observation import FEATURES
from tvfs_gym.envs.physics import arrays, summary
from tvfs_gym.envs.reward import NAMES, Reward


class TwinEnv(BoardEnv):
    """What `tvfs_gym.envs.board_env.BoardEnv` does, on a twin, several times faster."""

    board: TwinBoard

    def __init__(
        self, board: TwinBoard, reward: str | Reward = "on_time_accuracy", **arguments: Any
    ) -> None:
        """Wraps a twin; the arguments are those of `BoardEnv`."""
        super().__init__(board, reward=reward, **arguments)
        self._own_reward = reward if callable(reward) else None
        self._reward_number = NAMES.index(reward) if isinstance(reward, str) else 0
        self._draws = np.empty((0, arrays.DRAWS_SIZE), np.int64)

    def _answer(self, configuration: Configuration, frames: int) -> Stepped:
        board = self.board
        if self._episode.changes:
            board.follow_changes()
        if len(self._draws) < frames:
            self._draws = np.empty((frames, arrays.DRAWS_SIZE), np.int64)
        answers = np.empty((frames, summary.FRAME_SIZE))
        window = np.empty(summary.WINDOW_SIZE)
        observation = np.empty(len(FEATURES), np.float32)
        reward = step_board(
            board.levels,
            board.topologies,
            board.outcomes,
            board.jitters,
            self.scales,
            board.state,
            board.parameters,
            board.networks,
            board.trips,
            configuration.topology,
            configuration.vf_level,
            configuration.max_passes or 0,
            board.most_passes,
            self._reward_number,
            self._draws,
            answers,
            window,
            observation,
        )
        if window[summary.W_SHUT_DOWN] > 0.0:
            answers = _answered(answers)
        if self._own_reward is not None:
            reward = float(self._own_reward(window))
        return window, answers, observation, reward


def _answered(answers: NDArray[np.float64]) -> NDArray[np.float64]:
    return answers[~np.isnan(answers[:, summary.FRAME_LATENCY_S])]
