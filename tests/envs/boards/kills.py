"""Kills runs at random moments and looks whether the board is as it was.

``python -m tests.envs.boards.kills COUNT`` prints how many of COUNT boards were restored. The
victims open a board, set random VF levels, close it, and begin again; random are the moment and
the signal, the governor and limits that they find, and whether the governor ``userspace`` is
there. Whatever a victim was about, the board must be as it was once its lock is free.
"""

import contextlib
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.envs.boards import fake_sysfs
from tests.envs.boards.page import arguments, tell
from tvfs_gym.envs.boards.linux.machine import Machine
from tvfs_gym.envs.boards.linux.session import locked, session_files

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP)
LONGEST_S = 0.1
"""From when a victim starts, or in every other case from when it holds the board."""


def victim(root: Path, state: Path, seed: int, held: int) -> None:
    """Uses a board for ever."""
    draw = random.Random(seed)
    while True:
        machine = Machine(root, state_folder=state)
        os.write(held, b"!")
        for _ in range(draw.randrange(300)):
            machine.request(draw.randrange(machine.level_count))
            machine.look()
        machine.close()


def random_board(root: Path, draw: random.Random) -> dict[str, str]:
    """A board with settings of its user's own; returns them."""
    governors = draw.choice(
        [("userspace", "performance", "schedutil"), ("performance", "ondemand")]
    )
    folder = fake_sysfs.build(root, governor=draw.choice(governors), governors=governors)
    least, most = sorted(draw.sample(fake_sysfs.KHZ, 2))
    fake_sysfs.put(folder, {"scaling_min_freq": str(least), "scaling_max_freq": str(most)})
    return fake_sysfs.settings(folder)


def kill_one(folder: Path, draw: random.Random) -> tuple[str, bool, bool]:
    """One victim: its signal, whether it had changed anything, and whether all was restored."""
    root, state = folder / "sys", folder / "state"
    found = random_board(root, draw)
    cpufreq = root / "devices/system/cpu/cpufreq/policy0"
    chosen = draw.choice(SIGNALS)
    victims_seed = draw.randrange(2**32)
    is_held, held = os.pipe()
    # Blocked until the child cannot unwind into the frames of its parent.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            # nohup has the one ignored, a shell's background the other.
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            victim(root, state, victims_seed, held)
        os._exit(1)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    if draw.random() < 0.5:
        os.read(is_held, 1)
    time.sleep(draw.uniform(0.0, LONGEST_S))
    os.kill(child, chosen)
    changed = {name: (cpufreq / name).read_text().strip() for name in found} != found
    os.waitpid(child, 0)
    lock = locked(session_files(root, state)[0])
    now = {name: (cpufreq / name).read_text().strip() for name in found}
    for descriptor in (lock, is_held, held):
        os.close(descriptor)
    return chosen.name, changed, now == found


def kill_many(count: int, seed: int) -> tuple[int, Counter[str], int]:
    """Kills so many; returns how many were restored, the signals, and how many had changed."""
    draw = random.Random(seed)
    restored, signals, changed = 0, Counter[str](), 0
    with TemporaryDirectory() as folder:
        for _ in range(count):
            name, had_changed, well = kill_one(Path(folder), draw)
            restored, changed = restored + well, changed + had_changed
            signals[name] += 1
            shutil.rmtree(Path(folder) / "sys")
    return restored, signals, changed


if __name__ == "__main__":
    asked = arguments(__doc__)
    restored, signals, changed = kill_many(asked.count, asked.seed)
    kinds = ", ".join(f"{number} {name}" for name, number in sorted(signals.items()))
    found = f"{kinds}; {changed} not as found when killed"
    tell("kills", f"{restored} of {asked.count} boards restored ({found})", asked.publish)
    sys.exit(restored != asked.count)
