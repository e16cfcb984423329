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

from tvfs_gym.baselines.controller import Design, too_slow
from tvfs_gym.envs.inference.outcomes import at_stop, outcome_tables, passes_spent
from tvfs_gym.envs.inference.topology import Family

Vector = NDArray[np.float64]

LEAST_GAIN = 0.001
"""Accuracy that counts: half of one of the five hundred recorded images of the design half."""

FULL_SHARE = 0.97
"""Share of an arrival period that a frame may take in the mean: beyond it, frames queue."""


@dataclass(frozen=True)
class Replays:
    """The recorded outcomes of the design half under every budget.

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
    outcomes = outcome_tables(family).design
    topologies, images, views = outcomes.confidence.shape
    most = min(most, views)
    right, spent = np.zeros((2, topologies, most, most))
    for topology in range(topologies):
        for budget in range(1, most + 1):
            passes = passes_spent(outcomes.confidence[topology, :, :budget], tau)
            answer = at_stop(outcomes.correct[topology], passes)
            right[topology, budget - 1] = np.bincount(passes - 1, answer, most) / images
            spent[topology, budget - 1] = np.bincount(passes - 1, minlength=most) / images
    return Replays(right, spent)


def replays_of(design: Design) -> Replays:
    """Replays of a design's family and classifier."""
    known = design.known
    return replays(design.characterisation.family, known.max_passes, known.tau)


def passes_in_time(design: Design, constraint_s: float) -> NDArray[np.int64]:
    """Passes that fit into L_c under every budget, 0 where it does not fit.

    Deadline-aware, a budget larger than what fits is cut short; otherwise all of its passes must
    fit. Shape (topologies, levels, budgets).
    """
    characterisation, known = design.characterisation, design.known
    budgets = np.arange(1, replays_of(design).right.shape[1] + 1)
    if known.deadline_aware:
        fitting = characterisation.passes_within(constraint_s, known)
        return np.minimum(budgets, fitting[..., np.newaxis])
    needed_s = budgets * characterisation.pass_p99_s[..., np.newaxis]
    return np.where(needed_s <= constraint_s, budgets, 0)


def accuracy_within(design: Design, constraint_s: float) -> Vector:
    """Accuracy within L_c under every budget, 0 where it does not fit.

    Shape (topologies, levels, budgets).

    Raises:
        InputError: Not a single pass fits anywhere.
    """
    passes = passes_in_time(design, constraint_s)
    if not passes.any():
        raise too_slow(constraint_s, float(design.characterisation.pass_p99_s.min()))
    none = np.zeros((len(passes), 1))
    accuracy = np.concatenate([none, replays_of(design).accuracy], axis=1)
    return np.take_along_axis(accuracy[:, np.newaxis], passes, axis=2)


def accuracy_and_passes(
    replays: Replays, in_time: Vector, deadline_aware: bool
) -> tuple[Vector, Vector]:
    """Accuracy within L_c and mean passes under every budget.

    Args:
        replays: The recorded outcomes.
        in_time: Probability that 1, 2, ... passes end within L_c, or, deadline-aware, that so many
            are started and do, shape (topologies, levels, passes).
        deadline_aware: True if passes that would end late are never started.

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


def spread_of(design: Design) -> float:
    """The 99th percentile of a pass's latency over its median."""
    characterisation = design.characterisation
    return float(np.median(characterisation.pass_p99_s / characterisation.pass_median_s))


def jitter_log_sigma(design: Design) -> float:
    """Standard deviation of the logarithm of a pass's latency, from its 99th percentile."""
    from scipy.special import ndtri  # which takes a fifth of a second

    return float(np.log(spread_of(design)) / ndtri(0.99))


def expected_outcome(
    design: Design, constraint_s: float, slow_down: float = 1.0
) -> tuple[Vector, Vector]:
    """Accuracy within L_c and mean time of a frame under every budget, by the passes' jitter.

    The first pass is in time if its own jitter allows. Deadline-aware, AdapTTA starts another one
    if the time spent leaves room for the 99th percentile of a pass, and it then ends in time;
    otherwise as many passes as the image needs must be in time. Jitter is log-normal, of several
    passes in the mean about normal.

    Args:
        design: The controller's design.
        constraint_s: L_c.
        slow_down: Factor on all latencies.

    Returns:
        Both of shape (topologies, levels, budgets).
    """
    from scipy.special import ndtr  # which takes a fifth of a second

    replayed, sigma = replays_of(design), jitter_log_sigma(design)
    pass_s = slow_down * design.characterisation.pass_median_s[..., np.newaxis]
    room = constraint_s / pass_s
    passes = np.arange(1.0, replayed.right.shape[1] + 1.0)
    if design.known.deadline_aware:
        before = passes[:-1]
        later = (room - spread_of(design) - before) / (sigma * np.sqrt(before))
        in_time = ndtr(np.concatenate([np.log(room) / sigma, later], axis=2))
    else:
        in_time = ndtr(np.log(room / passes) * np.sqrt(passes) / sigma)
    accuracy, mean_passes = accuracy_and_passes(replayed, in_time, design.known.deadline_aware)
    return accuracy, mean_passes * pass_s


def ranking_score(accuracy: Vector, time_s: Vector, period_s: float) -> Vector:
    """Score to rank configurations by.

    Args:
        accuracy: Within L_c.
        time_s: Mean time of a frame.
        period_s: Between two arrivals; 0 for back to back.

    Returns:
        The accuracy, 0 where frames would queue; where none is of use, the less late the better.
    """
    if period_s > 0.0:
        accuracy = np.where(time_s <= FULL_SHARE * period_s, accuracy, 0.0)
    return accuracy if accuracy.max() >= LEAST_GAIN else -time_s
