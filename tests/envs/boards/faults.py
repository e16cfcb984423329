"""Injects faults into runs, and looks whether they hang, make readings up, or end wrongly.

``python -m tests.envs.boards.faults COUNT`` prints how many of COUNT runs behaved. Where
``/dev/fuse`` opens, the faults are real errors of a file system of its own (`fuse_sysfs`), which
hit the guardian as well; elsewhere they stand in for the run's own system calls.

A run behaves if it ends in time, with the status that the fault asks for (0 if it can go on, 2 or
3 as the command line has it if not), if every temperature that it saw was one that the sensor
had, and if the board is as it was found afterwards: at once, or, where the fault kept the guardian
from restoring, after ``tvfs-gym doctor --restore``.
"""

import contextlib
import errno
import importlib
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.envs.boards import fake_sysfs
from tests.envs.boards.page import arguments, tell
from tvfs_gym.envs.boards.linux.machine import Machine
from tvfs_gym.envs.boards.linux.session import session_files
from tvfs_gym.envs.errors import BoardError, InputError
from tvfs_gym.experiments.board.doctor import restored

Arm = Callable[[str, str, int, float], None]
"""Lets the next so many accesses to files of a name fail with an error, after a delay."""

READ_ERRORS = (
    "EIO", "ENODATA", "EBUSY", "ENODEV", "ENXIO", "EINVAL", "EAGAIN", "EACCES", "ETIMEDOUT",
)  # fmt: skip
WRITE_ERRORS = ("EIO", "EBUSY", "EPERM", "EAGAIN", "EACCES")
CONTENTS = ("", "junk", "-273150", "255000", "0x2a")
FOR_EVER = 10**6
STEPS, FAULT_AT = 14, 4
INVENTED = 99
LONGEST_S = 20.0
"""What a run may take: the guardian's retries take 1.5 s, the rest is for a busy machine."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong.

    Attributes:
        file: The name of the file.
        error: Of its accesses; ``OK`` for none.
        count: How many of them.
        delay_s: Before each.
        content: What the file holds from then on; None to leave it; ``gone`` to remove it.
        before: Whether it is there before the run opens the board, or comes later.
    """

    file: str
    error: str = "OK"
    count: int = 0
    delay_s: float = 0.0
    content: str | None = None
    before: bool = False

    @property
    def statuses(self) -> set[int]:
        """With which a run may end."""
        for_ever = self.count == FOR_EVER or self.content is not None
        if not for_ever or (self.error == "OK" and self.content is None):
            return {0}
        if self.file == "temp":
            return {2, 3} if self.before else {3}
        if self.file == "scaling_setspeed":
            return {3}
        # The governor is touched at the beginning and at the end only.
        if self.file == "scaling_governor":  # without it, the limits set the clock
            return {0, 3}
        return {0}


def random_fault(draw: random.Random) -> Fault:
    kind, before = draw.choice(("error", "error", "delay", "content")), draw.random() < 0.3
    if kind == "content":
        file = draw.choice(("temp", "temp", "scaling_cur_freq", "cur_state"))
        return Fault(file, content=draw.choice((*CONTENTS, "gone")), before=before)
    files = ("temp", "scaling_cur_freq", "scaling_max_freq", "cur_state")
    if kind == "delay":
        count, delay_s = draw.randint(1, 3), draw.uniform(0.05, 0.3)
        return Fault(draw.choice(files), count=count, delay_s=delay_s, before=before)
    file = draw.choice((*files, "scaling_setspeed", "scaling_governor"))
    errors = WRITE_ERRORS if file in ("scaling_setspeed", "scaling_governor") else READ_ERRORS
    count = draw.choice((1, 2, FOR_EVER))
    return Fault(file, draw.choice(errors), count, before=before)


def use(root: Path, backing: Path, state: Path, fault: Fault, arm: Arm) -> int:
    """A run; returns its status as the command line would."""
    sensor = backing / "class/thermal/thermal_zone0/temp"
    try:
        if fault.before:
            inject(backing, fault, arm)
        machine = Machine(root, state_folder=state)
        try:
            had = {45.0}
            for step in range(STEPS):
                if sensor.exists() and sensor.read_text().strip() not in CONTENTS:
                    had.add(45.0 + 0.5 * step)
                    fake_sysfs.put(sensor.parent, {"temp": str(45000 + 500 * step)})
                if step == FAULT_AT and not fault.before:
                    inject(backing, fault, arm)
                machine.request(step % machine.level_count)
                sample = machine.look(busy=True)
                if sample.temperature_c not in had:
                    return INVENTED
        finally:
            machine.close()
    except InputError:
        return 2
    except BoardError:
        return 3
    return 0


def inject(backing: Path, fault: Fault, arm: Arm) -> None:
    if fault.content is None:
        arm(fault.file, fault.error, fault.count, fault.delay_s)
        return
    (file,) = backing.rglob(fault.file)
    if fault.content == "gone":
        file.unlink()
    else:
        file.write_text(fault.content)


def inject_one(root: Path, backing: Path, state: Path, fault: Fault, arm: Arm) -> str | None:
    """One run under a fault; returns what was wrong with it."""
    shutil.rmtree(backing, ignore_errors=True)
    policy = fake_sysfs.build(backing)
    found = fake_sysfs.settings(policy)
    began_s = time.monotonic()
    child = os.fork()
    if child == 0:
        status = 98
        with contextlib.suppress(BaseException):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            status = use(root, backing, state, fault, arm)
        os._exit(status)
    ended = await_child(child, began_s + LONGEST_S)
    if ended is None:
        return f"{fault}: hung"
    if root != backing:  # faults at the run's own calls have ended with it
        arm(fault.file, "OK", 0, 0.0)
    restored(root, state)
    if fake_sysfs.settings(policy) != found:
        return f"{fault}: left {fake_sysfs.settings(policy)} of {found}"
    if session_files(root, state)[1].exists():
        return f"{fault}: left its saved state"
    if ended == INVENTED:
        return f"{fault}: had a reading that the sensor never had"
    if ended not in fault.statuses:
        return f"{fault}: ended with {ended}, not with one of {fault.statuses}"
    return None


def await_child(child: int, until_s: float) -> int | None:
    """The status of a child; None, and an end to it, if it takes too long."""
    while time.monotonic() < until_s:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return None


def fuse_opens() -> bool:
    """Tells whether a file system in user space can be mounted: device, package and libfuse."""
    try:
        importlib.import_module("mfusepy")
    except (ImportError, OSError):  # the package is there, libfuse is not
        return False
    return os.access("/dev/fuse", os.R_OK | os.W_OK)


@contextlib.contextmanager
def mounted(backing: Path, point: Path) -> Iterator[Arm]:
    """Serves the folder with faults; gives what arms them."""
    fake_sysfs.build(backing)
    point.mkdir()
    command = [sys.executable, "-m", "tests.envs.boards.fuse_sysfs", str(backing), str(point)]
    server = subprocess.Popen(command, cwd=Path(__file__).resolve().parents[3])
    try:
        until_s = time.monotonic() + LONGEST_S
        while not point.is_mount() and time.monotonic() < until_s:
            time.sleep(0.02)

        def arm(*fault: str | int | float) -> None:
            (point / ".fault").write_text(" ".join(map(str, fault)))

        yield arm
    finally:
        subprocess.run(["umount", "-l", str(point)], check=False)
        server.wait(LONGEST_S)


def at_the_calls(name: str, error: str, count: int, delay_s: float) -> None:
    """Arms a fault at this process's own system calls."""
    left = [count]

    def failing(call: Callable[..., int | bytes], of: Callable[..., str]) -> Callable[..., object]:
        def attempt(*arguments: object) -> object:
            if of(*arguments) == name and left[0] > 0:
                left[0] -= 1
                time.sleep(delay_s)
                if error != "OK":
                    raise OSError(getattr(errno, error), error)
            return call(*arguments)

        return attempt

    def named(descriptor: int, *_: object) -> str:
        return Path(os.readlink(f"/proc/self/fd/{descriptor}")).name

    os.pread = failing(os.pread, named)  # type: ignore[assignment]
    os.write = failing(os.write, named)  # type: ignore[assignment]


def inject_many(count: int, seed: int, with_fuse: bool) -> tuple[list[str], Counter[str]]:
    """Injects so many faults; returns what went wrong, and how many of each kind there were."""
    draw, problems, kinds = random.Random(seed), [], Counter[str]()
    with TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        root = folder / "sys"
        arm: Arm = at_the_calls
        backing = folder / "backing" if with_fuse else root
        if with_fuse:
            arm = stack.enter_context(mounted(backing, root))
        for _ in range(count):
            fault = random_fault(draw)
            kinds[fault.error if fault.content is None else "content"] += 1
            problem = inject_one(root, backing, folder / "state", fault, arm)
            problems += [problem] if problem else []
    return problems, kinds


if __name__ == "__main__":
    asked = arguments(__doc__)
    problems, kinds = inject_many(asked.count, asked.seed, fuse_opens())
    print(*problems, sep="\n")
    where = "a file system of its own" if fuse_opens() else "the run's own system calls"
    counts = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    borne = f"{asked.count - len(problems)} of {asked.count} faults in {where} borne ({counts})"
    tell("faults", borne, asked.publish)
    sys.exit(bool(problems))
