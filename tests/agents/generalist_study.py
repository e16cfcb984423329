"""Boards never seen: the policy for any board beside those that know as little, or everything.

The boards are drawn at random, with numbers that no training has; so are their conditions, units
and rooms; frames show the photographs of run time. ``python -m tests.agents.generalist_study``
prints the table, of the boards that ship too, under the conditions of training.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from tvfs_gym.agents.dagger.flights import (
    Distribution,
    Flight,
    MakeTeacher,
    Student,
    fly,
    teacher_named,
)
from tvfs_gym.agents.policy_file import load
from tvfs_gym.agents.pretrained import load_pretrained
from tvfs_gym.agents.rungs import RungPolicy
from tvfs_gym.envs.boards.drawn import drawn_names
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.experiments.benchmarks.kinds import BOARDS

FIRST_BOARD = 900_000
"""Numbers of boards from here on are kept for this."""

SEED = 7_000_000
"""Seeds of the flights from here on: no training has them."""

UNITS = 4
OTHERS = ("told", "predictive_generic")


def compare(
    boards: Sequence[str], policy: RungPolicy, flights: int = 1, others: Sequence[str] = OTHERS
) -> pl.DataFrame:
    """One row per controller and flight, of the design half of the photographs as in training."""
    rows = []
    for number, board in enumerate(boards):
        distribution = Distribution(board, "recorded", Scenario(), True, "generic", False)
        own = replace(distribution, margin_c=policy.card.margin_c)
        for flight in range(flights):
            seed = SEED + UNITS * (number * flights + flight)
            rows.append(_row(board, "pretrained", own.flight(seed, UNITS), policy.network, None))
            rows += [
                _row(board, name, distribution.flight(seed, UNITS), None, teacher_named(name))
                for name in others
            ]
    return pl.DataFrame(rows)


def _row(
    board: str, name: str, flight: Flight, student: Student | None, teacher: MakeTeacher | None
) -> dict[str, str | float]:
    outcome = fly(flight, student, teacher)
    return {
        "board": board,
        "controller": name,
        "reliable_pct": 100.0 * float(outcome.reliable_accuracy.mean()),
        "above_pct": 100.0 * float(outcome.above_t_max_share.mean()),
    }


def summary(rows: pl.DataFrame, *by: str) -> pl.DataFrame:
    """Means by controller, and the difference from `predictive_generic` with its interval."""
    reference = rows.filter(pl.col("controller") == "predictive_generic")["reliable_pct"]
    differences = {
        name: group["reliable_pct"].to_numpy() - reference.to_numpy()
        for (name,), group in rows.group_by("controller", maintain_order=True)
    }
    means = rows.group_by("controller", maintain_order=True).agg(
        pl.col("reliable_pct").mean(),
        pl.col("reliable_pct").quantile(0.1).alias("worst_tenth_pct"),
        pl.col("above_pct").mean(),
    )
    half = [1.96 * float(np.std(d, ddof=1)) / len(d) ** 0.5 for d in differences.values()]
    return means.with_columns(
        pl.Series("difference", [float(d.mean()) for d in differences.values()]),
        pl.Series("half_interval", half),
    )


if __name__ == "__main__":
    found = load(Path(sys.argv[2])) if len(sys.argv) > 2 else load_pretrained("pretrained")
    assert isinstance(found, RungPolicy)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 64
    with pl.Config(tbl_cols=8, float_precision=2, tbl_width_chars=110, fmt_str_lengths=30):
        print(summary(compare(drawn_names(FIRST_BOARD, count), found)))
        for board in BOARDS:
            print(board, summary(compare([board], found, count // 4)))
