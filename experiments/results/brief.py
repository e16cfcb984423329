"""The end of a benchmark or a run, on one screen: ranking, its meaning, and the way on."""

import math
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console

from tvfs_gym.baselines import HINDSIGHT
from tvfs_gym.experiments.results.aggregate import REFERENCE
from tvfs_gym.experiments.results.comparison import Comparison
from tvfs_gym.experiments.results.ranking import marked
from tvfs_gym.experiments.results.rewards import rewards_in
from tvfs_gym.experiments.results.statistics import METRICS, Metric, cell

ARGUMENT = ("tvfs", "frequency_reactive", "topology_scaling", "performance")
"""Controllers of the published argument, which are shown at whatever place they stand."""

BEST = 4
"""Controllers that are shown whoever they are."""

KNOWN = "* knows the scenario in advance."

LONGEST = 28
"""Characters of a controller's name."""

WIDEST = 80
"""Columns that are used of a terminal."""

SHARE: dict[str, Metric] = {
    "share": ("share of the bound, %", 100.0, 1),
    "difference": ("points", 100.0, 1),
}

SCORES = ("reliable_accuracy", "on_time_accuracy", "late_share")
"""Metrics of which the first that was measured orders a run's controllers; fewer late frames are
better."""

ASIDE = {"late_share": "late %", "above_t_max_share": ">Tmax%"}
"""Metrics beside the bars, in %."""

EIGHTHS = " ▏▎▍▌▋▊▉"


@dataclass(frozen=True)
class Bars:
    """A ranking as rows of text with bars.

    Attributes:
        heading: Quantity of the bars.
        metric: Its column in the rows.
        columns: Heading, factor and decimals of the column.
        rows: Best first, with the columns of `ASIDE`.
    """

    heading: str
    metric: str
    columns: Mapping[str, Metric]
    rows: Sequence[Mapping[str, Any]]


class Ranking(pl.DataFrame):
    """A ranking that prints itself on one screen; otherwise a table as any other.

    Args:
        rows: As from `tvfs_gym.experiments.results.aggregate.aggregate`.
    """

    def __init__(self, rows: pl.DataFrame) -> None:
        super().__init__(rows)

    def __str__(self) -> str:
        """Bars, best first; the columns hold the rest."""
        ranked = self.sort(pl.col("reason").is_not_null(), maintain_order=True)
        bars = Bars("share of the bound, %", "share", SHARE, ranked.to_dicts())
        shown = len(shown_rows(bars.rows))
        rest = f"{shown} of {self.height} controllers; " if shown < self.height else ""
        return "\n".join([*bar_lines(bars, WIDEST), f"{rest}.columns names {self.width} columns."])


def print_brief(comparison: Comparison) -> None:
    """Prints at most fifteen lines of at most 80 columns."""
    width = min(Console().width, WIDEST)
    print("\n".join(brief_lines(comparison, width)))


def brief_lines(comparison: Comparison, width: int) -> list[str]:
    """The lines of `print_brief`: what was run, bars, what they mean, where the rest lies.

    Args:
        comparison: What was run.
        width: Columns of the terminal; names of folders may be longer.
    """
    bars = bars_of(comparison)
    return [
        _title(comparison),
        *bar_lines(bars, width),
        *_meaning(comparison, bars),
        *_under_rewards(comparison, width),
        *_vetoes(comparison, width),
        f"report: {comparison.report}",
        f"all {len(bars.rows)} in full: tvfs-gym report {comparison.folder} --full",
    ]


def brief_sentences(comparison: Comparison) -> list[str]:
    """What was run, and what came of it, in sentences."""
    return [_title(comparison), *_meaning(comparison, bars_of(comparison))]


def bars_of(comparison: Comparison) -> Bars:
    """The ranking if there is one, else the means of a run's controllers."""
    if comparison.ranking is not None:
        ranked = comparison.ranking.sort(pl.col("reason").is_not_null(), maintain_order=True)
        return Bars("share of the bound, %", "share", SHARE, ranked.to_dicts())
    summary = comparison.summary
    metric = next(each for each in SCORES if not summary[each].is_nan().any())
    ordered = summary.sort(metric, descending=metric != SCORES[-1])
    return Bars(METRICS[metric][0], metric, METRICS, ordered.to_dicts())


def bar_lines(bars: Bars, width: int) -> list[str]:
    """Heading, and a row per controller shown; a bar's end is 100 %."""
    shown = shown_rows(bars.rows)
    names = max(len(_name(row)) for row in shown)
    lines = []
    for row in shown:
        aside = "".join(f"{cell(row, name).split(' ')[0]:>7}" for name in ASIDE)
        text = f"  {_name(row):{names}} {cell(row, bars.metric, columns=bars.columns):>11}"
        room = width - len(text) - len(aside) - 1
        lines.append(f"{text} {bar(row[bars.metric], room)}{aside}")
    head = f"  {bars.heading:{names + 12}}"
    asides = "".join(f"{heading:>7}" for heading in ASIDE.values())
    return [f"{head}{' ' * max(width - len(head) - len(asides), 0)}{asides}", *lines]


def shown_rows(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The best, and those of the published argument, in the order of the ranking."""
    if len(rows) <= BEST + len(ARGUMENT):
        return list(rows)
    ranked = [row for row in rows if not row.get("reason")]
    named = [row for row in ranked[BEST:] if row["controller"] in ARGUMENT]
    return [*ranked[:BEST], *named]


def bar(share: float, room: int) -> str:
    """A share as a bar, in eighths of a character where the output has such characters."""
    if math.isnan(share) or room < 1:
        return " " * max(room, 0)
    length = min(max(share, 0.0), 1.0) * room
    if "utf" not in (sys.stdout.encoding or "").lower():
        return ("#" * round(length)).ljust(room)
    whole, rest = divmod(round(8 * length), 8)
    return ("█" * whole + (EIGHTHS[rest] if rest else "")).ljust(room)


def _name(row: Mapping[str, Any]) -> str:
    name = marked(_short(row["controller"]))
    return f"{name} †" if row.get("reason") else name


def _short(name: str) -> str:
    """A controller's name, or the end of a long path."""
    return name if len(name) < LONGEST else f"…{name[1 - LONGEST :]}"


def _title(comparison: Comparison) -> str:
    config = comparison.config
    scenarios, seeds = len(config["scenarios"]), len(config["seeds"])
    what = f"Suite {Path(config['suite']).stem}" if "suite" in config else "Run"
    boards = ", ".join(config["boards"]) if len(config["boards"]) == 1 else ""
    return ", ".join(
        part
        for part in (
            f"{what}: {_count(scenarios, 'scenario')}",
            boards or _count(len(config["boards"]), "board"),
            f"{_count(seeds, 'episode')} each",
        )
        if part
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _meaning(comparison: Comparison, bars: Bars) -> Iterator[str]:
    """What the bars say, in a sentence, and the words of it that need explaining."""
    ranked = [row for row in bars.rows if not row.get("reason")]
    fair = [row for row in ranked if row["controller"] not in HINDSIGHT]
    reasons = [row["reason"] for row in shown_rows(bars.rows) if row.get("reason")]
    if reasons:
        yield f"† not ranked: {reasons[0]}"
    if not fair or len(bars.rows) == 1:
        return
    best = _short(fair[0]["controller"])
    if comparison.ranking is None:
        yield f"{best} comes first in these episodes."
        return
    yield f"{best} comes closest to the bound, which perfect knowledge would reach."
    known = KNOWN if len(fair) < len(ranked) else ""
    beside = _beside_reference(fair[0])
    if beside or known:
        yield f"{beside}{known}"


def _beside_reference(best: Mapping[str, Any]) -> str:
    """How far the best is from the reference, if both ran in the same scenarios."""
    if best["controller"] == REFERENCE or math.isnan(best["difference"]):
        return ""
    clearly = "" if best["difference_low"] > 0 else "not clearly "
    amount = cell(best, "difference", signed=True, columns=SHARE)
    return f"It is {clearly}better than {REFERENCE}: {amount} points. "


def _vetoes(comparison: Comparison, width: int) -> Iterator[str]:
    """How often shields vetoed, in the mean over all episodes."""
    if "vetoes" not in comparison.episodes.columns:
        return
    by_controller = comparison.episodes.group_by("controller", maintain_order=True)
    means = by_controller.agg(pl.col("vetoes").mean()).rows()
    counts = [f"{_short(name)} {mean:.1f}" for name, mean in means if mean is not None]
    if counts:
        text = f"Vetoes of the shield per episode: {', '.join(counts)}"
        yield textwrap.shorten(text, width, placeholder=" …")


def _under_rewards(comparison: Comparison, width: int) -> Iterator[str]:
    """Who comes first under each reward that was asked for."""
    table = comparison.by_reward
    if table is None:
        return
    first = []
    for reward in rewards_in(table):
        best = table.sort(f"{reward}_place", nulls_last=True)["controller"][0]
        first.append(f"{reward.rpartition(':')[2]}: {_short(best)}")
    yield textwrap.shorten(f"First under {', '.join(first)}", width, placeholder=" …")
