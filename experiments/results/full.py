"""Every table of a benchmark or a run, on a terminal of any width."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from rich import box
from rich.markup import escape
from rich.table import Table

from tvfs_gym.experiments.results.comparison import Comparison
from tvfs_gym.experiments.results.ranking import print_ranking
from tvfs_gym.experiments.results.rewards import print_reward_ranking
from tvfs_gym.experiments.results.statistics import METRICS, cell
from tvfs_gym.experiments.results.tables import print_fitting

MOST_PANELS = 12
"""Scenarios up to which a figure has a panel for each, and the terminal all metrics."""


def print_full(comparison: Comparison) -> None:
    """Prints all metrics of a few scenarios, the differences of a run, and the rankings."""
    if len(comparison.config["scenarios"]) <= MOST_PANELS:
        _print_metrics(comparison.summary)
    _print_differences(comparison.config, difference_rows(comparison.differences))
    if comparison.ranking is not None:
        print_ranking(comparison.ranking)
    if comparison.by_reward is not None:
        print_reward_ranking(comparison.by_reward)


def _print_metrics(summary: pl.DataFrame) -> None:
    cells = [[cell(row, metric) for metric in METRICS] for row in summary.iter_rows(named=True)]
    table = _metric_table("scenario: controller", "seeds", cells)
    previous = None
    for row, texts in zip(summary.iter_rows(named=True), cells, strict=True):
        if row["scenario"] != previous:
            previous = row["scenario"]
            table.add_section()
            table.add_row(f"[bold]{escape(previous)}[/bold]", *("" for _ in METRICS))
        table.add_row(f"  {escape(row['controller'])}", *texts)
    print_fitting(table)


def _print_differences(config: Mapping[str, Any], rows: Sequence[Sequence[str]]) -> None:
    if rows:
        reference = config["controllers"][0]
        table = _metric_table(
            f"difference from {escape(reference)}", "rounds", [row[1:] for row in rows]
        )
        for row in rows:
            table.add_row(f"  {escape(row[0])}", *row[1:])
        print_fitting(table)


def difference_rows(differences: pl.DataFrame) -> list[list[str]]:
    """Cells of the differences of a run's controllers from its first: name and metrics.

    Args:
        differences: As from `tvfs_gym.experiments.results.statistics.paired_differences`.
    """
    return [
        [row["controller"], *(cell(row, metric, signed=True) for metric in METRICS)]
        for row in differences.iter_rows(named=True)
    ]


def _metric_table(heading: str, over: str, cells: Sequence[Sequence[str]]) -> Table:
    """A table with a column per metric, as wide as its cells and the words of its heading."""
    caption = f"mean ± half the width of the 95 % bootstrap interval over the {over}"
    table = Table(box=box.SIMPLE, caption=caption, caption_justify="left", padding=(0, 1, 0, 0))
    table.add_column(heading, no_wrap=True)
    for column, (title, _, _) in enumerate(METRICS.values()):
        width = max(map(len, [*title.split(), *(row[column] for row in cells)]))
        table.add_column("\n".join(textwrap.wrap(title, width)), justify="right", no_wrap=True)
    return table
