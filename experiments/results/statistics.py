"""Means and shares with intervals: over seeds by bootstrap, over images in closed form."""

import math
from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
import polars as pl
from numpy.typing import NDArray

CONFIDENCE = 0.95
RESAMPLES = 2000

Metric = tuple[str, float, int]
"""Heading of a column, factor from the unit of its values, decimals."""

METRICS: dict[str, Metric] = {
    "reliable_accuracy": ("reliable accuracy, %", 100.0, 1),
    "on_time_accuracy": ("on-time accuracy, %", 100.0, 1),
    "regret": ("regret to the bound, points", 100.0, 1),
    "accuracy": ("accuracy, late or not, %", 100.0, 1),
    "late_share": ("late frames, %", 100.0, 1),
    "latency_s_p50": ("latency p50, ms", 1e3, 1),
    "latency_s_p95": ("latency p95, ms", 1e3, 1),
    "latency_s_p99": ("latency p99, ms", 1e3, 1),
    "above_t_max_share": ("time above T_max, %", 100.0, 1),
    "throttled_share": ("time throttled, %", 100.0, 1),
    "temperature_c_mean": ("mean temperature, °C", 1.0, 1),
    "temperature_c_max": ("highest temperature, °C", 1.0, 1),
    "vf_switches": ("VF switches", 1.0, 0),
    "energy_j_per_frame": ("energy per frame, mJ", 1e3, 0),
    "passes_mean": ("passes per frame", 1.0, 2),
}
"""Columns of the table of results."""


def metric_intervals(episodes: pl.DataFrame) -> pl.DataFrame:
    """Mean and percentile-bootstrap interval of every metric, per scenario and controller.

    Args:
        episodes: One row per episode, as from `tvfs_gym.experiments.results.cells.read_episodes`.

    Returns:
        One row per scenario and controller, in their order of appearance, with the columns METRIC,
        METRIC_low and METRIC_high.
    """
    rows = []
    for keys, group in episodes.group_by(["scenario", "controller"], maintain_order=True):
        row = dict(zip(("scenario", "controller"), keys, strict=True))
        values = group.select(list(METRICS)).to_numpy()
        low, high = mean_interval(values)
        for column, metric in enumerate(METRICS):
            row[metric] = values[:, column].mean()
            row[f"{metric}_low"], row[f"{metric}_high"] = low[column], high[column]
        rows.append(row)
    return pl.DataFrame(rows)


def paired_differences(episodes: pl.DataFrame, reference: str) -> pl.DataFrame:
    """How the other controllers differ from one, episode by episode of the same seed.

    Args:
        episodes: One row per episode, of one scenario.
        reference: The controller that the others are compared with.

    Returns:
        Like `metric_intervals`, a row per other controller; empty if no episodes pair up.
    """
    keys = ["scenario", "seed"]
    own = episodes.filter(pl.col("controller") == reference)
    pairs = episodes.filter(pl.col("controller") != reference).join(own, on=keys, suffix="_own")
    differences = [(pl.col(metric) - pl.col(f"{metric}_own")).alias(metric) for metric in METRICS]
    if pairs.is_empty():
        return pl.DataFrame()
    return metric_intervals(pairs.with_columns(*differences))


def mean_interval(
    values: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Interval of the mean over the rows, by percentile bootstrap, column by column.

    One row alone has none, NaN; nor has a column that was not measured throughout.
    """
    low, high = np.full((2, values.shape[1]), np.nan)
    measured = ~np.isnan(values).any(axis=0)
    if len(values) == 1:
        return low, high
    from scipy.stats import bootstrap  # which takes half a second

    interval = bootstrap(
        (values[:, measured],),
        np.mean,
        axis=0,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        random_state=np.random.default_rng(0),
    ).confidence_interval
    low[measured], high[measured] = interval.low, interval.high
    return low, high


def cell(
    row: Mapping[str, float],
    metric: str,
    signed: bool = False,
    columns: Mapping[str, Metric] = METRICS,
) -> str:
    """A metric as text: mean, and half the width of its interval if it has one.

    What was not measured is a dash.
    """
    _, factor, decimals = columns[metric]
    if math.isnan(row[metric]):
        return "–"
    mean = f"{factor * row[metric]:{'+' if signed else ''}.{decimals}f}"
    half = factor * (row[f"{metric}_high"] - row[f"{metric}_low"]) / 2
    return mean if math.isnan(half) else f"{mean} ±{half:.{decimals}f}"


def share_cell(right: NDArray[np.bool_]) -> str:
    """A share in % as text, with half the width of its Wilson interval."""
    from scipy.stats import binomtest  # which takes half a second

    interval = binomtest(int(right.sum()), len(right)).proportion_ci(CONFIDENCE, method="wilson")
    return f"{100 * right.mean():.1f} ±{50 * (interval.high - interval.low):.1f}"


def paired_cell(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> str:
    """The difference of two shares of the same images, in points, with half its Wald interval."""
    difference = one.astype(np.int64) - other.astype(np.int64)
    return f"{100 * difference.mean():+.1f} ±{100 * _half_width(difference):.1f}"


def mean_cell(values: NDArray[np.integer]) -> str:
    """A mean as text, with half the width of its normal interval."""
    return f"{values.mean():.2f} ±{_half_width(values):.2f}"


def _half_width(values: NDArray[np.integer]) -> float:
    quantile = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    return float(quantile * np.std(values) / np.sqrt(len(values)))
