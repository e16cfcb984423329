"""Scores over a suite, against their definitions."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import mannwhitneyu

from tvfs_gym.experiments.results.aggregate import (
    aggregate,
    bootstrapped,
    interquartile_mean,
    mean,
    probability_of_improvement,
)

TABLES = arrays(np.float64, (6, 4), elements=st.floats(0, 1, width=16))


def test_the_interquartile_mean_leaves_out_a_quarter_at_either_end() -> None:
    scores = np.arange(8.0).reshape(4, 2)
    assert interquartile_mean(scores) == np.mean([2, 3, 4, 5])
    assert interquartile_mean(np.stack([scores, scores + 1])).tolist() == [3.5, 4.5]


@given(TABLES, TABLES)
def test_the_probability_of_improvement_is_the_mann_whitney_statistic(
    ours: np.ndarray, theirs: np.ndarray
) -> None:
    pairs = ours.shape[0] ** 2
    expected = np.mean(mannwhitneyu(ours, theirs, axis=0).statistic / pairs)
    assert probability_of_improvement(ours, theirs) == pytest.approx(expected)


@given(TABLES, TABLES)
def test_two_probabilities_of_improvement_make_one(ours: np.ndarray, theirs: np.ndarray) -> None:
    both = probability_of_improvement(ours, theirs) + probability_of_improvement(theirs, ours)
    assert both == pytest.approx(1.0)


def test_the_bootstrap_keeps_the_scenarios() -> None:
    """Scenarios differ, runs do not: then there is nothing uncertain."""
    scores = np.tile([0.1, 0.5, 0.9], (10, 1))
    assert bootstrapped(mean, scores) == pytest.approx((0.5, 0.5, 0.5))


def test_the_interval_covers_the_mean_of_what_was_drawn() -> None:
    """Nineteen times in twenty; drawn 100 times, at least 88 times but for one draw in 400."""
    covered = 0
    for seed in range(100):
        drawn = np.random.default_rng(seed).normal([0.2, 0.8], 0.1, size=(20, 2))
        _, low, high = bootstrapped(mean, drawn)
        covered += low <= 0.5 <= high
    assert covered >= 88


def test_controllers_are_ranked_by_their_share_of_the_bound() -> None:
    episodes = pl.DataFrame(
        [
            {"scenario": scenario, "controller": controller, "seed": seed,
             "on_time_accuracy": right + 0.001 * seed, "late_share": 0.0,
             "above_t_max_share": 0.25, "energy_j_per_frame": 0.1}
            for controller, scenarios in (("tvfs", "ab"), ("better", "ab"), ("elsewhere", "a"))
            for scenario in scenarios
            for seed in range(4)
            for right in [0.6 if controller == "tvfs" else 0.7]
        ]
    )  # fmt: skip
    table = aggregate(episodes, {"a": 0.8, "b": 0.9})
    rows = {row["controller"]: row for row in table.iter_rows(named=True)}
    assert table["controller"].to_list() == ["elsewhere", "better", "tvfs"]
    assert rows["elsewhere"]["scenarios"] == 1 and rows["better"]["scenarios"] == 2
    assert rows["better"]["improvement"] == rows["elsewhere"]["improvement"] == 1.0
    assert rows["tvfs"]["improvement"] == 0.5
    assert rows["tvfs"]["regret"] == pytest.approx(0.85 - 0.6015)
    assert rows["better"]["above_t_max_share"] == 0.25
