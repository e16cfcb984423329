"""The ranking as text: of those that can be compared, and beside it of those that cannot."""

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tvfs_gym.baselines import HINDSIGHT
from tvfs_gym.experiments.results.aggregate import REFERENCE
from tvfs_gym.experiments.results.statistics import METRICS, Metric, cell

COLUMNS: dict[str, Metric] = {
    "share": ("share of the bound, %", 100.0, 1),
    "difference": (f"more than {REFERENCE}, points", 100.0, 1),
    "improvement": (f"P(better than {REFERENCE}), %", 100.0, 1),
    "worst": ("worst scenario, %", 100.0, 1),
    "tenth": ("worst tenth, %", 100.0, 1),
    "late_share": METRICS["late_share"],
    "above_t_max_share": METRICS["above_t_max_share"],
    "energy_j_per_frame": METRICS["energy_j_per_frame"],
}
"""Columns of a ranking: heading, factor from the unit of the table, decimals."""

HEADINGS = ("controller", *(heading for heading, _, _ in COLUMNS.values()))

BRIEF = {
    "worst": "worst\nscen.",
    "tenth": "worst\ntenth",
    "late_share": "late",
    "above_t_max_share": ">T_max",
    "energy_j_per_frame": "mJ/\nframe",
}
"""Columns that a terminal of 80 columns has room for beside the share; in %, but the last."""

NOTE = """Shares in % of the bound: mean over the scenarios ± half the width of the 95 %
interval, worst scenario, mean of the worst tenth. Late frames and time above
T_max in %. Those marked * know the scenario in advance."""


def parts(ranking: pl.DataFrame) -> Iterator[tuple[str | None, pl.DataFrame]]:
    """Divides a ranking by the reasons for which controllers are not ranked; the ranked first.

    Args:
        ranking: As from `tvfs_gym.experiments.results.aggregate.aggregate`.
    """
    for reason in sorted(ranking["reason"].unique(), key=lambda reason: reason or ""):
        rows = ranking.filter(pl.col("reason").eq_missing(reason))
        yield reason, rows


def ranking_rows(ranking: pl.DataFrame) -> list[list[str]]:
    """Cells under `HEADINGS`; the worst scenario is named."""
    rows = []
    for row in ranking.iter_rows(named=True):
        cells = {name: cell(row, name, name == "difference", COLUMNS) for name in COLUMNS}
        cells["worst"] += f", {row['worst_scenario']}"
        rows.append([marked(row["controller"]), *cells.values()])
    return rows


def print_ranking(ranking: pl.DataFrame) -> None:
    """Prints a ranking on 80 columns, those who are not ranked below it."""
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("controller", overflow="fold")
    table.add_column("share of\nthe bound", justify="right", no_wrap=True)
    for heading in BRIEF.values():
        table.add_column(heading, justify="right", no_wrap=True)
    for reason, rows in parts(ranking):
        if reason:
            table.add_section()
            table.add_row(f"[bold]not ranked: {escape(reason)}[/bold]")
        for row in rows.iter_rows(named=True):
            table.add_row(f"  {escape(marked(row['controller']))}", *_brief_cells(row))
    Console().print(table)
    print(NOTE)


def _brief_cells(row: Mapping[str, Any]) -> list[str]:
    means = [cell(row, name, columns=COLUMNS).split(" ")[0] for name in BRIEF]
    return [cell(row, "share", columns=COLUMNS), *means]


def marked(controller: str) -> str:
    """A controller's name, with an asterisk if it knows the scenario in advance."""
    return f"{controller} *" if controller in HINDSIGHT else controller
