"""``tvfs-gym dev tune-baselines``: finds the baselines' guards and thresholds, and writes them."""

from collections.abc import Mapping, Sequence
from functools import cache, partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import tomlkit
from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tvfs_gym.baselines import Design, build
from tvfs_gym.baselines.tuned import (
    PER_BOARD,
    TUNED_FILE,
    TUNED_PARAMETERS,
    TunedController,
    TunedValues,
    Values,
)
from tvfs_gym.envs.errors import InputError, at_least, unknown
from tvfs_gym.envs.files import write_whole
from tvfs_gym.envs.inference.topology import DEFAULT_FAMILY
from tvfs_gym.envs.tables import read_toml
from tvfs_gym.experiments.benchmarks.kinds import BOARDS
from tvfs_gym.experiments.engine import Engine, open_engine
from tvfs_gym.experiments.episodes import run_episodes
from tvfs_gym.experiments.progress import progress_bar
from tvfs_gym.experiments.tuning.distribution import TuningEpisode, description, draw_episodes
from tvfs_gym.experiments.tuning.search import Candidate, Scores, by_name, search

COMMAND = "tvfs-gym dev tune-baselines"

EPISODES = 30
"""Episodes of each board: what two cores do in twelve minutes."""


def run(controllers: Sequence[str], episodes: int | None, checkout: Path) -> None:
    """Tunes the baselines on all boards that ship, prints the values and writes them.

    Args:
        controllers: Baselines; if empty, all that have parameters.
        episodes: Episodes of each board; None for `EPISODES`.
        checkout: Checkout whose file is written.

    Raises:
        InputError: A controller has no parameters, or those that are not tuned now were tuned on
            other episodes.
    """
    names = list(controllers) or [*TUNED_PARAMETERS]
    for name in names:
        if name not in TUNED_PARAMETERS:
            raise unknown("controller with parameters to be tuned", name, TUNED_PARAMETERS)
    count = EPISODES if episodes is None else at_least("the number of episodes", episodes, 1)
    drawn = draw_episodes(BOARDS, DEFAULT_FAMILY, count)
    path = checkout / "baselines" / TUNED_FILE
    distribution = description(drawn)
    kept: dict[str, TunedController] = {}
    if set(names) != set(TUNED_PARAMETERS):
        old = read_toml(path, TunedValues)
        if old.distribution != distribution:
            raise InputError(
                f"the other controllers of {path} were tuned on other episodes: tune all of them, "
                "without --controller."
            )
        kept = old.controllers
    command = COMMAND if count == EPISODES else f"{COMMAND} --episodes {count}"
    found = {**kept, **tune(names, drawn)}
    controllers_found = {name: found[name] for name in TUNED_PARAMETERS if name in found}
    write(
        TunedValues(command=command, distribution=distribution, controllers=controllers_found), path
    )
    Console().print(_table({name: found[name] for name in names}))


def tune(
    controllers: Sequence[str], episodes: Sequence[TuningEpisode]
) -> dict[str, TunedController]:
    """Finds the values of some controllers, in a process per CPU.

    Raises:
        InputError: In fewer than two of the episodes a configuration meets L_c.
    """
    with progress_bar() as bar, open_engine() as engine:
        return search(controllers, partial(_evaluate, engine, bar, episodes))


def _evaluate(
    engine: Engine,
    bar: Progress,
    episodes: Sequence[TuningEpisode],
    candidates: Sequence[Candidate],
) -> Scores:
    """Runs candidates in all episodes in which a configuration meets L_c."""
    task = bar.add_task(f"{len(candidates)} candidates", total=len(episodes))
    trials = {f"episode {n}": partial(_scores, each, candidates) for n, each in enumerate(episodes)}
    scores = {}
    for name, found in engine.run(trials):
        bar.update(task, advance=1)
        scores[name] = found
    met = [found for name in trials if (found := scores[name]) is not None]
    if len(met) < 2:
        raise InputError(
            "expected two episodes or more in which a configuration meets L_c, and drew "
            f"{len(met)}: ask for more episodes."
        )
    return np.array(met).T


def _scores(episode: TuningEpisode, candidates: Sequence[Candidate]) -> list[float] | None:
    """Reliable accuracies of candidates; None where no configuration meets L_c."""
    design = _design(episode)
    if design is None:
        return None
    scores: list[float] = []
    for name, alike in groupby(candidates, key=itemgetter(0)):
        values = [by_name(candidate) for candidate in alike]
        run = partial(_run, episode, design, name)
        if name in PER_BOARD:
            columns = {key: np.array([each[key] for each in values]) for key in values[0]}
            scores += run(columns, len(values))
        else:
            scores += [score for each in values for score in run(each, 1)]
    return scores


def _run(
    episode: TuningEpisode, design: Design, name: str, values: Mapping[str, Any], count: int
) -> list[float]:
    """Reliable accuracies of a controller on so many twins, each in the same episode."""
    controller = build(name, design, **values)
    runs = run_episodes(episode.twins(count), controller, [episode.seed] * count)
    return [float(row["reliable_accuracy"]) for _, row in runs]


@cache
def _design(episode: TuningEpisode) -> Design | None:
    design = episode.design()
    try:
        design.accuracy()
    except InputError:
        return None
    return design


def write(values: TunedValues, path: Path) -> None:
    """Writes the values as TOML."""
    document = tomlkit.document()
    document.add(tomlkit.comment("Guards and thresholds of the baselines, written by `command`."))
    document.update(values.model_dump(mode="json"))
    write_whole(path, tomlkit.dumps(document).encode())


def values_text(values: Values) -> str:
    """Values in a cell of a table."""
    return ", ".join(f"{name} = {value:g}" for name, value in values.items())


def _table(found: dict[str, TunedController]) -> Table:
    table = Table(
        box=box.SIMPLE,
        show_edge=False,
        pad_edge=False,
        caption="score: reliable accuracy, %; lead: on the runner-up's",
    )
    for heading in ("controller", "parameter"):
        table.add_column(heading, no_wrap=True)
    for heading in ("taken", "runner-up", "score", "lead"):
        table.add_column(heading, justify="right")
    for name, each in found.items():
        table.add_row(
            name,
            "\n".join(each.values),
            "\n".join(f"{value:g}" for value in each.values.values()),
            "\n".join(f"{value:g}" for value in each.runner_up.values()),
            f"{100 * each.reliable_accuracy:.2f}",
            f"{100 * each.difference:+.2f} ±{100 * each.standard_error:.2f}",
        )
    return table
