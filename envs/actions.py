"""Actions: how numbers and configurations correspond."""

from itertools import product
from typing import Any, Literal

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from tvfs_gym.envs.boards.board import Board, Configuration
from tvfs_gym.envs.errors import unknown

ActionKind = Literal["discrete", "multi_discrete"]


class Actions:
    """The action space of a board.

    Attributes:
        space: `Discrete` over all configurations, or `MultiDiscrete` over their factors.
        table: Every configuration in order of its number: topology, VF level and pass budget, the
            last 0 where the action does not choose it; shape (configurations, 3).
    """

    def __init__(self, board: Board, kind: ActionKind, choose_passes: bool) -> None:
        """Lists the configurations.

        Raises:
            InputError: There is no such kind of action space.
        """
        self._factors = [len(board.family.topologies), len(board.operating_points)]
        if choose_passes:
            self._factors.append(board.views)
        self._views = board.views
        self.space = _space(kind, self._factors)
        self._many = isinstance(self.space, spaces.MultiDiscrete)
        self._configurations = [
            Configuration(choice[0], choice[1], choice[2] + 1 if choose_passes else None)
            for choice in product(*(range(size) for size in self._factors))
        ]
        self.table = np.array(
            [(one.topology, one.vf_level, one.max_passes or 0) for one in self._configurations]
        )

    def configuration(self, action: Any) -> Configuration:
        """What an action means.

        Raises:
            gymnasium.error.InvalidAction: It is not in the action space.
        """
        try:
            index = np.ravel_multi_index(tuple(action), self._factors) if self._many else action
            if index >= 0:
                return self._configurations[index]
        except (IndexError, TypeError, ValueError):
            pass
        raise gymnasium.error.InvalidAction(f"{action!r} is not in {self.space}.")

    def action(self, configuration: Configuration) -> Any:
        """The action that means a configuration."""
        choice = [configuration.topology, configuration.vf_level]
        if len(self._factors) == 3:
            choice.append((configuration.max_passes or self._views) - 1)
        if self._many:
            return np.array(choice, np.int64)
        return int(np.ravel_multi_index(tuple(choice), self._factors))

    def batch(
        self,
        topology: NDArray[np.int64],
        vf_level: NDArray[np.int64],
        max_passes: NDArray[np.int64] | None = None,
    ) -> NDArray[np.int64]:
        """The actions that mean a batch of configurations: shape (n,), or (n, factors).

        Args:
            topology: Shape (n,).
            vf_level: Shape (n,).
            max_passes: Shape (n,); None for as many as the scenario's policy has. What the action
                space does not choose is left out.
        """
        factors = [topology, vf_level]
        if len(self._factors) == 3:
            most = np.full(len(topology), self._views) if max_passes is None else max_passes
            factors.append(np.minimum(most, self._views) - 1)
        if self._many:
            return np.stack(factors, axis=1)
        return np.asarray(np.ravel_multi_index(tuple(factors), self._factors), np.int64)

    def rows(self, actions: NDArray[Any]) -> NDArray[np.int64]:
        """Rows of the table that a batch of actions means.

        Args:
            actions: Shape (n,), or (n, factors) in a `MultiDiscrete` space.

        Raises:
            gymnasium.error.InvalidAction: One of them is not in the action space.
        """
        try:
            numbers = np.asarray(actions)
            if numbers.dtype.kind not in "iu":
                raise ValueError
            if self._many:
                return np.asarray(np.ravel_multi_index(tuple(numbers.T), self._factors), np.int64)
            if numbers.ndim != 1 or ((numbers < 0) | (numbers >= len(self.table))).any():
                raise ValueError
            return numbers.astype(np.int64, copy=False)
        except (TypeError, ValueError):
            raise gymnasium.error.InvalidAction(
                f"{actions!r} is not a batch of actions in {self.space}."
            ) from None


def _space(kind: str, factors: list[int]) -> spaces.Space[Any]:
    if kind == "discrete":
        return spaces.Discrete(int(np.prod(factors)))
    if kind == "multi_discrete":
        return spaces.MultiDiscrete(factors)
    raise unknown("action space", kind, ("discrete", "multi_discrete"))
