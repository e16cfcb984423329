"""Characterisation: what is measured on a board at design time, before any control."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.boards.board import Board, Configuration
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.outcomes import outcome_table
from tvfs_gym.envs.inference.topology import Family
from tvfs_gym.envs.physics import summary
from tvfs_gym.envs.scenario import Scenario

LATENCY_PASSES = 100
"""Passes timed per configuration, on a board that starts cold."""

MOST_BURSTS = 100
"""Cold starts that the timing of one configuration may take."""

SETTLING_S = 180.0
"""Continuous inference until the temperature counts as reached: seven time constants of the
Odroid-XU4 with its fan."""

AVERAGED_S = 30.0
"""The last part of it, which is averaged."""

FRAMES_AT_ONCE = 20

_KEY = (2021, 12)
"""The random stream of the characterisation, which no episode shares; every timing has its own, for
the noise of one that all shared would not average out."""


@dataclass(frozen=True)
class Characterisation:
    """What was measured on a board under continuous inference.

    Attributes:
        family: The topology family.
        pass_median_s: Median latency of one pass, shape (topologies, levels).
        pass_p99_s: 99th percentile, same shape.
        throttled_p99_s: 99th percentile at the highest VF level once throttling has set in,
            shape (topologies,).
        temperature_c: Temperature reached at each VF level, shape (levels,); at levels where
            throttling cut in before, extrapolated (see `extrapolated`).
        extrapolated: Whether it was, shape (levels,).
    """

    family: Family
    pass_median_s: NDArray[np.float64]
    pass_p99_s: NDArray[np.float64]
    throttled_p99_s: NDArray[np.float64]
    temperature_c: NDArray[np.float64]
    extrapolated: NDArray[np.bool_]

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
        return min(scenario.max_passes, outcome_table(self.family).views)

    def accuracy(self, constraint_s: float, scenario: Scenario) -> NDArray[np.float64]:
        """Accuracy that the recorded outcomes promise within a constraint, 0 where none fits.

        Shape (topologies, levels).
        """
        outcomes = outcome_table(self.family)
        passes = self.passes_within(constraint_s, scenario)
        accuracy = np.zeros(passes.shape)
        for topology, level in np.argwhere(passes > 0):
            most = int(passes[topology, level])
            accuracy[topology, level] = outcomes.accuracy(topology, most, scenario.tau)
        return accuracy


def characterise(board: Board, scenario: Scenario) -> Characterisation:
    """Measures a board.

    Args:
        board: Any board; it is reset several times.
        scenario: Its ambient temperature, cooling, kernel, background load and T_max hold during
            the measurement; its start, changes, arrivals, constraint and AdapTTA policy do not.

    Raises:
        InputError: The board is throttled at once.
    """
    bench = scenario.with_values(
        {"policy": "1C", "changes": (), "arrival_period_s": 0.0, "start_temperature_c": None}
    )
    topologies, levels = len(board.family.topologies), len(board.operating_points)
    latency_s = np.array(
        [
            [_cold_latencies_s(board, bench, topology, level) for level in range(levels)]
            for topology in range(topologies)
        ]
    )
    median_s = np.median(latency_s, axis=2)
    spread = float(np.quantile(latency_s / median_s[..., np.newaxis], 0.99))
    throttled_p99_s = np.array(
        [_settled(board, bench, Configuration(i, levels - 1)).p99_s for i in range(topologies)]
    )
    reached = [
        _settled(board, bench, Configuration(topologies - 1, level)) for level in range(levels)
    ]
    throttled = np.array([point.throttled for point in reached])
    temperature_c = np.array([point.temperature_c for point in reached])
    return Characterisation(
        board.family,
        median_s,
        median_s * spread,
        throttled_p99_s,
        _extrapolated(board, temperature_c, throttled),
        throttled,
    )


def _cold_latencies_s(
    board: Board, scenario: Scenario, topology: int, level: int
) -> NDArray[np.float64]:
    """Times single passes; when throttling sets in, goes on with a board that is cold again."""
    latencies_s: list[float] = []
    stream = _KEY[1] + MOST_BURSTS * (topology * len(board.operating_points) + level)
    for burst in range(MOST_BURSTS):
        board.reset(scenario, (_KEY[0], stream + burst))
        board.apply(Configuration(topology, level, max_passes=1))
        board.infer(1)  # the first pass pays for the change of clock
        while len(latencies_s) < LATENCY_PASSES:
            window, _ = board.infer(1)
            if window[summary.W_THROTTLED_S] > 0:
                break
            latencies_s.append(window[summary.W_LATENCY_MEAN_S])
        if len(latencies_s) == LATENCY_PASSES:
            return np.array(latencies_s)
    raise InputError(
        f"at an ambient temperature of {scenario.ambient_c:g} degC the board is throttled at once: "
        "characterise it in a cooler place."
    )


@dataclass(frozen=True)
class _Settled:
    temperature_c: float
    p99_s: float
    throttled: bool


def _settled(board: Board, scenario: Scenario, configuration: Configuration) -> _Settled:
    """Runs a configuration until its temperature has settled."""
    board.reset(scenario, _KEY)
    board.apply(configuration)
    temperatures_c, latencies_s = [], []
    throttled = False
    time_s = 0.0
    while time_s < SETTLING_S:
        window, frames = board.infer(FRAMES_AT_ONCE)
        time_s = window[summary.W_TIME_S]
        throttled = throttled or window[summary.W_THROTTLED_S] > 0
        if time_s > SETTLING_S - AVERAGED_S:
            temperatures_c.append(window[summary.W_TEMPERATURE_C])
            latencies_s.append(frames[:, summary.FRAME_LATENCY_S])
    return _Settled(
        float(np.mean(temperatures_c)),
        float(np.quantile(np.concatenate(latencies_s), 0.99)),
        bool(throttled),
    )


def _extrapolated(
    board: Board, temperature_c: NDArray[np.float64], throttled: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Replaces what throttling held down by a straight line in V^2 f through the other levels."""
    if throttled.sum() > len(throttled) - 2 or not throttled.any():
        return temperature_c
    v2f = np.array([p.voltage_v**2 * p.frequency_hz for p in board.operating_points])
    slope, offset = np.polyfit(v2f[~throttled], temperature_c[~throttled], 1)
    return np.where(throttled, slope * v2f + offset, temperature_c)
