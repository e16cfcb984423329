"""Writes a benchmark into a checkout: its pages in docs/, its figures, the README's section."""

import shutil
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import polars as pl

from tvfs_gym.baselines import HINDSIGHT
from tvfs_gym.envs.inference.topology import load_family
from tvfs_gym.experiments.results.aggregate import REFERENCE, aggregate
from tvfs_gym.experiments.results.cells import read_bounds, read_episodes
from tvfs_gym.experiments.results.folder import CONFIG, read_json
from tvfs_gym.experiments.results.full import MOST_PANELS
from tvfs_gym.experiments.results.ranking import HEADINGS, parts, ranking_rows
from tvfs_gym.experiments.results.report import RANKING, course_path
from tvfs_gym.experiments.results.statistics import METRICS, cell, metric_intervals
from tvfs_gym.experiments.results.tables import markdown_table, replace_section

TEMPLATE = files("tvfs_gym.experiments.benchmarks") / "benchmark.md"

RANKED_SUITE = "v2"
"""The suite whose ranking stands in the README."""

README_CONTROLLERS = (
    "oracle",
    "student",
    "pretrained",
    "predictive",
    "tvfs",
    "best_fixed",
    "alert_t",
    "frequency_proactive",
    "topology_scaling",
    "performance",
)
"""Controllers whose rows the README shows: one of each kind; the page has all."""

PUBLISHED_FAMILY = "mobilenet_v1_hosted"

BEST_FIXED = "best_fixed"


def publish(folder: Path, checkout: Path) -> None:
    """Writes a benchmark's pages: docs/benchmark_SUITE.md, and of the ranked suite the others too.

    Raises:
        InputError: The folder holds no results, or the README has no section for them.
    """
    config = read_json(folder, CONFIG)
    episodes = read_episodes(folder, config)
    summary = metric_intervals(episodes)
    docs = checkout / "docs"
    (docs / "figures").mkdir(parents=True, exist_ok=True)
    suite = Path(config["suite"]).stem
    shown = _shown_course(config)
    drawn = [f"{suite}_course.png", f"{suite}_ranking.png"]
    shutil.copy(course_path(folder / "figures", shown), docs / "figures" / drawn[0])
    shutil.copy(folder / "figures" / RANKING, docs / "figures" / drawn[1])
    full = _in_full(folder, config, summary, drawn)
    (docs / f"benchmark_{suite}.md").write_text(full, encoding="utf-8")
    if len(config["scenarios"]) > MOST_PANELS:
        _write_metrics(summary, docs / f"benchmark_{suite}.csv")
    if suite == RANKED_SUITE:
        grid_errors = 100 * read_bounds(folder)["grid_error"].to_numpy()
        ranking = aggregate(episodes)
        ranked, unranked = ranking_tables(ranking)
        template = jinja2.Template(TEMPLATE.read_text(encoding="utf-8"), keep_trailing_newline=True)
        page = template.render(
            suite=suite,
            provenance=_provenance(folder, config),
            scenarios=len(config["scenarios"]),
            ranking=ranked,
            unranked=unranked,
            gaps=gap_table(summary, mean_bounds(episodes)),
            grid_error=f"{np.median(grid_errors):.2f}",
            most_grid_error=f"{grid_errors.max():.2f}",
        )
        (docs / "benchmark.md").write_text(page, encoding="utf-8")
        few, _ = ranking_tables(ranking.filter(pl.col("controller").is_in(README_CONTROLLERS)))
        brief = _brief(folder, config, few, shown, drawn[0])
        replace_section(checkout / "README.md", "benchmark", brief)


def _shown_course(config: dict[str, Any]) -> str:
    """The scenario whose course stands for the others: the second constraint of the first."""
    scenarios = list(config["scenarios"])
    return scenarios[min(1, len(scenarios) - 1)]


def _provenance(folder: Path, config: dict[str, Any]) -> str:
    versions = read_json(folder, "versions.json")
    frames = sorted({scenario["frames"] for scenario in config["scenarios"].values()})
    boards = ", ".join(f"`{name}`" for name in config["boards"])
    return (
        f"Board profile {boards}, topology family `{config['family']}`, "
        f"{len(config['seeds'])} seeds, {_span(frames)} frames per episode; mean ± "
        f"half the width of the 95 % bootstrap interval. Command: "
        f"`{(folder / 'command.txt').read_text().strip()}`; tvfs-gym {versions['tvfs-gym']}, "
        f"gymnasium {versions['gymnasium']}, numpy {versions['numpy']}, "
        f"Python {versions['python']}, {versions['machine']}."
    )


def _span(ascending: Sequence[int]) -> str:
    """Numbers in words: one, or from the lowest to the highest."""
    lowest, highest = ascending[0], ascending[-1]
    return f"{lowest:,}" if lowest == highest else f"{lowest:,} to {highest:,}"


def _brief(folder: Path, config: dict[str, Any], ranking: str, shown: str, figure: str) -> str:
    """A course, and the ranking."""
    parts = [
        f"![{shown}](docs/figures/{figure})",
        f"Ranking over the {len(config['scenarios'])} scenarios of suite {config['suite']}; those "
        "marked `*` know the scenario in advance; one controller of each kind, "
        "[the page](docs/benchmark.md) has all:",
        ranking,
        _provenance(folder, config),
    ]
    return "\n\n".join(parts)


def _in_full(
    folder: Path, config: dict[str, Any], summary: pl.DataFrame, figures: Sequence[str]
) -> str:
    """All metrics, a table per scenario; of many scenarios the score, and all metrics as CSV."""
    parts = [
        f"# Benchmark, suite {config['suite']}",
        _provenance(folder, config),
        *(f"![{Path(figure).stem}](figures/{figure})" for figure in figures),
    ]
    if config["family"] == PUBLISHED_FAMILY:
        parts += ["## TVFS as published and here", _comparison(config, summary)]
    if len(config["scenarios"]) > MOST_PANELS:
        suite = Path(config["suite"]).stem
        every = f"[benchmark_{suite}.csv](benchmark_{suite}.csv)"
        parts += [
            f"Reliable accuracy, %. Every metric of every controller with its interval: {every}.",
            scenario_table(summary),
        ]
        return "\n\n".join(parts) + "\n"
    for scenario in config["scenarios"]:
        rows = [
            [f"`{row['controller']}`", *(cell(row, metric) for metric in METRICS)]
            for row in summary.filter(pl.col("scenario") == scenario).iter_rows(named=True)
        ]
        headings = [heading for heading, _, _ in METRICS.values()]
        parts += [f"## {scenario}", markdown_table(["controller", *headings], rows)]
    return "\n\n".join(parts) + "\n"


def scenario_table(summary: pl.DataFrame) -> str:
    """Reliable accuracy in %, a row per scenario, of one controller of each kind."""
    ran = set(summary["controller"].cast(pl.String))
    shown = [name for name in README_CONTROLLERS if name in ran]
    rows = []
    for (scenario,), own in summary.group_by("scenario", maintain_order=True):
        cells = {
            row["controller"]: cell(row, "reliable_accuracy") for row in own.iter_rows(named=True)
        }
        rows.append([str(scenario), *(cells.get(name, "–") for name in shown)])
    return markdown_table(["scenario", *(f"`{name}`" for name in shown)], rows)


def _write_metrics(summary: pl.DataFrame, file: Path) -> None:
    """Writes every metric with the ends of its interval, to six decimals."""
    summary.with_columns(pl.selectors.float().round(6)).write_csv(file)


def _comparison(config: dict[str, Any], summary: pl.DataFrame) -> str:
    """TVFS' accuracy loss and distance to T_max beside the published ones.

    The loss is counted from the published top-1 accuracy of the most accurate network, so it holds
    the noise of the frames drawn.
    """
    best = max(t.top1_published or 0.0 for t in load_family(PUBLISHED_FAMILY).topologies)
    rows = [["published, across constraints", "0.9 to 3.1", "none", "16.4"]]
    for row in summary.filter(pl.col("controller").str.starts_with("tvfs")).iter_rows(named=True):
        t_max_c = config["scenarios"][row["scenario"]]["t_max_c"]
        loss = {**row, "accuracy": best / 100 - row["accuracy"]}
        rows.append(
            [
                f"`{row['controller']}`, {row['scenario']}",
                cell(loss, "accuracy"),
                cell(row, "throttled_share"),
                f"{t_max_c - row['temperature_c_mean']:.1f}",
            ]
        )
    header = ["", "accuracy lost, points", "time throttled, %", "mean °C below T_max"]
    note = (
        f"Published: R. G. Rizzo et al., TCAS-II 68(2) (loss, temperature; the latter as the "
        f"abstract is remembered). The loss is counted from {best:g} %. The published latency "
        "constraints are not known; those here were chosen where the most accurate networks need "
        "the highest VF level."
    )
    return f"{markdown_table(header, rows)}\n\n{note}"


def ranking_tables(ranking: pl.DataFrame) -> tuple[str, str]:
    """Tables of those that can be compared, best first, and of the others, with the reason.

    Args:
        ranking: As from `tvfs_gym.experiments.results.aggregate.aggregate`.
    """
    ranked: list[list[str]] = []
    unranked: list[list[str]] = []
    for reason, part in parts(ranking):
        rows = ranking_rows(part)
        if reason is None:
            ranked = rows
        else:
            unranked += [[name, reason, *cells] for name, *cells in rows]
    reasons = [HEADINGS[0], "not ranked", *HEADINGS[1:]]
    return markdown_table(HEADINGS, ranked), markdown_table(reasons, unranked)


def mean_bounds(episodes: pl.DataFrame) -> dict[str, float]:
    """Mean bound of every scenario's episodes, by name."""
    means = episodes.group_by("scenario", maintain_order=True).agg(pl.col("bound").mean())
    return dict(means.iter_rows())


def gap_table(summary: pl.DataFrame, bounds: Mapping[str, float]) -> str:
    """What there is to win: a row per scenario, reliable accuracy in %.

    Args:
        summary: As from `tvfs_gym.experiments.results.statistics.metric_intervals`.
        bounds: Reliable accuracy that no controller can exceed, by scenario.
    """
    header = [
        "scenario", "bound", f"`{BEST_FIXED}` *", f"`{REFERENCE}`", "best that does not know it",
        f"bound − `{BEST_FIXED}`", f"bound − `{REFERENCE}`", "bound − best",
    ]  # fmt: skip
    rows = []
    for scenario, bound in bounds.items():
        here = summary.filter(pl.col("scenario") == scenario)
        score = {
            row["controller"]: 100 * row["reliable_accuracy"] for row in here.iter_rows(named=True)
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
