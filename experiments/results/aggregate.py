"""Ranking of controllers over a suite: mean share of the bound, worst scenarios, intervals.

A controller's share in a scenario is its mean score, `SCORE`, divided by the mean bound of the same
episodes: a seed may have a unit and a room of its own, and so a bound of its own. Scenarios are not
drawn anew: the ranking takes their mean and shows the worst, and leaves out none.

Intervals are percentiles of a nested bootstrap. Photographs and seeds are drawn anew for all
controllers and scenarios alike, so differences are paired. With a seed come its unit, its room and
its bound; a column `unit` is needed only where several seeds share one. The trainings of a learner
are drawn for it alone. Where photographs come but once the intervals are too wide, by up to the
root of three (A. B. Owen, "The pigeonhole bootstrap", 2007). Over trainings, and over nothing else,
an interquartile mean is taken (R. Agarwal et al., "Deep Reinforcement Learning at the Edge of the
Statistical Precipice", NeurIPS 2021).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import trim_mean

from tvfs_gym.envs.reward import DEFAULT_REWARD
from tvfs_gym.experiments.results.statistics import CONFIDENCE, RESAMPLES

SCORE = DEFAULT_REWARD

REFERENCE = "tvfs"
"""The controller that differences and the probability of improvement are counted from."""

SHARED = ("seed", "unit")
"""Columns whose values are drawn for all controllers alike, where the episodes have them."""

MEANS = ("late_share", "above_t_max_share", "energy_j_per_frame")
"""Metrics whose mean over the scenarios stands beside the ranking."""

Array = NDArray[np.float64]
"""Everything drawn has ``RESAMPLES + 1`` rows, the first of which is the sample itself."""


def interquartile_mean(values: Array) -> Array:
    """Mean of the middle half along the last axis."""
    return np.asarray(trim_mean(values, 0.25, axis=-1))


def worst_tenth(shares: Array) -> Array:
    """Mean of the lowest tenth, rounded up, along the last axis."""
    count = -(-shares.shape[-1] // 10)
    return np.asarray(np.sort(shares, axis=-1)[..., :count].mean(axis=-1))


class Resamples:
    """Draws that all controllers share.

    Of n photographs, seeds or units n - 1 are drawn with replacement, with which the variance of a
    mean is unbiased; an only one stays.

    Args:
        episodes: One row per episode.
    """

    def __init__(self, episodes: pl.DataFrame) -> None:
        rng = np.random.default_rng(0)
        photographs = episodes["photograph_frames"].list.len().max()
        assert isinstance(photographs, int)
        self._photographs = _weights(rng, photographs)
        self._shared = {
            column: pl.DataFrame({column: values}).with_row_index(f"{column}_row")
            for column in SHARED
            if column in episodes.columns
            for values in [episodes[column].unique().sort()]
        }
        self._of = {column: _weights(rng, len(values)) for column, values in self._shared.items()}

    def episode_weights(self, episodes: pl.DataFrame) -> Array:
        """Weights of episodes, sum 1; shape (draws, episodes)."""
        weights = np.ones((RESAMPLES + 1, episodes.height))
        for column, values in self._shared.items():
            rows = episodes.join(values, on=column, how="left", maintain_order="left")
            weights *= self._of[column][:, rows[f"{column}_row"].to_numpy()]
        return weights / weights.sum(axis=1, keepdims=True)

    def scores(self, episodes: pl.DataFrame) -> Array:
        """Scores of episodes with photographs drawn anew; shape (draws, episodes).

        Frames without an answer, whose photograph is unknown, stay as they are; so does an episode
        none of whose photographs was drawn.
        """
        frames, reliable = (
            self._photographs @ _matrix(episodes[name], self._photographs.shape[1]).T
            for name in ("photograph_frames", "photograph_reliable")
        )
        frames += episodes["unanswered_frames"].to_numpy()
        scores = np.tile(episodes[SCORE].to_numpy(), (len(frames), 1))
        return np.divide(reliable, frames, out=scores, where=frames > 0)


def _weights(rng: np.random.Generator, count: int) -> Array:
    """How often each of a sample is drawn; shape (draws, count)."""
    if count < 2:
        return np.ones((RESAMPLES + 1, count))
    drawn = rng.multinomial(count - 1, np.full(count, 1 / count), size=RESAMPLES)
    return np.vstack([np.ones(count), drawn])


def _matrix(lists: pl.Series, columns: int) -> Array:
    """Lists as the rows of a matrix, zeros behind their ends."""
    lengths = lists.list.len().to_numpy()
    matrix = np.zeros((len(lists), columns))
    matrix[np.arange(columns) < lengths[:, np.newaxis]] = lists.filter(lengths > 0).explode()
    return matrix


@dataclass(frozen=True)
class Cell:
    """A controller in a scenario.

    Attributes:
        weights: Weights of the episodes of a training; shape (draws, episodes).
        bound: Mean bound of the episodes; shape (draws,).
        scores: Shape (draws, trainings, episodes).
        metrics: The same of each of `MEANS`.
    """

    weights: Array
    bound: Array
    scores: Array
    metrics: dict[str, Array]

    @classmethod
    def of(cls, resamples: Resamples, controller: str, episodes: pl.DataFrame) -> "Cell":
        """Draws the episodes of a controller in a scenario, and its trainings, if it has several.

        Args:
            resamples: Resamples of the photographs, seeds and units.
            controller: Its name decides which trainings are drawn.
            episodes: Its episodes there; every training has the same seeds and units.
        """
        order = [name for name in ("training_seed", *SHARED) if name in episodes.columns]
        episodes = episodes.sort(order)
        trainings = episodes["training_seed"].n_unique() if "training_seed" in order else 1
        rng = np.random.default_rng([*controller.encode()])
        drawn = rng.integers(trainings, size=(RESAMPLES + 1, trainings, 1))
        drawn[0, :, 0] = np.arange(trainings)

        def by_training(values: Array) -> Array:
            table = values.reshape(len(values), trainings, -1)
            return np.take_along_axis(table, drawn, axis=1)

        once = episodes[: episodes.height // trainings]
        weights = resamples.episode_weights(once)
        return cls(
            weights,
            weights @ once["bound"].to_numpy(),
            by_training(resamples.scores(episodes)),
            {name: by_training(episodes[name].to_numpy()[np.newaxis]) for name in MEANS},
        )

    def mean(self, values: Array) -> Array:
        """Interquartile mean over trainings of the mean over episodes; shape (draws,)."""
        return interquartile_mean((values * self.weights[:, np.newaxis]).sum(axis=-1))

    def share(self) -> Array:
        """Share of the bound; shape (draws,)."""
        return self.mean(self.scores) / self.bound

    def improvement(self, other: "Cell") -> Array:
        """How probably an episode scores higher than the other's of the same seed and unit.

        Returns:
            P(X > Y) + P(X = Y) / 2 over all pairs of trainings, shape (draws,).
        """
        ours, theirs = self.scores[:, :, np.newaxis], other.scores[:, np.newaxis]
        won = ((ours > theirs) + 0.5 * (ours == theirs)).mean(axis=(1, 2))
        return np.asarray((won * self.weights).sum(axis=-1))


def aggregate(episodes: pl.DataFrame, reference: str = REFERENCE) -> pl.DataFrame:
    """A row per controller, best first.

    Args:
        episodes: One row per episode, as `tvfs_gym.experiments.results.cells` reads them, with the
            score that no controller can exceed in it, `bound`.
        reference: The controller that the others are compared with.

    Returns:
        Columns: controller; reason, why it cannot be ranked with the others, or null;
        worst_scenario; and, each with NAME_low and NAME_high: share, the mean over scenarios of the
        share of the bound; worst, the lowest; tenth, the mean of the worst tenth; difference and
        improvement, how much higher the share is than the reference's, and how probably an
        episode's score is (NaN if that did not run in the same scenarios); and the means of
        `MEANS`.
    """
    resamples = Resamples(episodes)
    cells: dict[str, dict[str, Cell]] = {}
    for (controller, scenario), own in episodes.group_by(
        ["controller", "scenario"], maintain_order=True
    ):
        name = str(controller)
        cells.setdefault(name, {})[str(scenario)] = Cell.of(resamples, name, own)
    reasons = _reasons(episodes)
    rows = [
        {"controller": name, "reason": reasons[name], **_row(own, cells.get(reference, {}))}
        for name, own in cells.items()
    ]
    return pl.DataFrame(rows, infer_schema_length=None).sort("share", descending=True)


def _row(own: dict[str, Cell], reference: dict[str, Cell]) -> dict[str, object]:
    shares = _shares(own, own)
    unknown = np.full(RESAMPLES + 1, np.nan)
    drawn = {
        "share": shares.mean(axis=1),
        "worst": shares.min(axis=1),
        "tenth": worst_tenth(shares),
        "difference": unknown,
        "improvement": unknown,
    }
    if reference.keys() >= own.keys():
        drawn["difference"] = (shares - _shares(reference, own)).mean(axis=1)
        won = [cell.improvement(reference[scenario]) for scenario, cell in own.items()]
        drawn["improvement"] = np.mean(won, axis=0)
    for metric in MEANS:
        drawn[metric] = np.mean([cell.mean(cell.metrics[metric]) for cell in own.values()], axis=0)
    row: dict[str, object] = {"worst_scenario": list(own)[shares[0].argmin()]}
    tail = 50 * (1 - CONFIDENCE)
    for name, values in drawn.items():
        ends = np.percentile(values[1:], [tail, 100 - tail])
        row |= {name: values[0], f"{name}_low": ends[0], f"{name}_high": ends[1]}
    return row


def _shares(cells: dict[str, Cell], scenarios: Iterable[str]) -> Array:
    """Shares of the bound in some scenarios; shape (draws, scenarios)."""
    return np.stack([cells[name].share() for name in scenarios], axis=1)


def _reasons(episodes: pl.DataFrame) -> dict[str, str | None]:
    """Why controllers cannot be ranked with the others, None for those who can, by name."""
    every = episodes["scenario"].n_unique()
    reasons: dict[str, str | None] = {}
    for (controller,), own in episodes.group_by(["controller"], maintain_order=True):
        ran, objective = own["scenario"].n_unique(), own["objective"][0]
        said = [f"{ran} of {every} scenarios"] if ran < every else []
        said += [] if objective in (None, SCORE) else [f"trained for the reward {objective}"]
        reasons[str(controller)] = "; ".join(said) or None
    return reasons
