"""Judging trainings: a benchmark of every one of them, counted as trainings of one learner."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tvfs_gym.agents.policy import Card
from tvfs_gym.agents.policy_file import load
from tvfs_gym.agents.rungs import ANY_BOARD
from tvfs_gym.experiments.learning import tvfs_borrowed
from tvfs_gym.experiments.learning.protocol import (
    BORROWED,
    GENERALIST,
    GROUPS,
    HOPES,
    REFERENCES,
    STUDENT,
    SUITE,
    Group,
    Hope,
    group_of,
)
from tvfs_gym.experiments.results.aggregate import aggregate
from tvfs_gym.experiments.results.cells import read_episodes
from tvfs_gym.experiments.results.folder import CONFIG, read_json

DAGGER = "dagger"
"""Algorithm of the students."""

BORROWED_FILE = tvfs_borrowed.__file__
"""What the benchmark is told to run TVFS with another board's table."""


def judge(trainings: Sequence[Path], seeds: int, output: Path | None, suite: str = SUITE) -> Path:
    """Runs trained policies and their references through a suite; resumes what was stopped.

    Args:
        trainings: Folders of trainings.
        seeds: Episodes per scenario.
        suite: Name of the suite.
        output: Folder to write or resume; None for the next free one under ``results/``.

    Returns:
        The folder.

    Raises:
        InputError: A folder holds no policy, or the output holds other results.
    """
    from tvfs_gym.experiments.benchmarks.benchmark import run
    from tvfs_gym.experiments.benchmarks.plan import BenchmarkPlan

    for folder in trainings:
        load(folder)
    names = [*REFERENCES, BORROWED_FILE, *map(str, trainings)]
    return run(BenchmarkPlan(suite, names, seeds), output)


def judged_episodes(folder: Path) -> pl.DataFrame:
    """Episodes of a benchmark by `judge`, every training under the name of its learner.

    Raises:
        InputError: The folder holds no results, or a policy of it is gone.
    """
    config = read_json(folder, CONFIG)
    return read_episodes(folder, config).with_columns(
        pl.col("controller").cast(pl.String).replace(labels_of(config["controllers"])),
        pl.col("scenario").cast(pl.String),
    )


def labels_of(controllers: Sequence[str]) -> dict[str, str]:
    """Names of the learners that the controllers of a benchmark are trainings of, or their own."""
    return {name: _label(name) for name in controllers}


def _label(name: str) -> str:
    if name == BORROWED_FILE or Path(name).name == Path(BORROWED_FILE).name:
        return BORROWED
    return learner_of(load(Path(name)).card) if Path(name).is_dir() else name


def learner_of(card: Card) -> str:
    """Name of the learner that a policy is a training of."""
    if card.board == ANY_BOARD:
        return GENERALIST
    return STUDENT if card.algorithm == DAGGER else card.algorithm


@dataclass(frozen=True)
class Found:
    """What came of a hope, in points.

    Attributes:
        difference: Learned less reference.
        low: Lower end of the 95 % interval; NaN where none is known.
        high: Upper end.
        met: Whether it is met.
    """

    difference: float
    low: float
    high: float
    met: bool


def found(episodes: pl.DataFrame, hope: Hope) -> Found:
    """Compares a learned controller with its reference, paired.

    Args:
        episodes: As from `judged_episodes`.
        hope: What was hoped for.
    """
    both = in_group(episodes, hope.group).filter(
        pl.col("controller").is_in([hope.learned, hope.reference])
    )
    ranking = aggregate(both, reference=hope.reference)
    learned, reference = (
        ranking.row(by_predicate=pl.col("controller") == name, named=True)
        for name in (hope.learned, hope.reference)
    )
    if hope.measure == "share":
        difference, low, high = (100 * learned[f"difference{end}"] for end in ("", "_low", "_high"))
    else:
        difference = 100 * (learned[hope.measure] - reference[hope.measure])
        low = high = float("nan")
    if hope.measure == "above_t_max_share":
        return Found(difference, low, high, difference <= hope.limit)
    apart = low > 0.0 if hope.apart else True
    return Found(difference, low, high, difference >= hope.limit and apart)


def all_found(episodes: pl.DataFrame) -> Mapping[Hope, Found]:
    """What came of every hope whose controllers have run."""
    ran = set(episodes["controller"])
    return {hope: found(episodes, hope) for hope in HOPES if {hope.learned, hope.reference} <= ran}


def in_group(episodes: pl.DataFrame, group: Group) -> pl.DataFrame:
    """Episodes of a group's scenarios."""
    scenarios = [
        name for name in episodes["scenario"].unique() if group in group_of(name.split(",")[0])
    ]
    return episodes.filter(pl.col("scenario").is_in(scenarios))


def rankings(episodes: pl.DataFrame) -> dict[Group, pl.DataFrame]:
    """The ranking in every group, with its intervals."""
    return {group: aggregate(in_group(episodes, group)) for group in GROUPS}


def by_training(episodes: pl.DataFrame, learner: str) -> dict[int, float]:
    """Mean share of the bound of every training of a learner, by its seed."""
    own = episodes.filter(pl.col("controller") == learner)
    shares = (
        own.group_by("training_seed", "scenario")
        .agg(share=pl.col("reliable_accuracy").mean() / pl.col("bound").mean())
        .group_by("training_seed")
        .agg(pl.col("share").mean())
        .sort("training_seed")
    )
    return dict(shares.iter_rows())
