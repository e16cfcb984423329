"""``tvfs-gym report``: table, figures and report of a benchmark, from its files alone."""

import base64
import shutil
import textwrap
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import polars as pl
from rich import box
from rich.table import Table

from tvfs_gym.envs.inference.topology import load_family
from tvfs_gym.experiments.cells import EPISODES, STEPS, read_cells
from tvfs_gym.experiments.documents import markdown_table, print_wide, replace_section
from tvfs_gym.experiments.figures import course, drawable, overview
from tvfs_gym.experiments.results import CONFIG, read_json
from tvfs_gym.experiments.statistics import METRICS, cell, paired_differences, summarise

TEMPLATES = files("tvfs_gym.experiments") / "templates"
README_SUITE = "main"
PUBLISHED_FAMILY = "mobilenet_v1_hosted"
OVERVIEWS = ("on_time_accuracy", "late_share")


def write_report(folder: Path) -> None:
    """Draws the figures, writes ``report.html``, and prints the table.

    Raises:
        InputError: The folder holds no results of a benchmark.
    """
    config = read_json(folder, CONFIG)
    steps, episodes = (read_cells(folder, kind, config) for kind in (STEPS, EPISODES))
    ran = set(episodes["scenario"])
    config["scenarios"] = {k: v for k, v in config["scenarios"].items() if k in ran}
    summary = summarise(episodes)
    summary.write_parquet(folder / "summary.parquet")
    figures = folder / "figures"
    for metric in OVERVIEWS:
        overview(summary, metric, figures / f"{metric}.png")
    drawn = drawable(steps)
    for scenario in config["scenarios"]:
        course(drawn, scenario, config["topologies"], _course_path(figures, scenario))
    differences = _differences(config, episodes)
    html = _html(folder, config, summary, differences)
    (folder / "report.html").write_text(html, encoding="utf-8")
    _print_table(summary)
    _print_differences(config, differences)
    print(f"Report: {folder / 'report.html'}")


def publish(folder: Path, checkout: Path) -> None:
    """Writes a benchmark into a checkout: docs/benchmark_SUITE.md, docs/figures, and the README.

    Raises:
        InputError: The folder holds no results, or the README has no section for them.
    """
    config = read_json(folder, CONFIG)
    summary = summarise(read_cells(folder, EPISODES, config))
    shown = _shown_course(config)
    target = checkout / "docs" / "figures"
    target.mkdir(parents=True, exist_ok=True)
    suite = Path(config["suite"]).stem
    drawn = f"{suite}_course.png", f"{suite}_on_time_accuracy.png"
    shutil.copy(_course_path(folder / "figures", shown), target / drawn[0])
    shutil.copy(folder / "figures" / "on_time_accuracy.png", target / drawn[1])
    (checkout / "docs" / f"benchmark_{suite}.md").write_text(
        _in_full(folder, config, summary, drawn), encoding="utf-8"
    )
    if suite == README_SUITE:
        brief = _brief(folder, config, summary, shown, drawn[0])
        replace_section(checkout / "README.md", "benchmark", brief)


def _course_path(figures: Path, scenario: str) -> Path:
    return figures / f"course {scenario}.png".replace(", ", "_").replace(" ", "_")


def _shown_course(config: dict[str, Any]) -> str:
    """The scenario whose course stands for the others: the second constraint of the first."""
    scenarios = list(config["scenarios"])
    return scenarios[min(1, len(scenarios) - 1)]


def _circumstances(folder: Path, config: dict[str, Any]) -> str:
    versions = read_json(folder, "versions.json")
    frames = sorted({scenario["frames"] for scenario in config["scenarios"].values()})
    boards = ", ".join(f"`{name}`" for name in config["boards"])
    return (
        f"Board profile {boards}, topology family `{config['family']}`, "
        f"{len(config['seeds'])} seeds, {', '.join(map(str, frames))} frames per episode; mean ± "
        f"half the width of the 95 % bootstrap interval over the seeds. Command: "
        f"`{(folder / 'command.txt').read_text().strip()}`; tvfs-gym {versions['tvfs-gym']}, "
        f"gymnasium {versions['gymnasium']}, numpy {versions['numpy']}, "
        f"Python {versions['python']}, {versions['machine']}."
    )


def _brief(
    folder: Path, config: dict[str, Any], summary: pl.DataFrame, shown: str, figure: str
) -> str:
    """On-time accuracy and late frames, a row per controller, a column per scenario."""
    scenarios = list(config["scenarios"])
    parts = [f"![{shown}](docs/figures/{figure})"]
    for metric in OVERVIEWS:
        rows = []
        for name in config["controllers"]:
            found = summary.filter(pl.col("controller") == name)
            by_scenario = {row["scenario"]: row for row in found.iter_rows(named=True)}
            rows.append([f"`{name}`", *(cell(by_scenario[one], metric) for one in scenarios)])
        heading = METRICS[metric][0]
        columns = [one.replace("_", " ") for one in scenarios]
        parts.append(f"{heading[0].upper()}{heading[1:]}:")
        parts.append(markdown_table(["controller", *columns], rows))
    parts.append(_circumstances(folder, config))
    return "\n\n".join(parts)


def _in_full(
    folder: Path, config: dict[str, Any], summary: pl.DataFrame, figures: tuple[str, ...]
) -> str:
    """All metrics, a table per scenario."""
    parts = [
        f"# Benchmark, suite {config['suite']}",
        _circumstances(folder, config),
        *(f"![{Path(figure).stem}](figures/{figure})" for figure in figures),
    ]
    if config["family"] == PUBLISHED_FAMILY:
        parts += ["## TVFS as published and here", _comparison(config, summary)]
    for scenario in config["scenarios"]:
        rows = [
            [f"`{row['controller']}`", *(cell(row, metric) for metric in METRICS)]
            for row in summary.filter(pl.col("scenario") == scenario).iter_rows(named=True)
        ]
        headings = [heading for heading, _, _ in METRICS.values()]
        parts += [f"## {scenario}", markdown_table(["controller", *headings], rows)]
    return "\n\n".join(parts) + "\n"


def _comparison(config: dict[str, Any], summary: pl.DataFrame) -> str:
    """TVFS' accuracy loss and distance to T_max beside the published ones.

    The loss is counted from the published top-1 accuracy of the most accurate network, so it holds
    the noise of the frames drawn.
    """
    best = max(t.top1_published or 0.0 for t in load_family(PUBLISHED_FAMILY).topologies)
    rows = [["published, across constraints", "0.9 to 3.1", "none", "16.4"]]
    for row in summary.filter(pl.col("controller").str.starts_with("tvfs")).iter_rows(named=True):
        t_max_c = config["scenarios"][row["scenario"]]["t_max_c"]
        half = 50 * (row["accuracy_high"] - row["accuracy_low"])
        rows.append(
            [
                f"`{row['controller']}`, {row['scenario']}",
                f"{best - 100 * row['accuracy']:.1f} ±{half:.1f}",
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


def _html(
    folder: Path,
    config: dict[str, Any],
    summary: pl.DataFrame,
    differences: Sequence[Sequence[str]],
) -> str:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string((TEMPLATES / "report.html").read_text(encoding="utf-8"))
    figures = folder / "figures"

    def embedded(path: Path) -> str:
        return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()

    return template.render(
        config=config,
        versions=read_json(folder, "versions.json"),
        command=(folder / "command.txt").read_text().strip(),
        headings=[heading for heading, _, _ in METRICS.values()],
        differences=differences,
        overviews=[embedded(figures / f"{metric}.png") for metric in OVERVIEWS],
        scenarios=[
            {
                "name": name,
                "figure": embedded(_course_path(figures, name)),
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
            table.add_row(f"[bold]{previous}[/bold]")
        table.add_row(f"  {row['controller']}", *texts)
    print_wide(table)


def _print_differences(config: dict[str, Any], rows: Sequence[Sequence[str]]) -> None:
    if rows:
        reference = config["controllers"][0]
        table = _metric_table(f"difference from {reference}", "rounds", [row[1:] for row in rows])
        for row in rows:
            table.add_row(f"  {row[0]}", *row[1:])
        print_wide(table)


def _differences(config: dict[str, Any], episodes: pl.DataFrame) -> list[list[str]]:
    """What a run's controllers differ by from its first in the same rounds: name and cells.

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
