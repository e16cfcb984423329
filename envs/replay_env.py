"""The environment of a log."""

from typing import Any

from tvfs_gym.envs.board_env import Action, BoardEnv, Observation
from tvfs_gym.envs.boards.replay import ReplayBoard


class ReplayEnv(BoardEnv):
    """`tvfs_gym.envs.board_env.BoardEnv` over a log: step after logged step.

    Spaces, observations, rewards and costs are those of the board that was logged. Actions change
    nothing; ``info["on_log"]`` says whether this and all before it were the logged ones, and
    ``info["matched"]`` whether this one was. ``info["frames"]`` is missing: single frames are not
    logged. An episode is truncated where the logged one ends; a seed draws which one is played.
    """

    board: ReplayBoard

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """See `BoardEnv.reset`."""
        observation, info = super().reset(seed=seed, options=options)
        self._frames_left = self.board.log.frames
        del info["frames"]
        return observation, info | self._comparison()

    def step(self, action: Action) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """See `BoardEnv.step`."""
        observation, reward, terminated, truncated, info = super().step(action)
        del info["frames"]
        return observation, reward, terminated, truncated, info | self._comparison()

    def _comparison(self) -> dict[str, bool]:
        return {"on_log": self.board.on_log, "matched": self.board.matched}
