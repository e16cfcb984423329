"""``tvfs-gym doctor``: what this machine can do as a board, what it lacks, the repair."""

import json
import os
import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from tvfs_gym.envs.boards.linux import guardian
from tvfs_gym.envs.boards.linux.options import options_of
from tvfs_gym.envs.boards.linux.plan import BoardPlan, plan_of
from tvfs_gym.envs.boards.linux.probe import probe
from tvfs_gym.envs.boards.linux.session import board_locks, holder_of, session_files, waiting_words
from tvfs_gym.envs.boards.linux.snapshot import rebuild, write_snapshot
from tvfs_gym.envs.errors import BoardError, InputError
from tvfs_gym.envs.inference.runtime import runtime
from tvfs_gym.experiments.board.examination import as_data, details, summary

BUSY_PERCENT = 10.0
"""Share of a CPU: a process that uses more is named, for it heats the board and takes time."""

LOOK_S = 0.2
"""For how long the processes are watched."""

NAME_WIDTH = 14
"""Columns of the names of a report."""


@dataclass(frozen=True)
class Examination:
    """What `tvfs-gym doctor` is asked to do.

    Attributes:
        root: The sysfs tree, or a snapshot of one.
        options: Options of a `LinuxBoard`.
        as_json: Print data.
        with_details: Print everything that was found.
        snapshot: File to which all that is read is written; None for none.
    """

    root: Path
    options: dict[str, Any]
    as_json: bool = False
    with_details: bool = False
    snapshot: Path | None = None


def run(asked: Examination) -> int:
    """Examines a machine, and prints a report.

    Returns:
        The exit status: 0 if the board can be controlled in full, 1 if something is missing.

    Raises:
        InputError: What the options name is not there, or the snapshot cannot be used.
    """
    if asked.root.is_file():
        with TemporaryDirectory() as folder:
            return _examined(asked, rebuild(asked.root, Path(folder)))
    return _examined(asked, asked.root)


def _examined(asked: Examination, root: Path) -> int:
    options = options_of(asked.options)
    plan = plan_of(probe(root), options.wishes)
    missing = [*plan.missing, *_runtime_missing()]
    in_full = plan.in_full and not missing
    if asked.snapshot is not None:
        count = write_snapshot(root, asked.snapshot)
        _print(f"{asked.snapshot}: {count} files of {asked.root}; --root {asked.snapshot} reads it")
    if asked.as_json:
        print(json.dumps(as_data(plan, missing, dict(_computer())), indent=1))
        return int(not in_full)
    rows = [*summary(plan), *(details(plan) if asked.with_details else ()), *_computer()]
    for name, value in rows:
        _print(f"{name:<{NAME_WIDTH}} {value}", indent=NAME_WIDTH + 1)
    for line in (*_left(*session_files(root, options.state_folder), root), *plan.notes):
        _print(f"- {line}", indent=2)
    for kind, lines in (("Missing", missing), ("In doubt", plan.doubts)):
        for line in lines:
            _print(f"- {kind}: {line}", indent=2)
    _print(_verdict(plan, missing))
    return int(not in_full)


def _print(line: str, indent: int = 0) -> None:
    """Prints within the terminal's width."""
    width = shutil.get_terminal_size().columns
    print(
        textwrap.fill(
            line,
            width,
            subsequent_indent=" " * indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
    )


def restored(root: Path, state_folder: Path | None) -> str:
    """Restores what a killed run has left; says what was done.

    Raises:
        BoardError: A run controls the board now, or something cannot be restored.
    """
    lock_path, state = session_files(root, state_folder)
    locks = board_locks(root, lock_path)
    try:
        if not state.exists():
            return "Nothing to restore: the last run left everything as it found it."
        problems = guardian.restore_state(state, root)
    finally:
        for lock in locks:
            os.close(lock)
    if problems:
        raise BoardError(
            f"not everything could be restored: {' '.join(problems)} Put it right by hand, then "
            f"remove {state}."
        )
    waiting = guardian.waiting_in(state, root)
    if waiting:
        return waiting_words(waiting)
    return "Restored what a killed run had left."


def _runtime_missing() -> Iterator[str]:
    try:
        runtime()
    except InputError as error:
        yield f"{error}"


def _verdict(plan: BoardPlan, missing: list[str]) -> str:
    if not missing and not plan.doubts:
        return "tvfs_gym/LinuxBoard-v1 can control this machine in full."
    if not missing:
        return "tvfs_gym/LinuxBoard-v1 can control this machine, but for what is in doubt above."
    options = []
    if plan.actuator == "none":
        options.append("'allow_single_level': True")
    if not plan.thermometer.ready:
        options.append("'allow_no_sensor': True")
    what = f"options={{{', '.join(options)}}}"
    return (
        "What still works: the digital twins in full, and tvfs_gym/LinuxBoard-v1 with "
        f"{what}: real networks, real latencies and accuracy, choice of topology and passes."
    )


def _computer() -> Iterator[tuple[str, str]]:
    """TFLite, load and memory, and who else computes."""
    try:
        yield "TFLite", runtime()
    except InputError:
        yield "TFLite", "none"
    memory = psutil.virtual_memory()
    yield "CPUs", f"{psutil.cpu_count()}, load {psutil.getloadavg()[0]:.2f}"
    yield "memory", f"{memory.available / 2**20:.0f} of {memory.total / 2**20:.0f} MiB free"
    processes = list(psutil.process_iter(["name"]))
    for process in processes:
        _cpu_percent(process)
    psutil.cpu_percent(LOOK_S)
    for process in processes:
        used = _cpu_percent(process)
        if used > BUSY_PERCENT and process.pid != os.getpid():
            yield "busy process", f"{process.info['name']} ({process.pid}): {used:.0f} % of a CPU"


def _cpu_percent(process: psutil.Process) -> float:
    try:
        return float(process.cpu_percent())
    except psutil.Error:  # it has just ended
        return 0.0


def _left(lock: Path, state: Path, root: Path) -> Iterator[str]:
    """Notes on a run in progress, and on what an earlier one has left."""
    holder = holder_of(lock)
    waiting = guardian.waiting_in(state, root)
    if holder is not None:
        yield f"Process {holder} controls this board now."
    elif waiting:
        yield waiting_words(waiting)
    elif state.exists():
        yield f"A killed run has left its settings ({state}): run tvfs-gym doctor --restore."
