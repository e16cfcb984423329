"""``tvfs-gym run``: controllers on a board, one episode of each in turn.

Writes a folder like a benchmark's: ``steps/`` and ``episodes/``, ``config.json``,
``versions.json``, ``command.txt``, figures and ``report.html``, and under ``policies/`` what was
learnt while it ran. Every episode is a Parquet file of its own, written as it ends; a resumed run
computes only the missing episodes.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import typer
from rich.console import Console

from tvfs_gym.baselines.characterisation import file as characterisation_file
from tvfs_gym.baselines.characterisation.characterisation import characterise
from tvfs_gym.baselines.controller import Design, Policy
from tvfs_gym.envs.board_env import BoardEnv
from tvfs_gym.envs.boards.linux.board import LinuxBoard
from tvfs_gym.envs.inference.topology import DEFAULT_FAMILY
from tvfs_gym.envs.reward import DEFAULT_REWARD, WITHOUT_LABELS
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv
from tvfs_gym.experiments.board.boards import facts, open_board, suited
from tvfs_gym.experiments.board.dashboard import LiveEpisode, RunView, display
from tvfs_gym.experiments.board.schedule import Schedule
from tvfs_gym.experiments.controllers import is_measured, policy_named
from tvfs_gym.experiments.episodes import Columns, Episode, Row
from tvfs_gym.experiments.learning.online import learns, write_curves
from tvfs_gym.experiments.options import RealBoard
from tvfs_gym.experiments.progress import is_quiet
from tvfs_gym.experiments.results.cells import cell_name, is_written, write_cell, write_unfinished
from tvfs_gym.experiments.results.folder import make_folder, write_provenance
from tvfs_gym.experiments.results.resuming import nominal_latency_of, resumed_folder

START_FIELDS = ("temperature_c", "frequency_hz", "vf_level", "cap_level")
"""Readings before an episode's first step: columns of its row, after ``start_``."""


POLICIES = "policies"
"""Folder of a run: what was learnt while it ran, by cell."""


def _nominal_latency_s(output: Path | None, characterisation: Path | None) -> float | None:
    """Finds the nominal latency of the resumed run, or else of the characterisation.

    Raises:
        InputError: A file cannot be used.
    """
    earlier_s = nominal_latency_of(output)
    if earlier_s is not None or characterisation is None:
        return earlier_s
    return characterisation_file.read(characterisation).provenance.nominal_latency_s


def run(
    name: str,
    family: str | None,
    real: RealBoard,
    schedule: Schedule,
    scenario: Scenario,
    frames_per_step: int,
    characterisation: Path | None,
    output: Path | None,
) -> Path:
    """Runs the schedule, and writes the files of its folder, but for figures and report.

    Args:
        name: Board: see `tvfs_gym.experiments.board.boards.open_board`.
        family: Topology family: see there.
        real: Options of a real board.
        schedule: Which episodes.
        scenario: Their conditions.
        frames_per_step: Frames of a step.
        characterisation: Output of ``tvfs-gym characterise``; None to measure a twin now.
        output: Folder to write or resume; None for the next free one under ``results/``.

    Returns:
        The folder.

    Raises:
        InputError: A controller cannot be built, or the folder holds other results.
        BoardError: The board was lost; what was run until then is kept.
    """
    board = open_board(name, family, real, _nominal_latency_s(output, characterisation))
    try:
        scenario = suited(board, scenario)
        board.check(scenario)
        labelled = not isinstance(board, LinuxBoard) or board.labelled
        reward = DEFAULT_REWARD if labelled else WITHOUT_LABELS[0]
        env = BoardEnv(board, scenario, frames_per_step, reward, choose_passes=True)
        named = f"{1e3 * scenario.latency_constraint_s:g} ms"
        content = None if characterisation is None else characterisation_file.read(characterisation)
        config = {
            **facts(board),
            "frames_per_step": frames_per_step,
            "controllers": list(schedule.controllers),
            "seeds": list(range(schedule.seed, schedule.seed + schedule.episodes)),
            "order": schedule.order,
            "scenarios": {named: {"board": board.info.name, **scenario.model_dump(mode="json")}},
            "characterisation": None if content is None else content.model_dump(mode="json"),
        }
        folder = resumed_folder(output, "run", config)
        design = _design(env, content, schedule.controllers)
        twins = None if board.info.real else partial(_twins, name, family, frames_per_step)
        policies = {
            each: policy_named(each, design, twins, (scenario,)) for each in schedule.controllers
        }
        write_provenance(folder, config)
        _run_all(env, schedule, policies, named, folder)
    finally:
        board.close()
    if any(learns(name) for name in schedule.controllers):
        write_curves(folder)
    return folder


def _twins(
    profile: str, family: str | None, frames_per_step: int, scenarios: Sequence[Scenario]
) -> TwinVectorEnv:
    return TwinVectorEnv(
        len(scenarios),
        profile,
        family or DEFAULT_FAMILY,
        scenarios,
        frames_per_step,
        choose_passes=True,
    )


def _design(
    env: BoardEnv,
    content: characterisation_file.CharacterisationFile | None,
    controllers: Sequence[str],
) -> Design:
    """The design from the file, or from measuring a twin now if a controller needs that."""
    if content is not None:
        return Design.of(env, content.of(env.board))
    if env.board.info.real or not any(is_measured(name) for name in controllers):
        return Design.of(env, None)
    known = Scenario(t_max_c=env.scenario.t_max_c, throttling=env.scenario.throttling)
    return Design.of(env, characterise(env.board, known))


def _run_all(
    env: BoardEnv, schedule: Schedule, policies: dict[str, Policy], scenario: str, folder: Path
) -> None:
    """Runs the missing episodes; if stopped, says what is kept."""
    runs = schedule.runs()
    cells = [cell_name(scenario, name, seed) for name, seed in runs]
    try:
        with display(Console(stderr=True, quiet=is_quiet())) as shown:
            for number, ((name, seed), cell) in enumerate(zip(runs, cells, strict=True), 1):
                if not is_written(folder, cell):
                    keys = {"scenario": scenario, "controller": name}
                    title = f"episode {number} of {len(runs)}: {name}"
                    _run_one(env, policies[name], seed, title, shown, folder, cell, keys)
    except BaseException as error:
        kept = sum(is_written(folder, cell) for cell in cells)
        Console(stderr=True).print(
            f"stopped: {kept} of {len(cells)} episodes, and the steps of the last, are kept in "
            f"{folder}; the same command resumes",
            soft_wrap=True,
            highlight=False,
        )
        if isinstance(error, KeyboardInterrupt):
            raise typer.Exit(130) from None
        raise


def _run_one(
    env: BoardEnv,
    policy: Policy,
    seed: int,
    title: str,
    shown: RunView,
    folder: Path,
    cell: str,
    keys: Row,
) -> None:
    """Runs and writes an episode; if stopped, writes its steps."""
    live = LiveEpisode(env.board, title, env.scenario.frames)
    shown.begins(live)
    episode = Episode(env, policy, seed)
    try:
        for window in episode:
            live.add(window)
            shown.stepped(live)
    except BaseException:
        if episode.frames:
            _save_learnt(episode, folder, cell)
            write_unfinished(folder, cell, keys, seed, _columns(env, episode))
        raise
    _save_learnt(episode, folder, cell)
    row = {**_start(episode), **episode.row()}
    write_cell(folder, cell, keys, [seed], [(_columns(env, episode), row)])
    shown.ended(keys["controller"], row)


def _save_learnt(episode: Episode, folder: Path, cell: str) -> None:
    """Writes what a controller that learns as it runs has learnt; a controller by its folder."""
    if episode.learnt is not None:
        make_folder(folder / POLICIES / cell)
        episode.learnt.save(folder / POLICIES / cell)


def _columns(env: BoardEnv, episode: Episode) -> Columns:
    """The steps with what was asked for, and the time that the controller took.

    Throttling may have kept the clock below ``requested_level``; ``requested_passes`` is the
    most that there can be where the controller leaves it open.
    """
    count = len(episode.frames)
    chosen = [env.configuration(action) for action in episode.actions[:count]]
    return {
        **{name: values[:count] for name, values in episode.columns().items()},
        "requested_level": np.array([row.vf_level for row in chosen]),
        "requested_passes": np.array([row.max_passes for row in chosen]),
        "control_s": np.array(episode.control_s[:count]),
    }


def _start(episode: Episode) -> dict[str, Any]:
    return {f"start_{field}": getattr(episode.start, field) for field in START_FIELDS}
