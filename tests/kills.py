"""Kills every long command at random moments, and looks what becomes of it.

``python -m tests.kills COUNT [--seed N] [--command NAME] [--output FILE] [--publish]`` starts the
commands of `tests.killed_commands` in turn, and kills each once it has run for a while, by SIGKILL,
SIGTERM or SIGINT to the process alone, or by what a terminal does upon Ctrl-C, SIGINT to all of
them. Moments are spread over the time that the command takes. Afterwards

- no process of it may be left after `PATIENCE_S`, nor anything in ``/dev/shm``,
- nothing may have printed a traceback, and an interrupt is told in one line,
- the same command must go on, or start again, to its end,
- and come to what an uninterrupted one comes to.

A line per kill goes to the output file, as JSON.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.killed_commands import COMMANDS, Command, Results, SlowServer, make_inputs
from tvfs_gym.experiments.results.tables import markdown_table, replace_section

PAGE = Path(__file__).resolve().parents[1] / "docs" / "concepts" / "reliability.md"
KINDS = ("SIGKILL", "SIGINT", "SIGTERM", "Ctrl-C")
PATIENCE_S = 8.0
"""After a command was killed, until the last of its processes must have ended; a busy machine has
as many times longer as it has more to do than it can."""

LONGEST_S = 180.0
"""After which a command hangs; likewise."""

MARK = "TVFS_GYM_KILLED"
"""Variable that all processes of a command inherit."""

STATUS = {"SIGKILL": -9, "SIGINT": 130, "SIGTERM": 143, "Ctrl-C": 130}
EARLY = {"SIGINT": -2, "SIGTERM": -15, "Ctrl-C": -2}
"""Exit statuses, and those where nothing had begun."""


@dataclass(frozen=True)
class Kill:
    """One kill, and what was wrong with it.

    Attributes:
        command: Name of the command.
        kind: One of `KINDS`.
        moment: Share of the command's duration after which it was killed.
        problems: What was wrong.
    """

    command: str
    kind: str
    moment: float
    problems: tuple[str, ...]


class Victim:
    """A command in a folder of its own.

    Args:
        command: The command.
        folder: Made; the inputs stand beside it.
        stderr: Where it says what it says; beside the folder, if it is None.
    """

    def __init__(self, command: Command, folder: Path, stderr: Path | None = None) -> None:
        folder.mkdir()
        self._stderr = stderr or folder.with_name(f"{folder.name}.stderr")
        self.folder, self._mark = folder, str(folder)
        command.prepare(folder)
        arguments = command.arguments.replace("{inputs}", str(folder.parent / "inputs"))
        self._call = [sys.executable, "-m", "tvfs_gym_command", *arguments.split()]

    def start(self, **variables: str) -> "subprocess.Popen[str]":
        """Starts it, in a group of its own, with further environment variables."""
        return subprocess.Popen(
            self._call,
            cwd=self.folder,
            env={**os.environ, **variables, MARK: self._mark},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._stderr.open("w"),
            text=True,
            start_new_session=True,
        )

    def run(self, **variables: str) -> tuple[int, str, float]:
        """Runs it to its end; its status, what it said, and how long it took, s."""
        began_s = time.monotonic()
        process = self.start(**variables)
        try:
            status = process.wait(patience_s(LONGEST_S))
        except subprocess.TimeoutExpired:
            self.end_all()
            return -1, "it hangs", LONGEST_S
        return status, self.said(), time.monotonic() - began_s

    def said(self) -> str:
        """Standard error of the last start, of all processes."""
        return self._stderr.read_text(errors="replace")

    def alive(self) -> list[int]:
        """Processes of the command."""
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                mark = f"{MARK}={self._mark}".encode()
                if entry.name.isdecimal() and mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
        return found

    def orphans(self) -> list[str]:
        """Command lines of processes that have not ended after a while; they are ended."""
        until_s = time.monotonic() + patience_s(PATIENCE_S)
        while self.alive() and time.monotonic() < until_s:
            time.sleep(0.05)
        return self.end_all()

    def end_all(self) -> list[str]:
        """Ends whatever is left of the command; says what it was."""
        lines = []
        for number in self.alive():
            with suppress(OSError):
                line = Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ").decode()
                lines.append(line[:100])
                os.kill(number, signal.SIGKILL)
        return lines


def patience_s(usual_s: float) -> float:
    """A patience on this machine as it is now, s."""
    return usual_s * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def shared_memory() -> set[str]:
    """Names in /dev/shm."""
    return {entry.name for entry in Path("/dev/shm").iterdir()}


def send(process: "subprocess.Popen[str]", kind: str) -> None:
    """Kills a process, or interrupts its group as a terminal does."""
    if kind == "Ctrl-C":
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(getattr(signal, kind))


def kill_one(
    name: str, kind: str, moment: float, folder: Path, duration_s: float, expected: Results
) -> Kill | None:
    """Kills a command once; None if it had ended before."""
    command = COMMANDS[name]
    before = shared_memory()
    victim = Victim(command, folder)
    process = victim.start()
    time.sleep(moment * duration_s)
    if process.poll() is not None:
        return None
    send(process, kind)
    try:
        status = process.wait(patience_s(PATIENCE_S))
    except subprocess.TimeoutExpired:
        return Kill(name, kind, moment, ("does not end", *victim.end_all()))
    problems = [f"orphan: {line}" for line in victim.orphans()]
    problems += [f"left in /dev/shm: {each}" for each in sorted(shared_memory() - before)]
    if status == 0:  # the signal came too late
        return None
    problems += _told(kind, status, victim.said())
    if not command.whole(victim.folder):
        problems.append("the board is not as it was")
    status, said, _ = victim.run()
    problems += [f"orphan of the second: {line}" for line in victim.orphans()]
    problems += differences(command, victim, expected, status, said)
    return Kill(name, kind, moment, tuple(problems))


def _told(kind: str, status: int, said: str) -> list[str]:
    """What is wrong with what a killed command said."""
    problems = []
    if "Traceback" in said or "Exception ignored" in said or "KeyboardInterrupt" in said:
        problems.append(f"traceback: {said[-600:]}")
    if status == EARLY.get(kind):
        return problems
    if status != STATUS[kind]:
        problems.append(f"status {status}: {said[-300:]}")
    lines = [line for line in said.splitlines() if "stopped" in line or "bort" in line]
    if kind in ("SIGINT", "Ctrl-C") and len(lines) != 1:
        problems.append(f"{len(lines)} lines tell of the interrupt: {said[-300:]}")
    return problems


def differences(
    command: Command, victim: Victim, expected: Results, status: int, said: str
) -> list[str]:
    """What is wrong with a command that has ended: it was refused, or came to something else."""
    if status != 0 and "already exists" not in said:
        return [f"refused with {status}: {said[-300:]}"]
    try:
        found = command.results(victim.folder)
    except Exception as error:
        return [f"no results, {error!r}, with {status}: {said[-300:]}"]
    differing = sorted(key for key in {**expected, **found} if expected.get(key) != found.get(key))
    return [f"differs in {key}" for key in differing[:3]]


def kill_many(
    names: Sequence[str], count: int, seed: int, output: Path | None = None
) -> list[Kill]:
    """Kills the commands in turn, each by every kind, until so many were killed."""
    draw, kills = random.Random(seed), list[Kill]()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # an ignored one would be inherited
    with TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "inputs").mkdir()
        make_inputs(folder / "inputs", SlowServer())
        for number, name in enumerate(names):
            share = count // len(names) + (number < count % len(names))
            if share:
                kills += _kill_command(name, share, folder / str(number), draw, output)
    return kills


def _kill_command(
    name: str, count: int, folder: Path, draw: random.Random, output: Path | None
) -> list[Kill]:
    folder.mkdir()
    (folder / "inputs").symlink_to(folder.parent / "inputs")
    command, kills = COMMANDS[name], list[Kill]()
    whole = Victim(command, folder / "whole")
    status, said, duration_s = whole.run()
    assert status == 0, f"{name}: {said}"
    expected, tries, first = command.results(whole.folder), 0, draw.randrange(len(KINDS))
    while len(kills) < count:
        place, tries = folder / f"{len(kills)}-{tries}", tries + 1
        moment = (len(kills) + draw.random()) / count * 0.8 ** (tries - len(kills) - 1)
        kind = KINDS[(first + len(kills)) % len(KINDS)]
        kill = kill_one(name, kind, moment, place, duration_s, expected)
        if kill is None:
            continue
        kills.append(kill)
        if output is not None:
            with output.open("a") as file:
                file.write(json.dumps(asdict(kill)) + "\n")
        if kill.problems:
            print(json.dumps(asdict(kill)), flush=True)
    print(f"{name}: {sum(not kill.problems for kill in kills)} of {count} clean", flush=True)
    return kills


def page(kills: Sequence[dict[str, Any]]) -> str:
    """A table: kills by command and kind, and how many were clean."""
    rows = []
    names = list(dict.fromkeys(kill["command"] for kill in kills))
    for name in [*names, "all"]:
        own = [kill for kill in kills if name in (kill["command"], "all")]
        kinds = Counter(kill["kind"] for kill in own)
        clean = sum(not kill["problems"] for kill in own)
        rows.append([f"`{name}`" if name != "all" else name, *(str(kinds[k]) for k in KINDS)])
        rows[-1] += [str(len(own)), str(clean)]
    return markdown_table(["command", *KINDS, "kills", "clean"], rows)


def main() -> int:
    """Kills all commands, or some."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--command", choices=COMMANDS, action="append")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--publish", action="store_true", help="put the output's table into a page")
    asked = parser.parse_args()
    kills = kill_many(asked.command or list(COMMANDS), asked.count, asked.seed, asked.output)
    rows = [asdict(kill) for kill in kills]
    if asked.output is not None:
        rows = [json.loads(line) for line in asked.output.read_text().splitlines()]
    print(page(rows))
    if asked.publish:
        replace_section(PAGE, "killed-commands", page(rows))
    return 1 if any(kill.problems for kill in kills) else 0


if __name__ == "__main__":
    sys.exit(main())
