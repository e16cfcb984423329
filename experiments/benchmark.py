"""``tvfs-gym benchmark``: controllers times scenarios times seeds.

Writes a folder with ``steps.parquet`` (a row per step), ``episodes.parquet``, ``config.json``,
``versions.json``, ``command.txt``, figures and a self-contained ``report.html``; prints the table.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tvfs_gym.agents.sb3 import PolicyController
from tvfs_gym.agents.training import load_policy
from tvfs_gym.baselines import CONTROLLERS, build
from tvfs_gym.baselines.characterisation import characterise
from tvfs_gym.baselines.controller import Controller, Design
from tvfs_gym.envs.board_env import BoardEnv, twin_env
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.errors import InputError, unknown
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.experiments.episodes import Episode
from tvfs_gym.experiments.progress import progress_bar
from tvfs_gym.experiments.report import write_report
from tvfs_gym.experiments.results import EpisodeLog, free_folder, write_circumstances
from tvfs_gym.experiments.suite import load_suite


def run(
    suite_name: str,
    board: str,
    family: str | None,
    controllers: Sequence[str],
    seeds: int,
    overrides: dict[str, Any],
    output: Path | None,
) -> None:
    """Runs the benchmark and writes its folder.

    Args:
        suite_name: Name or TOML file of the suite.
        board: Board profile, name or TOML file.
        family: Topology family, name or TOML file; None for the suite's.
        controllers: Names of the baselines, or folders of trainings; all baselines if empty.
        seeds: Episodes per controller and scenario, with the seeds 0, 1, ...
        overrides: Values of the scenario that hold throughout.
        output: Folder to write; None for the next free one under ``results/``.

    Raises:
        InputError: A name is unknown, a scenario impossible, or the folder holds results already.
    """
    names = list(controllers) or list(CONTROLLERS)
    for name in names:
        if name not in CONTROLLERS and not Path(name).is_dir():
            raise unknown("controller", name, CONTROLLERS)
    if seeds < 1:
        raise InputError(f"the number of seeds must be at least 1, not {seeds}.")
    suite = load_suite(suite_name)
    scenarios = suite.scenarios(overrides)
    folder = free_folder(output, "benchmark")
    env = twin_env(board, family or suite.family)
    designs = _designs(env, scenarios, names)
    write_circumstances(
        folder,
        {
            "suite": suite_name,
            "board": board,
            "profile": load_profile(board).model_dump(),
            "family": env.board.family.name,
            "topologies": env.board.family.names,
            "controllers": names,
            "seeds": list(range(seeds)),
            "frames_per_step": env.frames_per_step,
            "scenarios": {name: scenario.model_dump() for name, scenario in scenarios.items()},
        },
    )
    _run_all(env, scenarios, designs, names, seeds, folder)
    write_report(folder)


def _designs(
    env: BoardEnv, scenarios: dict[str, Scenario], names: Sequence[str]
) -> dict[str, dict[str, Controller]]:
    """Builds every controller for every scenario, so that what cannot be built fails first.

    The board is characterised once for each kernel and T_max among the scenarios, but at the usual
    ambient temperature and cooling: what a designer has, whatever the board meets later.
    """
    for scenario in scenarios.values():
        env.board.reset(scenario, (0, 0))
    benches = {
        name: Scenario(t_max_c=scenario.t_max_c, throttling=scenario.throttling)
        for name, scenario in scenarios.items()
    }
    measured = {bench: characterise(env.board, bench) for bench in set(benches.values())}
    designs: dict[str, dict[str, Controller]] = {}
    with progress_bar() as bar:
        task = bar.add_task("building the controllers", total=len(scenarios) * len(names))
        for name, scenario in scenarios.items():
            env.scenario = scenario
            designs[name] = {}
            design = Design(env, measured[benches[name]])
            for controller in names:
                designs[name][controller] = _built(controller, design)
                bar.advance(task)
    return designs


def _built(name: str, design: Design) -> Controller:
    """A baseline by its name, or the policy in the folder of a training."""
    if name in CONTROLLERS:
        return build(name, design)
    policy = load_policy(Path(name))
    if policy.action_space != design.env.action_space:
        raise InputError(
            f"{name} was trained for {policy.action_space}, and this board with this family has "
            f"{design.env.action_space}: name the board and family of its training."
        )
    return PolicyController(policy)


def _run_all(
    env: BoardEnv,
    scenarios: dict[str, Scenario],
    designs: dict[str, dict[str, Controller]],
    names: Sequence[str],
    seeds: int,
    folder: Path,
) -> None:
    """Runs all episodes; what was run is written even if it is interrupted."""
    log = EpisodeLog(folder)
    try:
        with progress_bar() as bar:
            task = bar.add_task("running", total=len(scenarios) * len(names) * seeds)
            for scenario_name, scenario in scenarios.items():
                env.scenario = scenario
                for name in names:
                    for seed in range(seeds):
                        episode = Episode(env, designs[scenario_name][name], seed)
                        for _ in episode:
                            pass
                        keys = {"scenario": scenario_name, "controller": name, "seed": seed}
                        log.add(keys, episode, finished=True)
                        bar.update(task, advance=1, description=f"{scenario_name}: {name}")
    finally:
        env.close()
        log.write()
