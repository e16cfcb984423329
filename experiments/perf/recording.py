"""``tvfs-gym dev perf recording``: a long recording, killed and resumed, and its memory.

Pictures are made of the digits that ship, and recorded with four networks. One recording runs
undisturbed; another is killed with all its processes as it goes on, and resumed each time by the
same command. Both must come to the same outcomes. A recording of a tenth of the pictures tells how
memory grows with their number.
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

FAMILY = "digits"
NETWORKS = ("digits_0.25_32", "digits_0.5_32", "digits_0.75_32", "digits_1.0_32")

FEWER = 10
"""Part of the pictures that the recording for comparison of memory has."""

MANY = 50_000
"""Pictures whose memory is reckoned."""

LOOK_S = 0.2
"""Time between two looks at the processes' memory."""

PER_FOLDER = 1000

WORKERS = os.cpu_count() or 1

WORKER = "multiprocessing.spawn"
"""What the command line of a worker has."""


@dataclass(frozen=True)
class Endured:
    """What a killed recording came to, beside an undisturbed one.

    Attributes:
        pictures: Pictures recorded, with ten views each, by every network.
        kills: Times that it was killed before it was done.
        is_same: True if both came to the same outcomes.
        undisturbed_s: Time of the undisturbed one, s.
        killed_s: Time of the killed one, with all its starts, s.
        parent_mb: Most memory of a command's own process, MB.
        worker_mb: Most memory of one of its workers, MB.
        few: Pictures of the recording for comparison.
        few_parent_mb: Most memory of its command's own process, MB.
        few_worker_mb: Most memory of one of its workers, MB.
        accuracy: Lines about the accuracy that both printed.
    """

    pictures: int
    kills: int
    is_same: bool
    undisturbed_s: float
    killed_s: float
    parent_mb: float
    worker_mb: float
    few: int
    few_parent_mb: float
    few_worker_mb: float
    accuracy: list[str]

    @property
    def many_mb(self) -> float:
        """Memory of all processes of a recording of `MANY` pictures, MB, by the growth seen."""
        share = (MANY - self.pictures) / (self.pictures - self.few)
        parent = self.parent_mb + max(self.parent_mb - self.few_parent_mb, 0.0) * share
        worker = self.worker_mb + max(self.worker_mb - self.few_worker_mb, 0.0) * share
        return parent + WORKERS * worker


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
    """Makes the pictures in a folder, and records them twice, and a few of them before.

    Raises:
        InputError: A recording fails.
    """
    few = max(pictures // FEWER, 1)
    fewer = _Recorder(_make_pictures(few, folder / "few"), folder / "few.npz")
    fewer.run(None)
    images = _make_pictures(pictures, folder / "pictures")
    whole = _Recorder(images, folder / "whole.npz")
    accuracy = whole.run(None)
    killed = _Recorder(images, folder / "killed.npz")
    chunks, done = len(NETWORKS) * -(-pictures // CHUNK), 0
    for kill in range(kills):
        done += not killed.run((kill + 1) * chunks // (kills + 1))
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
        max(whole.parent_mb, killed.parent_mb), max(whole.worker_mb, killed.worker_mb),
        few, fewer.parent_mb, fewer.worker_mb, accuracy,
    )  # fmt: skip


def page(endured: Endured) -> str:
    """Describes it in Markdown."""
    same = "the same outcomes, bit for bit" if endured.is_same else "OTHER outcomes"
    versions = ", ".join(f"{name} {version}" for name, version in installed_versions().items())
    lines = "\n".join(f"- {line}" for line in endured.accuracy)
    return f"""# A long recording, killed and resumed

`tvfs-gym dev record` over {endured.pictures:,} small pictures with {len(NETWORKS)} networks, ten
views each. Undisturbed it took {endured.undisturbed_s:.0f} s on a machine that others used too. The
same recording, killed (SIGKILL, with all its processes) {endured.kills} times and resumed by the
same command, took {endured.killed_s:.0f} s in all and came to {same}:

{lines}

The pictures are the digits that ship, moved and with noise, which is why few answers are right.

| peak memory, MB | {endured.few:,} pictures | {endured.pictures:,} pictures |
| --- | ---: | ---: |
| the command itself | {endured.few_parent_mb:.0f} | {endured.parent_mb:.0f} |
| each of its {WORKERS} workers | {endured.few_worker_mb:.0f} | {endured.worker_mb:.0f} |

Resident memory, looked at every {LOOK_S:g} s; the interpreter with its libraries is the most of it.
Growing on like that, {MANY:,} pictures with {len(NETWORKS)} networks need {endured.many_mb:.0f} MB
in all processes together (reckoned from the two columns, not measured). A worker holds one network
and one picture, so larger ones add their own size. Chunks of {CHUNK} pictures are kept as they are
done, so that a kill loses no more than what was underway.

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
            *(word for name in NETWORKS for word in ("--topology", name)),
            "--models", str(load_family(FAMILY).models),
            "--images", str(images), "--output", str(output),
        ]  # fmt: skip

    def run(self, chunks: int | None) -> list[str]:
        """Runs the command, and kills it once so many chunks are done.

        Returns:
            Lines about the accuracy; none if it was killed before.
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
            return []
        if started.returncode:
            raise InputError(f"a recording failed: {errors.strip().splitlines()[-1]}")
        rows = (line.split() for line in printed.splitlines() if line.startswith(NETWORKS))
        return [f"{name}: {one} % right with 1 view, {ten} % with 10" for name, one, ten in rows]

    def _chunks(self) -> int:
        return len(list(unfinished(self.output).glob("*/*.npz")))

    def _look(self, pid: int) -> None:
        with suppress(psutil.Error):
            parent = psutil.Process(pid)
            self.parent_mb = max(self.parent_mb, parent.memory_info().rss / 1e6)
            for child in parent.children(recursive=True):
                if WORKER in " ".join(child.cmdline()):  # not a copy of the parent that becomes one
                    self.worker_mb = max(self.worker_mb, child.memory_info().rss / 1e6)
