"""A benchmark or a run as tables: what its report draws and its command prints."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from tvfs_gym.experiments.results.cells import read_episodes
from tvfs_gym.experiments.results.config import read_comparison_config
from tvfs_gym.experiments.results.frames import write_parquet
from tvfs_gym.experiments.results.statistics import metric_intervals, paired_differences

REPORT = "report.html"
"""Report of a benchmark or a run in its folder."""


@dataclass(frozen=True)
class Comparison:
    """Results of controllers in the same scenarios.

    Attributes:
        folder: The run's folder.
        config: Its configuration, with the scenarios alone that have run.
        episodes: A row per episode, as from `tvfs_gym.experiments.results.cells.read_episodes`.
        summary: A row per scenario and controller: see `metric_intervals`.
        ranking: As from `tvfs_gym.experiments.results.aggregate.aggregate`; None without bounds.
        differences: From the first controller, in the same rounds of a run: see
            `paired_differences`. Empty for a benchmark, whose scenarios would make it long.
        by_reward: As from `tvfs_gym.experiments.results.rewards.ranking_under`; None if no reward
            was asked for.
    """

    folder: Path
    config: dict[str, Any]
    episodes: pl.DataFrame
    summary: pl.DataFrame
    ranking: pl.DataFrame | None
    differences: pl.DataFrame
    by_reward: pl.DataFrame | None

    @property
    def report(self) -> Path:
        """The report's path."""
        return self.folder / REPORT


def read_comparison(folder: Path, rewards: Sequence[str] = ()) -> Comparison:
    """Reads a benchmark's or a run's folder; writes its summary and its scores under rewards.

    Args:
        folder: Folder of a benchmark or a run.
        rewards: Rewards under which the controllers are ranked besides, as
            `tvfs_gym.envs.reward.reward_of` takes them.

    Raises:
        InputError: The folder holds no results of a benchmark, or a reward cannot be had from
            stored steps.
    """
    config = read_comparison_config(folder)
    by_reward = _ranking_under(folder, config, rewards) if rewards else None
    episodes = read_episodes(folder, config)
    ran = set(episodes["scenario"])
    config["scenarios"] = {k: v for k, v in config["scenarios"].items() if k in ran}
    summary = metric_intervals(episodes)
    write_parquet(folder / "summary.parquet", summary)
    in_rounds = "order" in config
    return Comparison(
        folder,
        config,
        episodes,
        summary,
        _ranking(episodes),
        paired_differences(episodes, config["controllers"][0]) if in_rounds else pl.DataFrame(),
        by_reward,
    )


def _ranking(episodes: pl.DataFrame) -> pl.DataFrame | None:
    if episodes["bound"].has_nulls():
        return None
    from tvfs_gym.experiments.results.aggregate import aggregate  # which takes half a second

    return aggregate(episodes)


def _ranking_under(folder: Path, config: dict[str, Any], rewards: Sequence[str]) -> pl.DataFrame:
    from tvfs_gym.experiments.results.rewards import SCORES, ranking_under, reward_scores

    scores = reward_scores(folder, config, rewards)
    write_parquet(folder / SCORES, scores)
    return ranking_under(scores)
