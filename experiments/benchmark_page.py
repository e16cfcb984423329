"""The page of a benchmark with bounds: ranking, what there is to win, how it was measured."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from tvfs_gym.baselines import HINDSIGHT
from tvfs_gym.experiments.aggregate import REFERENCE
from tvfs_gym.experiments.documents import markdown_table

BEST_FIXED = "best_fixed"


def ranking_table(ranking: pl.DataFrame, scenarios: int) -> str:
    """A row per controller, best first.

    Args:
        ranking: As from `tvfs_gym.experiments.aggregate.aggregate`.
        scenarios: How many there are in the suite.
    """
    header = [
        "controller", "share of the bound, %", f"P(better than {REFERENCE}), %", "regret, points",
        "late, %", "time above T_max, %",
    ]  # fmt: skip
    columns = ("share", "improvement", "regret", "late_share", "above_t_max_share")
    rows = []
    for row in ranking.iter_rows(named=True):
        mark = " *" if row["controller"] in HINDSIGHT else ""
        few = "" if row["scenarios"] == scenarios else f" ({row['scenarios']} scenarios)"
        rows.append(
            [f"`{row['controller']}`{mark}{few}", *(_with_interval(row, name) for name in columns)]
        )
    return markdown_table(header, rows)


def _with_interval(row: Mapping[str, Any], name: str) -> str:
    if row.get(name) is None:
        return ""
    half = 50 * (row[f"{name}_high"] - row[f"{name}_low"])
    return f"{100 * row[name]:.1f} ±{half:.1f}"


def gap_table(summary: pl.DataFrame, bounds: Mapping[str, float]) -> str:
    """What there is to win: a row per scenario, on-time accuracy in %.

    Args:
        summary: As from `tvfs_gym.experiments.statistics.summarise`.
        bounds: On-time accuracy that no controller can exceed, by scenario.
    """
    header = [
        "scenario", "bound", f"`{BEST_FIXED}` *", f"`{REFERENCE}`", "best that does not know it",
        f"bound − `{BEST_FIXED}`", f"bound − `{REFERENCE}`", "bound − best",
    ]  # fmt: skip
    rows = []
    for scenario, bound in bounds.items():
        here = summary.filter(pl.col("scenario") == scenario)
        score = {
            row["controller"]: 100 * row["on_time_accuracy"] for row in here.iter_rows(named=True)
        }
        fair = {name: value for name, value in score.items() if name not in HINDSIGHT}
        best = max(fair, key=lambda name: fair[name])
        shown = score[BEST_FIXED], score[REFERENCE], score[best]
        rows.append(
            [
                scenario.replace("_", " "),
                f"{100 * bound:.1f}",
                *(f"{value:.1f}" for value in shown[:2]),
                f"{score[best]:.1f} `{best}`",
                *(f"{100 * bound - value:.1f}" for value in shown),
            ]
        )
    return markdown_table(header, rows)
