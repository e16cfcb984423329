"""``tvfs-gym benchmark``: controllers times scenarios times seeds.

Writes a folder with ``steps/``, ``episodes/`` and ``bounds/`` (Parquet files of a row per step, per
episode, and per scenario and seed), ``config.json``, ``versions.json``, ``command.txt``, figures
and a self-contained ``report.html``; prints the table. The same command resumes a benchmark that
was stopped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import polars as pl

from tvfs_gym.baselines import HINDSIGHT
from tvfs_gym.baselines.characterisation import file as characterisation_file
from tvfs_gym.baselines.characterisation.characterisation import Characterisation, characterise
from tvfs_gym.baselines.controller import Controller, Design, Policy
from tvfs_gym.baselines.oracle import Bounds, bounds_of
from tvfs_gym.envs.board_env import BoardEnv
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.topology import load_family
from tvfs_gym.envs.randomisation import Episodes
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv
from tvfs_gym.experiments.benchmarks.objective import training_of
from tvfs_gym.experiments.benchmarks.plan import DEFAULT_BOARD, BenchmarkPlan
from tvfs_gym.experiments.benchmarks.suite import Case, load_suite, suite_for
from tvfs_gym.experiments.controllers import check_name, policy_named, unsuited
from tvfs_gym.experiments.engine import DEFAULT_ENGINE, open_engine
from tvfs_gym.experiments.episodes import Columns, Row, run_episodes
from tvfs_gym.experiments.progress import LOGGER, progress_bar
from tvfs_gym.experiments.results.brief import Ranking
from tvfs_gym.experiments.results.cells import (
    BOUNDS,
    SCHEMA,
    cell_name,
    is_written,
    write_bounds,
    write_cell,
)
from tvfs_gym.experiments.results.folder import write_provenance
from tvfs_gym.experiments.results.resuming import resumed_folder
from tvfs_gym.experiments.results.unfinished import kept_when_stopped

FEW_FRAMES = 5_000
"""Most frames that the calling process runs by itself, sooner than other processes start."""


@dataclass(frozen=True)
class ScenarioRun:
    """One scenario, with all who run in it.

    Attributes:
        name: Name of the scenario.
        case: The scenario and its board.
        family: Topology family.
        controllers: As `tvfs_gym.experiments.controllers` names them.
        seeds: Seeds of the episodes.
        folder: The run's folder.
        characterisation: Output of ``tvfs-gym characterise``; None to measure the twin.
    """

    name: str
    case: Case
    family: str
    controllers: tuple[str, ...]
    seeds: tuple[int, ...]
    folder: Path
    characterisation: Path | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """Those who have not run yet."""
        return tuple(
            controller
            for controller in self.controllers
            if not is_written(self.folder, self.cell(controller))
        )

    @property
    def finished(self) -> bool:
        """Tells whether all have run, and the bound is there."""
        return not self.missing and is_written(self.folder, self.bound_cell, BOUNDS)

    @property
    def missing_frames(self) -> int:
        """Frames of all episodes that have not run yet."""
        return len(self.missing) * len(self.seeds) * self.case.scenario.frames

    @property
    def bound_cell(self) -> str:
        """Name of the cell of the bound."""
        return cell_name(self.name)

    def cell(self, controller: str) -> str:
        """Name of the cell of a controller."""
        return cell_name(self.name, controller)


def run(plan: BenchmarkPlan, output: Path | None, engine: str = DEFAULT_ENGINE) -> Path:
    """Runs the benchmark and writes the files of its folder, but for figures and report.

    Args:
        plan: What is run.
        output: Folder to write or resume; None for the next free one under ``results/``.
        engine: One of `tvfs_gym.experiments.engine.ENGINES`.

    Returns:
        The folder.

    Raises:
        InputError: A controller cannot be built, or the folder holds other results.
        TrialError: Scenarios could not be run for good.
    """
    config = plan.config
    folder = resumed_folder(output, "benchmark", config)
    boards = dict.fromkeys(case.board for case in plan.cases.values())
    suited = {name: _suited(plan.names, name, plan.networks) for name in boards}
    runs = [
        ScenarioRun(
            name,
            case,
            plan.networks,
            suited[case.board],
            tuple(range(plan.seeds)),
            folder,
            plan.characterisation,
        )
        for name, case in plan.cases.items()
        if suited[case.board]
    ]
    if not runs:
        raise InputError("none of the controllers can run in any of the scenarios.")
    for scenario_run in runs:
        for name in scenario_run.missing:
            if name not in HINDSIGHT:
                _policy(name, _design(scenario_run), scenario_run)
    write_provenance(folder, config)
    with kept_when_stopped(folder, lambda: _finished(runs)):
        _run_all([scenario_run for scenario_run in runs if not scenario_run.finished], engine)
    return folder


def _finished(runs: Sequence[ScenarioRun]) -> str:
    """How many of the controllers' scenarios have run."""
    everyone = sum(len(scenario_run.controllers) for scenario_run in runs)
    missing = sum(len(scenario_run.missing) for scenario_run in runs)
    return f"{everyone - missing} of {everyone} runs"


def benchmark(
    controllers: Sequence[str | type[Controller]],
    suite: str | None = None,
    seeds: int = 3,
    board: str | None = None,
    family: str | None = None,
) -> Ranking:
    """Ranks controllers over a suite, in this process and without files.

    Args:
        controllers: Names as `tvfs_gym.experiments.controllers` resolves them, or classes.
        suite: Suite: name or TOML file; None for `suite_for` of the board.
        seeds: Episodes per controller and scenario, with the seeds 0, 1, ...
        board: As in `run`.
        family: Topology family, name or TOML file; None for the suite's.

    Returns:
        A row per controller, best first: the columns of
        `tvfs_gym.experiments.results.aggregate.aggregate`. Printed, it fits 80 columns.

    Raises:
        InputError: A name is unknown, a scenario impossible, or a controller cannot be built.

    Examples:
        >>> from tvfs_gym.experiments import benchmark
        >>> ranking = benchmark(["tvfs", "best_fixed"], suite="published", seeds=1)
        >>> ranking["controller"].to_list()
        ['best_fixed', 'tvfs']
    """
    from tvfs_gym.experiments.results.aggregate import aggregate  # which takes half a second

    classes = {each.__name__: each for each in controllers if not isinstance(each, str)}
    names = [each if isinstance(each, str) else each.__name__ for each in controllers]
    for name in names:
        if name not in classes:
            check_name(name)
    loaded = load_suite(suite or suite_for(board)).on_board(board)
    family = family or loaded.family
    rows = []
    for scenario, case in loaded.cases(board or DEFAULT_BOARD, {}).items():
        suited = _suited(names, case.board, family)
        scenario_run = ScenarioRun(scenario, case, family, suited, tuple(range(seeds)), Path())
        design = _design(scenario_run)
        bound = [bound.finite_horizon for bound in _bounds(scenario_run)]
        for name in suited:
            build = classes.get(name)
            policy = build(design) if build else _policy(name, design, scenario_run)
            episodes = run_episodes(_episodes_env(scenario_run), policy, scenario_run.seeds)
            keys = {"scenario": scenario, "controller": name, **training_of(policy)}
            rows += [
                {**keys, "seed": seed, "bound": bound[seed], **row}
                for seed, (_, row) in enumerate(episodes)
            ]
    return Ranking(aggregate(pl.DataFrame(rows, schema_overrides=SCHEMA)))


def run_controller(scenario_run: ScenarioRun, name: str) -> list[tuple[Columns, Row]]:
    """Runs a controller through the episodes of a scenario.

    Args:
        scenario_run: The scenario, its family and seeds.
        name: As `tvfs_gym.experiments.controllers` resolves it.

    Returns:
        Of every seed what `tvfs_gym.experiments.episodes.run_episode` returns.
    """
    policy = _policy(name, _design(scenario_run), scenario_run)
    return run_episodes(_episodes_env(scenario_run), policy, scenario_run.seeds)


def _suited(names: Sequence[str], board: str, family: str) -> tuple[str, ...]:
    """Controllers that can run on a board; says why the others cannot."""
    reasons = {name: unsuited(name, board, family) for name in names}
    for reason in sorted({reason for reason in reasons.values() if reason}):
        left_out = [name for name in names if reasons[name] == reason]
        LOGGER.info(f"left out on {board}: {_listed(left_out)}")
        LOGGER.debug(f"left out on {board}: {', '.join(left_out)}: {reason}")
    return tuple(name for name in names if reasons[name] is None)


def _listed(names: Sequence[str]) -> str:
    """A name, or how many there are."""
    if len(names) == 1:
        return f"{names[0]}, which was trained for another"
    return f"{len(names)} policies trained for another (see --verbose)"


def _run_all(runs: Sequence[ScenarioRun], engine: str) -> None:
    """Runs the missing cells; every cell is written as it ends."""
    if not runs:
        return
    trials = {scenario_run.name: partial(_run_scenario, scenario_run) for scenario_run in runs}
    few = sum(scenario_run.missing_frames for scenario_run in runs) <= FEW_FRAMES
    alone = engine == DEFAULT_ENGINE and (few or len(runs) == 1)
    with progress_bar() as bar, open_engine(engine, 1 if alone else None) as opened:
        task = bar.add_task("scenarios", total=len(runs))
        for name, _ in opened.run(trials):
            bar.update(task, advance=1, description=name)


def _run_scenario(scenario_run: ScenarioRun) -> None:
    """Runs everyone who has not run yet in a scenario."""
    design = _design(scenario_run)
    if not is_written(scenario_run.folder, scenario_run.bound_cell, BOUNDS):
        write_bounds(
            scenario_run.folder,
            scenario_run.bound_cell,
            scenario_run.name,
            scenario_run.seeds,
            _bounds(scenario_run),
        )
    for name in scenario_run.missing:
        policy = _policy(name, design, scenario_run)
        episodes = run_episodes(_episodes_env(scenario_run), policy, scenario_run.seeds)
        keys = {"scenario": scenario_run.name, "controller": name}
        write_cell(
            scenario_run.folder,
            scenario_run.cell(name),
            keys,
            scenario_run.seeds,
            episodes,
            training_of(policy),
        )


def _bounds(scenario_run: ScenarioRun) -> list[Bounds]:
    """Bounds of the episodes."""
    board, case = _env(scenario_run).board, scenario_run.case
    assert isinstance(board, TwinBoard)
    seeds = scenario_run.seeds
    keys = [Episodes.seeded(seed).next_key() for seed in seeds]
    return bounds_of(board, case.scenarios(seeds), case.frames_per_step, keys)


def _design(scenario_run: ScenarioRun) -> Design:
    """The design of a scenario's controllers.

    The board is characterised once for each kernel and T_max, but at the usual ambient temperature
    and cooling: what a designer has, whatever the board meets later.
    """
    scenario = scenario_run.case.scenario
    env = _env(scenario_run)
    env.board.reset(scenario, (0, 0))
    if scenario_run.characterisation is not None:
        measured = characterisation_file.read(scenario_run.characterisation).of(env.board)
        return Design.of(env, measured, scenario)
    bench = Scenario(t_max_c=scenario.t_max_c, throttling=scenario.throttling)
    measured = _characterised(scenario_run.case.board, scenario_run.family, bench)
    return Design.of(env, measured, scenario)


def _env(scenario_run: ScenarioRun) -> BoardEnv:
    case = scenario_run.case
    return _shared_env(case.board, scenario_run.family, case.frames_per_step)


@lru_cache
def _shared_env(board: str, family: str, frames_per_step: int) -> BoardEnv:
    return TwinEnv(board, family, frames_per_step=frames_per_step, choose_passes=True)


@lru_cache
def _characterised(board: str, family: str, bench: Scenario) -> Characterisation:
    return characterise(TwinBoard(load_profile(board), load_family(family)), bench)


def _policy(name: str, design: Design, scenario_run: ScenarioRun) -> Policy:
    scenarios = scenario_run.case.scenarios(scenario_run.seeds)
    return policy_named(name, design, partial(_twins, scenario_run), scenarios)


def _episodes_env(scenario_run: ScenarioRun) -> TwinVectorEnv:
    """The twins on which the seeds' episodes take place."""
    return _twins(scenario_run, scenario_run.case.scenarios(scenario_run.seeds))


def _twins(scenario_run: ScenarioRun, scenarios: Sequence[Scenario]) -> TwinVectorEnv:
    """A batch of twins, one per scenario."""
    return TwinVectorEnv(
        len(scenarios),
        scenario_run.case.board,
        scenario_run.family,
        scenarios,
        scenario_run.case.frames_per_step,
        choose_passes=True,
        info_frames=True,
    )
