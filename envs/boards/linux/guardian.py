"""Writes a board's settings back as they were found; as a process of its own, when its parent dies.

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

IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)


@dataclass(frozen=True)
class Setting:
    """The value found in a file of sysfs.

    Attributes:
        path: The file.
        value: Value found, which is written back.
        may_read_lower: True if the kernel may show a lower number than was written, as it does for
            frequencies while it throttles.
    """

    path: str
    value: str
    may_read_lower: bool = False


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


def restore(settings: list[Setting]) -> list[str]:
    """Writes settings back until they hold.

    Two rounds at least: a lower limit above the present upper one is refused, or cut short, until
    the upper one is written.

    Args:
        settings: In order: limits, governor, then speed.

    Returns:
        What could not be restored, one sentence each.
    """
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


def _written(setting: Setting) -> str | None:
    try:
        write(setting.path, setting.value)
    except OSError as error:
        return f"{setting.path}: writing {setting.value} failed: {error.strerror}."
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


def state_of(settings: list[Setting]) -> bytes:
    """Content of the file that `restore_state` reads."""
    state = {
        "pid": os.getpid(),
        "boot": boot(),
        "settings": [asdict(setting) for setting in settings],
    }
    return json.dumps(state, indent=1).encode()


def restore_state(path: Path) -> list[str]:
    """Restores what a file says was found, and removes the file.

    Returns:
        What could not be restored; the file stays then.
    """
    try:
        state = json.loads(path.read_text())
        settings = [Setting(**setting) for setting in state["settings"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError) as error:
        return [f"{path} cannot be used: {error}."]
    problems = restore(settings) if state.get("boot") == boot() else []
    if not problems:
        path.unlink(missing_ok=True)
    return problems


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


def main(state: str, parent: str) -> int:
    """Says that it is ready, waits, restores.

    Returns:
        0 if everything is as it was found, 1 if not.
    """
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # only root may
        write("/proc/self/oom_score_adj", NEVER_FOR_MEMORY)
    os.write(1, b"ready\n")
    await_end(int(parent))
    problems = restore_state(Path(state))
    for problem in problems:
        with contextlib.suppress(OSError):  # the terminal may be gone
            os.write(2, f"tvfs-gym guardian: {problem}\n".encode())
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
