"""Candidates: the few configurations worth choosing between, of thousands."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.controller import Design
from tvfs_gym.baselines.model_based.board_model import BoardModel, Vector
from tvfs_gym.baselines.model_based.budgets import LEAST_GAIN, ranking_score

ROWS = 24
"""Candidates that are kept; of more, the most accurate, the coolest and as many in between."""

Latency = tuple[int, ...]
"""Belief of the latency, in steps of some resolution."""

ExpectedOutcome = Callable[[float, Latency], tuple[Vector, Vector]]
"""From L_c and what is believed of the latency: of every (topology, level, budget) the accuracy
within L_c and the mean time that a frame takes, s."""


class Candidates(NamedTuple):
    """Candidates of a batch of boards, the most accurate one first, shape (batch, candidates).

    Where one board has fewer of them than another, its last one is repeated.

    Attributes:
        topology: Index.
        vf_level: Index.
        budget: The most passes of a frame.
        accuracy: Accuracy within L_c.
        switching_w: Mean power without leakage.
        voltage_v: Supply.
        duration_s: Duration of a step.
    """

    topology: NDArray[np.int64]
    vf_level: NDArray[np.int64]
    budget: NDArray[np.int64]
    accuracy: Vector
    switching_w: Vector
    voltage_v: Vector
    duration_s: Vector


Select = Callable[[Vector, Vector], list[int]]
"""From powers and accuracies, the numbers of the configurations worth having, most accurate first.
"""


class CandidateTables:
    """Candidates by latency constraint, belief of the latency and cap; each is worked out once.

    Args:
        design: Knowledge before the run.
        model: The profile's model.
        expected_outcome: Accuracy and time of every configuration.
        select: Which of them are worth having.
    """

    def __init__(
        self, design: Design, model: BoardModel, expected_outcome: ExpectedOutcome, select: Select
    ) -> None:
        self._design, self._model = design, model
        self._expected_outcome, self._select = expected_outcome, select
        self._number: dict[tuple[float, Latency, int], int] = {}
        self._tables = np.zeros((1, ROWS, len(Candidates._fields)))

    def of(
        self, constraint_s: Vector, latency: NDArray[np.int64], cap_level: NDArray[np.int64]
    ) -> Candidates:
        """The candidates of a batch.

        Args:
            constraint_s: L_c, shape (batch,).
            latency: Belief of the latency, shape (batch, any).
            cap_level: The highest VF level that throttling allows, shape (batch,).
        """
        keys = zip(constraint_s.tolist(), latency.tolist(), cap_level.tolist(), strict=True)
        numbers = [
            self._look_up((constraint, tuple(belief), cap)) for constraint, belief, cap in keys
        ]
        columns = np.moveaxis(self._tables[numbers], 2, 0)
        return Candidates(*columns[:3].astype(np.int64), *columns[3:])

    def _look_up(self, key: tuple[float, Latency, int]) -> int:
        if key not in self._number:
            number = self._number[key] = len(self._number)
            if number == len(self._tables):
                self._tables = np.concatenate([self._tables, np.zeros_like(self._tables)])
            table = self._worked_out(*key)
            last = len(table) - 1
            rows = np.arange(ROWS) if last < ROWS else np.linspace(0, last, ROWS).round()
            self._tables[number] = table[np.minimum(rows, last).astype(np.int64)]
        return self._number[key]

    def _worked_out(self, constraint_s: float, latency: Latency, cap_level: int) -> Vector:
        accuracy, time_s = self._expected_outcome(constraint_s, latency)
        accuracy, time_s = accuracy[:, : cap_level + 1], time_s[:, : cap_level + 1]
        topology, level, budget = (index.ravel() for index in np.indices(accuracy.shape))
        accuracy, time_s = accuracy.ravel(), time_s.ravel()
        period_s = self._design.known.arrival_period_s
        duty = np.ones_like(time_s)
        if period_s > 0.0:
            duty = np.minimum(time_s / period_s, 1.0)
        power_w = self._model.switching_w(topology, level, duty)
        chosen = self._select(power_w, ranking_score(accuracy, time_s, period_s))
        duration_s = self._design.frames_per_step * np.maximum(time_s, period_s)
        columns = topology, level, budget + 1, accuracy, power_w, self._model.voltage_v[level]
        return np.stack([*columns, duration_s], axis=1)[chosen]


def pareto(power_w: Vector, accuracy: Vector) -> list[int]:
    """Those than which no cooler one is as accurate, within `LEAST_GAIN`."""
    order = np.lexsort((-accuracy, power_w))
    records = np.maximum.accumulate(accuracy[order])
    order = order[np.concatenate([[True], records[1:] > records[:-1]])]
    best, found = -np.inf, []
    for number in order.tolist():
        if accuracy[number] >= best + LEAST_GAIN:
            best = accuracy[number]
            found.append(number)
    return found[::-1]


def concave(power_w: Vector, accuracy: Vector) -> list[int]:
    """Those that no two others, time-shared, beat: the hull over power.

    Time-sharing two neighbours of the hull is the best that any mean power allows (the linear
    program of POET, Imes et al., RTAS 2015, recalled; see `tvfs_gym.baselines.tvfs.duty`).
    """
    hull: list[int] = []
    for number in reversed(pareto(power_w, accuracy)):
        while len(hull) > 1 and not _bends_down(hull[-2], hull[-1], number, power_w, accuracy):
            hull.pop()
        hull.append(number)
    return hull[::-1]


def _bends_down(left: int, middle: int, right: int, power_w: Vector, accuracy: Vector) -> bool:
    before = (accuracy[middle] - accuracy[left]) * (power_w[right] - power_w[middle])
    after = (accuracy[right] - accuracy[middle]) * (power_w[middle] - power_w[left])
    return bool(before > after)
