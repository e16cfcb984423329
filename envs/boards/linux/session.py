"""Exclusive, reversible control of a board's settings: lock, saved state, guardian process."""

import contextlib
import fcntl
import hashlib
import logging
import os
import signal
import stat
import subprocess
import sys
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tvfs_gym.envs.boards.linux import guardian
from tvfs_gym.envs.boards.linux.guardian import Setting
from tvfs_gym.envs.errors import BoardError
from tvfs_gym.envs.files import write_whole

LOGGER = logging.getLogger(__name__)

PATIENCE_S = 10.0
"""How long a guardian may take to start, or to restore; it tries for about 1.5 s."""

RETRY_S = 0.02

PRIVATE = 0o600
"""Permissions of lock and saved state."""


class Session:
    """Control of one sysfs tree, by one process at a time.

    What is saved is restored by the guardian, a process of its own, when the control is given up or
    this process ends in whatever way. The lock is shared with the guardian, so nobody else gets
    control before the board is as it was found.

    Attributes:
        recovered: True if settings were restored that a run and its guardian, both killed, left.
        waiting: Settings of policies whose CPUs are offline, kept until they are back.
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
        self._root = root
        self._owner = os.getpid()
        self._guardian: subprocess.Popen[bytes] | None = None
        self._found: list[Setting] = []
        self._locks = board_locks(root, lock_path)
        self._end: weakref.finalize[..., Session] = weakref.finalize(self, _close, self._locks)
        self.recovered = self._state.exists()
        problems = guardian.restore_state(self._state, root)
        if problems:
            self._end()
            raise BoardError(
                f"an earlier run left settings that cannot be restored: {problems[0]} Put them "
                f"right by hand, then remove {self._state}."
            )
        self.waiting = guardian.waiting_in(self._state, root)
        if self.waiting:
            LOGGER.warning(waiting_words(self.waiting))

    def protect(self, settings: list[Setting]) -> None:
        """Saves what was found and hands it to a guardian; only then may anything be written.

        Raises:
            BoardError: The guardian does not start, or nothing can be saved.
        """
        self._found = settings + self.waiting
        self._start_guardian()
        try:
            write_whole(self._state, guardian.state_of(self._found), PRIVATE)
        except OSError as error:
            raise BoardError(
                f"cannot save the board's settings in {self._state}: {error.strerror}; nothing was "
                "changed."
            ) from error

    def _start_guardian(self) -> None:
        arguments = (str(self._state), str(os.getpid()), str(self._root.resolve()))
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", guardian.__file__, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=self._locks,
            start_new_session=True,
            cwd="/",
        )
        assert process.stdin is not None and process.stdout is not None
        try:
            with process.stdout as answer:
                started = answer.readline() == b"ready\n"
                process.stdin.write(guardian.state_of(self._found) + b"\n")
                process.stdin.flush()
                started = started and answer.readline() == b"known\n"
        except OSError:
            started = False
        if not started:
            process.kill()
            process.wait()
            raise BoardError(
                "the guardian that restores the board's settings did not start; nothing was "
                "changed."
            )
        self._guardian = process
        self._end.detach()
        held = _Held(process, self._locks, self._state, self._root, self._found, self._owner)
        self._end = weakref.finalize(self, _end_aloud, held)

    def check(self) -> None:
        """Starts a new guardian if somebody killed it."""
        if self._guardian is not None and self._guardian.poll() is not None:
            self._start_guardian()

    def close(self) -> None:
        """Has everything restored, and releases the board.

        Raises:
            BoardError: Something could not be restored.
        """
        ending = self._end.detach()
        if ending is None:
            return
        _, function, arguments, _ = ending
        problems = _end(*arguments) if function is _end_aloud else function(*arguments)
        if problems:
            raise BoardError(
                f"not everything was restored: {problems[0]} Run tvfs-gym doctor --restore."
            )
        left = guardian.waiting_in(self._state, self._root)
        lost = [setting for setting in left if setting not in self.waiting]
        if lost:
            raise BoardError(waiting_words(lost))


def waiting_words(settings: list[Setting]) -> str:
    """Sentence on settings of policies whose CPUs are offline."""
    names = sorted({Path(setting.path).parent.name for setting in settings})
    return (
        f"{', '.join(names)} cannot be restored while its CPUs are offline; everything else was. "
        f"Switch them on (echo 1 > /sys/devices/system/cpu/cpuN/online): the next run, or "
        f"tvfs-gym doctor --restore, restores it then."
    )


@dataclass(frozen=True)
class _Held:
    """A board under control.

    Attributes:
        guardian: Its guardian.
        locks: Its locks.
        state: File of the saved state.
        root: The sysfs tree.
        found: Settings that were found.
        owner: The process that controls it.
    """

    guardian: "subprocess.Popen[bytes]"
    locks: tuple[int, ...]
    state: Path
    root: Path
    found: list[Setting]
    owner: int


def _end(held: _Held) -> list[str]:
    """Has the guardian restore; does it here if the guardian is dead or stuck."""
    if os.getpid() != held.owner:  # a fork of the process that holds the board
        return []
    process = held.guardian
    assert process.stdin is not None
    with contextlib.suppress(OSError):  # it was killed
        process.send_signal(signal.SIGCONT)  # it was stopped
        process.stdin.write(b"restore\n")
        process.stdin.close()
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE_S)
    problems: list[str] = []
    if process.returncode != 0:
        problems = guardian.restore_state(held.state, held.root, held.found)
    _close(held.locks)
    return problems


def _end_aloud(held: _Held) -> None:
    """Ends where nobody called `close`: what could not be restored has nobody else to tell."""
    for problem in _end(held):
        guardian.say(f"{problem} Run tvfs-gym doctor --restore.")


def _close(descriptors: tuple[int, ...]) -> list[str]:
    for descriptor in descriptors:
        os.close(descriptor)
    return []


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

    Whoever can write the saved state can have anything of the tree written, as root.

    Raises:
        BoardError: The folder cannot be made, is a link, or others can write or replace it.
    """
    folder = state_folder() if folder is None else folder
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = folder.lstat()
        above = [(path, path.stat()) for path in folder.absolute().parents]
    except OSError as error:
        raise BoardError(f"cannot keep state in {folder}: {error.strerror}.") from error
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid():
        raise BoardError(f"{folder} belongs to another user, or is no folder: remove it.")
    if about.st_mode & guardian.WRITABLE_BY_OTHERS:
        raise BoardError(
            f"others can write {folder}, and so the state that is restored: run chmod 700 {folder}."
        )
    for path, parent in above:
        open_to_all = parent.st_mode & stat.S_IWOTH and not parent.st_mode & stat.S_ISVTX
        if open_to_all or parent.st_uid not in (0, os.geteuid()):
            raise BoardError(
                f"others can replace {folder}: {path} belongs to them, or all write it."
            )
    name = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:12]
    return folder / f"{name}.lock", folder / f"{name}.json"


def board_locks(root: Path, path: Path) -> tuple[int, int]:
    """Locks a board: for this user by a file, and for all users by the sysfs tree itself.

    The tree's lock holds even where the file was removed meanwhile.

    Raises:
        BoardError: Another process controls it.
    """
    own = locked(path)
    try:
        return own, _locked_tree(root)
    except BaseException:
        os.close(own)
        raise


def locked(path: Path) -> int:
    """Opens and locks a file; waits for the guardian of a run that has just died.

    Raises:
        BoardError: Another process holds it, or somebody else made it.
    """
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE)
    except OSError as error:
        raise BoardError(f"cannot lock the board by {path}: {error.strerror}.") from error
    about = os.fstat(lock)
    if about.st_uid != os.geteuid() or not stat.S_ISREG(about.st_mode):
        os.close(lock)
        raise BoardError(f"{path} belongs to another user, or is no file: remove it.")
    _await_lock(lock, lambda: _holder(path))
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()} {guardian.start_of(os.getpid())}".encode(), 0)
    return lock


def _locked_tree(root: Path) -> int:
    cpus = root / "devices/system/cpu"
    lock = os.open(cpus if cpus.is_dir() else root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    _await_lock(lock, lambda: _locker(lock))
    return lock


def _await_lock(lock: int, holder: Callable[[], str | None]) -> None:
    """Locks a file, or closes it.

    Args:
        lock: Descriptor of the file.
        holder: Finds the process that holds it; None if that has ended, and a guardian does.

    Raises:
        BoardError: Another process holds it.
    """
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            process = holder()
        except OSError:  # a file system without locks
            return
        if process is not None or time.monotonic() > deadline_s:
            os.close(lock)
            named = f"process {process}" if process else "the guardian of a run that has ended"
            raise BoardError(f"{named} controls this board: wait for it, or stop it.")
        time.sleep(RETRY_S)


def holder_of(path: Path) -> str | None:
    """The process that holds a lock, or whose guardian does; None if nobody does."""
    try:
        lock = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return guardian.read(str(path)).partition(" ")[0]
    finally:
        os.close(lock)
    return None


def _holder(path: Path) -> str | None:
    """The living process that wrote its name into a lock."""
    pid, _, start = guardian.read(str(path)).partition(" ")
    return pid if pid.isdecimal() and guardian.start_of(int(pid)) == start != "" else None


def _locker(lock: int) -> str | None:
    """The living process that locked a file, of whatever user, by the kernel's list of locks."""
    about = os.fstat(lock)
    device = f"{os.major(about.st_dev):02x}:{os.minor(about.st_dev):02x}:{about.st_ino}"
    try:
        locks = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return None
    pids = [line.split()[4] for line in locks if device in line.split() and "->" not in line]
    return next((pid for pid in pids if pid.isdecimal() and guardian.start_of(int(pid))), None)
