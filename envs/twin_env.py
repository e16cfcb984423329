"""The environment of one twin: a whole step is one compiled call."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from tvfs_gym.envs.board_env import BoardEnv, Observation, Stepped
from tvfs_gym.envs.boards.board import Configuration
from tvfs_gym.envs.boards.twin.arrays import DRAWS_SIZE
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.boards.window import FRAME_LATENCY_S, FRAME_SIZE, W_SHUT_DOWN, WINDOW_SIZE
from tvfs_gym.envs.jit import direct
from tvfs_gym.envs.observation import FEATURES
from tvfs_gym.envs.reward import NAMES, Reward
from tvfs_gym.envs.twin_step import step_board

_FEATURES = len(FEATURES)


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
        self._draws = np.empty((0, DRAWS_SIZE), np.int64)
        self._compile()

    def _compile(self) -> None:
        room = np.empty((0, FRAME_SIZE)), np.empty(WINDOW_SIZE), np.empty(_FEATURES, np.float32)
        self._code = direct(step_board, *self._fixed(), 0, 0, 0, 0, self._draws, *room)
        self._begin()

    def _begin(self) -> None:
        """Gives the compiled step all that stays the same in an episode."""
        self._step: Callable[..., float] = partial(self._code, *self._fixed())

    def _fixed(self) -> tuple[Any, ...]:
        board = self.board
        return (
            board.levels,
            board.topologies,
            board.outcomes,
            board.jitters,
            self.scales,
            board.state,
            board.parameters,
            board.networks,
            board.trips,
            self._reward_number,
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Starts an episode; see `BoardEnv.reset`."""
        begun = super().reset(seed=seed, options=options)
        self._begin()
        return begun

    def _answer(self, configuration: Configuration, frames: int) -> Stepped:
        if self._episode.changes and self.board.follow_changes():
            self._begin()
        if len(self._draws) < frames:
            self._draws = np.empty((frames, DRAWS_SIZE), np.int64)
        answers = np.empty((frames, FRAME_SIZE))
        window = np.empty(WINDOW_SIZE)
        observation = np.empty(_FEATURES, np.float32)
        reward = self._step(
            configuration.topology,
            configuration.vf_level,
            configuration.max_passes or 0,
            self.board.most_passes,
            self._draws,
            answers,
            window,
            observation,
        )
        if window[W_SHUT_DOWN] > 0.0:
            answers = answers[~np.isnan(answers[:, FRAME_LATENCY_S])]
        if self._own_reward is not None:
            reward = float(self._own_reward(window))
        return window, answers, observation, reward

    def __getstate__(self) -> dict[str, Any]:
        """Without the compiled code, which cannot be copied."""
        own = self.__dict__.items()
        return {name: value for name, value in own if name not in ("_code", "_step")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """With it again."""
        self.__dict__.update(state)
        self._compile()
