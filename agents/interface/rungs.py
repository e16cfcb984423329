"""Rungs as actions: numbers, or numbers from -1 to 1 for continuous controllers."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray


def rung_space(levels: int, below: spaces.Space[Any]) -> spaces.Discrete | spaces.Box:
    """The space of one board's rungs: a `Box` on an environment with one, else `Discrete`.

    Args:
        levels: How many rungs there are.
        below: Action space of the environment without rungs.
    """
    if isinstance(below, spaces.Box):
        return spaces.Box(-1.0, 1.0, (1,))
    return spaces.Discrete(levels)


def rungs_of(actions: Any, levels: int, space: spaces.Discrete | spaces.Box) -> NDArray[np.int64]:
    """Decodes a batch of actions to rungs.

    Args:
        actions: Shape (batch,), or (batch, 1) in a `Box`, which ends at -1 and 1: an agent's noise
            may leave it.
        levels: How many rungs there are.
        space: Of one board.

    Raises:
        gymnasium.error.InvalidAction: One of them is not in the action space.
    """
    numbers = np.asarray(actions)
    if isinstance(space, spaces.Box):
        if numbers.shape[1:] == (1,) and not np.isnan(numbers).any():
            return nearest_choice(numbers[:, 0], levels)
    elif _are_numbers(numbers, levels):
        return numbers.astype(np.int64)
    raise gymnasium.error.InvalidAction(f"{actions!r} is not a batch of actions in {space}.")


def _are_numbers(actions: NDArray[Any], count: int) -> bool:
    if actions.ndim != 1 or actions.dtype.kind not in "iu":
        return False
    return bool(((actions >= 0) & (actions < count)).all())


def nearest_choice(numbers: NDArray[np.floating], count: int) -> NDArray[np.int64]:
    """The nearest of some choices that lie evenly between -1 and 1."""
    shares = 0.5 * (np.clip(numbers, -1.0, 1.0) + 1.0)
    return np.rint(shares * (count - 1)).astype(np.int64)
