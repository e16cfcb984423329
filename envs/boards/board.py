"""The Board protocol: what the gym asks of a board, real or twin."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.boards import window as summary
from tvfs_gym.envs.boards.profile import BoardProfile, OperatingPoint
from tvfs_gym.envs.inference.topology import Family
from tvfs_gym.envs.scenario import Scenario

WindowVector = NDArray[np.float64]
"""What a window of frames delivered, as the kernel writes it: one number per field of `Window`."""


class Window(NamedTuple):
    """What a window of frames delivered; units are the suffixes.

    Attributes:
        time_s: Time since the episode's start.
        duration_s: Length of the window.
        temperature_c: Sensor reading at its end.
        temperature_rate_c_s: Change of the sensor reading over the window, per second.
        temperature_mean_c: Mean die temperature.
        temperature_max_c: Highest die temperature.
        frequency_hz: Clock at its end.
        frequency_mean_hz: Mean clock.
        vf_level: VF level the clock runs at, at its end.
        cap_level: Highest VF level that throttling allows, at its end.
        topology: Index of the topology.
        frames: Frames asked for.
        latency_mean_s: Mean frame latency.
        latency_max_s: Highest frame latency.
        late_frames: Frames answered after L_c, or not at all after a shut-down.
        correct_frames: Frames answered correctly.
        on_time_correct_frames: Frames answered correctly and within L_c.
        passes_mean: Mean forward passes per frame.
        confidence_mean: Mean confidence of the answers.
        energy_j: Energy spent by the chip.
        time_above_t_max_s: Time with the die above T_max.
        throttled_s: Time in which throttling held the clock below the requested VF level.
        vf_switches: Changes of the clock, by the controller or by throttling.
        shut_down: 1 if the critical temperature shut the board down.
        latency_constraint_s: L_c that holds from now on.
        t_max_c: T_max.
        cost_temperature: Share of the time with the die above T_max.
        cost_deadline: Share of the frames that were late.
        cost: Sum of the two costs.
    """

    time_s: float
    duration_s: float
    temperature_c: float
    temperature_rate_c_s: float
    temperature_mean_c: float
    temperature_max_c: float
    frequency_hz: float
    frequency_mean_hz: float
    vf_level: float
    cap_level: float
    topology: float
    frames: float
    latency_mean_s: float
    latency_max_s: float
    late_frames: float
    correct_frames: float
    on_time_correct_frames: float
    passes_mean: float
    confidence_mean: float
    energy_j: float
    time_above_t_max_s: float
    throttled_s: float
    vf_switches: float
    shut_down: float
    latency_constraint_s: float
    t_max_c: float
    cost_temperature: float
    cost_deadline: float
    cost: float


FRAME_FIELDS = ("latency_s", "passes", "confidence", "correct", "on_time")
"""Columns of a window's frames."""

assert len(Window._fields) == summary.WINDOW_SIZE
assert len(FRAME_FIELDS) == summary.FRAME_SIZE


@dataclass(frozen=True)
class Configuration:
    """What a controller chooses.

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
    """What the board's own sensors say.

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


def start_window(start: Telemetry, scenario: Scenario) -> WindowVector:
    """What is known before the first window: the sensors and the constraints; no frames."""
    window = np.zeros(summary.WINDOW_SIZE)
    for field in (
        summary.W_TEMPERATURE_C,
        summary.W_TEMPERATURE_MEAN_C,
        summary.W_TEMPERATURE_MAX_C,
    ):
        window[field] = start.temperature_c
    for field in (summary.W_FREQUENCY_HZ, summary.W_FREQUENCY_MEAN_HZ):
        window[field] = start.frequency_hz
    window[summary.W_VF_LEVEL] = start.vf_level
    window[summary.W_CAP_LEVEL] = start.cap_level
    window[summary.W_LATENCY_CONSTRAINT_S] = scenario.latency_constraint_s
    window[summary.W_T_MAX_C] = scenario.t_max_c
    return window


class Board(Protocol):
    """A board under continuous inference.

    Attributes:
        operating_points: Its VF levels, slowest first.
        family: The topologies it runs.
        views: The most passes a frame can get.
        nominal_latency_s: Latency of the most accurate topology's single pass at the highest VF
            level: the scale against which latency constraints are seen.
    """

    operating_points: tuple[OperatingPoint, ...]
    family: Family
    views: int
    nominal_latency_s: float

    @property
    def profile(self) -> BoardProfile | None:
        """What is known of the board beforehand; None if nothing is."""
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
            The window, and one row per answered frame with the columns `FRAME_FIELDS`.
        """
        ...

    def telemetry(self) -> Telemetry:
        """Reads the sensors."""
        ...

    def close(self) -> None:
        """Leaves the board as it was found."""
        ...
