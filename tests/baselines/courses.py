"""Choices of a controller on a course of readings that is drawn at random."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.baselines.readings import readings
from tvfs_gym.baselines.controller import Controller
from tvfs_gym.envs.observation import Reading

STEPS, BOARDS = 40, 8


def random_course(highest: int, most_topology: int) -> list[Reading]:
    """Temperatures that wander from 45 to 100 degC, latencies of 20 to 90 ms, and caps."""
    rng = np.random.default_rng(1)
    temperature_c = np.full(BOARDS, 60.0)
    course = []
    for step in range(STEPS):
        temperature_c = np.clip(temperature_c + rng.normal(2.0, 8.0, BOARDS), 45.0, 100.0)
        cap = np.where(rng.random(BOARDS) < 0.3, rng.integers(0, highest, BOARDS), highest)
        latency_s = rng.uniform(0.02, 0.09, BOARDS) if step else np.zeros(BOARDS)
        course.append(
            readings(
                temperature_c=np.round(temperature_c),
                vf_level=rng.integers(0, highest + 1, BOARDS),
                cap_level=cap,
                topology=rng.integers(0, most_topology + 1, BOARDS),
                latency_mean_s=latency_s,
                latency_max_s=latency_s,
                passes_mean=np.ones(BOARDS) if step else np.zeros(BOARDS),
            )
        )
    return course


def choices(controller: Controller, course: list[Reading]) -> NDArray[np.int64]:
    """Topology, VF level and budget of every step and board."""
    state, chosen = controller.start(BOARDS), []
    for reading in course:
        choice, state = controller.decide(reading, state)
        budget: Any = choice.max_passes
        if budget is None:
            budget = np.zeros(BOARDS)
        chosen.append(np.stack([choice.topology, choice.vf_level, budget]))
    return np.stack(chosen).astype(np.int64)
