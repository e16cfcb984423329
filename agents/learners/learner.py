"""The base of the published on-line learners: knowledge, experience, policy."""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.agents.policy import Choices, GreedyPolicy

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LearningTask:
    """A learner's board, and the length of its training.

    Attributes:
        scales: The board's, see `tvfs_gym.envs.observation`.
        topologies: How many.
        levels: How many VF levels.
        rng: All of its randomness.
        steps: Steps of the whole batch to come.
        card: Entries of the card that are the same for all learners.
    """

    scales: Array
    topologies: int
    levels: int
    rng: np.random.Generator
    steps: int
    card: dict[str, Any]

    def grid(self, topologies: NDArray[np.int64], levels: NDArray[np.int64]) -> Choices:
        """All pairs of some topologies and some VF levels."""
        return np.stack(np.meshgrid(topologies, levels, indexing="ij"), axis=-1).reshape(-1, 2)


class Experience(NamedTuple):
    """One step of a batch of boards.

    Attributes:
        observation: Before the step, shape (batch, features).
        choice: Row of the learner's choices, shape (batch,).
        reward: Reward to learn from, shape (batch,).
        following: Observation after the step, of the same episode even where it is over.
        terminated: True if the board shut down; an episode cut off by its number of frames is not.
    """

    observation: NDArray[np.float32]
    choice: NDArray[np.int64]
    reward: Array
    following: NDArray[np.float32]
    terminated: NDArray[np.bool_]


class Learner(Protocol):
    """A published method, made for one board and able to learn on a batch of them.

    Attributes:
        choices: Choices to select from.
    """

    choices: Choices

    def act(self, observation: NDArray[np.float32]) -> NDArray[np.int64]:
        """Rows of the choices to try, shape (batch,)."""
        ...

    def learn(self, experience: Experience) -> None:
        """Learns from a step."""
        ...

    def policy(self) -> GreedyPolicy:
        """The policy learnt so far, a copy."""
        ...


def pick(allowed: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.int64]:
    """A random choice among the allowed ones of each row, shape (batch,).

    Args:
        allowed: Shape (batch, choices), at least one in each row.
        rng: Draws.
    """
    return np.asarray(np.where(allowed, rng.random(allowed.shape), -1.0).argmax(axis=1), np.int64)
