"""The figures and the report of a benchmark or a run, from its files alone."""

import math
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import polars as pl

from tvfs_gym.baselines import HINDSIGHT
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.files import write_whole
from tvfs_gym.experiments.results.brief import KNOWN, bars_of, brief_sentences
from tvfs_gym.experiments.results.cells import cell_name, read_first_steps
from tvfs_gym.experiments.results.comparison import Comparison, read_comparison
from tvfs_gym.experiments.results.config import read_versions
from tvfs_gym.experiments.results.figures import course, drawable, overview, ranking_figure
from tvfs_gym.experiments.results.folder import read_command
from tvfs_gym.experiments.results.full import MOST_PANELS, difference_rows
from tvfs_gym.experiments.results.ranking import HEADINGS, parts, ranking_rows
from tvfs_gym.experiments.results.rewards import reward_rows, rewards_in
from tvfs_gym.experiments.results.series import series_of
from tvfs_gym.experiments.results.statistics import METRICS, cell
from tvfs_gym.experiments.results.twin_card import twin_errors

TEMPLATE = files("tvfs_gym.experiments.results") / "report.html"
OVERVIEWS = ("reliable_accuracy", "late_share")
RANKING = "ranking.png"

SOURCES = {
    "recorded": "Recorded answers of seven real networks to a thousand photographs, which are "
    "easier than the ImageNet validation set.",
    "mobilenet_v1_hosted": "Drawn from the published top-1 accuracy of each network.",
}
"""Origin of the accuracies of a family."""


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
    try:
        return _write(folder, rewards)
    except pl.exceptions.PolarsError as error:
        first = str(error).splitlines()[0]
        raise InputError(f"the cells in {folder} are not those of one run: {first}.") from error


def _write(folder: Path, rewards: Sequence[str]) -> Comparison:
    comparison = read_comparison(folder, rewards)
    config, ranking = comparison.config, comparison.ranking
    steps = read_first_steps(folder, config)
    figures = folder / "figures"
    if ranking is not None:
        ranking_figure(ranking.filter(pl.col("reason").is_null()), figures / RANKING)
    if len(config["scenarios"]) <= MOST_PANELS:
        for metric in OVERVIEWS:
            overview(comparison.summary, metric, figures / f"{metric}.png")
    drawn = drawable(steps)
    for scenario in config["scenarios"]:
        course(drawn, scenario, config["topologies"], course_path(figures, scenario))
    write_whole(comparison.report, _html(comparison, drawn).encode())
    return comparison


def course_path(figures: Path, scenario: str) -> Path:
    """Where the course of a scenario is drawn, whatever its name."""
    return figures / f"{cell_name('course', scenario)}.png"


def _html(comparison: Comparison, drawn: pl.DataFrame) -> str:
    """The page; it needs no other file."""
    config, ranking, by_reward = comparison.config, comparison.ranking, comparison.by_reward
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    title, *lines = brief_sentences(comparison)
    scenarios = [_scenario(comparison, name) for name in config["scenarios"]]
    ordered = bars_of(comparison).rows
    of_scenario = drawn.partition_by("scenario", as_dict=True)
    return template.render(
        config=config,
        title=f"tvfs-gym: {title}",
        sentence=" ".join(lines).removesuffix(KNOWN).strip() or title,
        subtitle=f"{title}; boards {', '.join(config['boards'])} "
        f"({config.get('description', 'digital twins')}); topology family {config['family']}.",
        source=SOURCES.get(config["family"], "Recorded answers of the family's own networks."),
        versions=read_versions(comparison.folder),
        command=read_command(comparison.folder),
        headings=[heading for heading, _, _ in METRICS.values()],
        differences=difference_rows(comparison.differences),
        ranking_headings=HEADINGS,
        best=next((r["controller"] for r in ordered if r["controller"] not in HINDSIGHT), ""),
        rankings=[] if ranking is None else [(why, _barred(part)) for why, part in parts(ranking)],
        rewards=[] if by_reward is None else rewards_in(by_reward),
        reward_rows=[] if by_reward is None else reward_rows(by_reward),
        scenarios=scenarios,
        twins=twin_errors(config),
        series=[
            series_of(of_scenario[scenario["name"],], [row["controller"] for row in ordered])
            for scenario in scenarios
        ],
    )


def _barred(ranking: pl.DataFrame) -> list[tuple[list[str], float, float, float]]:
    """Cells of a ranking; and of the share of the bound start, mean and length of its bar, in %."""
    return [
        (
            cells,
            _percent(row["share_low"]),
            _percent(row["share"]),
            round(_percent(row["share_high"]) - _percent(row["share_low"]), 1),
        )
        for cells, row in zip(ranking_rows(ranking), ranking.iter_rows(named=True), strict=True)
    ]


def _percent(share: float) -> float:
    return 0.0 if math.isnan(share) else round(100 * min(max(share, 0.0), 1.0), 1)


def _scenario(comparison: Comparison, name: str) -> dict[str, Any]:
    """A scenario's panel: description, rows, and who is best."""
    rows = comparison.summary.filter(pl.col("scenario") == name).to_dicts()
    values = comparison.config["scenarios"][name]
    changes = len(values["changes"])
    return {
        "name": name,
        "best": max(rows, key=lambda row: row["reliable_accuracy"])["controller"],
        "rows": [[row["controller"], *(cell(row, metric) for metric in METRICS)] for row in rows],
        "description": f"{values['board']}: L_c {1e3 * values['latency_constraint_s']:g} ms, T_max "
        f"{values['t_max_c']:g} °C, room {values['ambient_c']:g} °C, {values['frames']} frames"
        + (f", {changes} change{'' if changes == 1 else 's'} on the way." if changes else "."),
    }
