"""A pilot of the grid of L_c: ``tvfs-gym dev pilot``.

Before suite v2 is drawn, it shows on conditions of training and tuning
(`tvfs_gym.envs.conditions`, seeds of its own, never the suite's), for every board and multiple of
the nominal latency, whether AdapTTA's passes and heat are at stake there.
"""

from collections.abc import Iterator
from functools import partial, reduce
from importlib.resources import files
from itertools import count, islice, product
from math import ceil
from pathlib import Path

import jinja2
import polars as pl

from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.conditions import Conditions
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.topology import DEFAULT_FAMILY, load_family
from tvfs_gym.envs.lengths import EPISODE_S
from tvfs_gym.envs.randomisation import DomainRandomisation, Episodes
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.experiments.benchmarks.benchmark import ScenarioRun, run_controller
from tvfs_gym.experiments.benchmarks.kinds import (
    GRID,
    T_MAX_C,
    BoardOfSuite,
    Range,
    rooms_of,
)
from tvfs_gym.experiments.benchmarks.suite import Case
from tvfs_gym.experiments.engine import open_engine
from tvfs_gym.experiments.episodes import Row
from tvfs_gym.experiments.progress import progress_bar
from tvfs_gym.experiments.results.cells import SCHEMA
from tvfs_gym.experiments.results.folder import checked_output
from tvfs_gym.experiments.results.tables import markdown_table

TEMPLATE = files("tvfs_gym.experiments.benchmarks") / "suite.md"

FIRST_SEED = 20_000
"""Seeds of the pilot's draws and episodes: no suite has them."""

DRAWS = 8
"""Draws of every cell."""

BEST = ("best_fixed", "predictive")
"""The controllers whose passes are counted; the first knows the scenario in advance."""

FULL_CLOCK = "performance"

METRICS_SHOWN = {
    "reliable_accuracy": "reliable",
    "late_share": "late",
    "above_t_max_share": "above T_max",
}

ALIVE = (1.5, 6.0)
"""Mean passes with which AdapTTA is alive: neither off nor always at its end."""

WANTED_SHARE = 1 / 3
"""Share of the cells in which it shall be."""

GridCell = tuple[str, float]
"""A board and a multiple of its nominal latency."""


def tuning_draws(cell: GridCell, rooms_c: Range | None) -> Iterator[tuple[int, Scenario]]:
    """Seeds and scenarios of a cell, with AdapTTA that minds the deadline: its usual mode.

    Args:
        cell: Board and multiple; L_c keeps to it.
        rooms_c: Coolest and warmest room, degC; None for the profile's.
    """
    board, multiple = cell
    profile = load_profile(board)
    nominal_s = TwinBoard(profile, load_family(DEFAULT_FAMILY)).nominal_latency_s
    conditions = Conditions(profile, nominal_s, (multiple, multiple))
    randomisation = DomainRandomisation(profile, conditions, rooms_c)
    start = Scenario(frames=round(EPISODE_S / (multiple * nominal_s)))
    for seed in count(FIRST_SEED):
        scenario = randomisation.draw(start, Episodes.seeded(seed).next_key())
        if scenario.max_passes > 1 and scenario.deadline_aware:
            yield seed, scenario


def cabinet_draws(cell: GridCell) -> list[tuple[int, Scenario]]:
    """The same in the warmest cabinet in which every unit can rest."""
    board = BoardOfSuite(cell[0])
    for rooms_c in rooms_of(board, "cabinet"):
        draws = list(islice(tuning_draws(cell, rooms_c), DRAWS))
        if all(_can_rest(board, scenario) for _, scenario in draws):
            return draws
    return []


def _can_rest(board: BoardOfSuite, scenario: Scenario) -> bool:
    try:
        board.twin.reset(scenario, (0, 0))
    except InputError:
        return False
    return True


def cell_rows(cell: GridCell) -> list[Row]:
    """Episodes of a cell, a row per draw and controller; of full clock also one in a cabinet."""
    board, multiple = cell
    ordinary = list(islice(tuning_draws(cell, None), DRAWS))
    rows: list[Row] = []
    cells = (ordinary, (*BEST, FULL_CLOCK)), (cabinet_draws(cell), (FULL_CLOCK,))
    for draws, controllers in cells:
        for seed, scenario in draws:
            run = ScenarioRun("pilot", Case(board, scenario), DEFAULT_FAMILY, (), (seed,), Path())
            for controller in controllers:
                ((_, row),) = run_controller(run, controller)
                keys = {"board": board, "multiple": multiple, "cabinet": draws is not ordinary}
                rows.append({**keys, "controller": controller, **row})
    return rows


def run_pilot() -> pl.DataFrame:
    """Runs all cells, a process each; minutes."""
    cells = product(T_MAX_C, GRID)
    trials = {f"{cell[0]}, {cell[1]:g}": partial(cell_rows, cell) for cell in cells}
    rows: dict[str, list[Row]] = {}
    with progress_bar() as bar, open_engine() as engine:
        task = bar.add_task("pilot", total=len(trials))
        for name, own in engine.run(trials):
            rows[name] = own
            bar.update(task, advance=1)
    every_row = [row for name in trials for row in rows[name]]
    return pl.DataFrame(every_row, schema_overrides=SCHEMA)


def pilot_table(episodes: pl.DataFrame) -> pl.DataFrame:
    """A row per board and multiple.

    Args:
        episodes: As from `run_pilot`.

    Returns:
        Columns: board; multiple; passes, the mean of the best controllers; alive; METRIC_NAME for
        their reliable accuracy, late frames and time above T_max; heat_binds and
        heat_binds_in_cabinet, the shares of the draws in which full clock exceeds T_max.
    """
    by = ["board", "multiple"]
    best = episodes.filter(pl.col("controller").is_in(BEST))
    full = episodes.filter(pl.col("controller") == FULL_CLOCK)
    exceeds = pl.col("above_t_max_share") > 0
    columns = [
        best.group_by(by).agg(passes=pl.col("passes_mean").mean()),
        best.pivot("controller", index=by, values=list(METRICS_SHOWN), aggregate_function="mean"),
        full.group_by(by).agg(
            heat_binds=exceeds.filter(~pl.col("cabinet")).mean(),
            heat_binds_in_cabinet=exceeds.filter(pl.col("cabinet")).mean(),
        ),
    ]
    joined = reduce(lambda left, right: left.join(right, on=by), columns)
    return joined.with_columns(alive=pl.col("passes").is_between(*ALIVE)).sort(by)


def write_pilot(output: Path) -> None:
    """Runs the pilot and writes the page of suite v2's rules with its table.

    Raises:
        InputError: The page's folder does not exist.
    """
    output = checked_output(output, overwrite=True)
    table = pilot_table(run_pilot())
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    page = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        grid=", ".join(f"{multiple:g}" for multiple in GRID),
        limits=", ".join(f"{board} {limit_c:g}" for board, limit_c in T_MAX_C.items()),
        table=_markdown(table),
        cells=table.height,
        alive=int(table["alive"].sum()),
        wanted=ceil(WANTED_SHARE * table.height),
        least=f"{ALIVE[0]:g}",
        most=f"{ALIVE[1]:g}",
        draws=DRAWS,
        first_seed=FIRST_SEED,
    )
    output.write_text(page, encoding="utf-8")


def _markdown(table: pl.DataFrame) -> str:
    header = ["board", "L_c / nominal", "mean passes", "alive"]
    header += [f"{title}, {name}, %" for title in METRICS_SHOWN.values() for name in BEST]
    header += ["full clock exceeds T_max, %", "in a cabinet, %"]
    shares = [f"{metric}_{name}" for metric in METRICS_SHOWN for name in BEST]
    shares += ["heat_binds", "heat_binds_in_cabinet"]
    rows = [
        [
            row["board"],
            f"{row['multiple']:g}",
            f"{row['passes']:.2f}",
            "yes" if row["alive"] else "no",
            *(f"{100 * row[share]:.1f}" for share in shares),
        ]
        for row in table.iter_rows(named=True)
    ]
    return markdown_table(header, rows)
