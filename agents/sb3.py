"""A trained stable-baselines3 policy as a controller."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.controller import Controller
from tvfs_gym.envs.board_env import Action


class Policy(Protocol):
    """What every stable-baselines3 algorithm and policy offers."""

    def predict(
        self,
        observation: NDArray[np.float32],
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
    ) -> tuple[Action, Any]:
        """Returns an action and the next state of a recurrent policy."""
        ...


class PolicyController(Controller):
    """Acts on the observation alone, deterministically.

    Args:
        policy: A trained algorithm, e.g. from ``PPO.load``.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.reset()

    def reset(self) -> None:
        """Forgets a recurrent policy's state."""
        self._state: Any = None
        self._start = np.ones(1, bool)

    def act(self, observation: NDArray[np.float32], info: dict[str, Any]) -> Action:
        """Asks the policy."""
        action, self._state = self._policy.predict(
            observation, self._state, self._start, deterministic=True
        )
        self._start = np.zeros(1, bool)
        return action
