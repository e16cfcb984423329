"""Characterisation: what is known of a board at design time, before any control."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.characterisation.measuring import (
    Measurement,
    MeasurementPlan,
    Settled,
    Timing,
    measure,
)
from tvfs_gym.envs.boards.board import Board
from tvfs_gym.envs.inference.outcomes import outcome_tables
from tvfs_gym.envs.inference.topology import Family
from tvfs_gym.envs.scenario import Scenario


@dataclass(frozen=True)
class Characterisation:
    """Measurements of a board under continuous inference.

    Accuracies are not measured, not on a real board either: they are those of the recorded outcomes
    on the design half of the photographs.

    Attributes:
        family: The topology family.
        pass_median_s: Median latency of one pass, shape (topologies, levels).
        pass_p99_s: 99th percentile, same shape.
        throttled_p99_s: 99th percentile at the highest VF level once throttling has set in,
            shape (topologies,).
        temperature_c: Temperature reached at each VF level, shape (levels,); at levels where
            throttling cut in before, extrapolated (see `extrapolated`).
        extrapolated: True if it was, shape (levels,).
        measured: True if a VF level was measured, shape (levels,); the others lie on curves through
            those that were: latency on a / f + b, temperature in between on V^2 f.
    """

    family: Family
    pass_median_s: NDArray[np.float64]
    pass_p99_s: NDArray[np.float64]
    throttled_p99_s: NDArray[np.float64]
    temperature_c: NDArray[np.float64]
    extrapolated: NDArray[np.bool_]
    measured: NDArray[np.bool_]

    @property
    def levels(self) -> int:
        """Number of VF levels."""
        return self.pass_median_s.shape[1]

    def passes_within(self, constraint_s: float, scenario: Scenario) -> NDArray[np.int64]:
        """Passes that a frame can spend within a latency constraint, shape (topologies, levels).

        Deadline-aware, a pass is started as long as the ones before it, at their median, leave
        time for its 99th percentile. Otherwise a configuration fits only with all of its policy's
        passes. 0 where it does not fit.
        """
        most = self._most_passes(scenario)
        if scenario.deadline_aware:
            spare = (constraint_s - self.pass_p99_s) / self.pass_median_s
            return np.clip(np.floor(spare).astype(np.int64) + 1, 0, most)
        return np.where(most * self.pass_p99_s <= constraint_s, most, 0)

    def needed_s(self, scenario: Scenario) -> float:
        """The least time in which a configuration answers a frame."""
        passes = 1 if scenario.deadline_aware else self._most_passes(scenario)
        return passes * float(self.pass_p99_s.min())

    def _most_passes(self, scenario: Scenario) -> int:
        return min(scenario.max_passes, outcome_tables(self.family).design.views)

    def accuracy(self, constraint_s: float, scenario: Scenario) -> NDArray[np.float64]:
        """Accuracy on the design half within a constraint, 0 where none fits.

        Shape (topologies, levels).
        """
        outcomes = outcome_tables(self.family).design
        passes = self.passes_within(constraint_s, scenario)
        accuracy = np.zeros(passes.shape)
        for topology, level in np.argwhere(passes > 0):
            most = int(passes[topology, level])
            accuracy[topology, level] = outcomes.accuracy(topology, most, scenario.tau)
        return accuracy


def characterise(
    board: Board, scenario: Scenario, plan: MeasurementPlan | None = None
) -> Characterisation:
    """Measures a board.

    Args:
        board: Any board; it is reset several times.
        scenario: See `tvfs_gym.baselines.characterisation.measuring.measurement_scenario`.
        plan: How it is measured; None for all VF levels at the default lengths.

    Raises:
        InputError: The board is throttled at once.
    """
    return characterisation_of(board, list(measure(board, scenario, plan or MeasurementPlan())))


def characterisation_of(board: Board, made: Collection[Measurement]) -> Characterisation:
    """Puts the measurements of a board together.

    Args:
        board: The board measured.
        made: All that `tvfs_gym.baselines.characterisation.measuring.measurement_points` lists.
    """
    shape = len(board.family.topologies), len(board.operating_points)
    timings = [measurement for measurement in made if isinstance(measurement, Timing)]
    latency_s = np.full((*shape, len(timings[0].latencies_s)), np.nan)
    for timing in timings:
        latency_s[timing.point.topology, timing.point.level] = timing.latencies_s
    measured = ~np.isnan(latency_s[0, :, 0])
    median_s = np.median(latency_s[:, measured], axis=2)
    spread = float(np.quantile(latency_s[:, measured] / median_s[..., np.newaxis], 0.99))
    median_s = _over_the_clock(board, median_s, measured)
    settled = {
        (measurement.point.topology, measurement.point.level): measurement
        for measurement in made
        if isinstance(measurement, Settled)
    }
    reached = [settled[shape[0] - 1, int(level)] for level in np.flatnonzero(measured)]
    temperature_c, throttled = _temperatures(
        board,
        measured,
        np.array([point.temperature_c for point in reached]),
        np.array([point.throttled for point in reached]),
    )
    return Characterisation(
        board.family,
        median_s,
        median_s * spread,
        np.array([settled[topology, shape[1] - 1].p99_s for topology in range(shape[0])]),
        temperature_c,
        throttled,
        measured,
    )


def _over_the_clock(
    board: Board, median_s: NDArray[np.float64], measured: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Latencies at all VF levels; between the measured ones they lie on a / f + b."""
    period_s = np.array([1.0 / point.frequency_hz for point in board.operating_points])
    result = np.empty((len(median_s), len(measured)))
    result[:, measured] = median_s
    if not measured.all():
        columns = np.stack([period_s, np.ones_like(period_s)], axis=1)
        law, *_ = np.linalg.lstsq(columns[measured], median_s.T, rcond=None)
        result[:, ~measured] = (columns[~measured] @ law).T
    return result


def _temperatures(
    board: Board,
    measured: NDArray[np.bool_],
    temperature_c: NDArray[np.float64],
    throttled: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Temperatures at all VF levels, and where throttling held them down.

    What it held down is replaced by a straight line in V^2 f through the other levels; what was not
    measured lies in between on V^2 f. Where voltages are unknown it is f, which is too low a line
    for the highest levels.
    """
    v2f = np.array([p.voltage_v**2 * p.frequency_hz for p in board.operating_points])
    if np.isnan(v2f).any():
        v2f = np.array([point.frequency_hz for point in board.operating_points])
    at = v2f[measured]
    if throttled.any() and throttled.sum() <= len(throttled) - 2:
        slope, offset = np.polyfit(at[~throttled], temperature_c[~throttled], 1)
        temperature_c = np.where(throttled, slope * at + offset, temperature_c)
    if measured.all():
        return temperature_c, throttled
    # Without a change of voltage V^2 f is the clock; it never falls from one level to the next.
    return np.interp(v2f, at, temperature_c), np.interp(v2f, at, throttled.astype(float)) > 0
