"""The pass budget as a third knob: what every (topology, VF level, budget) promises.

A budget is the most passes that AdapTTA may spend on a frame. Under a deadline that AdapTTA is
aware of, a lower one costs accuracy and saves time; back to back it saves no heat, since the board
goes on with the next frame at once, but with a camera slower than the board it shortens the busy
part of each period. Where AdapTTA knows no deadline, only a low budget keeps an accurate topology
within L_c at all.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.characterisation import Characterisation
from tvfs_gym.baselines.controller import Design
from tvfs_gym.envs.boards.twin import JITTER_99_PERCENT
from tvfs_gym.envs.inference.outcomes import outcome_table, passes_spent
from tvfs_gym.envs.inference.topology import Family
from tvfs_gym.envs.scenario import Scenario

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Replays:
    """The recorded outcomes under every budget.

    Attributes:
        right: Share of the images answered right, by topology, budget and passes spent, shape
            (topologies, budgets, passes); budgets and passes count from 1.
        spent: Share of the images that spend so many passes, same shape.
    """

    right: Vector
    spent: Vector

    @cached_property
    def accuracy(self) -> Vector:
        """Accuracy under each budget, shape (topologies, budgets)."""
        return self.right.sum(axis=2)

    @cached_property
    def passes(self) -> Vector:
        """Mean passes under each budget, shape (topologies, budgets)."""
        return self.spent @ np.arange(1.0, self.spent.shape[2] + 1.0)


@lru_cache
def replays(family: Family, most: int, tau: float) -> Replays:
    """Replays AdapTTA under the budgets 1 to `most`.

    Args:
        family: The topologies.
        most: The policy's views; no more than were recorded count.
        tau: Confidence threshold.
    """
    outcomes = outcome_table(family)
    topologies, images, views = outcomes.confidence.shape
    most = min(most, views)
    right, spent = np.zeros((2, topologies, most, most))
    for topology in range(topologies):
        for budget in range(1, most + 1):
            passes = passes_spent(outcomes.confidence[topology, :, :budget], tau)
            answer = outcomes.correct[topology][np.arange(images), passes - 1]
            right[topology, budget - 1] = np.bincount(passes - 1, answer, most) / images
            spent[topology, budget - 1] = np.bincount(passes - 1, minlength=most) / images
    return Replays(right, spent)


def replays_of(design: Design) -> Replays:
    """The same for a design's family and classifier."""
    known = design.known
    return replays(design.characterisation.family, known.max_passes, known.tau)


def jitter_log_sigma(characterisation: Characterisation) -> float:
    """Standard deviation of the logarithm of a pass's latency, from its 99th percentile."""
    spread = characterisation.pass_p99_s / characterisation.pass_median_s
    return float(np.log(np.median(spread))) / JITTER_99_PERCENT


def passes_in_time(
    characterisation: Characterisation, constraint_s: float, known: Scenario
) -> NDArray[np.int64]:
    """Passes that count within L_c under every budget, 0 where the budget does not fit.

    Deadline-aware, a budget larger than what fits is cut short; otherwise all of its passes must
    fit. Shape (topologies, levels, budgets).
    """
    most = replays(characterisation.family, known.max_passes, known.tau).right.shape[1]
    budgets = np.arange(1, most + 1)
    if known.deadline_aware:
        fitting = characterisation.passes_within(constraint_s, known)
        return np.minimum(budgets, fitting[..., np.newaxis])
    p99_s = characterisation.pass_p99_s[..., np.newaxis]
    return np.where(budgets * p99_s <= constraint_s, budgets, 0)


def promised(replays: Replays, in_time: Vector, deadline_aware: bool) -> tuple[Vector, Vector]:
    """Accuracy within L_c and mean passes under every budget.

    Args:
        replays: The recorded outcomes.
        in_time: Probability that 1, 2, ... passes end within L_c, or, deadline-aware, that so many
            are started and do, shape (topologies, levels, passes).
        deadline_aware: Whether passes that would end late are never started.

    Returns:
        Both of shape (topologies, levels, budgets).
    """
    if deadline_aware:
        gained = np.diff(replays.accuracy, axis=1, prepend=0.0)[:, np.newaxis]
        more = np.diff(replays.passes, axis=1, prepend=0.0)[:, np.newaxis]
        started = np.concatenate([np.ones_like(in_time[..., :1]), in_time[..., 1:]], axis=2)
        return np.cumsum(gained * in_time, axis=2), np.cumsum(more * started, axis=2)
    accuracy = np.einsum("tbk,tlk->tlb", replays.right, in_time)
    return accuracy, np.broadcast_to(replays.passes[:, np.newaxis], accuracy.shape)
