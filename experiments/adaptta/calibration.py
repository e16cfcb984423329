"""Calibration: which views and threshold meet a wanted accuracy, number of passes, or latency."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.augmentation import POLICIES
from tvfs_gym.envs.inference.outcomes import passes_spent

TAUS = (*np.round(np.arange(0.05, 1.0, 0.01), 2).tolist(), math.inf)
"""Thresholds that are tried; the last one is static augmentation."""

ONE_SIDED_95 = 1.645
"""Quantile of the normal distribution."""


@dataclass(frozen=True)
class Measured:
    """What one network did on the images of a calibration, arrays of shape (images, views).

    Attributes:
        confidence: Of the consensus after 1, 2, ... views.
        correct: Whether it was right.
        seconds: Time of every pass; None if it was not measured.
    """

    confidence: NDArray[np.float32]
    correct: NDArray[np.bool_]
    seconds: NDArray[np.float64] | None = None

    def only(self, images: slice) -> "Measured":
        """The same for a part of the images."""
        seconds = None if self.seconds is None else self.seconds[images]
        return Measured(self.confidence[images], self.correct[images], seconds)


@dataclass(frozen=True)
class OperatingPoint:
    """One setting of AdapTTA, and what it gave.

    Attributes:
        max_passes: How many of the first views are used: 1, 5 and 10 of the ten are 1C, 5C, 10C.
        tau: Threshold.
        accuracy: Share of the images answered right.
        passes: Mean passes per image.
        latency_s: Time within which 95 of 100 images were answered; None if it was not measured.
    """

    max_passes: int
    tau: float
    accuracy: float
    passes: float
    latency_s: float | None


def measure(measured: Measured, max_passes: int, tau: float) -> OperatingPoint:
    """What a setting gives on these images."""
    passes = passes_spent(measured.confidence[:, :max_passes], tau)
    images = np.arange(len(passes))
    latency_s = None
    if measured.seconds is not None:
        frames_s = np.cumsum(measured.seconds, axis=1)[images, passes - 1]
        latency_s = float(np.quantile(frames_s, 0.95))
    accuracy = float(measured.correct[images, passes - 1].mean())
    return OperatingPoint(max_passes, tau, accuracy, float(passes.mean()), latency_s)


def sweep(measured: Measured, limits: Iterable[int] | None = None) -> list[OperatingPoint]:
    """Every threshold of `TAUS` under every limit of passes.

    Args:
        measured: What to replay.
        limits: Most passes; None for those of the named policies, and all views.
    """
    views = measured.confidence.shape[1]
    named = {limit for limit in POLICIES.values() if limit < views}
    return [
        measure(measured, limit, tau) for limit in limits or sorted(named | {views}) for tau in TAUS
    ]


def pareto_front(points: Sequence[OperatingPoint]) -> list[OperatingPoint]:
    """The points that no other beats in passes and accuracy, by ascending passes."""
    front: list[OperatingPoint] = []
    for point in sorted(points, key=lambda one: (one.passes, -one.accuracy)):
        if not front or point.accuracy > front[-1].accuracy:
            front.append(point)
    return front


def choose(
    points: Sequence[OperatingPoint],
    accuracy: float | None = None,
    passes: float | None = None,
    latency_s: float | None = None,
) -> OperatingPoint:
    """The best of some points within a target; of equals the one with the fewest passes.

    Args:
        points: As from `sweep`.
        accuracy: Wanted share of right answers: the fewest passes that reach it.
        passes: Mean passes that may be spent: the highest accuracy within them.
        latency_s: Budget for 95 of 100 images: the highest accuracy within it.

    Raises:
        InputError: Not exactly one target is given; none of the points meets it; or no latency
            was measured.
    """
    if sum(target is not None for target in (accuracy, passes, latency_s)) != 1:
        raise InputError("a calibration takes one target: an accuracy, passes or a latency.")
    if accuracy is not None:
        within = [one for one in points if one.accuracy >= accuracy]
        best = f"{max(one.accuracy for one in points):.1%}"
        wanted = f"an accuracy of {accuracy:.1%}"
        key = _fewest_passes
    elif passes is not None:
        within = [one for one in points if one.passes <= passes]
        best = f"{min(one.passes for one in points):.2f}"
        wanted = f"{passes:g} passes"
        key = _highest_accuracy
    else:
        latencies_s = [one.latency_s for one in points if one.latency_s is not None]
        if not latencies_s or latency_s is None:
            raise InputError(
                "these outcomes hold no latencies: name a folder that adaptta --models --images "
                "wrote."
            )
        within = [one for one in points if (one.latency_s or 0.0) <= latency_s]
        best = f"{1e3 * min(latencies_s):.1f} ms"
        wanted = f"{1e3 * latency_s:g} ms"
        key = _highest_accuracy
    if not within:
        raise InputError(f"no setting reaches {wanted}; the best is {best}.")
    return min(within, key=key)


def tau_that_keeps_accuracy(measured: Measured, loss: float = 0.005) -> float:
    """The lowest threshold that keeps static augmentation's accuracy, with a margin for chance.

    From this threshold on upwards, the share of right answers lost against static augmentation is
    below ``loss`` with a one-sided confidence of 95 % (paired normal interval). A threshold that
    merely reaches static accuracy on the calibration images may do so by luck and loses on others.

    Args:
        measured: The calibration images; all their views.
        loss: Share of right answers that may be lost.
    """
    static = measured.correct[:, -1].astype(int)
    images = np.arange(len(static))
    kept = math.inf
    for tau in sorted(TAUS, reverse=True):
        last = passes_spent(measured.confidence, tau) - 1
        lost = static - measured.correct[images, last]
        if lost.mean() + ONE_SIDED_95 * lost.std() / math.sqrt(len(lost)) > loss:
            break
        kept = tau
    return kept


def _fewest_passes(point: OperatingPoint) -> tuple[float, float]:
    return point.passes, -point.accuracy


def _highest_accuracy(point: OperatingPoint) -> tuple[float, float]:
    return -point.accuracy, point.passes
