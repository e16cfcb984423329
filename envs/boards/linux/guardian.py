"""Writes a board's settings back as they were found; as a process of its own, when its parent dies.

The parent hands it the settings over standard input, so it needs no file to know them; the file of
the saved state is for the case that both are killed.

Run as a script, it needs this file and the standard library alone, so it is up within some ten
milliseconds and stays small. It waits for the end of its standard input, whose other end nobody
but the parent holds: however the parent dies, SIGKILL included, the kernel closes it. It lives in
a session of its own, so the terminal's Ctrl-C and hang-up do not reach it.
"""

import contextlib
import json
import os
import select
import signal
import stat
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")

READ_SIZE = 4096
"""Bytes: a sysfs file is at most a page long."""

ATTEMPTS = 3
"""At one system call."""

ROUNDS = 6
"""How often the settings are written until they hold; the pause before a round doubles."""

FIRST_PAUSE_S = 0.05
LOOK_S = 1.0
"""Time between two looks at the parent where the kernel has no pidfd_open (before Linux 5.3)."""

NEVER_FOR_MEMORY = "-1000"
"""``oom_score_adj``: when memory runs out, the kernel kills the run, not its guardian."""

OBEYED = ("SIGKILL", "SIGSTOP", "SIGCONT", "SIGCHLD", "SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL")
"""Signals that cannot be ignored, or must not be; all others are."""

WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True)
class Setting:
    """The value found in a file of sysfs.

    Attributes:
        path: The file.
        value: Value found, which is written back.
        may_read_lower: True if the kernel may show a lower number than was written, as it does for
            frequencies while it throttles.
        ours: The only value that the run writes there; whatever else is read in the end, another
            program has written, and it stays. None if the run writes many.
    """

    path: str
    value: str
    may_read_lower: bool = False
    ours: str | None = None


def read(path: str) -> str:
    """Reads one file.

    One pread: text files of Python turn EAGAIN into a TypeError.

    Raises:
        OSError: As the kernel says.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.pread(descriptor, READ_SIZE, 0).decode(errors="replace").strip()
    finally:
        os.close(descriptor)


def write(path: str, value: str) -> None:
    """Writes one file.

    One write, so that a refusal is raised here, not when a buffer is flushed.

    Raises:
        OSError: As the kernel says.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
    try:
        os.write(descriptor, value.encode())
    finally:
        os.close(descriptor)


def persistently(access: Callable[..., Result], *arguments: str) -> Result:
    """Reads or writes, a second and third time if it fails: a bus or a driver may be busy.

    Raises:
        OSError: It fails for good, or the file is not there.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return access(*arguments)
        except FileNotFoundError:
            raise
        except OSError:
            pass
    return access(*arguments)


def is_offline(folder: str) -> bool:
    """Tells whether the folder of a policy has gone, or has no CPU any more.

    The kernel keeps the folder of a policy whose CPUs are all offline, and answers EBUSY; older
    kernels remove it.
    """
    if not os.path.isdir(folder):
        return True
    try:
        now, usual = (read(f"{folder}/{which}_cpus") for which in ("affected", "related"))
    except OSError:
        return False
    return bool(usual) and not now


def waits(setting: Setting) -> bool:
    """Tells whether a setting is one of a policy whose CPUs are offline."""
    folder = os.path.dirname(setting.path)
    name = os.path.basename(folder)
    return (name.startswith("policy") or name == "cpufreq") and is_offline(folder)


def restore(settings: list[Setting]) -> list[str]:
    """Writes settings back until they hold.

    Two rounds at least: a lower limit above the present upper one is refused, or cut short, until
    the upper one is written.

    Args:
        settings: In order: limits, governor, then speed.

    Returns:
        What could not be restored, one sentence each.
    """
    settings = [setting for setting in settings if not _taken_over(setting)]
    problems: list[str] = []
    for round_ in range(ROUNDS):
        if round_ > 1:
            time.sleep(FIRST_PAUSE_S * 2 ** (round_ - 2))
        problems = [problem for setting in settings if (problem := _written(setting))]
        if round_ > 0:
            problems += [problem for setting in settings if (problem := _differing(setting))]
            if not problems:
                return []
    return list(dict.fromkeys(problems))


def _taken_over(setting: Setting) -> bool:
    """Tells whether another program has set a file meanwhile, and says so."""
    now = _reads(setting)
    if now is None or setting.ours is None or now in (setting.ours, setting.value):
        return False  # if it cannot be read, writing it will tell
    say(f"{setting.path} is left at {now}, which another program has set; it was {setting.value}.")
    return True


def say(message: str) -> None:
    """Tells the user, if there is still a terminal."""
    with contextlib.suppress(OSError):
        os.write(2, f"tvfs-gym guardian: {message}\n".encode())


def _written(setting: Setting) -> str | None:
    try:
        write(setting.path, setting.value)
    except OSError as error:
        if _reads(setting) != setting.value:  # else the run could not write it either
            return f"{setting.path}: writing {setting.value} failed: {error.strerror}."
    return None


def _reads(setting: Setting) -> str | None:
    try:
        return read(setting.path)
    except OSError:
        return None


def _differing(setting: Setting) -> str | None:
    try:
        now = read(setting.path)
    except OSError as error:
        return f"{setting.path} cannot be read: {error.strerror}."
    if now == setting.value:
        return None
    if setting.may_read_lower and now.isdecimal() and int(now) < int(setting.value):
        return None
    return f"{setting.path} reads {now} where {setting.value} was written."


def boot() -> str:
    """Id of the machine's present boot; after another, sysfs is as new."""
    try:
        return read("/proc/sys/kernel/random/boot_id")
    except OSError:
        return ""


def start_of(pid: int) -> str:
    """When a process started, in ticks since the boot: tells it from a later one of its number.

    Empty if there is none, or a zombie.
    """
    try:
        fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    except OSError:
        return ""
    return fields[19] if len(fields) > 19 and fields[0] not in "ZX" else ""


def state_of(settings: list[Setting]) -> bytes:
    """Content of the file that `restore_state` reads."""
    state = {
        "pid": os.getpid(),
        "boot": boot(),
        "settings": [asdict(setting) for setting in settings],
    }
    return json.dumps(state).encode()


def settings_of(state: bytes, root: Path) -> list[Setting]:
    """Settings that were saved since the present boot.

    Args:
        state: As from `state_of`.
        root: The sysfs tree, in which all files must lie.

    Raises:
        ValueError: It is none, or names a file elsewhere.
    """
    content = json.loads(state)
    if not isinstance(content, dict) or not isinstance(content.get("settings"), list):
        raise ValueError("it is not the saved state of a board")
    within = os.path.realpath(root) + os.sep
    settings = []
    for values in content["settings"]:
        setting = Setting(**values)
        texts = (setting.path, setting.value, setting.ours or "")
        if not all(isinstance(text, str) and len(text) <= READ_SIZE for text in texts):
            raise ValueError("a setting is not text")
        if not os.path.realpath(setting.path).startswith(within):
            raise ValueError(f"{setting.path} lies outside {root}")
        settings.append(setting)
    return settings if content.get("boot") == boot() else []


def read_private(path: Path) -> bytes:
    """Reads a file that nobody but this user can have written; follows no link.

    Raises:
        OSError: It cannot be read.
        ValueError: Somebody else may have written it.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode) or about.st_uid != os.geteuid():
            raise ValueError("it is not a file of this user")
        if about.st_mode & WRITABLE_BY_OTHERS:
            raise ValueError("others can write it")
        return file.read()


def restore_state(path: Path, root: Path, known: list[Setting] | None = None) -> list[str]:
    """Restores what was found, and removes the file that says it.

    Settings of policies whose CPUs are offline are kept in the file until these are back.

    Args:
        path: The file of the saved state.
        root: The sysfs tree.
        known: What was found, if that is known without the file.

    Returns:
        What could not be restored; the file stays then.
    """
    try:
        settings = settings_of(read_private(path), root) if known is None else known
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, RecursionError) as error:
        return [f"{path} cannot be used: {error}."]
    problems: list[str] = []
    for _ in range(2):  # CPUs may go offline while their settings are restored
        problems = restore([setting for setting in settings if not waits(setting)])
        if not problems:
            break
    waiting = [setting for setting in settings if waits(setting)]
    try:
        if not problems and waiting:
            _write_private(path, state_of(waiting))
        elif not problems:
            path.unlink(missing_ok=True)
    except OSError as error:
        return [f"{path} cannot be written: {error.strerror}."]
    return problems


def _write_private(path: Path, content: bytes) -> None:
    draft = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
    draft.replace(path)


def waiting_in(path: Path, root: Path) -> list[Setting]:
    """Settings in a file that wait for CPUs to be online."""
    try:
        return [setting for setting in settings_of(read_private(path), root) if waits(setting)]
    except (OSError, ValueError, TypeError, RecursionError):
        return []


def await_end(parent: int) -> None:
    """Waits until the parent is gone, or says on standard input that it has finished.

    A pipe alone would not do: a fork of the parent that lives on keeps it open.
    """
    waiting = select.poll()
    waiting.register(0, select.POLLIN | select.POLLHUP)
    timeout_ms: float | None = None
    try:
        waiting.register(os.pidfd_open(parent), select.POLLIN)
    except (OSError, AttributeError):
        timeout_ms = 1e3 * LOOK_S
    while os.getppid() == parent and not waiting.poll(timeout_ms):
        pass


def receive() -> bytes:
    """Takes a line from standard input; empty if the parent dies before its end."""
    line = b""
    while not line.endswith(b"\n"):
        block = os.read(0, READ_SIZE)
        if not block:
            return b""
        line += block
    return line


def main(state: str, parent: str, root: str) -> int:
    """Says that it is ready, takes the settings over, waits, restores.

    Returns:
        0 if everything is as it was found, 1 if not.
    """
    for number in signal.valid_signals() - {getattr(signal, name) for name in OBEYED}:
        with contextlib.suppress(OSError):
            signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # only root may
        write("/proc/self/oom_score_adj", NEVER_FOR_MEMORY)
    os.write(1, b"ready\n")
    line = receive()
    known = settings_of(line, Path(root)) if line else None
    if line:
        with contextlib.suppress(OSError):
            os.write(1, b"known\n")
        await_end(int(parent))
    problems = restore_state(Path(state), Path(root), known)
    for problem in problems:
        say(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
