"""Fitting a rung network to what a teacher has shown, by Adam.

At first it learns to choose as the teacher does: cross-entropy of the best rungs. Then it learns to
earn what the rungs are worth: the mean over its chances of all rungs. So it need not guess what the
teacher alone knows, but can weigh it: where one rung is a little better in most cases and much
worse in a few, it leaves it.
"""

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.agents.dagger.flights import Lessons
from tvfs_gym.agents.interface.features import G, Q
from tvfs_gym.agents.network import Adam, Array
from tvfs_gym.agents.rungs import RungNetwork, inputs_of

Features = NDArray[np.float32]

VALUE_SCALE = np.float32(10.0)
"""Weight of what rungs are worth, beside that of a cross-entropy."""


class Dataset:
    """Lessons of all rounds, also of boards with different numbers of rungs.

    Rungs that a board does not have are filled up as ones above the cap, which nobody may choose.
    """

    def __init__(self) -> None:
        self._features: Features = np.zeros((0, len(G)), np.float32)
        self._values = np.zeros((0, 0), np.float32)

    def __len__(self) -> int:
        return len(self._values)

    def add(self, lessons: Lessons) -> None:
        """Adds lessons of one board."""
        both = Lessons(self._features, self._values), lessons
        levels = max(part.values.shape[1] for part in both)
        parts = [_filled_up(part, levels) for part in both]
        self._features = np.concatenate([part.features for part in parts])
        self._values = np.concatenate([part.values for part in parts])

    def drawn(self, count: int, rng: np.random.Generator) -> Lessons:
        """So many lessons, drawn with replacement."""
        rows = rng.integers(len(self), size=count)
        return Lessons(self._features[rows], self._values[rows])


def _filled_up(lessons: Lessons, levels: int) -> Lessons:
    """Lessons with more rungs, all of them above the cap."""
    missing = levels - lessons.values.shape[1]
    if missing == 0:
        return lessons
    above = np.zeros((len(lessons.values), missing * len(Q)), np.float32)
    above[:, Q.ABOVE_CAP :: len(Q)] = 1.0
    nothing = np.zeros((len(lessons.values), missing), np.float32)
    return Lessons(
        np.concatenate([lessons.features, above], axis=1),
        np.concatenate([lessons.values, nothing], axis=1),
    )


def fit_rungs(
    student: RungNetwork,
    adam: Adam,
    dataset: Dataset,
    learning_rates: NDArray[np.float64],
    batch: int,
    weigh: bool,
    rng: np.random.Generator,
) -> float:
    """Takes gradient steps; returns their mean loss.

    Args:
        student: Changed in place.
        adam: Of its parameters.
        dataset: What is drawn from.
        learning_rates: Of each step.
        batch: Lessons of a step.
        weigh: True to earn what rungs are worth, False to choose as the teacher does.
        rng: Draws them.
    """
    losses = []
    for rate in learning_rates.tolist():
        loss, gradients = loss_and_gradients(student, dataset.drawn(batch, rng), weigh)
        adam.step(gradients, rate)
        losses.append(loss)
    return float(np.mean(losses))


def loss_and_gradients(
    student: RungNetwork, lessons: Lessons, weigh: bool
) -> tuple[float, list[Array]]:
    """Mean loss of lessons, and its gradients by the network's parameters.

    Args:
        student: The network.
        lessons: What it learns from.
        weigh: False for the cross-entropy of the best rungs; True for what the network's chances
            earn, negative, times `VALUE_SCALE`.
    """
    inputs, allowed = inputs_of(lessons.features)
    layers = student.network.layers(inputs)
    scores = np.where(allowed, layers[-1].reshape(allowed.shape), np.float32(-np.inf))
    chances = np.exp(scores - scores.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    values = np.where(allowed, lessons.values, np.float32(-np.inf))
    slopes, losses = (_earned if weigh else _imitated)(chances, values)
    gradient = (slopes / np.float32(len(losses))).reshape(-1, 1)
    return float(losses.mean()), student.network.gradients(layers, gradient)


def _imitated(chances: Features, values: Features) -> tuple[Features, Features]:
    """Slopes by the scores, and losses, of a cross-entropy."""
    rows, best = np.arange(len(values)), values.argmax(axis=1)
    slopes = chances.copy()
    slopes[rows, best] -= 1.0
    return slopes, -np.log(np.maximum(chances[rows, best], 1e-12))


def _earned(chances: Features, values: Features) -> tuple[Features, Features]:
    """Slopes by the scores, and losses, of what chances earn."""
    values = np.where(np.isfinite(values), values, np.float32(0.0))
    earned = (chances * values).sum(axis=1, keepdims=True)
    return VALUE_SCALE * chances * (earned - values), -VALUE_SCALE * earned[:, 0]
