"""Reading a sysfs tree, and a record of what was read, from which the tree can be rebuilt."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from tvfs_gym.envs.boards.linux import guardian


@dataclass
class SysfsRecord:
    """What a probe has read, by paths relative to the tree.

    Attributes:
        files: Content of the files.
        unreadable: Files that are there and cannot be read.
        links: Targets of symbolic links.
        read_only: Files that this user may not write.
    """

    files: dict[str, str] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    links: dict[str, str] = field(default_factory=dict)
    read_only: set[str] = field(default_factory=set)


class Sysfs:
    """One tree, read file by file.

    Attributes:
        root: The tree.
        record: What was read.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.record = SysfsRecord()

    def text(self, path: Path) -> str | None:
        """Content of a file; None if it cannot be read, even at a second attempt."""
        content = text(path)
        name = str(path.relative_to(self.root))
        if content is not None:
            self.record.files[name] = content
        elif path.exists():
            self.record.unreadable.add(name)
        return content

    def number(self, path: Path) -> int | None:
        """The number that a file holds; None if it cannot be read or holds none."""
        return _integer(self.text(path))

    def numbered(self, folder: str | Path, name: str) -> list[Path]:
        """Entries of a folder called ``name`` and a number, by the number."""
        found = {
            int(entry.name.removeprefix(name)): entry
            for entry in (self.root / folder).glob(f"{name}*")
            if entry.name.removeprefix(name).isdecimal()
        }
        return [found[key] for key in sorted(found)]

    def target(self, link: Path) -> str:
        """Name of the folder that a link leads to."""
        target = link.resolve()
        if link.is_symlink():
            self.record.links[str(link.relative_to(self.root))] = f"../{target.name}"
        return target.name

    def writable(self, path: Path) -> bool:
        """Tells whether this user may write a file."""
        allowed = os.access(path, os.W_OK)
        if not allowed and path.exists():
            self.record.read_only.add(str(path.relative_to(self.root)))
        return allowed

    def cpu_parts(self) -> dict[int, tuple[int, int]]:
        """Implementer and part of the CPUs of an ARM machine, from ``/proc/cpuinfo``.

        Only these lines are kept: others hold the serial number of a Raspberry Pi.
        """
        listed = text(self.root.parent / "proc/cpuinfo") or ""
        parts: dict[int, tuple[int, int]] = {}
        cpu, implementer = -1, 0
        for line in listed.splitlines():
            key, _, value = (part.strip() for part in line.partition(":"))
            try:
                if key == "processor":
                    cpu = int(value)
                elif key == "CPU implementer":
                    implementer = int(value, 0)
                elif key == "CPU part":
                    parts[cpu] = implementer, int(value, 0)
            except ValueError:
                continue
        return parts


def text(path: Path) -> str | None:
    """Content of a file; None if it cannot be read, even at a second attempt."""
    try:
        return guardian.persistently(guardian.read, str(path))
    except OSError:
        return None


def number(path: Path) -> int | None:
    """The number that a file holds; None if it cannot be read or holds none."""
    return _integer(text(path))


def cpu_list(line: str) -> tuple[int, ...]:
    """CPUs as the kernel lists them: ``0 1 2`` or ``0-2,5``."""
    cpus: list[int] = []
    for part in line.replace(",", " ").split():
        first, _, last = part.partition("-")
        cpus += range(int(first), int(last or first) + 1)
    return tuple(cpus)


def _integer(content: str | None) -> int | None:
    try:
        return int(content or "")
    except ValueError:
        return None
