"""Scores over a whole suite: interquartile mean and probability of improvement, with intervals.

R. Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice", NeurIPS
2021, define them (their package is rliable): runs of all scenarios are pooled for the interquartile
mean; intervals come from a stratified bootstrap, which draws the runs of every scenario anew, with
replacement, and keeps the scenarios.
"""

from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import trim_mean

from tvfs_gym.experiments.results.statistics import CONFIDENCE

RESAMPLES = 2000

REFERENCE = "tvfs"
"""Whom the probability of improvement is counted against."""

Scores = NDArray[np.float64]
"""Shape (..., runs, scenarios)."""


def interquartile_mean(scores: Scores) -> NDArray[np.float64]:
    """Mean of the middle half of the runs of all scenarios; shape (...)."""
    return np.asarray(trim_mean(scores.reshape(*scores.shape[:-2], -1), 0.25, axis=-1))


def mean(scores: Scores) -> NDArray[np.float64]:
    """Mean over runs and scenarios; shape (...)."""
    return scores.mean(axis=(-2, -1))


def probability_of_improvement(scores: Scores, reference: Scores) -> NDArray[np.float64]:
    """How probably a run scores higher than the reference's in the same scenario; shape (...).

    P(X > Y) + P(X = Y) / 2 over all pairs of runs, averaged over the scenarios: the Mann-Whitney
    statistic divided by the number of pairs.
    """
    ours, theirs = scores[..., :, np.newaxis, :], reference[..., np.newaxis, :, :]
    return ((ours > theirs) + 0.5 * (ours == theirs)).mean(axis=(-3, -2, -1))


def bootstrapped(
    statistic: Callable[..., NDArray[np.float64]], *scores: Scores
) -> tuple[float, float, float]:
    """A statistic of one or several score tables, and its stratified bootstrap interval.

    Args:
        statistic: Of tables of the shape (..., runs, scenarios).
        *scores: Tables of the shape (runs, scenarios), drawn independently of each other.

    Returns:
        The statistic, and the lower and upper end of its percentile interval.
    """
    rng = np.random.default_rng(0)
    drawn = [_resampled(table, rng) for table in scores]
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(statistic(*drawn), [tail, 100 - tail])
    return float(statistic(*scores)), float(low), float(high)


def _resampled(scores: Scores, rng: np.random.Generator) -> Scores:
    runs, scenarios = scores.shape
    drawn = rng.integers(runs, size=(RESAMPLES, runs, scenarios))
    return np.take_along_axis(scores[np.newaxis], drawn, axis=1)


def scores_of(episodes: pl.DataFrame, metric: str, controller: str) -> Scores:
    """A metric of a controller, shape (seeds, scenarios), scenarios in order of appearance."""
    own = episodes.filter(pl.col("controller") == controller)
    table = own.pivot("scenario", index="seed", values=metric).sort("seed")
    return table.drop("seed").to_numpy()


def aggregate(episodes: pl.DataFrame, bounds: dict[str, float]) -> pl.DataFrame:
    """A row per controller, best first.

    A controller that did not run in all scenarios is compared in those in which it did.

    Args:
        episodes: One row per episode.
        bounds: On-time accuracy that no controller can exceed, by scenario.

    Returns:
        Columns: controller; scenarios, how many it ran in; and, each with NAME_low and NAME_high:
        share, the interquartile mean of on-time accuracy relative to the bound; regret, the mean of
        the bound less on-time accuracy; improvement, the probability to score higher than
        `REFERENCE` (NaN where that did not run); and the means of late_share, above_t_max_share and
        energy_j_per_frame.
    """
    rows = []
    for controller in episodes["controller"].unique(maintain_order=True):
        own = episodes.filter(pl.col("controller") == controller)
        ran = own["scenario"].unique(maintain_order=True).to_list()
        bound = np.array([bounds[scenario] for scenario in ran])
        right = scores_of(own, "on_time_accuracy", controller)
        there = episodes.filter(pl.col("scenario").is_in(ran))
        reference = there.filter(pl.col("controller") == REFERENCE)
        found = {
            "share": bootstrapped(interquartile_mean, right / bound),
            "regret": bootstrapped(mean, bound - right),
        }
        if reference["scenario"].n_unique() == len(ran):
            theirs = scores_of(reference, "on_time_accuracy", REFERENCE)
            found["improvement"] = bootstrapped(probability_of_improvement, right, theirs)
        for metric in ("late_share", "above_t_max_share", "energy_j_per_frame"):
            found[metric] = bootstrapped(mean, scores_of(own, metric, controller))
        row: dict[str, object] = {"controller": controller, "scenarios": len(ran)}
        for name, values in found.items():
            row |= dict(zip((name, f"{name}_low", f"{name}_high"), values, strict=True))
        rows.append(row)
    return pl.DataFrame(rows, infer_schema_length=None).sort("share", descending=True)
