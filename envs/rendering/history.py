"""The last minute of an episode, sampled by pixel column."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.boards.window import F, Window
from tvfs_gym.envs.rendering.canvas import Columns

SPAN_S = 60.0
"""Simulated time that a picture shows."""


RIGHT, WRONG, LATE = range(3)
"""Outcomes of a frame: right and on time, wrong, late or not answered."""

OUTCOMES = 3


@dataclass(frozen=True)
class PlottedWindow:
    """A window as the picture shows it.

    Attributes:
        time_s: Its end.
        duration_s: Its length.
        temperature_c: Highest die temperature.
        frequency_hz: Mean clock.
        cap_hz: Clock that throttling allows.
        topology: Index of the topology.
        latency_s: Mean frame latency; NaN before the first frame.
        worst_s: Highest frame latency.
        latency_constraint_s: L_c.
        t_max_c: T_max.
        outcomes: One outcome per frame.
    """

    time_s: float
    duration_s: float
    temperature_c: float
    frequency_hz: float
    cap_hz: float
    topology: int
    latency_s: float
    worst_s: float
    latency_constraint_s: float
    t_max_c: float
    outcomes: NDArray[np.int64] = field(repr=False)


def sample_of(
    window: Window, frames: NDArray[np.float64], frequencies_hz: list[float]
) -> PlottedWindow:
    """The sample of a window and its frames; rows of NaN are frames without an answer."""
    asked = int(window.frames)
    answered = asked > 0 and len(frames) > 0 and not np.isnan(frames[0, 0])
    return PlottedWindow(
        time_s=float(window.time_s),
        duration_s=float(window.duration_s),
        temperature_c=float(window.temperature_max_c),
        frequency_hz=float(window.frequency_mean_hz),
        cap_hz=frequencies_hz[int(window.cap_level)],
        topology=int(window.topology),
        latency_s=float(window.latency_mean_s) if answered else np.nan,
        worst_s=float(window.latency_max_s) if answered else np.nan,
        latency_constraint_s=float(window.latency_constraint_s),
        t_max_c=float(window.t_max_c),
        outcomes=outcomes_of(frames, asked),
    )


def outcomes_of(frames: NDArray[np.float64], asked: int) -> NDArray[np.int64]:
    """Outcomes of the frames asked for; without labels an answer on time counts as right."""
    rows = np.full((asked, frames.shape[1]), np.nan)
    rows[: len(frames)] = frames[:asked]
    on_time, correct = rows[:, F.ON_TIME] > 0.0, ~(rows[:, F.CORRECT] == 0.0)
    return np.where(on_time, np.where(correct, RIGHT, WRONG), LATE)


class History:
    """Samples of the last minute."""

    def __init__(self) -> None:
        self.samples: deque[PlottedWindow] = deque()

    def begin(self, start: PlottedWindow) -> None:
        """Forgets everything but an episode's start."""
        self.samples.clear()
        self.samples.append(start)

    def add(self, sample: PlottedWindow) -> None:
        """Adds a window and forgets those that left the span."""
        self.samples.append(sample)
        while len(self.samples) > 1 and self.samples[1].time_s < sample.time_s - SPAN_S:
            self.samples.popleft()

    @property
    def last(self) -> PlottedWindow:
        """The latest window."""
        return self.samples[-1]

    @property
    def span_s(self) -> tuple[float, float]:
        """The times at the picture's left and right edge."""
        return self.last.time_s - SPAN_S, self.last.time_s

    def column(self, name: str) -> NDArray[np.float64]:
        """A field of all samples."""
        return np.array([getattr(sample, name) for sample in self.samples], float)

    def times(self, width: int) -> Columns:
        """Times of the pixel columns; NaN before the episode's start."""
        times = self.span_s[0] + (np.arange(width) + 0.5) / width * SPAN_S
        return np.where(times >= self.samples[0].time_s, times, np.nan)

    def smooth(self, name: str, width: int) -> Columns:
        """A field by pixel column, interpolated between the windows' ends."""
        times = self.times(width)
        values = np.interp(times, self.column("time_s"), self.column(name))
        return np.where(np.isnan(times), np.nan, values)

    def steps(self, name: str, width: int) -> Columns:
        """A field by pixel column, constant within a window."""
        times = self.times(width)
        window = np.searchsorted(self.column("time_s"), times)
        values = self.column(name)[np.minimum(window, len(self.samples) - 1)]
        return np.where(np.isnan(times), np.nan, values)

    def shares(self, bins: int) -> NDArray[np.float64]:
        """Shares of the outcomes, shape (outcomes, bins); an empty bin repeats the one before."""
        times = [
            sample.time_s - sample.duration_s * (1.0 - (np.arange(n) + 0.5) / n)
            for sample in self.samples
            if (n := len(sample.outcomes))
        ]
        counts = np.zeros((OUTCOMES, bins))
        if times:
            place = (np.concatenate(times) - self.span_s[0]) / SPAN_S * bins
            outcome = np.concatenate([s.outcomes for s in self.samples])
            inside = (place >= 0.0) & (place < bins)
            np.add.at(counts, (outcome[inside], place[inside].astype(int)), 1.0)
        filled = np.flatnonzero(counts.sum(0))
        if len(filled) == 0:
            return np.full((OUTCOMES, bins), np.nan)
        nearest = filled[np.maximum(np.searchsorted(filled, np.arange(bins), "right") - 1, 0)]
        shares = (counts / np.maximum(counts.sum(0), 1.0))[:, nearest]
        shares[:, : filled[0]] = np.nan
        return shares

    def share(self, outcome: int) -> float:
        """Share of an outcome among all frames of the span; NaN without frames."""
        outcomes = np.concatenate([sample.outcomes for sample in self.samples])
        return float(np.mean(outcomes == outcome)) if len(outcomes) else np.nan
