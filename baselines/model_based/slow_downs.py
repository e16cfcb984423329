"""What a board's slow-down will be next, by what it was: a belief over its recent values.

Other work on the board comes and goes. A controller that takes the last window's slow-down for the
next one's is late each time it comes back. Here the recent values are counted, with a memory of a
minute, and how often each was left. The next value is the present one, or with the chance of
leaving it, one of the others, each as likely as the time spent at it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.model_based.board_model import Vector

VALUE_STEP = 0.06
"""Resolution of the values' logarithm: two sigmas of a pass's jitter on an Odroid-XU4."""

LOWEST, VALUES = -5, 32
"""The lowest value, in such steps, and how many there are: 0.74 to 4.8."""

MEMORY_S = 60.0
"""Time constant of the counts."""

PRIOR_CHANCE, PRIOR_STEPS = 0.05, 3.0
"""Chance of leaving a value before anything was seen, and the steps that it counts for."""

CHANCE_STEP = 0.02
"""Resolution of the chances: a fiftieth."""


class Counts(NamedTuple):
    """What is remembered, with everything older counting less.

    Attributes:
        steps: Steps at each value, shape (batch, values).
        left: How often it was left, same shape.
    """

    steps: Vector
    left: Vector


def no_counts(count: int) -> Counts:
    """Before the first window."""
    return Counts(np.zeros((count, VALUES)), np.zeros((count, VALUES)))


def counted(
    counts: Counts, before: Vector, after: Vector, duration_s: Vector, timed: NDArray[np.bool_]
) -> Counts:
    """Takes a window in.

    Args:
        counts: Before it.
        before: Logarithm of the slow-down before it, shape (batch,).
        after: The same after it.
        duration_s: Its length.
        timed: True where the slow-down was measured.
    """
    first, last = _value(before)[:, np.newaxis], _value(after)[:, np.newaxis]
    kept = np.exp(-duration_s / MEMORY_S)[:, np.newaxis]
    values, counts_now = np.arange(VALUES), timed[:, np.newaxis]
    gone = (np.abs(last - first) > 1) & (values == first)
    return Counts(
        kept * counts.steps + (counts_now & (values == last)),
        kept * counts.left + (counts_now & gone),
    )


def chances(counts: Counts, slow_down: Vector) -> NDArray[np.int64]:
    """Chances of the values other than the present one, in `CHANCE_STEP`; shape (batch, values).

    Args:
        counts: What is remembered.
        slow_down: Logarithm of the present one.
    """
    near = np.abs(np.arange(VALUES) - _value(slow_down)[:, np.newaxis]) <= 1
    left = np.where(near, counts.left, 0.0).sum(axis=1) + PRIOR_CHANCE * PRIOR_STEPS
    leaving = left / (np.where(near, counts.steps, 0.0).sum(axis=1) + PRIOR_STEPS)
    others = np.where(near, 0.0, counts.steps)
    share = others / np.maximum(others.sum(axis=1), 1.0)[:, np.newaxis]
    chance = np.minimum(leaving, 1.0)[:, np.newaxis] * share
    return np.rint(chance / CHANCE_STEP).astype(np.int64)


def _value(slow_down: Vector) -> NDArray[np.int64]:
    nearest = np.rint(slow_down / VALUE_STEP).astype(np.int64) - LOWEST
    return np.minimum(np.maximum(nearest, 0), VALUES - 1)
