"""Actions: how numbers and configurations correspond."""

from itertools import product
from typing import Any, Literal, get_args

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from tvfs_gym.envs.boards.board import Board, Configuration
from tvfs_gym.envs.errors import InputError, unknown

ActionKind = Literal["discrete", "multi_discrete", "box"]

BOX_FACTORS = (1, 0, 2)
"""Factors in the order of a box's numbers: VF level, topology, pass budget."""


class Actions:
    """The action space of a board.

    Attributes:
        space: `Discrete` over all configurations, `MultiDiscrete` over their factors, or a `Box`
            with a number from -1 to 1 per factor.
        table: Every configuration in order of its number: topology, VF level and pass budget, the
            last 0 where the action does not choose it; shape (configurations, 3).
        pass_latency_s: Pass latency of the board.
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
        self._kind = kind
        self.space = _space(kind, self._factors)
        self._choices = [
            (factors[0], factors[1], factors[2] + 1 if choose_passes else 0)
            for factors in product(*(range(size) for size in self._factors))
        ]
        self.table = np.array(self._choices)
        self.pass_latency_s = board.pass_latency_s

    def choice(self, action: Any) -> tuple[int, int, int]:
        """Decodes an action: topology, VF level, and pass budget or 0.

        Raises:
            gymnasium.error.InvalidAction: It is not in the action space.
        """
        try:
            number = action if self._kind == "discrete" else self._number(np.asarray(action))
            if number >= 0:
                return self._choices[number]
        except (IndexError, TypeError, ValueError):
            pass
        raise gymnasium.error.InvalidAction(f"{action!r} is not in {self.space}.")

    def configuration(self, action: Any) -> Configuration:
        """Decodes an action.

        Raises:
            gymnasium.error.InvalidAction: It is not in the action space.
        """
        topology, level, passes = self.choice(action)
        return Configuration(topology, level, passes or None)

    def action(self, configuration: Configuration) -> Any:
        """Encodes a configuration."""
        topology, level = np.array([configuration.topology]), np.array([configuration.vf_level])
        passes = configuration.max_passes
        action = self.batch(topology, level, None if passes is None else np.array([passes]))[0]
        return int(action) if self._kind == "discrete" else action

    def batch(
        self,
        topology: NDArray[np.int64],
        vf_level: NDArray[np.int64],
        max_passes: NDArray[np.int64] | None = None,
    ) -> NDArray[Any]:
        """Encodes a batch of configurations: shape (n,), or (n, factors).

        Args:
            topology: Shape (n,).
            vf_level: Shape (n,).
            max_passes: Shape (n,); None for as many as the scenario's policy has. A factor that the
                action space does not have is left out.
        """
        factors = [topology, vf_level]
        if len(self._factors) == 3:
            most = np.full(len(topology), self._views) if max_passes is None else max_passes
            factors.append(np.minimum(most, self._views) - 1)
        if self._kind == "multi_discrete":
            return np.stack(factors, axis=1)
        if self._kind == "box":
            order = BOX_FACTORS[: len(factors)]
            shares = [factors[i] / max(self._factors[i] - 1, 1) for i in order]
            return (2.0 * np.stack(shares, axis=1) - 1.0).astype(np.float32)
        return np.asarray(np.ravel_multi_index(tuple(factors), self._factors), np.int64)

    def rows(self, actions: NDArray[Any]) -> NDArray[np.int64]:
        """Decodes a batch of actions to rows of the table.

        Args:
            actions: Shape (n,), or (n, factors) in a `MultiDiscrete` or `Box` space.

        Raises:
            gymnasium.error.InvalidAction: One of them is not in the action space.
        """
        try:
            numbers = np.asarray(actions)
            if self._kind != "discrete":
                return self._number(numbers.T)
            if numbers.dtype.kind not in "iu" or numbers.ndim != 1:
                raise ValueError
            if ((numbers < 0) | (numbers >= len(self.table))).any():
                raise ValueError
            return numbers.astype(np.int64, copy=False)
        except (TypeError, ValueError):
            raise gymnasium.error.InvalidAction(
                f"{actions!r} is not a batch of actions in {self.space}."
            ) from None

    def _number(self, factors: NDArray[Any]) -> Any:
        """Rows of the table, from factors along the first axis.

        Raises:
            ValueError: There are others than the action space has.
        """
        if self._kind == "multi_discrete" and factors.dtype.kind in "iu":
            return np.ravel_multi_index(tuple(factors), self._factors)
        if self._kind != "box" or len(factors) != len(self._factors) or np.isnan(factors).any():
            raise ValueError
        # An agent's noise may leave the box by a rounding error or more; the box ends there.
        shares = 0.5 * (np.clip(factors, -1.0, 1.0) + 1.0)
        order = BOX_FACTORS[: len(factors)]
        indices: dict[int, Any] = {
            factor: np.rint(share * (self._factors[factor] - 1)).astype(np.int64)
            for share, factor in zip(shares, order, strict=True)
        }
        return np.ravel_multi_index(tuple(indices[i] for i in range(len(indices))), self._factors)

    def masks(
        self, cap_level: NDArray[np.float64], latency_constraint_s: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Marks the configurations that can make sense, at least one of each board.

        Not marked are VF levels above the cap, and topologies whose single pass, at its median
        latency at design time, does not meet L_c at the level. If none meets it, the fastest
        topology at the cap is marked.

        Args:
            cap_level: Highest VF levels that throttling allows, shape (n,).
            latency_constraint_s: L_c, shape (n,).

        Returns:
            Shape (n, configurations), in the order of the table.
        """
        return action_masks(self.table, self.pass_latency_s, cap_level, latency_constraint_s)


def actions_of(space: spaces.Space[Any], board: Board) -> Actions:
    """Finds the actions of a board that make up an action space.

    Raises:
        InputError: The board has no such action space.
    """
    for kind, choose_passes in product(get_args(ActionKind), (False, True)):
        actions = Actions(board, kind, choose_passes)
        if actions.space == space:
            return actions
    expected = Actions(board, "discrete", False).space
    raise InputError(
        f"the policy was trained for {space}, and this board with this family has {expected}: name "
        "the board and family of its training."
    )


def action_masks(
    table: NDArray[np.int64],
    pass_latency_s: NDArray[np.float64],
    cap_level: NDArray[Any],
    latency_constraint_s: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Marks the configurations of a table that can make sense; see `Actions.masks`.

    Args:
        table: Topology and VF level in the first two columns, shape (configurations, any).
        pass_latency_s: Median latency of a pass, shape (topologies, levels).
        cap_level: Shape (n,).
        latency_constraint_s: Shape (n,).
    """
    topology, level = table[:, 0], table[:, 1]
    pass_s = pass_latency_s[topology, level]
    allowed = level <= cap_level[:, np.newaxis]
    masks = allowed & (pass_s <= latency_constraint_s[:, np.newaxis])
    fastest = np.where(allowed, pass_s, np.inf)
    stuck = ~masks.any(axis=1)
    masks[stuck] = (fastest == fastest.min(axis=1, keepdims=True))[stuck]
    return masks


def _space(kind: str, factors: list[int]) -> spaces.Space[Any]:
    if kind == "discrete":
        return spaces.Discrete(int(np.prod(factors)))
    if kind == "multi_discrete":
        return spaces.MultiDiscrete(factors)
    if kind == "box":
        return spaces.Box(-1.0, 1.0, (len(factors),))
    raise unknown("action space", kind, get_args(ActionKind))
