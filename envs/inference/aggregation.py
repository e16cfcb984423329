"""Aggregation: the consensus of the outputs of a frame's passes.

One copy serves the live classifier and replays alike: outputs have the shape (..., classes), the
leading axes being frames.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.errors import unknown

Probabilities = NDArray[np.float32]

EPSILON = float(np.finfo(np.float32).eps)

FLOOR = 1 / 512
"""Value that the geometric mean takes for a lower output: half a step of the quantised networks'
grid, so that an output that was rounded to 0 in one view does not veto its class."""


class Aggregation:
    """The base of all aggregations.

    Args:
        views: Passes that the frame may get.

    Attributes:
        passes: Outputs taken in so far.
    """

    def __init__(self, views: int) -> None:
        self.views = views
        self.passes = 0

    def add(self, probabilities: Probabilities) -> None:
        """Takes in the outputs of one more pass, within 0..1, shape (..., classes)."""
        raise NotImplementedError

    @property
    def scores(self) -> NDArray[np.floating]:
        """The consensus, within 0..1, shape (..., classes)."""
        raise NotImplementedError

    @property
    def ranking(self) -> NDArray[np.floating]:
        """Orders the classes; the highest is the answer, of equals the first."""
        return self.scores

    @property
    def answer(self) -> NDArray[np.intp]:
        """Output index of the answer, shape (...)."""
        return np.asarray(self.ranking.argmax(axis=-1))

    def ahead_of(self, index: NDArray[np.intp]) -> NDArray[np.intp]:
        """How many classes rank before one: 0 if it is the answer, below 5 if in the top five.

        Args:
            index: Output index of the class, shape (...).
        """
        ranking, place = self.ranking, np.expand_dims(index, -1)
        own = np.take_along_axis(ranking, place, axis=-1)
        equals_before = (ranking == own) & (np.arange(ranking.shape[-1]) < place)
        return np.asarray(((ranking > own) | equals_before).sum(axis=-1))

    @property
    def settled(self) -> NDArray[np.bool_]:
        """True where no outputs of the remaining passes can change the answer, shape (...).

        Each score grows, or at least does not fall, with each output of its class. So the worst
        that the remaining r passes can do to the leader is to give it 0 and a rival 1 each time; if
        the leader stays ahead even then, it stays ahead whatever comes, and whenever the frame
        stops. Every aggregation states this bound in its own terms, with room for its rounding.
        """
        raise NotImplementedError

    @property
    def _remaining(self) -> int:
        return self.views - self.passes


class Mean(Aggregation):
    """The arithmetic mean of the outputs: the default, and what was recorded.

    Settled: with sums s, the leader ends with at least s_a, a rival with at most (s_b + r) (1 +
    r eps) in float32 arithmetic, whose addition is monotone; dividing both by the number of passes
    keeps them apart if they differ by more than 2 eps of themselves.
    """

    def __init__(self, views: int) -> None:
        super().__init__(views)
        self._sum: Probabilities = np.zeros((), np.float32)

    def add(self, probabilities: Probabilities) -> None:
        """Adds to the sum."""
        self.passes += 1
        self._sum = np.asarray(self._sum + probabilities)

    @property
    def scores(self) -> Probabilities:
        """The sum over the number of passes."""
        return np.asarray(self._sum / np.float32(self.passes))

    @property
    def settled(self) -> NDArray[np.bool_]:
        """Leader's sum against the best rival's sum + r."""
        rival, leader = _two_highest(self._sum)
        return leader > (rival + self._remaining) * (1 + (self.views + 4) * EPSILON)


class GeometricMean(Aggregation):
    """The geometric mean of the outputs, none taken for less than `FLOOR`; not renormalised.

    A class that was above the floor in no view scores 0, lest a thousand floors add up.

    Settled: with sums of logarithms l, the leader ends with at least l_a + r log FLOOR, a rival
    with at most l_b. The sums are kept in float64; float32's eps times the largest sum possible is
    far above their rounding, and above that of the logarithm and the exponential.
    """

    def __init__(self, views: int) -> None:
        super().__init__(views)
        self._sum: NDArray[np.float64] = np.zeros(())
        self._seen: NDArray[np.bool_] = np.zeros((), bool)

    def add(self, probabilities: Probabilities) -> None:
        """Adds the logarithms."""
        self.passes += 1
        self._sum = np.asarray(self._sum + np.log(np.maximum(probabilities, FLOOR), dtype=float))
        self._seen = np.asarray(self._seen | (probabilities > FLOOR))

    @property
    def scores(self) -> NDArray[np.float64]:
        """The exponential of the mean logarithm."""
        return np.exp(self._sum / self.passes) * self._seen

    @property
    def settled(self) -> NDArray[np.bool_]:
        """Leader's sum + r log FLOOR against the best rival's sum."""
        rival, leader = _two_highest(self._sum)
        rounding = self.views * abs(np.log(FLOOR)) * EPSILON
        return leader + self._remaining * np.log(FLOOR) > rival + rounding


class Vote(Aggregation):
    """Every pass votes for its highest class; of equally many votes the higher mean output decides.

    The scores are shares of all passes that the frame may get, not of those already spent, as one
    vote of one pass says nothing: at tau = 0.8 four equal votes of five stop a frame.

    Settled: a rival can win at most r votes.
    """

    def __init__(self, views: int) -> None:
        super().__init__(views)
        self._votes: Probabilities = np.zeros((), np.float32)
        self._mean = Mean(views)

    def add(self, probabilities: Probabilities) -> None:
        """Counts the vote."""
        self.passes += 1
        votes = np.zeros_like(probabilities)
        highest = probabilities.argmax(axis=-1)
        np.put_along_axis(votes, np.expand_dims(highest, -1), 1, axis=-1)
        self._votes = np.asarray(self._votes + votes)
        self._mean.add(probabilities)

    @property
    def scores(self) -> Probabilities:
        """Votes over the passes that the frame may get."""
        return np.asarray(self._votes / np.float32(self.views))

    @property
    def ranking(self) -> NDArray[np.float64]:
        """Votes, and less than one vote for the mean output."""
        return self._votes + self._mean.scores.astype(float) / 2

    @property
    def settled(self) -> NDArray[np.bool_]:
        """Leader's votes against the best rival's + r."""
        rival, leader = _two_highest(self._votes)
        return leader > rival + self._remaining


class Maximum(Aggregation):
    """The highest output of any pass; under it, AdapTTA stops once a single view is confident.

    Settled: never before the last pass, as a rival's output may be 1.
    """

    def __init__(self, views: int) -> None:
        super().__init__(views)
        self._highest: Probabilities = np.zeros((), np.float32)

    def add(self, probabilities: Probabilities) -> None:
        """Keeps the higher one."""
        self.passes += 1
        self._highest = np.maximum(self._highest, probabilities)

    @property
    def scores(self) -> Probabilities:
        """The highest outputs."""
        return self._highest

    @property
    def settled(self) -> NDArray[np.bool_]:
        """Only when no pass remains."""
        return np.full(self._highest.shape[:-1], self._remaining == 0)


AGGREGATIONS: dict[str, Callable[[int], Aggregation]] = {
    "mean": Mean,
    "geometric": GeometricMean,
    "vote": Vote,
    "max": Maximum,
}


def aggregation_named(name: str) -> Callable[[int], Aggregation]:
    """Looks up the function that makes an aggregation of a number of views.

    Raises:
        InputError: There is no such aggregation.
    """
    if name not in AGGREGATIONS:
        raise unknown("aggregation", name, AGGREGATIONS)
    return AGGREGATIONS[name]


def _two_highest(values: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The second highest and the highest value of the last axis, in float64."""
    two = np.partition(values, -2, axis=-1)[..., -2:].astype(float)
    return two[..., 0], two[..., 1]
