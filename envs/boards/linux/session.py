"""Exclusive, reversible control of a board's settings: lock, saved state, guardian process."""

import fcntl
import hashlib
import os
import subprocess
import sys
import time
import weakref
from pathlib import Path

from tvfs_gym.envs.boards.linux import guardian
from tvfs_gym.envs.boards.linux.guardian import Setting
from tvfs_gym.envs.errors import BoardError
from tvfs_gym.envs.files import write_whole

PATIENCE_S = 10.0
"""How long a guardian may take to start, or to restore; it tries for about 1.5 s."""

RETRY_S = 0.02


class Session:
    """Control of one sysfs tree, by one process at a time.

    What is saved is restored by the guardian, a process of its own, when the control is given up or
    this process ends in whatever way. The lock is shared with the guardian, so nobody else gets
    control before the board is as it was found.

    Attributes:
        recovered: True if settings were restored that a run and its guardian, both killed, left.
    """

    def __init__(self, root: Path, folder: Path | None = None) -> None:
        """Locks the board, and restores what a killed run may have left.

        Args:
            root: The sysfs tree.
            folder: Where lock and saved state are kept; see `state_folder`.

        Raises:
            BoardError: Another process controls the board, or what was left cannot be restored.
        """
        lock_path, self._state = session_files(root, folder)
        self._owner = os.getpid()
        self._guardian: subprocess.Popen[bytes] | None = None
        self._lock = locked(lock_path)
        self._end: weakref.finalize[..., Session] = weakref.finalize(self, os.close, self._lock)
        self.recovered = self._state.exists()
        problems = guardian.restore_state(self._state)
        if problems:
            self._end()
            raise BoardError(
                f"an earlier run left settings that cannot be restored: {problems[0]} Put them "
                f"right by hand, then remove {self._state}."
            )

    def protect(self, settings: list[Setting]) -> None:
        """Starts the guardian and saves what was found; only then may anything be written.

        In this order, so that a file stays behind only where both were killed.

        Raises:
            BoardError: The guardian does not start.
        """
        self._start_guardian()
        write_whole(self._state, guardian.state_of(settings))

    def _start_guardian(self) -> None:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", guardian.__file__, str(self._state), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(self._lock,),
            start_new_session=True,
            cwd="/",
        )
        assert process.stdout is not None
        with process.stdout as answer:
            if answer.readline() != b"ready\n":
                process.kill()
                process.wait()
                raise BoardError(
                    "the guardian that restores the board's settings did not start; nothing was "
                    "changed."
                )
        self._guardian = process
        self._end.detach()
        self._end = weakref.finalize(self, _end, process, self._lock, self._state, self._owner)

    def check(self) -> None:
        """Starts a new guardian if somebody killed it."""
        if self._guardian is not None and self._guardian.poll() is not None:
            self._start_guardian()

    def close(self) -> None:
        """Has everything restored, and releases the board.

        Raises:
            BoardError: Something could not be restored.
        """
        problems = self._end()
        if problems:
            raise BoardError(
                f"not everything was restored: {problems[0]} Run tvfs-gym doctor --restore."
            )


def _end(process: subprocess.Popen[bytes], lock: int, state: Path, owner: int) -> list[str]:
    """Has the guardian restore; does it here if the guardian is dead or stuck."""
    if os.getpid() != owner:  # a fork of the process that holds the board
        return []
    assert process.stdin is not None
    try:
        process.stdin.write(b"restore\n")
        process.stdin.close()
    except BrokenPipeError:
        pass  # it was killed
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        return [f"the guardian (process {process.pid}) has not finished after {PATIENCE_S} s."]
    problems = guardian.restore_state(state)
    os.close(lock)
    return problems


def state_folder() -> Path:
    """Where locks and saved states are kept, none of which outlive a reboot.

    ``/run/tvfs-gym`` for root; else a folder of the user's own under ``XDG_RUNTIME_DIR``, or under
    ``/tmp``.
    """
    if os.geteuid() == 0:
        return Path("/run/tvfs-gym")
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return Path(runtime) / "tvfs-gym" if runtime else Path(f"/tmp/tvfs-gym-{os.getuid()}")


def session_files(root: Path, folder: Path | None = None) -> tuple[Path, Path]:
    """The lock and the saved state of a sysfs tree; makes their folder.

    Raises:
        BoardError: The folder cannot be made, or belongs to somebody else.
    """
    folder = state_folder() if folder is None else folder
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        stranger = folder.stat().st_uid != os.geteuid()
    except OSError as error:
        raise BoardError(f"cannot keep state in {folder}: {error.strerror}.") from error
    if stranger:  # whoever can write the saved state can have anything written
        raise BoardError(f"{folder} belongs to another user: remove it.")
    name = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:12]
    return folder / f"{name}.lock", folder / f"{name}.json"


def locked(path: Path) -> int:
    """Opens and locks a file; waits for the guardian of a run that has just died.

    Raises:
        BoardError: Another process holds it.
    """
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError:
            holder = guardian.read(str(path))
            if _alive(holder) or time.monotonic() > deadline_s:
                os.close(lock)
                raise BoardError(
                    f"process {holder or 'unknown'} controls this board: wait for it, or stop it."
                ) from None
            time.sleep(RETRY_S)
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def holder_of(path: Path) -> str | None:
    """The process that holds a lock; None if nobody does."""
    try:
        lock = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return guardian.read(str(path))
    finally:
        os.close(lock)
    return None


def _alive(pid: str) -> bool:
    """Tells whether a process is there, and more than a zombie."""
    try:
        state = guardian.read(f"/proc/{int(pid)}/stat").rpartition(")")[2].split()[0]
    except (OSError, ValueError, IndexError):
        return False
    return state not in "ZX"
