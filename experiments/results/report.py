"""``tvfs-gym report``: table, figures and report of a benchmark, from its files alone."""

import base64
import textwrap
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import polars as pl
from rich import box
from rich.markup import escape
from rich.table import Table

from tvfs_gym.envs.files import write_whole
from tvfs_gym.experiments.results.aggregate import aggregate
from tvfs_gym.experiments.results.cells import cell_name, read_episodes, read_first_steps
from tvfs_gym.experiments.results.figures import course, drawable, overview, ranking_figure
from tvfs_gym.experiments.results.folder import CONFIG, read_command, read_json
from tvfs_gym.experiments.results.frames import write_parquet
from tvfs_gym.experiments.results.ranking import (
    HEADINGS,
    parts,
    print_ranking,
    ranking_rows,
)
from tvfs_gym.experiments.results.rewards import (
    SCORES,
    print_reward_ranking,
    ranking_under,
    reward_rows,
    reward_scores,
    rewards_in,
)
from tvfs_gym.experiments.results.statistics import (
    METRICS,
    cell,
    metric_intervals,
    paired_differences,
)
from tvfs_gym.experiments.results.tables import print_wide

TEMPLATE = files("tvfs_gym.experiments.results") / "report.html"
OVERVIEWS = ("reliable_accuracy", "late_share")
MOST_PANELS = 12
"""Scenarios up to which an overview has a panel for each, and the terminal all metrics."""

RANKING = "ranking.png"


def write_report(folder: Path, rewards: Sequence[str] = ()) -> None:
    """Draws the figures, writes ``report.html``, and prints the table.

    Args:
        folder: Folder of a benchmark or a run.
        rewards: Rewards under which the controllers are ranked besides, as
            `tvfs_gym.envs.reward.reward_of` takes them.

    Raises:
        InputError: The folder holds no results of a benchmark, or a reward cannot be had from
            stored steps.
    """
    config = read_json(folder, CONFIG)
    by_reward = _ranking_under(folder, config, rewards) if rewards else None
    steps, episodes = read_first_steps(folder, config), read_episodes(folder, config)
    ran = set(episodes["scenario"])
    config["scenarios"] = {k: v for k, v in config["scenarios"].items() if k in ran}
    summary = metric_intervals(episodes)
    write_parquet(folder / "summary.parquet", summary)
    figures = folder / "figures"
    overviews = []
    ranking = None
    if episodes["bound"].is_not_null().all():
        ranking = aggregate(episodes)
        ranking_figure(ranking.filter(pl.col("reason").is_null()), figures / RANKING)
        overviews.append(RANKING)
    if len(ran) <= MOST_PANELS:
        overviews += [f"{metric}.png" for metric in OVERVIEWS]
        for metric in OVERVIEWS:
            overview(summary, metric, figures / f"{metric}.png")
    drawn = drawable(steps)
    for scenario in config["scenarios"]:
        course(drawn, scenario, config["topologies"], course_path(figures, scenario))
    differences = _differences(config, episodes)
    html = _html(folder, config, summary, overviews, differences, ranking, by_reward)
    write_whole(folder / "report.html", html.encode())
    if len(ran) <= MOST_PANELS:
        _print_table(summary)
    _print_differences(config, differences)
    _print_vetoes(episodes)
    if ranking is not None:
        print_ranking(ranking)
    if by_reward is not None:
        print_reward_ranking(by_reward)
    print(f"Report: {folder / 'report.html'}")


def _print_vetoes(episodes: pl.DataFrame) -> None:
    """Prints how often shields vetoed, in the mean over all episodes."""
    if "vetoes" not in episodes.columns:
        return
    means = episodes.group_by("controller", maintain_order=True).agg(pl.col("vetoes").mean())
    counts = [f"{name} {mean:.1f}" for name, mean in means.rows() if mean is not None]
    print(f"Vetoes of the shield per episode: {', '.join(counts)}")


def _ranking_under(folder: Path, config: dict[str, Any], rewards: Sequence[str]) -> pl.DataFrame:
    scores = reward_scores(folder, config, rewards)
    write_parquet(folder / SCORES, scores)
    return ranking_under(scores)


def course_path(figures: Path, scenario: str) -> Path:
    """Where the course of a scenario is drawn, whatever its name."""
    return figures / f"{cell_name('course', scenario)}.png"


def _html(
    folder: Path,
    config: dict[str, Any],
    summary: pl.DataFrame,
    overviews: Sequence[str],
    differences: Sequence[Sequence[str]],
    ranking: pl.DataFrame | None,
    by_reward: pl.DataFrame | None,
) -> str:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    figures = folder / "figures"

    def embedded(path: Path) -> str:
        return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()

    return template.render(
        config=config,
        versions=read_json(folder, "versions.json"),
        command=read_command(folder),
        headings=[heading for heading, _, _ in METRICS.values()],
        differences=differences,
        ranking_headings=HEADINGS,
        rankings=[] if ranking is None else [(why, ranking_rows(r)) for why, r in parts(ranking)],
        rewards=[] if by_reward is None else rewards_in(by_reward),
        reward_rows=[] if by_reward is None else reward_rows(by_reward),
        overviews=[embedded(figures / name) for name in overviews],
        scenarios=[
            {
                "name": name,
                "figure": embedded(course_path(figures, name)),
                "rows": [
                    [row["controller"], *(cell(row, metric) for metric in METRICS)]
                    for row in summary.filter(pl.col("scenario") == name).iter_rows(named=True)
                ],
            }
            for name in config["scenarios"]
        ],
    )


def _print_table(summary: pl.DataFrame) -> None:
    cells = [[cell(row, metric) for metric in METRICS] for row in summary.iter_rows(named=True)]
    table = _metric_table("scenario: controller", "seeds", cells)
    previous = None
    for row, texts in zip(summary.iter_rows(named=True), cells, strict=True):
        if row["scenario"] != previous:
            previous = row["scenario"]
            table.add_section()
            table.add_row(f"[bold]{escape(previous)}[/bold]")
        table.add_row(f"  {escape(row['controller'])}", *texts)
    print_wide(table)


def _print_differences(config: dict[str, Any], rows: Sequence[Sequence[str]]) -> None:
    if rows:
        reference = config["controllers"][0]
        table = _metric_table(
            f"difference from {escape(reference)}", "rounds", [row[1:] for row in rows]
        )
        for row in rows:
            table.add_row(f"  {escape(row[0])}", *row[1:])
        print_wide(table)


def _differences(config: dict[str, Any], episodes: pl.DataFrame) -> list[list[str]]:
    """Differences of a run's controllers from its first in the same rounds: name and cells.

    None if it had but one; nor of a benchmark, whose scenarios would make it long.
    """
    if "order" not in config:
        return []
    differences = paired_differences(episodes, config["controllers"][0])
    return [
        [row["controller"], *(cell(row, metric, signed=True) for metric in METRICS)]
        for row in differences.iter_rows(named=True)
    ]


def _metric_table(heading: str, over: str, cells: Sequence[Sequence[str]]) -> Table:
    """A table with a column per metric, as wide as its cells and the words of its heading."""
    caption = f"mean ± half the width of the 95 % bootstrap interval over the {over}"
    table = Table(box=box.SIMPLE, caption=caption, caption_justify="left")
    table.add_column(heading, no_wrap=True)
    for column, (title, _, _) in enumerate(METRICS.values()):
        width = max(map(len, [*title.split(), *(row[column] for row in cells)]))
        table.add_column("\n".join(textwrap.wrap(title, width)), justify="right", no_wrap=True)
    return table
