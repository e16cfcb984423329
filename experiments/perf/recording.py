"""``tvfs-gym dev perf recording``: a long recording, killed and resumed, and its memory.

Pictures are made of the digits that ship. One recording runs undisturbed; another is killed with
all its processes as it goes on, and resumed each time by the same command. Both must come to the
same outcomes.
"""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep

import numpy as np
import psutil
from PIL import Image

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.image_lists import read_images, unpacked
from tvfs_gym.envs.inference.outcomes import load_outcomes
from tvfs_gym.envs.inference.runtime import runtime
from tvfs_gym.envs.inference.topology import load_family
from tvfs_gym.experiments.adaptta.recording import CHUNK
from tvfs_gym.experiments.models.record import unfinished
from tvfs_gym.experiments.results.folder import checked_output, installed_versions

FAMILY, NETWORK = "digits", "digits_0.25_32"

LOOK_S = 0.2
"""Time between two looks at the processes' memory."""

PER_FOLDER = 1000


@dataclass(frozen=True)
class Endured:
    """What a killed recording came to, beside an undisturbed one.

    Attributes:
        pictures: Pictures recorded, with ten views each.
        kills: Times that it was killed before it was done.
        is_same: True if both came to the same outcomes.
        undisturbed_s: Time of the undisturbed one, s.
        killed_s: Time of the killed one, with all its starts, s.
        parent_mb: Most memory of a command's own process, MB.
        worker_mb: Most memory of one of its workers, MB.
        accuracy: Line about the accuracy that both printed.
    """

    pictures: int
    kills: int
    is_same: bool
    undisturbed_s: float
    killed_s: float
    parent_mb: float
    worker_mb: float
    accuracy: str


def run(pictures: int, kills: int, output: Path | None) -> None:
    """Records, kills, resumes, compares; prints what came out, and writes it as JSON and a page.

    Args:
        pictures: Pictures to record.
        kills: Times to kill the second recording.
        output: Markdown file to write, beside it the JSON; None to print alone.

    Raises:
        InputError: The file cannot be written, or a recording fails.
    """
    if output is not None:
        checked_output(output, overwrite=True)
    with TemporaryDirectory() as folder:
        endured = endure(pictures, kills, Path(folder))
    text = page(endured)
    print(text)
    if output is not None:
        output.with_suffix(".json").write_text(json.dumps(asdict(endured), indent=1) + "\n")
        output.write_text(text, encoding="utf-8")


def endure(pictures: int, kills: int, folder: Path) -> Endured:
    """Makes the pictures in a folder, and records them twice.

    Raises:
        InputError: A recording fails.
    """
    images = _make_pictures(pictures, folder / "pictures")
    whole = _Recorder(images, folder / "whole.npz")
    accuracy = whole.run(None)
    killed = _Recorder(images, folder / "killed.npz")
    chunks, done = -(-pictures // CHUNK), 0
    for kill in range(kills):
        done += killed.run((kill + 1) * chunks // (kills + 1)) == ""
    again = killed.run(None)
    one, other = load_outcomes(whole.output), load_outcomes(killed.output)
    is_same = (
        accuracy == again
        and np.array_equal(one.truth, other.truth)
        and all(
            np.array_equal(getattr(one[name], field), getattr(other[name], field))
            for name in one.recordings
            for field in ("confidence", "label", "in_top5")
        )
    )
    return Endured(
        pictures, done, bool(is_same), whole.seconds, killed.seconds,
        max(whole.parent_mb, killed.parent_mb), max(whole.worker_mb, killed.worker_mb), accuracy,
    )  # fmt: skip


def page(endured: Endured) -> str:
    """Describes it in Markdown."""
    same = "the same outcomes, bit for bit" if endured.is_same else "OTHER outcomes"
    versions = ", ".join(f"{name} {version}" for name, version in installed_versions().items())
    return f"""# A long recording, killed and resumed

`tvfs-gym dev record` over {endured.pictures:,} small pictures, ten views each, with the network
`{NETWORK}`. Undisturbed it took {endured.undisturbed_s:.0f} s on a machine that others used
too. The same recording, killed (SIGKILL, with all its processes) {endured.kills} times and resumed
by the same command, took {endured.killed_s:.0f} s in all and came to {same}: {endured.accuracy}.

| process | peak memory, MB |
| --- | ---: |
| the command itself | {endured.parent_mb:.0f} |
| each of its workers | {endured.worker_mb:.0f} |

Resident memory, looked at every {LOOK_S:g} s; the interpreter with its libraries is the most of
it. Chunks of {CHUNK} pictures are kept as they are done, so that a kill loses no more than what was
underway.

Command: `tvfs-gym dev perf recording --output docs/performance_recording.md`; {runtime()},
{versions}. The figures as JSON: [performance_recording.json](performance_recording.json).
"""


def _make_pictures(count: int, folder: Path) -> Path:
    """The digits that ship, shifted and with noise of their own, a folder per class."""
    family = load_family(FAMILY)
    assert family.models is not None
    draw = np.random.default_rng(0)
    with unpacked(Path(family.models) / "pictures.zip") as shipped:
        known = [
            (np.asarray(Image.open(image.path).convert("RGB")), image.label)
            for image in read_images(shipped, 10).images
        ]
    for index in range(count):
        pixels, label = known[index % len(known)]
        moved = np.roll(pixels, draw.integers(-2, 3, 2), axis=(0, 1)).astype(int)
        noisy = np.clip(moved + draw.integers(-8, 9, moved.shape), 0, 255).astype(np.uint8)
        place = folder / str(label) / str(index // PER_FOLDER)
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noisy).save(place / f"{index}.png", compress_level=1)
    return folder


class _Recorder:
    """One recording, by as many processes as it takes.

    Attributes:
        output: Its outcomes.
        seconds: Time spent so far, s.
        parent_mb: Most memory of the command's own process so far, MB.
        worker_mb: Most memory of a worker so far, MB.
    """

    def __init__(self, images: Path, output: Path) -> None:
        self.output = output
        self.seconds = self.parent_mb = self.worker_mb = 0.0
        self._command = [
            sys.executable, "-m", "tvfs_gym.experiments.cli", "dev", "record", "--family", FAMILY,
            "--topology", NETWORK, "--models", str(load_family(FAMILY).models),
            "--images", str(images), "--output", str(output),
        ]  # fmt: skip

    def run(self, chunks: int | None) -> str:
        """Runs the command, and kills it once so many chunks are done.

        Returns:
            Line about the accuracy; empty if it was killed before.
        """
        begin_s = monotonic()
        started = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        while started.poll() is None:
            self._look(started.pid)
            if chunks is not None and self._chunks() >= chunks:
                os.killpg(started.pid, signal.SIGKILL)
                break
            sleep(LOOK_S)
        printed, errors = started.communicate()
        self.seconds += monotonic() - begin_s
        if started.returncode == -signal.SIGKILL:
            return ""
        if started.returncode:
            raise InputError(f"a recording failed: {errors.strip().splitlines()[-1]}")
        return next(line for line in printed.splitlines() if line.startswith(f"{NETWORK}: "))

    def _chunks(self) -> int:
        return len(list((unfinished(self.output) / NETWORK).glob("*.npz")))

    def _look(self, pid: int) -> None:
        with suppress(psutil.Error):
            parent = psutil.Process(pid)
            self.parent_mb = max(self.parent_mb, parent.memory_info().rss / 1e6)
            for child in parent.children(recursive=True):
                self.worker_mb = max(self.worker_mb, child.memory_info().rss / 1e6)
