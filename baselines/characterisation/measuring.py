"""Measuring a board at design time: passes on a cold board, and temperatures that settle.

Every measurement starts with a reset, in which a real board waits until it has cooled down. A
resumed run computes only the missing measurements.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from tvfs_gym.envs.boards.board import Board, Configuration
from tvfs_gym.envs.boards.window import F, W
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.scenario import Scenario

MOST_BURSTS = 100
"""Cold starts that the timing of one configuration may take."""

FRAMES_AT_ONCE = 20

KEY = (2021, 12)
"""The random stream of the characterisation, which no episode shares; every timing has its own, for
the noise of one that all shared would not average out."""


@dataclass(frozen=True)
class MeasurementPlan:
    """How a board is measured.

    Attributes:
        passes: Passes timed per configuration, on a board that starts cold.
        settling_s: Continuous inference until the temperature counts as reached; by default seven
            time constants of the Odroid-XU4 with its fan.
        averaged_s: The last part of it, which is averaged.
        levels: VF levels that are measured, from the lowest to the highest; None for all.
    """

    passes: int = 100
    settling_s: float = 180.0
    averaged_s: float = 30.0
    levels: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.passes < 1:
            raise InputError(f"the number of passes must be at least 1, not {self.passes}.")
        if not 0 < self.averaged_s <= self.settling_s:
            raise InputError(
                f"the averaged {self.averaged_s:g} s must be a part of the {self.settling_s:g} s "
                "in which the temperature settles."
            )

    def levels_of(self, board: Board) -> tuple[int, ...]:
        """The levels that are measured on a board."""
        return tuple(range(len(board.operating_points))) if self.levels is None else self.levels


@dataclass(frozen=True)
class Point:
    """Topology and VF level of a measurement, by index."""

    topology: int
    level: int


@dataclass(frozen=True)
class Timing:
    """Latencies of single passes on a cold board.

    Attributes:
        point: Configuration.
        latencies_s: One per pass.
    """

    point: Point
    latencies_s: tuple[float, ...]


@dataclass(frozen=True)
class Settled:
    """Steady state of continuous inference.

    Attributes:
        point: Configuration.
        temperature_c: Mean sensor reading.
        p99_s: 99th percentile of a pass's latency.
        throttled: True if the board was throttled before.
        power_w: Mean power; None on a board without a power sensor.
    """

    point: Point
    temperature_c: float
    p99_s: float
    throttled: bool
    power_w: float | None


Measurement = Timing | Settled


def measurement_scenario(scenario: Scenario) -> Scenario:
    """Reduces a scenario to the values that hold while the board is measured.

    That is its ambient temperature, cooling, kernel, background load and T_max; its start, changes,
    arrivals and AdapTTA policy do not.
    """
    return scenario.with_values(
        {"policy": "1C", "changes": (), "arrival_period_s": 0.0, "start_temperature_c": None}
    )


def measurement_points(board: Board, plan: MeasurementPlan) -> tuple[list[Point], list[Point]]:
    """Points to time on a cold board, and points to settle.

    All configurations are timed. Every topology settles at the highest VF level, where throttling
    may set in, and the most accurate one at every level.
    """
    levels = plan.levels_of(board)
    topologies = range(len(board.family.topologies))
    timed = [Point(topology, level) for topology in topologies for level in levels]
    settled = [Point(topology, levels[-1]) for topology in topologies]
    settled += [Point(topologies[-1], level) for level in levels[:-1]]
    return timed, settled


def measure(
    board: Board, scenario: Scenario, plan: MeasurementPlan, made: Collection[Measurement] = ()
) -> Iterator[Measurement]:
    """Measures a board, one measurement after the other.

    Args:
        board: Any board; it is reset before each.
        scenario: See `measurement_scenario`.
        plan: How it is measured.
        made: Measurements that were made already.

    Yields:
        Each further measurement, as soon as it was made.

    Raises:
        InputError: The board is throttled at once.
    """
    scenario = measurement_scenario(scenario)
    timed, settled = measurement_points(board, plan)
    for point in timed:
        if not any(
            isinstance(measurement, Timing) and measurement.point == point for measurement in made
        ):
            yield Timing(point, _cold_latencies_s(board, scenario, point, plan.passes))
    for point in settled:
        if not any(
            isinstance(measurement, Settled) and measurement.point == point for measurement in made
        ):
            yield _settled(board, scenario, point, plan)


def _cold_latencies_s(
    board: Board, scenario: Scenario, point: Point, passes: int
) -> tuple[float, ...]:
    """Times single passes; when throttling sets in, continues on a cold board."""
    latencies_s: list[float] = []
    stream = KEY[1] + MOST_BURSTS * (point.topology * len(board.operating_points) + point.level)
    for burst in range(MOST_BURSTS):
        board.reset(scenario, (KEY[0], stream + burst))
        board.apply(Configuration(point.topology, point.level, max_passes=1))
        board.infer(1)  # the first pass pays for the change of clock
        while len(latencies_s) < passes:
            window, _ = board.infer(1)
            if window[W.THROTTLED_S] > 0:
                break
            latencies_s.append(float(window[W.LATENCY_MEAN_S]))
        if len(latencies_s) == passes:
            return tuple(latencies_s)
    raise InputError(
        f"at an ambient temperature of {scenario.ambient_c:g} degC the board is throttled at once: "
        "characterise it in a cooler place."
    )


def _settled(board: Board, scenario: Scenario, point: Point, plan: MeasurementPlan) -> Settled:
    """Runs a configuration until its temperature has settled."""
    board.reset(scenario, KEY)
    board.apply(Configuration(point.topology, point.level))
    temperatures_c, latencies_s, energies_j, durations_s = [], [], [], []
    throttled = False
    time_s = 0.0
    while time_s < plan.settling_s:
        window, frames = board.infer(FRAMES_AT_ONCE)
        power_w, time_s = board.telemetry().power_w, window[W.TIME_S]
        ended = window[W.SHUT_DOWN] > 0  # it does not settle, like one that is throttled
        throttled = throttled or ended or window[W.THROTTLED_S] > 0
        if ended or time_s > plan.settling_s - plan.averaged_s:
            temperatures_c.append(window[W.TEMPERATURE_C])
            latencies_s.append(frames[~np.isnan(frames[:, F.LATENCY_S]), F.LATENCY_S])
            durations_s.append(window[W.DURATION_S])
            energies_j.append(None if power_w is None else power_w * durations_s[-1])
        if ended:
            break
    measured = [energy_j for energy_j in energies_j if energy_j is not None]
    return Settled(
        point,
        float(np.mean(temperatures_c)),
        float(np.quantile(np.concatenate(latencies_s), 0.99)),
        bool(throttled),
        sum(measured) / sum(durations_s) if len(measured) == len(durations_s) else None,
    )
