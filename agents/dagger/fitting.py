"""Fitting a rung network to what a teacher has shown: cross-entropy over the rungs, by Adam."""

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.agents.dagger.flights import Lessons
from tvfs_gym.agents.interface.features import G, Q
from tvfs_gym.agents.network import Adam, Array
from tvfs_gym.agents.rungs import RungNetwork, inputs_of

Features = NDArray[np.float32]


class Dataset:
    """Lessons of all rounds, also of boards with different numbers of rungs.

    Rungs that a board does not have are filled up as ones above the cap, which nobody may choose.
    """

    def __init__(self) -> None:
        self._features: Features = np.zeros((0, len(G)), np.float32)
        self._rungs = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self._rungs)

    def add(self, lessons: Lessons) -> None:
        """Adds lessons of one board."""
        missing = lessons.features.shape[1] - self._features.shape[1]
        self._features = np.concatenate(
            [_filled_up(self._features, missing), _filled_up(lessons.features, -missing)]
        )
        self._rungs = np.concatenate([self._rungs, lessons.rungs])

    def drawn(self, count: int, rng: np.random.Generator) -> Lessons:
        """So many lessons, drawn with replacement."""
        rows = rng.integers(len(self), size=count)
        return Lessons(self._features[rows], self._rungs[rows])


def _filled_up(features: Features, missing: int) -> Features:
    """Features with more rungs, all of them above the cap."""
    if missing <= 0:
        return features
    nothing = np.zeros((len(features), missing), np.float32)
    nothing[:, Q.ABOVE_CAP :: len(Q)] = 1.0
    return np.concatenate([features, nothing], axis=1)


def fit_rungs(
    student: RungNetwork,
    adam: Adam,
    dataset: Dataset,
    learning_rates: NDArray[np.float64],
    batch: int,
    rng: np.random.Generator,
) -> float:
    """Takes gradient steps; returns their mean loss.

    Args:
        student: Changed in place.
        adam: Of its parameters.
        dataset: What is drawn from.
        learning_rates: Of each step.
        batch: Lessons of a step.
        rng: Draws them.
    """
    losses = []
    for rate in learning_rates.tolist():
        loss, gradients = loss_and_gradients(student, dataset.drawn(batch, rng))
        adam.step(gradients, rate)
        losses.append(loss)
    return float(np.mean(losses))


def loss_and_gradients(student: RungNetwork, lessons: Lessons) -> tuple[float, list[Array]]:
    """Mean cross-entropy of the teacher's rungs, and its gradients by the network's parameters."""
    network, rows = student.network, np.arange(len(lessons.rungs))
    inputs, allowed = inputs_of(lessons.features)
    layers = network.layers(inputs)
    scores = np.where(allowed, layers[-1].reshape(allowed.shape), np.float32(-np.inf))
    rungs = np.minimum(lessons.rungs, allowed.sum(axis=1) - 1)
    chances = np.exp(scores - scores.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    loss = -float(np.log(np.maximum(chances[rows, rungs], 1e-12)).mean())
    chances[rows, rungs] -= 1.0
    gradient = (chances / np.float32(len(rows))).reshape(-1, 1)
    return loss, network.gradients(layers, gradient)
