"""A small task for learners, and observations for them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.agents.learners.learner import LearningTask
from tvfs_gym.envs.observation import FEATURES, scales_of
from tvfs_gym.envs.twin_env import TwinEnv

BOARD = TwinEnv("odroid_xu4", "recorded").board
TOPOLOGIES, LEVELS = len(BOARD.family.topologies), len(BOARD.operating_points)
NAMES = [feature[0] for feature in FEATURES]


def task(seed: int = 0, steps: int = 1000) -> LearningTask:
    """The Odroid-XU4 with the recorded networks."""
    card = {
        "algorithm": "test",
        "board": "odroid_xu4",
        "family": "recorded",
        "topologies": TOPOLOGIES,
        "vf_levels": LEVELS,
        "scales": tuple(scales_of(BOARD)),
    }
    rng = np.random.default_rng(seed)
    return LearningTask(scales_of(BOARD), TOPOLOGIES, LEVELS, rng, steps, card)


def observations(
    temperature_c: NDArray[np.float64] | float,
    level: NDArray[np.int64] | int = 9,
    topology: int = 3,
    relative_latency: float = 0.5,
    count: int = 1,
) -> NDArray[np.float32]:
    """Observations at T_max = 85 degC and L_c = 75 ms."""
    made = np.zeros((count, len(FEATURES)), np.float32)
    entries: dict[str, Any] = {
        "temperature": np.asarray(temperature_c) / 100,
        "headroom": (85.0 - np.asarray(temperature_c)) / 50,
        "vf_level": np.asarray(level) / (LEVELS - 1),
        "cap": 1.0,
        "topology": topology / (TOPOLOGIES - 1),
        "latency_mean": relative_latency,
        "latency_constraint": 0.075 / BOARD.nominal_latency_s,
        "t_max": 0.85,
    }
    for name, values in entries.items():
        made[:, NAMES.index(name)] = values
    return made
