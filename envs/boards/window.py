"""What a window of inference delivers: columns of its frames and of its summary."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.jit import jit

(
    FRAME_LATENCY_S,
    FRAME_PASSES,
    FRAME_CONFIDENCE,
    FRAME_CORRECT,
    FRAME_ON_TIME,
    FRAME_SIZE,
) = range(6)
"""Columns of the frames, one row per frame of the window."""

(
    W_TIME_S,
    W_DURATION_S,
    W_TEMPERATURE_C,
    W_TEMPERATURE_RATE_C_S,
    W_TEMPERATURE_MEAN_C,
    W_TEMPERATURE_MAX_C,
    W_FREQUENCY_HZ,
    W_FREQUENCY_MEAN_HZ,
    W_VF_LEVEL,
    W_CAP_LEVEL,
    W_TOPOLOGY,
    W_FRAMES,
    W_LATENCY_MEAN_S,
    W_LATENCY_MAX_S,
    W_LATE_FRAMES,
    W_CORRECT_FRAMES,
    W_ON_TIME_CORRECT_FRAMES,
    W_PASSES_MEAN,
    W_CONFIDENCE_MEAN,
    W_ENERGY_J,
    W_TIME_ABOVE_T_MAX_S,
    W_THROTTLED_S,
    W_VF_SWITCHES,
    W_SHUT_DOWN,
    W_LATENCY_CONSTRAINT_S,
    W_T_MAX_C,
    W_COST_TEMPERATURE,
    W_COST_DEADLINE,
    W_COST,
    WINDOW_SIZE,
) = range(30)
"""The window's result; its fields are described in `tvfs_gym.envs.boards.board.Window`."""


@jit
def summarise(frames: NDArray[Any], window: NDArray[np.float64]) -> None:
    """Adds the answered frames up into the window's counts and means.

    Args:
        frames: Shape (frames, FRAME_SIZE).
        window: The fields from `W_LATENCY_MEAN_S` to `W_CONFIDENCE_MEAN` are filled.
    """
    count = len(frames)
    if count == 0:
        return
    late, correct, on_time_correct = 0.0, 0.0, 0.0
    latency_s, worst_s, passes, confidence = 0.0, 0.0, 0.0, 0.0
    for row in range(count):
        on_time = frames[row, FRAME_ON_TIME]
        late += 1.0 - on_time
        correct += frames[row, FRAME_CORRECT]
        on_time_correct += frames[row, FRAME_CORRECT] * on_time
        latency_s += frames[row, FRAME_LATENCY_S]
        worst_s = max(worst_s, frames[row, FRAME_LATENCY_S])
        passes += frames[row, FRAME_PASSES]
        confidence += frames[row, FRAME_CONFIDENCE]
    window[W_LATE_FRAMES] = late
    window[W_CORRECT_FRAMES] = correct
    window[W_ON_TIME_CORRECT_FRAMES] = on_time_correct
    window[W_LATENCY_MEAN_S] = latency_s / count
    window[W_LATENCY_MAX_S] = worst_s
    window[W_PASSES_MEAN] = passes / count
    window[W_CONFIDENCE_MEAN] = confidence / count
