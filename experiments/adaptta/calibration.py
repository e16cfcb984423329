"""Calibration: views and threshold for a target accuracy, number of passes, or latency."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.augmentation import POLICIES
from tvfs_gym.envs.inference.outcomes import at_stop, passes_spent

TAUS = (*np.round(np.arange(0.05, 1.0, 0.01), 2).tolist(), math.inf)
"""Candidate thresholds; the last is static augmentation."""

ONE_SIDED_95 = 1.645
"""Quantile of the normal distribution."""


@dataclass(frozen=True)
class CalibrationData:
    """Results of a network on the images of a calibration, arrays of shape (images, views).

    Attributes:
        confidence: Confidence of the consensus after 1, 2, ... views.
        correct: True where the consensus was right.
        seconds: Time of every pass, s; None if it was not measured.
    """

    confidence: NDArray[np.float32]
    correct: NDArray[np.bool_]
    seconds: NDArray[np.float64] | None = None

    def only(self, images: NDArray[np.intp]) -> "CalibrationData":
        """Selects a part of the images."""
        seconds = None if self.seconds is None else self.seconds[images]
        return CalibrationData(self.confidence[images], self.correct[images], seconds)


@dataclass(frozen=True)
class SweepPoint:
    """A setting of AdapTTA and its results.

    Attributes:
        max_passes: Limit of passes, the first views: 1, 5 and 10 of the ten are 1C, 5C and 10C.
        tau: Confidence threshold.
        accuracy: Share of the images answered right.
        passes: Mean passes per image.
        latency_s: 95th percentile of an image's latency, s; None if it was not measured.
    """

    max_passes: int
    tau: float
    accuracy: float
    passes: float
    latency_s: float | None


def evaluate_setting(data: CalibrationData, max_passes: int, tau: float) -> SweepPoint:
    """Replays a setting over the images."""
    passes = passes_spent(data.confidence[:, :max_passes], tau)
    latency_s = None
    if data.seconds is not None:
        frames_s = at_stop(np.cumsum(data.seconds, axis=1), passes)
        latency_s = float(np.quantile(frames_s, 0.95))
    accuracy = float(at_stop(data.correct, passes).mean())
    return SweepPoint(max_passes, tau, accuracy, float(passes.mean()), latency_s)


def sweep_settings(data: CalibrationData, limits: Iterable[int] | None = None) -> list[SweepPoint]:
    """Replays every threshold of `TAUS` under every limit of passes.

    Args:
        data: Results of the network.
        limits: Limits of passes; None for those of the named policies, and all views.
    """
    views = data.confidence.shape[1]
    named = {limit for limit in POLICIES.values() if limit < views}
    return [
        evaluate_setting(data, limit, tau)
        for limit in limits or sorted(named | {views})
        for tau in TAUS
    ]


def pareto_front(points: Sequence[SweepPoint]) -> list[SweepPoint]:
    """Selects the points that no other point beats in passes and accuracy, by ascending passes."""
    passes = np.array([point.passes for point in points])
    accuracy = np.array([point.accuracy for point in points])
    return [points[index] for index in pareto_indices(passes, accuracy)]


def pareto_indices(cost: NDArray[np.float64], value: NDArray[np.float64]) -> list[int]:
    """Indices, by ascending cost, of the points that no other beats in both cost and value."""
    front: list[int] = []
    for index in np.lexsort((-value, cost)):
        if not front or value[index] > value[front[-1]]:
            front.append(int(index))
    return front


def choose(
    points: Sequence[SweepPoint],
    accuracy: float | None = None,
    passes: float | None = None,
    latency_s: float | None = None,
) -> SweepPoint:
    """Chooses the best point that meets a target; among equals, the fewest passes.

    Args:
        points: Points of `sweep_settings`.
        accuracy: Least share of right answers; the fewest passes that reach it are chosen.
        passes: Most mean passes; the highest accuracy within them is chosen.
        latency_s: Most latency of 95 of 100 images, s; the highest accuracy within it is chosen.

    Raises:
        InputError: There is not exactly one target, no point meets it, or no latency was measured.
    """
    if [accuracy, passes, latency_s].count(None) != 2:
        raise InputError("a calibration takes one target: an accuracy, passes or a latency.")
    if accuracy is not None:
        feasible = [point for point in points if point.accuracy >= accuracy]
        best = f"{max(point.accuracy for point in points):.1%}"
        target = f"an accuracy of {accuracy:.1%}"
        key = _fewest_passes
    elif passes is not None:
        feasible = [point for point in points if point.passes <= passes]
        best = f"{min(point.passes for point in points):.2f}"
        target = f"{passes:g} passes"
        key = _highest_accuracy
    else:
        latencies_s = [point.latency_s for point in points if point.latency_s is not None]
        if not latencies_s or latency_s is None:
            raise InputError(
                "these outcomes hold no latencies: name the folder of a run of adaptta live."
            )
        feasible = [point for point in points if (point.latency_s or 0.0) <= latency_s]
        best = f"{1e3 * min(latencies_s):.1f} ms"
        target = f"{1e3 * latency_s:g} ms"
        key = _highest_accuracy
    if not feasible:
        raise InputError(f"no setting reaches {target}; the best is {best}.")
    return min(feasible, key=key)


def tau_that_keeps_accuracy(data: CalibrationData, loss: float = 0.005) -> float:
    """Finds the lowest threshold that keeps static augmentation's accuracy, with a margin.

    From this threshold upwards, the share of right answers lost against static augmentation is
    below ``loss`` with a one-sided confidence of 95 % (paired normal interval). A threshold that
    merely reaches static accuracy on the calibration images may do so by luck and loses on others.

    Args:
        data: Results of the network, with all views.
        loss: Share of right answers that may be lost.
    """
    static = data.correct[:, -1].astype(int)
    lowest = math.inf
    for tau in sorted(TAUS, reverse=True):
        lost = static - at_stop(data.correct, passes_spent(data.confidence, tau))
        if lost.mean() + ONE_SIDED_95 * lost.std() / math.sqrt(len(lost)) > loss:
            break
        lowest = tau
    return lowest


def _fewest_passes(point: SweepPoint) -> tuple[float, float]:
    return point.passes, -point.accuracy


def _highest_accuracy(point: SweepPoint) -> tuple[float, float]:
    return -point.accuracy, point.passes
