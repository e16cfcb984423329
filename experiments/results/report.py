"""The figures and the report of a benchmark or a run, from its files alone."""

import base64
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import jinja2
import polars as pl

from tvfs_gym.envs.files import write_whole
from tvfs_gym.experiments.results.cells import cell_name, read_first_steps
from tvfs_gym.experiments.results.comparison import Comparison, read_comparison
from tvfs_gym.experiments.results.figures import course, drawable, overview, ranking_figure
from tvfs_gym.experiments.results.folder import read_command, read_json
from tvfs_gym.experiments.results.full import MOST_PANELS, difference_rows
from tvfs_gym.experiments.results.ranking import HEADINGS, parts, ranking_rows
from tvfs_gym.experiments.results.rewards import reward_rows, rewards_in
from tvfs_gym.experiments.results.statistics import METRICS, cell

TEMPLATE = files("tvfs_gym.experiments.results") / "report.html"
OVERVIEWS = ("reliable_accuracy", "late_share")
RANKING = "ranking.png"


def write_report(folder: Path, rewards: Sequence[str] = ()) -> Comparison:
    """Draws the figures and writes ``report.html``.

    Args:
        folder: Folder of a benchmark or a run.
        rewards: Rewards under which the controllers are ranked besides, as
            `tvfs_gym.envs.reward.reward_of` takes them.

    Returns:
        The figures of the report.

    Raises:
        InputError: The folder holds no results of a benchmark, or a reward cannot be had from
            stored steps.
    """
    comparison = read_comparison(folder, rewards)
    config, ranking = comparison.config, comparison.ranking
    steps = read_first_steps(folder, config)
    figures = folder / "figures"
    overviews = []
    if ranking is not None:
        ranking_figure(ranking.filter(pl.col("reason").is_null()), figures / RANKING)
        overviews.append(RANKING)
    if len(config["scenarios"]) <= MOST_PANELS:
        overviews += [f"{metric}.png" for metric in OVERVIEWS]
        for metric in OVERVIEWS:
            overview(comparison.summary, metric, figures / f"{metric}.png")
    drawn = drawable(steps)
    for scenario in config["scenarios"]:
        course(drawn, scenario, config["topologies"], course_path(figures, scenario))
    html = _html(comparison, overviews)
    write_whole(comparison.report, html.encode())
    return comparison


def course_path(figures: Path, scenario: str) -> Path:
    """Where the course of a scenario is drawn, whatever its name."""
    return figures / f"{cell_name('course', scenario)}.png"


def _html(comparison: Comparison, overviews: Sequence[str]) -> str:
    folder, ranking, by_reward = comparison.folder, comparison.ranking, comparison.by_reward
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    figures = folder / "figures"

    def embedded(path: Path) -> str:
        return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()

    return template.render(
        config=comparison.config,
        versions=read_json(folder, "versions.json"),
        command=read_command(folder),
        headings=[heading for heading, _, _ in METRICS.values()],
        differences=difference_rows(comparison.differences),
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
                    for row in comparison.summary.filter(pl.col("scenario") == name).iter_rows(
                        named=True
                    )
                ],
            }
            for name in comparison.config["scenarios"]
        ],
    )
