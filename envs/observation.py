"""The observation: what a controller on the board may know, normalised."""

from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from tvfs_gym.envs.boards.board import Board
from tvfs_gym.envs.boards.window import W
from tvfs_gym.envs.jit import indices, jit

PER_NOMINAL_LATENCY, PER_LAST_LEVEL, PER_LAST_TOPOLOGY, PER_VIEW, SCALES = range(5)
"""Entries of a board's scales, which its windows are multiplied by; and how many there are."""

FEATURES = (
    ("temperature", "sensor reading / 100 degC", -0.5, 2.0),
    ("headroom", "(T_max - sensor reading) / 50 degC", -2.0, 2.0),
    ("temperature_rate", "change of the reading over the window / 10 K/s", -5.0, 5.0),
    ("vf_level", "VF level of the clock / highest", 0.0, 1.0),
    ("cap", "VF level that throttling allows / highest", 0.0, 1.0),
    ("topology", "index / highest, fastest first", 0.0, 1.0),
    ("latency_mean", "mean frame latency / L_c", 0.0, 10.0),
    ("latency_max", "highest frame latency / L_c", 0.0, 10.0),
    ("late_share", "late frames / frames", 0.0, 1.0),
    ("passes_mean", "mean passes per frame / views of the longest policy", 0.0, 1.0),
    ("confidence_mean", "mean confidence of the answers", 0.0, 1.0),
    ("latency_constraint", "L_c / nominal latency", 0.0, 20.0),
    ("t_max", "T_max / 100 degC", -0.5, 2.0),
)
"""Name, meaning, lowest and highest value of each entry."""

ENTRY: Any = indices(*(feature[0].upper() for feature in FEATURES))
"""Indices of the entries."""

LOW = np.array([feature[2] for feature in FEATURES], np.float32)
HIGH = np.array([feature[3] for feature in FEATURES], np.float32)


def observation_space() -> spaces.Space[Any]:
    """The observation space of every board."""
    return spaces.Box(LOW, HIGH, dtype=np.float32)


def scales_of(board: Board) -> NDArray[np.float64]:
    """A board's scales."""
    return 1.0 / np.array(
        [
            board.nominal_latency_s,
            max(len(board.operating_points) - 1, 1),
            max(len(board.family.topologies) - 1, 1),
            board.views,
        ]
    )


@jit
def observe(
    window: NDArray[np.float64], scales: NDArray[np.float64], observation: NDArray[np.float32]
) -> None:
    """Fills an observation from a window.

    Args:
        window: Entries as in `tvfs_gym.envs.boards.window.Window`.
        scales: Entries as above.
        observation: Filled, entries as in `FEATURES`, clipped to the bounds.
    """
    temperature_c = window[W.TEMPERATURE_C]
    constraint_s = window[W.LATENCY_CONSTRAINT_S]
    t_max_c = window[W.T_MAX_C]
    per_constraint = 1.0 / constraint_s
    observation[ENTRY.TEMPERATURE] = 0.01 * temperature_c
    observation[ENTRY.HEADROOM] = 0.02 * (t_max_c - temperature_c)
    observation[ENTRY.TEMPERATURE_RATE] = 0.1 * window[W.TEMPERATURE_RATE_C_S]
    observation[ENTRY.VF_LEVEL] = scales[PER_LAST_LEVEL] * window[W.VF_LEVEL]
    observation[ENTRY.CAP] = scales[PER_LAST_LEVEL] * window[W.CAP_LEVEL]
    observation[ENTRY.TOPOLOGY] = scales[PER_LAST_TOPOLOGY] * window[W.TOPOLOGY]
    observation[ENTRY.LATENCY_MEAN] = per_constraint * window[W.LATENCY_MEAN_S]
    observation[ENTRY.LATENCY_MAX] = per_constraint * window[W.LATENCY_MAX_S]
    observation[ENTRY.LATE_SHARE] = window[W.LATE_FRAMES] / max(window[W.FRAMES], 1.0)
    observation[ENTRY.PASSES_MEAN] = scales[PER_VIEW] * window[W.PASSES_MEAN]
    observation[ENTRY.CONFIDENCE_MEAN] = window[W.CONFIDENCE_MEAN]
    observation[ENTRY.LATENCY_CONSTRAINT] = scales[PER_NOMINAL_LATENCY] * constraint_s
    observation[ENTRY.T_MAX] = 0.01 * t_max_c
    for entry in range(len(observation)):
        observation[entry] = min(max(observation[entry], LOW[entry]), HIGH[entry])


class Reading(NamedTuple):
    """An observation in units, from the board's own sensors and counters.

    Every field is an array over a batch; before an episode's first window, `latency_mean_s` is 0.

    Attributes:
        temperature_c: Sensor reading at the end of the window.
        temperature_rate_c_s: Change of the sensor reading over the window, per second.
        vf_level: VF level that the clock runs at.
        cap_level: Highest VF level that throttling allows.
        topology: Index of the topology.
        latency_mean_s: Mean frame latency.
        latency_max_s: Highest frame latency.
        late_share: Share of the frames that were late.
        passes_mean: Mean passes per frame.
        confidence_mean: Mean confidence of the answers.
        latency_constraint_s: L_c that holds from now on.
        t_max_c: T_max.
    """

    temperature_c: NDArray[np.float64]
    temperature_rate_c_s: NDArray[np.float64]
    vf_level: NDArray[np.int64]
    cap_level: NDArray[np.int64]
    topology: NDArray[np.int64]
    latency_mean_s: NDArray[np.float64]
    latency_max_s: NDArray[np.float64]
    late_share: NDArray[np.float64]
    passes_mean: NDArray[np.float64]
    confidence_mean: NDArray[np.float64]
    latency_constraint_s: NDArray[np.float64]
    t_max_c: NDArray[np.float64]


def read(observations: NDArray[Any], scales: NDArray[np.float64]) -> Reading:
    """Turns observations back into units.

    Temperatures come to the millidegree and the latency constraint to the microsecond, finer than
    a 32-bit observation keeps them apart from their neighbours: so a reading equals what was read.

    Args:
        observations: Shape (batch, features).
        scales: As from `scales_of`.
    """
    column = np.asarray(observations, np.float64).T
    constraint_s = np.round(column[ENTRY.LATENCY_CONSTRAINT] / scales[PER_NOMINAL_LATENCY], 6)
    return Reading(
        temperature_c=np.round(100.0 * column[ENTRY.TEMPERATURE], 3),
        temperature_rate_c_s=10.0 * column[ENTRY.TEMPERATURE_RATE],
        vf_level=np.rint(column[ENTRY.VF_LEVEL] / scales[PER_LAST_LEVEL]).astype(np.int64),
        cap_level=np.rint(column[ENTRY.CAP] / scales[PER_LAST_LEVEL]).astype(np.int64),
        topology=np.rint(column[ENTRY.TOPOLOGY] / scales[PER_LAST_TOPOLOGY]).astype(np.int64),
        latency_mean_s=column[ENTRY.LATENCY_MEAN] * constraint_s,
        latency_max_s=column[ENTRY.LATENCY_MAX] * constraint_s,
        late_share=column[ENTRY.LATE_SHARE],
        passes_mean=column[ENTRY.PASSES_MEAN] / scales[PER_VIEW],
        confidence_mean=column[ENTRY.CONFIDENCE_MEAN],
        latency_constraint_s=constraint_s,
        t_max_c=np.round(100.0 * column[ENTRY.T_MAX], 3),
    )
