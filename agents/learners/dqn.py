"""Deep Q-learning as the published methods need it, in NumPy."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.agents.network import Adam, Array, Network


class Batch(NamedTuple):
    """Transitions, one per row.

    Attributes:
        inputs: Shape (batch, inputs).
        choice: Shape (batch,).
        reward: Shape (batch,).
        following: Inputs after the step.
        ended: True if nothing follows.
    """

    inputs: Array
    choice: NDArray[np.int64]
    reward: Array
    following: Array
    ended: NDArray[np.bool_]


def rows_of(batch: Batch, rows: NDArray[Any]) -> Batch:
    """Some of the transitions, by a mask or their places."""
    return Batch._make(column[rows] for column in batch)


def joined(first: Batch, second: Batch) -> Batch:
    """The transitions of both."""
    pairs: Iterable[tuple[NDArray[Any], NDArray[Any]]] = zip(first, second, strict=True)
    return Batch._make(np.concatenate(pair) for pair in pairs)


class Replay:
    """The newest transitions, up to a number.

    Args:
        capacity: The number.
        inputs: Numbers of an input.
    """

    def __init__(self, capacity: int, inputs: int) -> None:
        self._columns = Batch(
            np.zeros((capacity, inputs), np.float32),
            np.zeros(capacity, np.int64),
            np.zeros(capacity, np.float32),
            np.zeros((capacity, inputs), np.float32),
            np.zeros(capacity, bool),
        )
        self._capacity = capacity
        self._written = 0

    def __len__(self) -> int:
        return min(self._written, self._capacity)

    def add(self, batch: Batch) -> None:
        """Writes transitions over the oldest ones."""
        places = (self._written + np.arange(len(batch.choice))) % self._capacity
        pairs: Iterable[tuple[NDArray[Any], NDArray[Any]]] = zip(self._columns, batch, strict=True)
        for column, values in pairs:
            column[places] = values
        self._written += len(batch.choice)

    def rows(self, places: NDArray[np.int64]) -> Batch:
        """Transitions by their places, below the length."""
        return rows_of(self._columns, places)


@dataclass(frozen=True)
class Update:
    """How a network is updated.

    Attributes:
        gamma: Discount.
        myopic: True if every step counts as the last one, so that the return is the reward.
        target_share: Share of the network that the target network takes over after an update.
        huber: True if the loss is Huber's instead of the square.
        clip_norm: Largest norm of the gradients; None for any.
    """

    gamma: float
    myopic: bool = False
    target_share: float = 1.0
    huber: bool = False
    clip_norm: float | None = None


class QNetwork:
    """A network that learns the value of every choice.

    Args:
        sizes: Sizes of its layers, from the inputs to the choices.
        update: How it is updated.
        rng: Draws the first weights.
    """

    def __init__(self, sizes: tuple[int, ...], update: Update, rng: np.random.Generator) -> None:
        self.network = Network.drawn(sizes, rng)
        self.target = self.network.copy()
        self._update = update
        self._adam = Adam(self.network.parameters)

    def returns(self, batch: Batch) -> Array:
        """Target values of the choices made.

        The reward, and unless nothing follows or the update is myopic, gamma times the target
        network's highest value of what follows.
        """
        if self._update.myopic:
            return batch.reward
        best = self.target.layers(batch.following)[-1].max(axis=1)
        return np.asarray(
            batch.reward + self._update.gamma * np.where(batch.ended, 0.0, best), np.float32
        )

    def learn(self, batch: Batch, learning_rate: float) -> None:
        """Takes one step towards the returns; the target network follows."""
        layers = self.network.layers(batch.inputs)
        rows = np.arange(len(batch.choice))
        errors = layers[-1][rows, batch.choice] - self.returns(batch)
        slope = np.clip(errors, -1.0, 1.0) if self._update.huber else 2.0 * errors
        gradient = np.zeros_like(layers[-1])
        gradient[rows, batch.choice] = slope / len(rows)
        gradients = self.network.gradients(layers, gradient)
        self._adam.step(_clipped(gradients, self._update.clip_norm), learning_rate)
        share = np.float32(self._update.target_share)
        for own, other in zip(self.network.parameters, self.target.parameters, strict=True):
            other += share * (own - other)


def _clipped(gradients: list[Array], norm: float | None) -> list[Array]:
    if norm is None:
        return gradients
    length = np.sqrt(sum(float((gradient**2).sum()) for gradient in gradients))
    return [gradient * np.float32(min(1.0, norm / max(length, 1e-12))) for gradient in gradients]
