"""Result folders: files of a run, and its provenance."""

import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.files import DRAFT, write_whole
from tvfs_gym.experiments.results.unfinished import UNFINISHED, mark_unfinished

CONFIG = "config.json"
"""File of a run with its configuration."""

COMMAND = "command.txt"
"""File of a run with the command that began it, the first that is written."""

DRAWN_BY = "tvfs-gym"
"""What the PNG files of figures name as their source."""

PACKAGES = ("tvfs-gym", "gymnasium", "numpy", "numba", "polars", "scipy")


def free_folder(output: Path | None, name: str) -> Path:
    """Finds the folder of a run; `write_provenance` makes it.

    Args:
        output: Where the user wants it; None for the next free ``results/NAME_N``.
        name: Name of the experiment.

    Raises:
        InputError: The wanted folder already holds something, or is a file.
    """
    if output is None:
        return next(f for n in count(1) if not (f := Path("results") / f"{name}_{n}").exists())
    if output.exists() and not output.is_dir():
        raise InputError(f"{output} is a file: name a folder.")
    if output.is_dir() and any(map(_is_result, output.iterdir())):
        raise InputError(f"{output} already holds results: name another folder or remove it.")
    return output


def _is_result(path: Path) -> bool:
    """Tells a file from what a command leaves that was killed before it began."""
    return path.name != UNFINISHED and not path.name.endswith(DRAFT)


def check_folder(output: Path) -> None:
    """Looks whether a folder is a run's, or could be made, before anything is computed for it.

    Raises:
        InputError: It cannot be made, or holds something else.
    """
    if not any((output / file).is_file() for file in (COMMAND, CONFIG)):
        free_folder(output, output.name)
    there = next(folder for folder in (output, *output.absolute().parents) if folder.exists())
    try:
        TemporaryDirectory(dir=there).cleanup()
    except OSError as error:
        raise InputError(f"cannot make the folder {output}: {error.strerror}.") from error


def config_digest(config: Mapping[str, Any]) -> str:
    """A hash of a configuration."""
    return sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()


def write_provenance(folder: Path, config: dict[str, Any]) -> None:
    """Writes the resolved configuration, the command, and the versions of everything.

    Args:
        folder: The run's folder, made if need be.
        config: Anything that JSON can hold.

    Raises:
        InputError: The folder cannot be made.
    """
    make_folder(folder)
    versions = installed_versions()
    versions |= {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": str(psutil.cpu_count(logical=False)),
        "memory_gib": f"{psutil.virtual_memory().total / 2**30:.0f}",
        "system": platform.system(),
        "git_commit": _git_commit(),
    }
    contents = {
        COMMAND: this_command(),
        "versions.json": json.dumps(versions, indent=2),
        CONFIG: json.dumps(config, indent=2),
    }
    mark_unfinished(folder)
    for name, content in contents.items():
        write_whole(folder / name, f"{content}\n".encode())


def this_command() -> str:
    """The command line of this process."""
    return shlex.join(["tvfs-gym", *sys.argv[1:]])


def make_folder(folder: Path) -> None:
    """Makes a folder, unless it is there.

    Raises:
        InputError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}.") from error


def installed_versions() -> dict[str, str]:
    """Versions of the packages that matter; one that is absent, as numba may be, is left out."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def checked_output(path: Path, overwrite: bool = False) -> Path:
    """A file that can be written, seen before anything is computed for it.

    Args:
        path: The file.
        overwrite: True if it may exist.

    Raises:
        InputError: It exists, or its folder does not, or cannot be written.
    """
    if path.exists() and not overwrite:
        raise InputError(f"{path} already exists: name another file or remove it.")
    if not path.resolve().parent.is_dir():
        raise InputError(f"cannot write {path}: there is no folder {path.parent}.")
    if not os.access(path.resolve().parent, os.W_OK):
        raise InputError(f"cannot write {path}: the folder {path.parent} is read-only for you.")
    return path


def is_own_figure(path: Path) -> bool:
    """Tells whether a file is a figure that this package drew."""
    return path.is_file() and f"Source\0{DRAWN_BY}".encode() in path.read_bytes()


def _git_commit() -> str:
    """Commit of the checkout that this package is run from; "not a checkout" if it is none."""
    source = Path(__file__).resolve().parent
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=source,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "not a checkout"
    return done.stdout.strip()


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """Reads a JSON file of a run.

    Raises:
        InputError: The folder holds no such file.
    """
    try:
        content = json.loads((folder / name).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{folder} holds no results: no usable {name}.") from error
    if not isinstance(content, dict):
        raise InputError(f"{folder} holds no results: no usable {name}.")
    return content


def read_command(folder: Path) -> str:
    """The command that a run's results come from.

    Raises:
        InputError: The folder does not hold it.
    """
    try:
        return (folder / COMMAND).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{folder} holds no results: no usable {COMMAND}.") from error
