"""The page about learning on the board, docs/online_learning.md."""

from importlib.resources import files
from pathlib import Path
from statistics import median

import jinja2
import polars as pl

from tvfs_gym.experiments.learning.online import (
    LearningSummary,
    learning_curves,
    rewards_learnt,
    summary_of,
)
from tvfs_gym.experiments.learning.online_figure import curves_figure
from tvfs_gym.experiments.learning.online_protocol import END, LASTING, REFERENCE
from tvfs_gym.experiments.results.folder import CONFIG, read_command, read_json
from tvfs_gym.experiments.results.tables import markdown_table

TEMPLATE = files("tvfs_gym.experiments.learning") / "online.md"


def publish_online_learning(folder: Path, checkout: Path) -> None:
    """Writes docs/online_learning.md and its figure from a run of learners and a reference.

    Args:
        folder: Folder of ``tvfs-gym run``.
        checkout: Checkout whose page is written.

    Raises:
        InputError: The folder holds no such run.
    """
    config = read_json(folder, CONFIG)
    curves = learning_curves(folder)
    rewards = rewards_learnt(config["controllers"])
    names = [*rewards, *(name for name in config["controllers"] if name not in rewards)]
    summaries = {name: summary_of(curves, name, REFERENCE) for name in names}
    curves_figure(curves, rewards, checkout / "docs" / "figures" / "online_learning.png")
    template = jinja2.Template(TEMPLATE.read_text(encoding="utf-8"), keep_trailing_newline=True)
    ((scenario, _),) = config["scenarios"].items()
    page = template.render(
        reference=REFERENCE,
        scenario=scenario,
        board=next(iter(config["boards"])),
        frames=f"{int(curves['frames'].max()):,}",  # type: ignore[arg-type]
        seeds=len(config["seeds"]),
        table=_table(summaries, len(config["seeds"])),
        sentences="\n".join(
            f"- {_sentence(name, summaries[name])} {_rewarded(curves, name, rewards[name])}"
            for name in rewards
        ),
        lasting=LASTING,
        command=read_command(folder),
    )
    (checkout / "docs" / "online_learning.md").write_text(page, encoding="utf-8")


def _table(summaries: dict[str, LearningSummary], seeds: int) -> str:
    rows = []
    for name, one in summaries.items():
        half = 50 * (one.more_high - one.more_low)
        reference = name == REFERENCE
        rows.append(
            [
                f"`{name}`",
                f"{100 * one.first:.1f}",
                f"{100 * one.last:.1f}",
                "–" if reference else f"{100 * one.more:+.1f} ±{half:.1f}",
                f"{100 * one.late_share:.1f}",
                f"{100 * one.above_t_max_share:.2f}",
                "–" if reference else _beaten(one, seeds),
            ]
        )
    header = [
        "controller",
        "first quarter, %",
        "last quarter, %",
        f"more than {REFERENCE}, points",
        "late, %",
        "above T_max, %",
        f"beats {REFERENCE}",
    ]
    return markdown_table(header, rows)


def _beaten(one: LearningSummary, seeds: int) -> str:
    after = [frames for frames in one.beaten_after if frames is not None]
    return f"{len(after)} of {seeds}" + (f", after {median(after):,.0f} frames" if after else "")


def _rewarded(curves: pl.DataFrame, learner: str, reward: str) -> str:
    """What the learner and the reference earn in the last share of the blocks."""
    last = curves.filter(pl.col("block") >= (1.0 - END) * (pl.col("block").max() + 1))
    own, other = (
        last.filter(pl.col("controller") == name)[reward].to_numpy().mean()
        for name in (learner, REFERENCE)
    )
    return f"Under its own reward it has {own:.2f} there, and `{REFERENCE}` {other:.2f}."


def _sentence(name: str, one: LearningSummary) -> str:
    after = [frames for frames in one.beaten_after if frames is not None]
    found = (
        f"beats `{REFERENCE}` in none of the {len(one.beaten_after)} seeds"
        if not after
        else f"first beats `{REFERENCE}` in {len(after)} of {len(one.beaten_after)} seeds, after "
        f"{min(after):,} to {max(after):,} frames"
    )
    apart = "above" if one.more_low > 0 else "below" if one.more_high < 0 else "not apart from"
    return (
        f"`{name}` {found}; in the last quarter it is {apart} it: {100 * one.more:+.1f} points "
        f"({100 * one.more_low:+.1f} to {100 * one.more_high:+.1f})."
    )
