"""A window of frames: what it delivers, where that stands in a vector, and the sums of its frames.

The kernel and every board write a window as a vector of floats and its frames as rows. `W` and `F`
are the indices of their columns; `Window` is a view that names them.
"""

from difflib import get_close_matches
from itertools import count
from math import sqrt
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.jit import indices, jit

WindowVector = NDArray[np.float64]
"""A window, one number per field of `Window`; of a batch, one row per board."""


_COLUMNS = count()


def _field(meaning: str) -> Any:
    """Makes the next column of the vector a property."""
    column = next(_COLUMNS)
    return property(lambda window: window.columns[column], doc=meaning)


class Window:
    """A view of a window vector that names its columns; units are the suffixes.

    Of one board every field is a number, of a batch an array over the boards, so the same function
    of a window serves both.

    Attributes:
        columns: The vector, or the transposed vectors of a batch.

    Example:
        >>> vector = np.zeros(len(Window.fields))
        >>> Window(vector).frames
        np.float64(0.0)
    """

    __slots__ = ("columns",)

    fields: ClassVar[tuple[str, ...]]
    """Names of the columns, in order."""

    def __init__(self, vector: WindowVector) -> None:
        self.columns = vector.T

    time_s = _field("Time since the episode's start.")
    duration_s = _field("Length of the window.")
    temperature_c = _field("Sensor reading at its end.")
    temperature_rate_c_s = _field("Change of the sensor reading over the window, per second.")
    temperature_mean_c = _field("Mean die temperature.")
    temperature_max_c = _field("Highest die temperature.")
    frequency_hz = _field("Clock at its end.")
    frequency_mean_hz = _field("Mean clock.")
    vf_level = _field("VF level the clock runs at, at its end.")
    cap_level = _field("Highest VF level that throttling allows, at its end.")
    topology = _field("Index of the topology.")
    frames = _field("Frames asked for.")
    latency_mean_s = _field("Mean frame latency.")
    latency_max_s = _field("Highest frame latency.")
    late_frames = _field("Frames answered after L_c, or not at all after a shut-down.")
    correct_frames = _field("Frames answered correctly.")
    on_time_correct_frames = _field("Frames answered correctly and within L_c.")
    passes_mean = _field("Mean forward passes per frame.")
    confidence_mean = _field("Mean confidence of the answers.")
    energy_j = _field("Energy spent by the chip.")
    time_above_t_max_s = _field("Time with the die above T_max.")
    throttled_s = _field("Time in which throttling held the clock below the requested VF level.")
    vf_switches = _field("Changes of the clock, by the controller or by throttling.")
    shut_down = _field("1 if the critical temperature shut the board down.")
    latency_constraint_s = _field("L_c that holds from now on.")
    t_max_c = _field("T_max.")
    cost_temperature = _field("Share of the time with the die above T_max.")
    cost_deadline = _field("Share of the frames that were late.")
    cost = _field("Sum of the two costs.")
    load = _field("Busy share of the CPUs that run inference, 0..1.")
    reliable_frames = _field("Frames answered correctly, within L_c, with the die within T_max.")
    latency_spread_s = _field("Standard deviation of the latencies of the last three frames.")
    v2f = _field("V^2 f at its end, relative to that of the highest VF level.")
    v2f_slowest = _field("V^2 f of the slowest VF level, relative to that of the highest.")

    def as_dict(self) -> dict[str, Any]:
        """All fields by name, in order."""
        return dict(zip(self.fields, self.columns, strict=True))

    def __getattr__(self, name: str) -> Any:
        near = get_close_matches(name, self.fields, n=1)
        hint = f": did you mean '{near[0]}'?" if near else f"; it has {', '.join(self.fields)}."
        raise AttributeError(f"a window has no '{name}'{hint}")

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value}" for name, value in self.as_dict().items())
        return f"Window({values})"


Window.fields = tuple(name for name, value in vars(Window).items() if isinstance(value, property))

W: Any = indices(*(name.upper() for name in Window.fields))
"""Columns of a window vector, for compiled code."""

FRAME_FIELDS = ("latency_s", "passes", "confidence", "correct", "on_time", "cool", "image")
"""Columns of a window's frames; a frame that was not answered is a row of NaN.

A frame is ``cool`` if the die was at or below T_max at every look between its start and its answer,
and at the last look before; on a real board the sensor stands for the die. Its ``image`` is the
index of its photograph within the half that the frames show, from
`tvfs_gym.envs.inference.outcomes.halves`; NaN on a real board.
"""

F: Any = indices(*(name.upper() for name in FRAME_FIELDS))
"""Indices of the fields."""


@jit
def _spread(first: float, second: float, third: float) -> Any:
    """Population standard deviation of three numbers."""
    mean = (first + second + third) / 3.0
    return sqrt(((first - mean) ** 2 + (second - mean) ** 2 + (third - mean) ** 2) / 3.0)


@jit
def summarise(frames: NDArray[Any], window: NDArray[np.float64]) -> None:
    """Adds the answered frames up into the window's counts and means.

    Args:
        frames: Rows of `F`, shape (frames, len(F)).
        window: The fields from `W.LATENCY_MEAN_S` to `W.CONFIDENCE_MEAN` are filled, and
            `W.RELIABLE_FRAMES` and `W.LATENCY_SPREAD_S`.
    """
    count = len(frames)
    if count == 0:
        return
    late, correct, on_time_correct, reliable = 0.0, 0.0, 0.0, 0.0
    latency_s, worst_s, passes, confidence = 0.0, 0.0, 0.0, 0.0
    for row in range(count):
        on_time = frames[row, F.ON_TIME]
        late += 1.0 - on_time
        correct += frames[row, F.CORRECT]
        on_time_correct += frames[row, F.CORRECT] * on_time
        reliable += frames[row, F.CORRECT] * on_time * frames[row, F.COOL]
        latency_s += frames[row, F.LATENCY_S]
        worst_s = max(worst_s, frames[row, F.LATENCY_S])
        passes += frames[row, F.PASSES]
        confidence += frames[row, F.CONFIDENCE]
    window[W.LATE_FRAMES] = late
    window[W.CORRECT_FRAMES] = correct
    window[W.ON_TIME_CORRECT_FRAMES] = on_time_correct
    window[W.RELIABLE_FRAMES] = reliable
    window[W.LATENCY_MEAN_S] = latency_s / count
    window[W.LATENCY_MAX_S] = worst_s
    window[W.PASSES_MEAN] = passes / count
    window[W.CONFIDENCE_MEAN] = confidence / count
    window[W.LATENCY_SPREAD_S] = _spread(
        frames[max(count - 3, 0), F.LATENCY_S],
        frames[max(count - 2, 0), F.LATENCY_S],
        frames[count - 1, F.LATENCY_S],
    )
