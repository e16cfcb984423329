"""Stored steps of a benchmark, scored under any reward, and the ranking under each.

An episode's score under a reward is its mean per frame: every step counts with its frames, and
frames that a shut-down left unasked earn nothing. Under `reliable_accuracy` it is the episode's.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.reward import Reward, reward_of, rewards_of
from tvfs_gym.experiments.results.cells import step_cells
from tvfs_gym.experiments.results.statistics import mean_interval

SCORES = "rewards.parquet"
"""File of a run: a row per episode, a column per reward."""

KEYS = ("scenario", "controller", "seed")

AT_ONCE = 3
"""Rewards that a terminal of 80 columns has room for beside a controller."""

NOTE = """Place, and mean reward per frame over the scenarios ± half the width of the 95 %
interval over the seeds. Rewards of different names do not compare."""


def reward_scores(folder: Path, config: Mapping[str, Any], rewards: Sequence[str]) -> pl.DataFrame:
    """Scores a run's episodes under rewards, cell by cell.

    Args:
        folder: The run's folder.
        config: Its configuration, which says how many frames each scenario asks for.
        rewards: As `tvfs_gym.envs.reward.reward_of` takes them.

    Returns:
        A row per episode: scenario, controller, seed, and a column per reward, named by it.

    Raises:
        InputError: There is no such reward, or it is no function of a window.
    """
    functions = {name: reward_of(name) for name in rewards}
    return pl.concat(
        _cell_scores(steps, config["scenarios"], functions) for steps in step_cells(folder)
    )


def _cell_scores(
    steps: pl.DataFrame, scenarios: Mapping[str, Any], rewards: Mapping[str, Reward]
) -> pl.DataFrame:
    windows = steps.select(Window.fields).to_numpy()
    earned = {
        name: windows_scored(reward, name, windows) * steps["frames"].to_numpy()
        for name, reward in rewards.items()
    }
    sums = steps.select(KEYS).with_columns(**earned).group_by(KEYS, maintain_order=True).sum()
    asked = scenarios[steps["scenario"][0]]["frames"]
    return sums.with_columns(pl.col(list(rewards)) / asked)


def windows_scored(reward: Reward, name: str, windows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rewards of stored windows, shape (steps,).

    Raises:
        InputError: The reward cannot be computed from a window alone.
    """
    try:
        return rewards_of(reward, windows)
    except Exception as error:  # whatever a user's function may raise
        raise InputError(
            f"expected the reward {name} to be a function of a window, which holds no single "
            f"frames, and it failed on a stored one: {type(error).__name__}: {error}"
        ) from error


def check_reward(name: str) -> None:
    """Refuses a reward that no stored step could be scored under, before anything is run.

    Raises:
        InputError: There is no such reward, or it is no function of a window.
    """
    windows_scored(reward_of(name), name, np.ones((2, len(Window.fields))))


def ranking_under(scores: pl.DataFrame) -> pl.DataFrame:
    """A row per controller that ran in all scenarios, best under the first reward first.

    Args:
        scores: As from `reward_scores`.

    Returns:
        Columns: controller, and for each reward NAME, NAME_low, NAME_high (mean over the scenarios
        with its interval over the seeds) and NAME_place (1 is best; null where it is unknown).
    """
    rewards = [name for name in scores.columns if name not in KEYS]
    every = scores["scenario"].n_unique()
    rows = []
    for (controller,), own in scores.group_by(["controller"], maintain_order=True):
        if own["scenario"].n_unique() < every:
            continue
        by_seed = own.group_by("seed", maintain_order=True).agg(pl.col(rewards).mean())
        values = by_seed.select(rewards).to_numpy()
        low, high = mean_interval(values)
        row: dict[str, Any] = {"controller": str(controller)}
        for column, name in enumerate(rewards):
            row |= {name: values[:, column].mean()}
            row |= {f"{name}_low": low[column], f"{name}_high": high[column]}
        rows.append(row)
    ranking = pl.DataFrame(rows)
    places = {
        f"{name}_place": pl.when(pl.col(name).is_not_nan()).then(
            pl.col(name).fill_nan(None).rank("min", descending=True).cast(pl.Int64)
        )
        for name in rewards
    }
    return ranking.with_columns(**places).sort(pl.col(rewards[0]), descending=True)


def reward_rows(ranking: pl.DataFrame) -> list[list[str]]:
    """Cells: the controller, then place and mean under each reward.

    Args:
        ranking: As from `ranking_under`.
    """
    rewards = rewards_in(ranking)
    return [
        [row["controller"], *(_cell(row, name) for name in rewards)]
        for row in ranking.iter_rows(named=True)
    ]


def rewards_in(ranking: pl.DataFrame) -> list[str]:
    """Names of the rewards of a ranking."""
    return [name.removesuffix("_place") for name in ranking.columns if name.endswith("_place")]


def _cell(row: Mapping[str, Any], reward: str) -> str:
    """Place and mean, with half the width of its interval if it has one; a dash if unknown."""
    mean, half = row[reward], (row[f"{reward}_high"] - row[f"{reward}_low"]) / 2
    if np.isnan(mean):
        return "–"
    interval = "" if np.isnan(half) else f" ±{half:.3f}"
    return f"{row[f'{reward}_place']}: {mean:.3f}{interval}"


def print_reward_ranking(ranking: pl.DataFrame) -> None:
    """Prints a ranking under rewards on 80 columns, as many at once as have room."""
    rows, rewards = reward_rows(ranking), rewards_in(ranking)
    for first in range(0, len(rewards), AT_ONCE):
        columns = range(first, min(first + AT_ONCE, len(rewards)))
        table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0), title="Ranking under each reward")
        table.add_column("controller", overflow="fold")
        for column in columns:
            name = rewards[column].rpartition(":")[2]  # of a file's function, without the file
            table.add_column(escape(name), justify="right", overflow="fold")
        for row in rows:
            table.add_row(escape(row[0]), *(row[1 + column] for column in columns))
        Console().print(table)
    print(NOTE)
