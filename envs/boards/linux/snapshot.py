"""What a probe reads of a machine, in one file, and the tree of files rebuilt from it.

A user attaches the file to a report, and it becomes a test: names, clocks and temperatures are in
it, serial numbers are not.
"""

import json
from pathlib import Path

from tvfs_gym.envs.boards.linux.probe import examine
from tvfs_gym.envs.boards.linux.sysfs import Sysfs
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.files import write_whole

FORMAT = "tvfs-gym board snapshot 1"


def write_snapshot(root: Path, path: Path) -> int:
    """Probes a machine, and writes all that was read; returns the number of files.

    Raises:
        InputError: The file cannot be written.
    """
    sysfs = Sysfs(root)
    examine(sysfs)
    record = sysfs.record
    content = {
        "format": FORMAT,
        "files": record.files,
        "unreadable": sorted(record.unreadable),
        "links": record.links,
        "read_only": sorted(record.read_only),
        "cpu_parts": {str(cpu): part for cpu, part in sysfs.cpu_parts().items()},
    }
    try:
        write_whole(path, json.dumps(content, indent=1).encode())
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.") from error
    return len(record.files)


def rebuild(path: Path, folder: Path) -> Path:
    """Makes the tree that a snapshot holds; returns its root.

    A file that could not be read becomes a folder, which cannot be read either.

    Args:
        path: The snapshot.
        folder: Where ``sys`` is made, and ``proc`` beside it.

    Raises:
        InputError: The file is no snapshot.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ValueError(f"its format is {content['format']!r}, not {FORMAT!r}")
        root = folder / "sys"
        root.mkdir(parents=True)
        for name, value in content["files"].items():
            _inside(root, name).write_text(f"{value}\n", encoding="utf-8")
        for name in content["unreadable"]:
            _inside(root, name).mkdir()
        for name, target in content["links"].items():
            _inside(root, name).symlink_to(target)
        for name in content["read_only"]:
            file = _inside(root, name)
            file.touch()
            file.chmod(0o444)
        listed = [
            f"processor : {cpu}\nCPU implementer : {implementer:#x}\nCPU part : {part:#x}\n"
            for cpu, (implementer, part) in content["cpu_parts"].items()
        ]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{path} is no snapshot that tvfs-gym doctor --snapshot wrote: {error}."
        ) from error
    if listed:
        (folder / "proc").mkdir()
        (folder / "proc/cpuinfo").write_text("\n".join(listed))
    return root


def _inside(root: Path, name: str) -> Path:
    """Path of an entry, in a folder that is there.

    Raises:
        ValueError: The name leads out of the tree.
    """
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError(f"the name {name} leads out of the tree")
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
