"""Runs that were stopped: how they are marked, found again by the same command, and reported."""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import typer

from tvfs_gym.envs.files import write_whole
from tvfs_gym.experiments.progress import LOGGER

UNFINISHED = "unfinished.json"
"""Mark of a run's folder from which something is missing: the process that is, or was, at it."""


TERMINATED = 128 + signal.SIGTERM
"""Exit status of a command that SIGTERM ends."""


def mark_unfinished(folder: Path) -> None:
    """Says that this process is at a run's folder."""
    process = psutil.Process()
    mark = json.dumps([process.pid, process.create_time()])
    write_whole(folder / UNFINISHED, mark.encode())


def finish(folder: Path) -> None:
    """Says that nothing is missing from a run's folder."""
    (folder / UNFINISHED).unlink(missing_ok=True)


def unfinished_folder(name: str, file: str, content: str) -> Path | None:
    """Finds what the same command began last and did not finish, unless it is still at it.

    Args:
        name: Name of the experiment, of whose folders ``results/NAME_N`` are looked through.
        file: A file that tells what the folder is of.
        content: What the file must hold, apart from white space at its ends.
    """
    begun = [marker.parent for marker in Path("results").glob(f"{name}_*/{UNFINISHED}")]
    same = [folder for folder in begun if _holds(folder / file, content) and _is_stopped(folder)]
    return max(same, key=lambda folder: folder.stat().st_mtime, default=None)


@contextmanager
def kept_when_stopped(folder: Path, kept: Callable[[], str]) -> Iterator[None]:
    """Says in one line what is kept and how to go on if the user stops the run.

    Args:
        folder: The run's folder.
        kept: Says what is there, such as ``3 of 8 scenarios``.
    """
    try:
        yield
    except KeyboardInterrupt:
        _tell_stopped(folder, kept())
        raise typer.Exit(130) from None
    except SystemExit as end:
        if end.code == TERMINATED:
            _tell_stopped(folder, kept())
        raise


def _tell_stopped(folder: Path, kept: str) -> None:
    LOGGER.warning(f"stopped: {kept} are kept in {folder}; the same command resumes.")


def _holds(file: Path, content: str) -> bool:
    try:
        return file.read_text(encoding="utf-8").strip() == content
    except (OSError, UnicodeDecodeError):
        return False


def _is_stopped(folder: Path) -> bool:
    """Tells whether the process that was at a run has ended."""
    try:
        pid, created_s = json.loads((folder / UNFINISHED).read_text())
        return bool(psutil.Process(pid).create_time() != created_s)
    except (OSError, ValueError, TypeError, psutil.Error):
        return True
