"""The belief over the next slow-down: its chances by hand, and its worth under load."""

from typing import Any

import numpy as np
import pytest

from tvfs_gym.baselines import Design
from tvfs_gym.baselines.model_based.predictive import Predictive
from tvfs_gym.baselines.model_based.slow_downs import (
    CHANCE_STEP,
    LOWEST,
    MEMORY_S,
    VALUE_STEP,
    chances,
    counted,
    no_counts,
)
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv
from tvfs_gym.experiments.episodes import run_episodes

SEEN, SEEDS = np.ones(1, bool), [510, 511, 512]


def after(*values: int) -> tuple[list[float], float]:
    """Chances of all values, after windows of no length at these values; and the sum."""
    counts, before = no_counts(1), np.zeros(1)
    for value in values:
        now = np.array([VALUE_STEP * value])
        counts = counted(counts, before, now, np.zeros(1), SEEN)
        before = now
    found = CHANCE_STEP * chances(counts, before)[0]
    return found.tolist(), float(found.sum())


def test_what_was_never_left_is_held_for_certain() -> None:
    assert after()[1] == after(0, 0, 0)[1] == after(0, 1, 0)[1] == 0.0


def test_the_others_share_the_chance_of_leaving_by_the_time_spent_at_them() -> None:
    """At 0 for 7 steps and left twice, for 5 of 5 and 10: (2 + 0.05 * 3) / (7 + 3) = 0.215."""
    found, total = after(0, 0, 0, 5, 5, 5, 5, 0, 0, 0, 10, 0)
    assert found[5 - LOWEST] == pytest.approx(0.215 * 4 / 5, abs=CHANCE_STEP / 2)
    assert found[10 - LOWEST] == pytest.approx(0.215 / 5, abs=CHANCE_STEP / 2)
    assert total == pytest.approx(0.215, abs=CHANCE_STEP)


def test_it_forgets_within_minutes_and_what_was_not_timed_does_not_count() -> None:
    counts = counted(no_counts(1), np.zeros(1), np.array([0.6]), np.zeros(1), SEEN)
    later = counted(counts, np.array([0.6]), np.zeros(1), np.array([MEMORY_S]), ~SEEN)
    assert later.steps.sum() == pytest.approx(np.exp(-1.0))
    assert later.left.sum() == pytest.approx(np.exp(-1.0))


def score(design: Design, foresees: bool, **fields: Any) -> float:
    scenario = Scenario(**fields)
    twins = TwinVectorEnv(len(SEEDS), scenario=scenario, info_frames=True)
    rows = run_episodes(twins, Predictive(design, foresees=foresees), SEEDS)
    return float(np.mean([row["reliable_accuracy"] for _, row in rows]))


def test_under_load_that_comes_and_goes_it_is_worth_points(xu4: Design) -> None:
    changes = [
        {"at_s": 6.0 + 3.0 * half, "background_load": 0.4 * (1 - half % 2)} for half in range(60)
    ]
    plain, foreseen = (score(xu4, foresees, changes=changes) for foresees in (False, True))
    assert foreseen > plain + 0.05


def test_without_load_it_changes_nothing(xu4: Design) -> None:
    assert score(xu4, True) == score(xu4, False)
