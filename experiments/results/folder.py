"""Result folders: files of a run, and its provenance."""

import json
import platform
import shlex
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from itertools import count
from pathlib import Path
from typing import Any

import psutil

from tvfs_gym.envs.errors import InputError

CONFIG = "config.json"
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
    if output.is_dir() and any(output.iterdir()):
        raise InputError(f"{output} already holds results: name another folder or remove it.")
    return output


def resumed_folder(output: Path | None, name: str, config: dict[str, Any]) -> Path:
    """Finds the folder of a run, which resumes an earlier one of the same configuration.

    Args:
        output: Where the user wants it; None for the next free ``results/NAME_N``.
        name: Name of the experiment.
        config: Anything that JSON can hold; an earlier run with the same is resumed.

    Raises:
        InputError: The wanted folder holds something else, or is a file.
    """
    if output is None or not (output / CONFIG).is_file():
        return free_folder(output, name)
    if read_json(output, CONFIG) != json.loads(json.dumps(config)):
        raise InputError(
            f"{output} already holds results of another configuration: name another folder or "
            "remove it."
        )
    return output


def nominal_latency_of(folder: Path | None) -> float | None:
    """The nominal latency of the run that a folder holds; None if it holds none.

    A real board measures it anew, a little differently, whenever it is opened.
    """
    if folder is None or not (folder / CONFIG).is_file():
        return None
    found: float | None = read_json(folder, CONFIG).get("nominal_latency_s")
    return found


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
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n")
    (folder / "versions.json").write_text(json.dumps(versions, indent=2) + "\n")
    (folder / "command.txt").write_text(shlex.join(["tvfs-gym", *sys.argv[1:]]) + "\n")


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
        InputError: It exists, or its folder does not.
    """
    if path.exists() and not overwrite:
        raise InputError(f"{path} already exists: name another file or remove it.")
    if not path.resolve().parent.is_dir():
        raise InputError(f"cannot write {path}: there is no folder {path.parent}.")
    return path


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
        content: dict[str, Any] = json.loads((folder / name).read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise InputError(f"{folder} holds no results of a benchmark: no usable {name}.") from error
    return content
