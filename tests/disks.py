"""Runs every long command on a full and on a read-only disk, and where the terminal has ASCII.

``python -m tests.disks [--command NAME]``, as root on Linux, mounts small file systems in memory
for the commands of `tests.killed_commands`. On a disk that is full or cannot be written a command
must end with a sentence and no traceback; once there is room the same command must come to what it
comes to anywhere. Where standard output and error are ASCII, it must do so at once.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.killed_commands import COMMANDS, Command, Results, SlowServer, make_inputs
from tests.kills import Victim, differences
from tvfs_gym.experiments.results.tables import markdown_table

FULL, READ_ONLY, ASCII = "full", "read-only", "ASCII"
KINDS = (FULL, READ_ONLY, ASCII)

ROOM_KIB = (0, 24)
"""Room that a full disk has left."""


@contextmanager
def disk(folder: Path, size_kib: int) -> Iterator[None]:
    """A file system in memory at a folder."""
    mount("-t", "tmpfs", "-o", f"size={max(size_kib, 4)}k", "none", folder)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def mount(*arguments: object) -> None:
    """Mounts, or changes a mount."""
    subprocess.run(["mount", *map(str, arguments)], check=True)


def on_full_disk(
    name: str, folder: Path, room_kib: int, read_only: bool, expected: Results
) -> list[str]:
    """What is wrong with a command on a disk with little room, and once there is more."""
    command = COMMANDS[name]
    folder.mkdir()
    with disk(folder, 1 << 16):
        (folder / "inputs").symlink_to(folder.parent / "inputs")
        victim = Victim(command, folder / "work", folder.with_name(f"{folder.name}.stderr"))
        filling = folder / "filling"
        used_kib = int(subprocess.check_output(["du", "-sk", str(folder)], text=True).split()[0])
        if read_only:
            mount("-o", "remount,ro", folder)
        else:
            mount("-o", f"remount,size={used_kib + room_kib + 4}k", folder)
            _fill(filling, room_kib)
        status, said, _ = victim.run()
        problems = refused(status, said)
        mount("-o", "remount,rw,size=64m", folder)
        filling.unlink(missing_ok=True)
        if status == 0:
            return problems
        status, said, _ = victim.run()
        return [*problems, *differences(command, victim, expected, status, said)]


def _work_in(folder: Path) -> Path:
    """A place to work, as deep as on a disk: a family names its files from where it stands."""
    folder.mkdir()
    (folder / "inputs").symlink_to(folder.parent / "inputs")
    return folder / "work"


def _fill(path: Path, room_kib: int) -> None:
    """Takes what room there is, but for some."""
    free_kib = int(subprocess.check_output(["stat", "-f", "-c", "%a", path.parent])) * 4
    with path.open("wb", buffering=0) as file:
        file.write(bytes(1024 * max(free_kib - room_kib, 0)))


def refused(status: int, said: str) -> list[str]:
    """What is wrong with how a command ended that could not write; one that could is right."""
    if status == 0:
        return []
    lines = [line for line in said.splitlines() if line.startswith("tvfs-gym: ")]
    problems = []
    if "Traceback" in said or len(lines) != 1:
        problems.append(f"no sentence: {said[-600:]}")
    if status not in (1, 2, 3):
        problems.append(f"status {status}")
    return problems


def in_ascii(command: Command, folder: Path, expected: Results) -> list[str]:
    """What is wrong with a command whose output takes ASCII alone."""
    victim = Victim(command, folder)
    status, said, _ = victim.run(PYTHONIOENCODING="ascii")
    return [*([] if said.isascii() else ["not ASCII"]),
            *differences(command, victim, expected, status, said)]  # fmt: skip


def main() -> int:
    """Runs all commands, or some."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--command", choices=COMMANDS, action="append")
    asked = parser.parse_args()
    rows, failures = [], 0
    with TemporaryDirectory() as made:
        (Path(made) / "inputs").mkdir()
        make_inputs(Path(made) / "inputs", SlowServer())
        for number, name in enumerate(asked.command or COMMANDS):
            folder = Path(made) / str(number)
            folder.mkdir()
            (folder / "inputs").symlink_to(Path(made) / "inputs")
            whole = Victim(COMMANDS[name], _work_in(folder / "whole"))
            status, said, _ = whole.run()
            assert status == 0, said
            expected = COMMANDS[name].results(whole.folder)
            found = {
                FULL: [
                    problem
                    for room in ROOM_KIB
                    for problem in on_full_disk(name, folder / f"{room}", room, False, expected)
                ],
                READ_ONLY: on_full_disk(name, folder / "ro", 0, True, expected),
                ASCII: in_ascii(COMMANDS[name], _work_in(folder / "ascii"), expected),
            }
            for kind, problems in found.items():
                failures += len(problems)
                for problem in problems:
                    print(f"{name}, {kind}: {problem}", flush=True)
            rows.append([f"`{name}`", *("-" if found[kind] else "+" for kind in KINDS)])
            print(rows[-1], flush=True)
    print(markdown_table(["command", *KINDS], rows))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
