"""A pilot of the grid of L_c: ``tvfs-gym dev pilot``.

Before suite v2 is drawn, it shows on conditions of training and tuning
(`tvfs_gym.envs.conditions`, seeds of its own, never the suite's), for every board and multiple of
the nominal latency, whether AdapTTA's passes and heat are at stake there.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import count, islice, product
from multiprocessing import get_context
from pathlib import Path

import polars as pl
import psutil

from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.conditions import Conditions
from tvfs_gym.envs.inference.topology import DEFAULT_FAMILY, load_family
from tvfs_gym.envs.randomisation import DomainRandomisation, Episodes
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.experiments.benchmarks.benchmark import ScenarioRun, run_controller
from tvfs_gym.experiments.benchmarks.drawing import GRID, T_MAX_C
from tvfs_gym.experiments.benchmarks.suite import Case
from tvfs_gym.experiments.progress import progress_bar

FIRST_SEED = 20_000
"""Seeds of the pilot's draws and episodes: no suite has them."""

DRAWS = 8
"""Draws of every cell."""

EPISODE_S = 120.0
"""L_c of an episode's frames together, s."""

BEST = ("best_fixed", "predictive")
"""The controllers whose passes are counted; the first knows the scenario in advance."""

FULL_CLOCK = "performance"

ALIVE = (1.5, 6.0)
"""Mean passes with which AdapTTA is alive: neither off nor always at its end."""

WANTED_SHARE = 1 / 3
"""Share of the cells in which it shall be."""

Cell = tuple[str, float]
"""A board and a multiple of its nominal latency."""


def drawn(cell: Cell) -> Iterator[tuple[int, Scenario]]:
    """Seeds and scenarios of a cell, with AdapTTA that minds the deadline: its usual mode."""
    board, multiple = cell
    profile = load_profile(board)
    nominal_s = TwinBoard(profile, load_family(DEFAULT_FAMILY)).nominal_latency_s
    conditions = Conditions(profile, nominal_s, (multiple, multiple))
    randomisation = DomainRandomisation(profile, conditions)
    start = Scenario(frames=round(EPISODE_S / (multiple * nominal_s)))
    for seed in count(FIRST_SEED):
        scenario = randomisation.draw(start, Episodes.seeded(seed).next_key())
        if scenario.max_passes > 1 and scenario.deadline_aware:
            yield seed, scenario


def rows_of(cell: Cell) -> list[dict[str, object]]:
    """Episodes of a cell, a row per draw and controller."""
    board, multiple = cell
    rows: list[dict[str, object]] = []
    for seed, scenario in islice(drawn(cell), DRAWS):
        run = ScenarioRun("pilot", Case(board, scenario), DEFAULT_FAMILY, (), (seed,), Path())
        for controller in (*BEST, FULL_CLOCK):
            ((_, row),) = run_controller(run, controller)
            keys = {"board": board, "multiple": multiple, "seed": seed, "controller": controller}
            rows.append(keys | row)
    return rows


def run_pilot() -> pl.DataFrame:
    """Runs all cells, a process each; minutes."""
    cells = list(product(T_MAX_C, GRID))
    processes = psutil.cpu_count() or 1
    rows: list[dict[str, object]] = []
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool, progress_bar() as bar:
        task = bar.add_task("pilot", total=len(cells))
        for own in pool.map(rows_of, cells):
            rows += own
            bar.update(task, advance=1)
    return pl.DataFrame(rows)


def table(episodes: pl.DataFrame) -> pl.DataFrame:
    """A row per board and multiple.

    Returns:
        Columns: board; multiple; passes, the mean of the best controllers; reliable_accuracy,
        late_share and above_t_max_share of each, with its name behind; heat_binds, the share of
        the draws in which full clock exceeds T_max; alive.
    """
    cell = ["board", "multiple"]
    best = episodes.filter(pl.col("controller").is_in(BEST))
    passes = best.group_by(cell).agg(passes=pl.col("passes_mean").mean())
    hot = (
        episodes.filter(pl.col("controller") == FULL_CLOCK)
        .group_by(cell)
        .agg(heat_binds=(pl.col("above_t_max_share") > 0).mean())
    )
    metrics = [f"{name}_share" for name in ("late", "above_t_max")] + ["reliable_accuracy"]
    each = best.pivot("controller", index=cell, values=metrics, aggregate_function="mean")
    joined = each.join(passes, on=cell).join(hot, on=cell).sort(*cell)
    return joined.with_columns(alive=pl.col("passes").is_between(*ALIVE))
