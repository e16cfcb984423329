"""Summaries and their intervals."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tvfs_gym.experiments.results.figures import overview
from tvfs_gym.experiments.results.statistics import METRICS, cell, metric_intervals


def episodes(values: np.ndarray) -> pl.DataFrame:
    rows = [
        {"scenario": "s", "controller": "c", "seed": seed, **dict.fromkeys(METRICS, float(value))}
        for seed, value in enumerate(values)
    ]
    return pl.DataFrame(rows)


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says() -> None:
    """Of 200 samples of ten; a percentile bootstrap of ten falls a little short of 95 %."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        row = metric_intervals(episodes(rng.normal(3.0, 1.0, 10))).row(0, named=True)
        covered += row["late_share_low"] <= 3.0 <= row["late_share_high"]
    assert 0.86 <= covered / 200 <= 0.98


def test_values_that_never_vary_have_no_width() -> None:
    row = metric_intervals(episodes(np.full(5, 0.5))).row(0, named=True)
    assert row["late_share_low"] == row["late_share"] == row["late_share_high"] == 0.5
    assert cell(row, "late_share") == "50.0 ±0.0"


def test_one_seed_has_no_interval() -> None:
    row = metric_intervals(episodes(np.array([0.25]))).row(0, named=True)
    assert np.isnan([row["late_share_low"], row["late_share_high"]]).all()
    assert cell(row, "late_share") == "25.0"


def test_a_cell_is_the_mean_and_half_the_width_in_its_unit() -> None:
    row = {"latency_s_p50": 0.1, "latency_s_p50_low": 0.09, "latency_s_p50_high": 0.13}
    assert cell(row, "latency_s_p50") == "100.0 ±20.0"


def test_groups_keep_their_order() -> None:
    rows = [
        {"scenario": s, "controller": c, "seed": 0, **dict.fromkeys(METRICS, 1.0)}
        for s in ("z", "a")
        for c in ("y", "b")
    ]
    summary = metric_intervals(pl.DataFrame(rows))
    assert summary.select("scenario", "controller").rows() == [
        ("z", "y"), ("z", "b"), ("a", "y"), ("a", "b"),
    ]  # fmt: skip
    assert pytest.approx(1.0) == summary["late_share"][0]


def test_an_interval_that_misses_its_mean_by_a_rounding_error_is_drawn(tmp_path: Path) -> None:
    """Three equal values: their mean, summed in another order, can be off by a bit."""
    mean = {metric: 0.3 for metric in METRICS}
    above = {f"{metric}_{end}": 0.3 + 1e-16 for metric in METRICS for end in ("low", "high")}
    summary = pl.DataFrame([{"scenario": "s", "controller": "c", **mean, **above}])
    overview(summary, "late_share", tmp_path / "late.png")
    assert (tmp_path / "late.png").stat().st_size > 0
