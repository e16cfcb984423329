"""The page about sensitivity: the ranking in every variation, and which statements survive it."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import jinja2
import polars as pl

from tvfs_gym.experiments.benchmarks.statements import (
    STATEMENTS,
    Difference,
    Statement,
    difference,
    stands,
)
from tvfs_gym.experiments.results.aggregate import aggregate
from tvfs_gym.experiments.results.cells import read_episodes
from tvfs_gym.experiments.results.folder import CONFIG, read_json
from tvfs_gym.experiments.results.tables import markdown_table, replace_section

TEMPLATE = files("tvfs_gym.experiments.benchmarks") / "sensitivity.md"

PAGE = "sensitivity.md"

SECTION = "statements"
"""Section of the README with the statements that stand."""

Episodes = Mapping[str, pl.DataFrame]
"""Episodes by variation."""


def episodes_by_variation(folder: Path) -> dict[str, pl.DataFrame]:
    """Episodes of a benchmark, by the suite's variation of the boards.

    Raises:
        InputError: The folder holds no results.
    """
    config = read_json(folder, CONFIG)
    scenario = pl.col("scenario").cast(pl.String)
    episodes = read_episodes(folder, config).with_columns(scenario)
    names = {name: case.get("variation") for name, case in config["scenarios"].items()}
    return {
        str(variation): episodes.filter(
            pl.col("scenario").is_in([name for name, own in names.items() if own == variation])
        )
        for variation in dict.fromkeys(names.values())
    }


def publish_sensitivity(suite: Path, sensitivity: Path, checkout: Path) -> None:
    """Writes docs/sensitivity.md, and the README's statements.

    Args:
        suite: Folder of the benchmark that carries the statements.
        sensitivity: Folder of the benchmark over variations.
        checkout: Where README and docs lie.

    Raises:
        InputError: A folder holds no results, or the README has no section for the statements.
    """
    varied = episodes_by_variation(sensitivity)
    whole = read_episodes(suite, read_json(suite, CONFIG))
    judged = {
        statement: (
            difference(whole, statement),
            {name: difference(episodes, statement) for name, episodes in varied.items()},
        )
        for statement in STATEMENTS
        if {statement.better, statement.worse} <= set(whole["controller"])
    }
    page = _page(suite, sensitivity, judged, varied)
    (checkout / "docs" / PAGE).write_text(page, encoding="utf-8")
    replace_section(checkout / "README.md", SECTION, _in_readme(suite, judged, varied))


Judged = Mapping[Statement, tuple[Difference, Mapping[str, Difference]]]
"""Differences in the suite and in every variation, by statement."""


def _page(suite: Path, sensitivity: Path, judged: Judged, varied: Episodes) -> str:
    template = jinja2.Template(TEMPLATE.read_text(encoding="utf-8"), keep_trailing_newline=True)
    header = ["statement", f"suite {_suite(suite)}", *varied, "stands"]
    return template.render(
        suite=_suite(suite),
        scenarios=next(iter(varied.values()))["scenario"].n_unique(),
        ranking=markdown_table(["controller", *varied], _ranking_rows(varied)),
        statements=markdown_table(header, _statement_rows(judged)),
        commands=" and ".join(f"`{_command(folder)}`" for folder in (suite, sensitivity)),
    )


def _ranking_rows(varied: Episodes) -> list[list[str]]:
    """A row per ranked controller, best in the first variation first."""
    cells: dict[str, list[str]] = {}
    for episodes in varied.values():
        ranked = aggregate(episodes).filter(pl.col("reason").is_null())
        for place, row in enumerate(ranked.iter_rows(named=True), 1):
            cells.setdefault(row["controller"], []).append(f"{100 * row['share']:.1f} ({place})")
    return [[f"`{controller}`", *texts] for controller, texts in cells.items()]


def _statement_rows(judged: Judged) -> list[list[str]]:
    return [
        [
            f"{statement.text} (`{statement.better}` − `{statement.worse}`)",
            _cell(in_suite),
            *map(_cell, in_variations.values()),
            "yes" if stands(in_suite, in_variations) else "no",
        ]
        for statement, (in_suite, in_variations) in judged.items()
    ]


def _cell(one: Difference) -> str:
    return f"{100 * one.mean:+.1f} ±{50 * (one.high - one.low):.1f}"


def _in_readme(suite: Path, judged: Judged, varied: Episodes) -> str:
    """The statements that stand, each with what carries it."""
    config = read_json(suite, CONFIG)
    lines = [
        f"- {statement.text[0].upper()}{statement.text[1:]}: `{statement.better}` − "
        f"`{statement.worse}` = {_cell(in_suite)} points ({_range(in_variations)})."
        for statement, (in_suite, in_variations) in judged.items()
        if stands(in_suite, in_variations)
    ]
    fallen = [
        f"{statement.text} (`{statement.better}`, `{statement.worse}`)"
        for statement, (in_suite, in_variations) in judged.items()
        if not stands(in_suite, in_variations)
    ]
    carried = (
        f"Differences of the mean share of the bound over the {len(config['scenarios'])} scenarios "
        f"of suite {_suite(suite)}; in brackets the lowest and the highest on "
        f"{len(varied)} versions of the Odroid-XU4's profile ([docs/{PAGE}](docs/{PAGE})):"
    )
    parts = [carried, "\n".join(lines)]
    if fallen:
        parts.append(f"Not carried by all of them, and so not said: {'; '.join(fallen)}.")
    return "\n\n".join(parts)


def _range(differences: Mapping[str, Difference]) -> str:
    means = [100 * each.mean for each in differences.values()]
    return f"{min(means):+.1f} to {max(means):+.1f}"


def _suite(folder: Path) -> str:
    return Path(read_json(folder, CONFIG)["suite"]).stem


def _command(folder: Path) -> str:
    return (folder / "command.txt").read_text().strip()
