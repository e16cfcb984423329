"""Files that are whole or not there."""

import contextlib
import os
from pathlib import Path

_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)


DRAFT = ".part"
"""End of the names of files that are not whole yet."""


def write_whole(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Writes a file, all or nothing, whenever the process or the machine stops.

    Args:
        path: The file; its folder is made if need be.
        content: All of it.
        mode: Permissions of a new file, less the user's mask.

    Raises:
        OSError: The file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}{DRAFT}")
    with open(draft, "wb", opener=lambda name, _: os.open(name, _NEW, mode)) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Has the name of a renamed file survive a power cut, where the system can open a folder."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # on Windows
        return
    try:
        with contextlib.suppress(OSError):  # some network file systems cannot
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
