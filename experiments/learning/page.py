"""The page about learned controllers, docs/learning.md."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import jinja2
import polars as pl

from tvfs_gym.experiments.learning.curves import Curve, curve_of, first_beats
from tvfs_gym.experiments.learning.energy import RATION, on_battery, rationed
from tvfs_gym.experiments.learning.figures import (
    FIRST_S,
    beginnings_figure,
    leads_figure,
    trainings_figure,
)
from tvfs_gym.experiments.learning.judging import (
    Found,
    all_found,
    by_training,
    in_group,
    judged_episodes,
    labels_of,
    rankings,
)
from tvfs_gym.experiments.learning.protocol import (
    BORROWED,
    GENERALIST,
    GROUPS,
    MEASURES,
    STUDENT,
    SUITE,
    TRAINING_SEEDS,
    Group,
    Hope,
)
from tvfs_gym.experiments.learning.sets import Apart, sets_apart
from tvfs_gym.experiments.learning.unforeseen import ELSEWHERE, REPLAYED
from tvfs_gym.experiments.results.aggregate import aggregate
from tvfs_gym.experiments.results.cells import read_first_steps
from tvfs_gym.experiments.results.folder import CONFIG, read_json
from tvfs_gym.experiments.results.tables import markdown_table

TEMPLATE = files("tvfs_gym.experiments.learning") / "learning.md"

BEGINNERS = (GENERALIST, "predictive_generic", BORROWED, "tvfs")
"""Controllers whose first two minutes are drawn."""

DRAWN_CONDITION = "nominal"
"""Condition whose first two minutes are drawn, on every board."""


def publish_learning(
    folder: Path, unforeseen: Path, courses: Sequence[Path], checkout: Path
) -> None:
    """Writes docs/learning.md and its figures from benchmarks by ``dev judge``.

    Args:
        folder: Of the suite.
        unforeseen: Of suite unforeseen.
        courses: Folders of trainings whose course is drawn.
        checkout: Where to write.

    Raises:
        InputError: A folder holds no results.
    """
    config = read_json(folder, CONFIG)
    episodes = judged_episodes(folder)
    ranked = rankings(episodes)
    learners = episodes.filter(pl.col("training_seed").is_not_null())["controller"].unique()
    trainings = {
        group: {name: [*by_training(in_group(episodes, group), name).values()] for name in learners}
        for group in GROUPS
    }
    drawn = checkout / "docs" / "figures"
    trainings_figure(ranked, trainings, drawn / "learning_trainings.png")
    curves = [curve_of(course) for course in courses]
    leads_figure(curves, drawn / "learning_curves.png")
    beginnings_figure(_beginnings(folder), drawn / "learning_beginnings.png")
    template = jinja2.Template(TEMPLATE.read_text(encoding="utf-8"), keep_trailing_newline=True)
    page = template.render(
        suite=SUITE,
        planned=TRAINING_SEEDS,
        trainings=_trainings(episodes),
        hopes=_hopes(all_found(episodes)),
        shares=_table(ranked, "share"),
        hot=_table(ranked, "above_t_max_share"),
        generalist=GENERALIST,
        borrowed=BORROWED,
        apart=apart_table(sets_apart(SUITE, len(config["seeds"]))),
        elsewhere=_differences(_elsewhere(episodes, judged_episodes(unforeseen))),
        ration=100 * RATION,
        beats=_beats(curves),
        provenance="\n\n".join(
            f"Command: `{(one / 'command.txt').read_text().strip()}`."
            for one in (folder, unforeseen)
        ),
    )
    (checkout / "docs" / "learning.md").write_text(page, encoding="utf-8")


def _trainings(episodes: pl.DataFrame) -> str:
    """How many trainings there are of the learners: a number, or from the fewest to the most."""
    counts = (
        episodes.filter(pl.col("training_seed").is_not_null())
        .group_by("controller", "scenario")
        .agg(pl.col("training_seed").n_unique())["training_seed"]
    )
    numbers = counts.to_list()
    fewest, most = min(numbers), max(numbers)
    return f"{fewest}" if fewest == most else f"{fewest} to {most}"


def _hopes(found: Mapping[Hope, Found]) -> str:
    rows = [
        [
            f"`{hope.learned}` − `{hope.reference}`, {MEASURES[hope.measure]}, "
            f"{GROUPS[hope.group]}",
            _limit(hope),
            f"{one.difference:+.2f}"
            + ("" if one.low != one.low else f" ({one.low:+.2f} to {one.high:+.2f})"),
            "yes" if one.met else "no",
        ]
        for hope, one in found.items()
    ]
    return markdown_table(["comparison", "hoped for", "found", "met"], rows)


def _limit(hope: Hope) -> str:
    sign = "≤" if hope.measure == "above_t_max_share" else "≥"
    return f"{sign} {hope.limit:+g}" + (", above 0 for sure" if hope.apart else "")


def _table(ranked: Mapping[Group, pl.DataFrame], column: str) -> str:
    """A row per controller, best first, a column per group."""
    rows = []
    for name in ranked["all"]["controller"]:
        cells = [_cell(ranking, name, column) for ranking in ranked.values()]
        rows.append([f"`{name}`", *cells])
    return markdown_table(["controller", *(GROUPS[group] for group in ranked)], rows)


def _elsewhere(
    episodes: pl.DataFrame, unforeseen: pl.DataFrame
) -> dict[str, Mapping[str, pl.DataFrame]]:
    """Rankings where learning may win, by what it is and by the reference."""
    own = {
        "heat of real runs": _kind(unforeseen, REPLAYED),
        "work elsewhere": _kind(unforeseen, ELSEWHERE),
        "ration": rationed(episodes),
        "battery": on_battery(episodes),
    }
    return {
        what: {name: aggregate(part, reference=name) for name in ("tvfs", "predictive")}
        for what, part in own.items()
    }


def _beats(curves: Sequence[Curve]) -> str:
    """When the trainings first beat `tvfs`, a row per kind."""
    rows = []
    for label, steps in first_beats(curves).items():
        ahead = [one for one in steps if one is not None]
        fewest = f"{min(ahead):,} to {max(ahead):,}" if ahead else "–"
        best = max(curve.lead.max() for curve in curves if curve.label == label)
        rows.append([label, f"{len(ahead)} of {len(steps)}", fewest, f"{best:+.1f}"])
    return markdown_table(
        ["", "ever ahead", "steps until then", "best lead on `tvfs`, points"], rows
    )


def _kind(episodes: pl.DataFrame, kind: str) -> pl.DataFrame:
    return episodes.filter(pl.col("scenario").str.starts_with(kind))


def _differences(ranked: Mapping[str, Mapping[str, pl.DataFrame]]) -> str:
    """A row per learned controller and reference, a column per place where learning may win."""
    rows = []
    for learner in (STUDENT, GENERALIST):
        for reference in ("tvfs", "predictive"):
            cells = [_difference(ranking[reference], learner) for ranking in ranked.values()]
            rows.append([f"`{learner}` − `{reference}`", *cells])
    return markdown_table(["", *ranked], rows)


def _difference(ranking: pl.DataFrame, learner: str) -> str:
    row = ranking.row(by_predicate=pl.col("controller") == learner, named=True)
    mean, low, high = (100 * row[f"difference{end}"] for end in ("", "_low", "_high"))
    verdict = "won" if low > 0 else "lost" if high < 0 else "open"
    return f"{mean:+.2f} ({low:+.2f} to {high:+.2f}), {verdict}"


def _cell(ranking: pl.DataFrame, name: str, column: str) -> str:
    row = ranking.row(by_predicate=pl.col("controller") == name, named=True)
    half = 50 * (row[f"{column}_high"] - row[f"{column}_low"])
    return f"{100 * row[column]:.2f} ±{half:.2f}"


def _beginnings(folder: Path) -> dict[str, pl.DataFrame]:
    """First steps of the first seed, and of the first training, by scenario."""
    config = read_json(folder, CONFIG)
    labels = labels_of(config["controllers"])
    firsts = {label: name for name, label in reversed(labels.items())}
    steps = read_first_steps(folder, config).with_columns(
        pl.col("controller").cast(pl.String), pl.col("scenario").cast(pl.String)
    )
    shown = [firsts[label] for label in BEGINNERS if label in firsts]
    steps = steps.filter(
        (pl.col("time_s") <= FIRST_S)
        & pl.col("controller").is_in(shown)
        & pl.col("scenario").str.starts_with(f"{DRAWN_CONDITION},")
    ).with_columns(pl.col("controller").replace(labels))
    return {
        str(scenario): own for (scenario,), own in steps.group_by("scenario", maintain_order=True)
    }


def apart_table(apart: list[Apart]) -> str:
    """A row per thing compared, in Markdown."""
    rows = [[one.what, one.training, one.suite, one.common or "nothing"] for one in apart]
    return markdown_table(["", "training", f"suite {SUITE}", "common"], rows)
