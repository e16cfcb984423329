"""``tvfs-gym run``: controllers on a board, one episode of each in turn.

Writes a folder like a benchmark's: ``steps.parquet``, ``episodes.parquet``, ``config.json``,
``versions.json``, ``command.txt``, figures and ``report.html``. The Parquet files are written anew
after every episode, and when the run is broken off; no finished episode is lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from tvfs_gym.baselines.characterisation import Characterisation, characterise
from tvfs_gym.baselines.controller import Controller
from tvfs_gym.envs.errors import InputError, unknown
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.experiments import characterisation_file
from tvfs_gym.experiments.boards import BoardUnderTest
from tvfs_gym.experiments.controllers import (
    check_controllers,
    controller_of,
    needs_characterisation,
)
from tvfs_gym.experiments.dashboard import Course, display
from tvfs_gym.experiments.episodes import Episode
from tvfs_gym.experiments.report import write_report
from tvfs_gym.experiments.results import EpisodeLog, free_folder, write_circumstances

ORDERS = ("randomised", "interleaved")


@dataclass(frozen=True)
class Plan:
    """Which episodes are run.

    Attributes:
        controllers: Names, see `controller_of`.
        episodes: Of each controller.
        order: Of the controllers, of which every round has an episode each: ``randomised``, drawn
            anew for each round; or ``interleaved``, as they were named.
        seed: Of the order, and of the first round's frames.
    """

    controllers: Sequence[str]
    episodes: int
    order: str
    seed: int

    def __post_init__(self) -> None:
        if not self.controllers:
            raise InputError("name at least one --controller.")
        if len(set(self.controllers)) < len(self.controllers):
            raise InputError("every --controller must be named once.")
        check_controllers(self.controllers)
        if self.episodes < 1:
            raise InputError(f"the number of episodes must be at least 1, not {self.episodes}.")
        if self.order not in ORDERS:
            raise unknown("order", self.order, ORDERS)

    def schedule(self) -> list[tuple[str, int]]:
        """Controller and seed of every episode; those of a round have the same seed."""
        rng = np.random.default_rng(self.seed)
        turns = []
        for seed in range(self.seed, self.seed + self.episodes):
            names = list(self.controllers)
            if self.order == "randomised":
                rng.shuffle(names)
            turns += [(name, seed) for name in names]
        return turns


def run(
    under_test: BoardUnderTest,
    plan: Plan,
    scenario: Scenario,
    characterisation: Path | None,
    output: Path | None,
) -> None:
    """Runs the plan, and writes and prints what came of it.

    Args:
        under_test: The board; it is closed.
        plan: Which episodes.
        scenario: Their conditions.
        characterisation: What ``tvfs-gym characterise`` wrote; None to measure a twin now.
        output: Folder to write; None for the next free one under ``results/``.

    Raises:
        InputError: A controller cannot be built, or the folder holds results already.
        BoardError: The board was lost; what was run until then is kept.
    """
    env = under_test.env
    try:
        folder = free_folder(output, "run")
        env.scenario = scenario
        measured = _characterisation(under_test, plan, scenario, characterisation)
        controllers = {name: controller_of(name, env, measured) for name in plan.controllers}
        named = f"{scenario.latency_constraint_s * 1e3:g} ms"
        write_circumstances(
            folder,
            {
                **under_test.facts(),
                "controllers": list(plan.controllers),
                "seeds": list(range(plan.seed, plan.seed + plan.episodes)),
                "order": plan.order,
                "scenarios": {named: scenario.model_dump()},
                "characterisation": None if characterisation is None else str(characterisation),
            },
        )
        _run_all(under_test, plan, controllers, named, folder)
    finally:
        env.close()
    write_report(folder)


def _characterisation(
    under_test: BoardUnderTest, plan: Plan, scenario: Scenario, path: Path | None
) -> Characterisation | None:
    """The one in the file; that of a twin is measured if any controller needs it."""
    env = under_test.env
    if path is not None:
        return characterisation_file.read(path).of(env.board, path)
    needing = [name for name in plan.controllers if needs_characterisation(name)]
    if not needing:
        return None
    if under_test.real:
        raise InputError(
            f"{needing[0]} is built from what was measured on the board: run tvfs-gym characterise "
            f"--board {under_test.name} --output FOLDER, and name it with --characterisation."
        )
    return characterise(
        env.board, Scenario(t_max_c=scenario.t_max_c, throttling=scenario.throttling)
    )


def _run_all(
    under_test: BoardUnderTest,
    plan: Plan,
    controllers: dict[str, Controller],
    scenario: str,
    folder: Path,
) -> None:
    env, log, schedule = under_test.env, EpisodeLog(folder), plan.schedule()
    console = Console()
    try:
        with display(console) as shown:
            for number, (name, seed) in enumerate(schedule, start=1):
                frames = env.scenario.frames
                course = Course(env.board, name, number, len(schedule), frames)
                shown.begins(course)
                episode = Episode(env, controllers[name], seed, under_test.load_of)
                finished = False
                try:
                    for window in episode:
                        course.add(window)
                        shown.stepped(course)
                    finished = True
                finally:
                    keys = {"scenario": scenario, "controller": name, "seed": seed}
                    log.add(keys, episode, finished)
                    log.write()
                shown.ended(name, log.episodes[-1])
    except BaseException:
        Console(stderr=True).print(
            f"broken off: {len(log.episodes)} of {len(schedule)} episodes and {log.steps} steps "
            f"are kept in {folder}",
            soft_wrap=True,
            highlight=False,
        )
        raise
