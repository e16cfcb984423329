"""Lengths of steps and episodes: about the same time in every scenario."""

from itertools import pairwise

from tvfs_gym.envs.scenario import Scenario

STEP_S = 0.75
"""L_c of a step's frames together, s: a step lasts about as long in every scenario."""

EPISODE_S = 300.0
"""An episode has as many frames as take so long if each takes its whole L_c, or comes so late."""


def frames_per_step(latency_constraint_s: float) -> int:
    """Frames of a step in a scenario: about `STEP_S` of its first L_c, and at least one."""
    return max(1, round(STEP_S / latency_constraint_s))


def frames_of_episode(scenario: Scenario) -> int:
    """Frames that come in `EPISODE_S` if each takes its whole L_c, or comes so late."""
    edges_s = [0.0, *(change.at_s for change in scenario.changes), EPISODE_S]
    stretches = [(start_s, end_s) for start_s, end_s in pairwise(edges_s) if end_s > start_s]
    periods_s = [
        max(scenario.at(start_s).latency_constraint_s, scenario.arrival_period_s)
        for start_s, _ in stretches
    ]
    rates = zip(stretches, periods_s, strict=True)
    return round(sum((end_s - start_s) / period_s for (start_s, end_s), period_s in rates))
