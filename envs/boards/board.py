"""The Board protocol: what the gym asks of a board, real or twin."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.boards.profile import BoardProfile, OperatingPoint
from tvfs_gym.envs.boards.window import W, WindowVector
from tvfs_gym.envs.inference.outcomes import outcome_tables
from tvfs_gym.envs.inference.topology import Family
from tvfs_gym.envs.scenario import Scenario


@dataclass(frozen=True)
class Configuration:
    """A controller's choice.

    Attributes:
        topology: Index in the board's family.
        vf_level: Index of the board's operating points, 0 the slowest.
        max_passes: Most forward passes of a frame; None for as many as the scenario's policy has.
    """

    topology: int
    vf_level: int
    max_passes: int | None = None


@dataclass(frozen=True)
class Telemetry:
    """Readings of the board's own sensors.

    Attributes:
        time_s: Time since reset.
        temperature_c: On-chip temperature.
        frequency_hz: The clock.
        vf_level: Index of the operating point the clock runs at.
        cap_level: Highest VF level that throttling allows.
        power_w: Mean power since the previous telemetry; None on a board without a power sensor.
    """

    time_s: float
    temperature_c: float
    frequency_hz: float
    vf_level: int
    cap_level: int
    power_w: float | None


@dataclass(frozen=True)
class BoardInfo:
    """Identity of a board.

    Attributes:
        name: Name of a twin's profile; ``linux`` for the machine that it runs on.
        description: Device in words.
        real: False for a digital twin.
        threads: Threads of a pass.
        measures_power: True if the board has a power sensor.
        critical_c: Temperature at which the board switches itself off; None if unknown.
        passive_c: Trips at which the kernel begins to throttle; those of a twin are in its profile.
        runtime: TFLite runtime of the passes; None for a twin, which replays recorded outcomes.
    """

    name: str
    description: str
    real: bool
    threads: int
    measures_power: bool
    critical_c: float | None = None
    passive_c: tuple[float, ...] = ()
    runtime: str | None = None


def start_window(start: Telemetry, scenario: Scenario) -> WindowVector:
    """The window before an episode's first: sensors and constraints, no frames."""
    window = np.zeros(len(W))
    for field in (W.TEMPERATURE_C, W.TEMPERATURE_MEAN_C, W.TEMPERATURE_MAX_C):
        window[field] = start.temperature_c
    for field in (W.FREQUENCY_HZ, W.FREQUENCY_MEAN_HZ):
        window[field] = start.frequency_hz
    window[W.VF_LEVEL] = start.vf_level
    window[W.CAP_LEVEL] = start.cap_level
    window[W.LATENCY_CONSTRAINT_S] = scenario.latency_constraint_s
    window[W.T_MAX_C] = scenario.t_max_c
    return window


def clock_bound_latency_s(
    family: Family, operating_points: tuple[OperatingPoint, ...], nominal_latency_s: float
) -> NDArray[np.float64]:
    """Estimates the latency of a pass from the nominal one: in proportion to 1 / f.

    An upper estimate below the highest clock: what waits for memory does not get slower with it.

    Args:
        family: The topologies.
        operating_points: VF levels; an unknown clock counts as the highest.
        nominal_latency_s: See `Board`.

    Returns:
        Shape (topologies, levels).
    """
    relative = np.array([topology.relative_latency for topology in family.topologies])
    best = outcome_tables(family).design.most_accurate
    frequency_hz = np.array([point.frequency_hz for point in operating_points])
    slowdown = np.nan_to_num(frequency_hz[-1] / frequency_hz, nan=1.0)
    return nominal_latency_s * np.outer(relative / relative[best], slowdown)


class Board(Protocol):
    """A board under continuous inference.

    Attributes:
        operating_points: Its VF levels, slowest first.
        family: The topologies it runs.
        views: The most passes a frame can get.
        nominal_latency_s: Latency of a single pass of the topology that is the most accurate on the
            design half, at the highest VF level: the scale against which latency constraints are
            seen.
        pass_latency_s: Median latency of a pass as far as it is known before the board runs, shape
            (topologies, levels).
    """

    operating_points: tuple[OperatingPoint, ...]
    family: Family
    views: int
    nominal_latency_s: float
    pass_latency_s: NDArray[np.float64]

    @property
    def info(self) -> BoardInfo:
        """Identity of the board."""
        ...

    @property
    def profile(self) -> BoardProfile | None:
        """Knowledge of the board before the run; None without any."""
        ...

    def check(self, scenario: Scenario) -> None:
        """Refuses a scenario that cannot be had on this board, before anything is done for it."""
        ...

    def reset(self, scenario: Scenario, key: tuple[int, int]) -> Telemetry:
        """Brings the board to the scenario's start, with a stream of frames set by the key."""
        ...

    def apply(self, configuration: Configuration) -> None:
        """Chooses topology, VF level and pass budget for the frames to come."""
        ...

    def infer(self, frames: int) -> tuple[WindowVector, NDArray[np.float64]]:
        """Answers the next frames of the stream.

        Returns:
            The window, with the constraint that holds from now on; and one row per frame, columns
            `F`, NaN where it was not answered.
        """
        ...

    def telemetry(self) -> Telemetry:
        """Reads the sensors."""
        ...

    def close(self) -> None:
        """Leaves the board as it was found."""
        ...
