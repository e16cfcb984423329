"""Confidence estimators: how sure a vector of scores is of its highest class, within 0..1."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.errors import InputError, unknown

Scores = NDArray[np.floating]
Estimator = Callable[[Scores], NDArray[np.floating]]
"""Takes scores of shape (..., classes), returns confidences of shape (...)."""


def max_score(scores: Scores) -> NDArray[np.floating]:
    """The highest score: the default, and what was recorded."""
    return np.asarray(scores.max(axis=-1))


def margin(scores: Scores) -> NDArray[np.floating]:
    """The highest score less the second highest."""
    two = np.partition(scores, -2, axis=-1)
    return np.asarray(two[..., -1] - two[..., -2])


def certainty(scores: Scores) -> NDArray[np.floating]:
    """1 - H / log(classes), H being the entropy of the scores, taken as shares of their sum."""
    shares = scores.astype(float) / scores.sum(axis=-1, keepdims=True, dtype=float)
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    entropy = -(shares * logs).sum(axis=-1)
    return np.asarray(1 - entropy / np.log(scores.shape[-1]))


def tempered(scores: Scores, temperature: float) -> NDArray[np.floating]:
    """The highest share of scores ** (1 / temperature): a softmax's of logits / temperature.

    Above 1 it lowers the confidence, below 1 it raises it. Outputs that a quantised network rounded
    to 0 stay 0.
    """
    relative = scores.astype(float) / scores.max(axis=-1, keepdims=True)
    return np.asarray(1 / (relative ** (1 / temperature)).sum(axis=-1))


ESTIMATORS: dict[str, Estimator] = {"max": max_score, "margin": margin, "entropy": certainty}


def estimator_named(name: str) -> Estimator:
    """The estimator of a name: ``max``, ``margin``, ``entropy``, or ``temperature:T`` with T > 0.

    Raises:
        InputError: There is no such estimator, or T is not positive.
    """
    kind, _, value = name.partition(":")
    if kind == "temperature":
        try:
            temperature = float(value)
        except ValueError:
            temperature = np.nan
        if not 0 < temperature < np.inf:
            raise InputError(
                f"a temperature is a positive number, as in temperature:1.3; not '{value}'."
            )
        return partial(tempered, temperature=temperature)
    if name not in ESTIMATORS:
        raise unknown("confidence estimator", name, [*ESTIMATORS, "temperature:1.3"])
    return ESTIMATORS[name]
