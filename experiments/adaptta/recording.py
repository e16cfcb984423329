"""Recording: runs networks over labelled images once, so that the twin can replay them.

Chunks of images are written to a folder as they are done, complete or not at all, so that a
recording that was interrupted goes on where it stopped. An image that cannot be used is listed.
"""

import csv
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.arrays import read_arrays, write_arrays
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.files import write_whole
from tvfs_gym.envs.inference.adaptta import AdapTTA
from tvfs_gym.envs.inference.aggregation import Mean
from tvfs_gym.envs.inference.augmentation import DEFAULT_GEOMETRY, POLICIES
from tvfs_gym.envs.inference.classifier import TfliteClassifier
from tvfs_gym.envs.inference.confidence import max_score
from tvfs_gym.envs.inference.image_lists import LabelledImage
from tvfs_gym.envs.inference.outcomes import Recording
from tvfs_gym.envs.inference.runtime import runtime
from tvfs_gym.envs.inference.topology import Topology
from tvfs_gym.experiments.engine import open_engine

POLICY = "10C"
"""The longest policy; the shorter ones are its beginnings."""

CHUNK = 25
"""Images that a process records at a time, and so the most that an interruption can lose."""

FEW_CHUNKS = 2
"""Chunks that are done sooner in the calling process than others start."""

_Job = tuple[Path, Topology, Path, Sequence[LabelledImage]]


@dataclass(frozen=True)
class RecordedChunk:
    """Answers of one topology to some images.

    Attributes:
        recording: The answers; of an image that could not be used they mean nothing.
        errors: Reason why an image could not be used, shape (images,); empty where it was.
    """

    recording: Recording
    errors: NDArray[np.str_]


def checked_hashes(topologies: Sequence[Topology], models: Path) -> dict[str, str]:
    """Computes the SHA-256 of every topology's file, by name of the topology.

    Args:
        topologies: Topologies to record.
        models: Folder with their files.

    Raises:
        InputError: A file is missing, has another hash than its topology, does not fit it, or
            gives no probabilities.
    """
    hashes = {topology.name: _checked_hash(topology, models) for topology in topologies}
    for topology in topologies:
        TfliteClassifier(topology, models).check_outputs()
    return hashes


def record_images(
    topologies: Sequence[Topology],
    models: Path,
    images: Sequence[LabelledImage],
    folder: Path,
    processes: int,
    on_images_done: Callable[[Topology, int], None],
) -> dict[str, RecordedChunk]:
    """Runs every view of every image through every topology.

    Args:
        topologies: Topologies to record.
        models: Folder with their files.
        images: Labelled images.
        folder: Folder of the chunks; those that it holds are not recorded again.
        processes: Processes that share the work; each runs one thread.
        on_images_done: Called with the topology and the number of newly recorded images.

    Returns:
        What was recorded of all images, by topology.

    Raises:
        InputError: A network cannot be used.
    """
    starts = range(0, len(images), CHUNK)
    jobs = []
    for topology in topologies:
        for start in starts:
            path, chunk = _file(folder, topology, start), images[start : start + CHUNK]
            if path.exists():
                on_images_done(topology, len(chunk))
            else:
                jobs.append((path, topology, models, chunk))
    if len(jobs) <= FEW_CHUNKS:
        for job in jobs:
            on_images_done(job[1], _record_to(*job))
    else:
        _record_in_pool(jobs, processes, on_images_done)
    return {
        topology.name: _concatenated([_load(_file(folder, topology, start)) for start in starts])
        for topology in topologies
    }


def _record_in_pool(
    jobs: Sequence[_Job], processes: int, on_images_done: Callable[[Topology, int], None]
) -> None:
    with open_engine(workers=processes) as engine:
        trials = {f"{job[1].name}, {job[0].name}": partial(_record_to, *job) for job in jobs}
        topologies = {f"{job[1].name}, {job[0].name}": job[1] for job in jobs}
        for name, count in engine.run(trials):
            on_images_done(topologies[name], count)


def _file(folder: Path, topology: Topology, start: int) -> Path:
    return folder / topology.name / f"{start}.npz"


def _record_to(
    path: Path, topology: Topology, models: Path, images: Sequence[LabelledImage]
) -> int:
    chunk = record_chunk(topology, models, images)
    write_arrays(path, {**vars(chunk.recording), "errors": chunk.errors})
    return len(images)


def _load(path: Path) -> RecordedChunk:
    try:
        data = read_arrays(path)
        recording = Recording(data["confidence"], data["label"], data["in_top5"])
        return RecordedChunk(recording, data["errors"])
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{path} is damaged: {error}; remove it and run again.") from error


def record_chunk(
    topology: Topology, models: Path, images: Iterable[LabelledImage]
) -> RecordedChunk:
    """Records one topology over some images, in the calling process."""
    adaptta = AdapTTA(TfliteClassifier(topology, models), POLICY)
    passes = POLICIES[POLICY]
    rows, errors = [], []
    for image in images:
        try:
            rows.append(_row(adaptta, image))
            errors.append("")
        except InputError as error:
            rows.append(
                ([0.0] * POLICIES[POLICY], [-1] * POLICIES[POLICY], [False] * POLICIES[POLICY])
            )
            errors.append(str(error))
    confidence, label, in_top5 = zip(*rows, strict=True) if rows else ((), (), ())
    shape = (-1, passes)
    return RecordedChunk(
        Recording(
            np.array(confidence, np.float32).reshape(shape),
            np.array(label, np.int32).reshape(shape),
            np.array(in_top5, bool).reshape(shape),
        ),
        np.array(errors, np.str_),
    )


def _row(adaptta: AdapTTA, image: LabelledImage) -> tuple[list[float], list[int], list[bool]]:
    """Confidence, answer, and whether the truth is among the five highest, after every view."""
    offset = adaptta.classifier.topology.label_offset
    consensus = Mean(POLICIES[POLICY])
    true_index = np.array(image.label + offset)
    confidence, label, in_top5 = [], [], []
    for probabilities, _ in adaptta.outputs(image.path):
        consensus.add(probabilities)
        confidence.append(float(max_score(consensus.scores)))
        label.append(int(consensus.answer) - offset)
        in_top5.append(bool(consensus.ahead_of(true_index) < 5))
    return confidence, label, in_top5


def _concatenated(chunks: Sequence[RecordedChunk]) -> RecordedChunk:
    def concatenated(field: str) -> NDArray[Any]:
        return np.concatenate([getattr(chunk.recording, field) for chunk in chunks])

    recording = Recording(
        concatenated("confidence"), concatenated("label"), concatenated("in_top5")
    )
    return RecordedChunk(recording, np.concatenate([chunk.errors for chunk in chunks]))


def _checked_hash(topology: Topology, models: Path) -> str:
    path = models / topology.file
    if not path.is_file():
        raise InputError(f"there is no network at {path}.")
    digest = sha256(path.read_bytes()).hexdigest()
    if topology.sha256 not in (None, digest):
        raise InputError(
            f"{path} is not the file that topology {topology.name} names: its SHA-256 is "
            f"{digest}, expected {topology.sha256}."
        )
    return digest


def check_labels(topologies: Sequence[Topology], images: Sequence[LabelledImage]) -> None:
    """Checks that every label is a class of every network.

    Raises:
        InputError: A label is not.
    """
    for topology in topologies:
        classes = topology.classes - topology.label_offset
        for image in images:
            if image.label >= classes:
                raise InputError(
                    f"{image.path} has the label {image.label}; {topology.name} knows the classes "
                    f"0 to {classes - 1}."
                )


def write_failures(path: Path, failures: Mapping[Path, str]) -> None:
    """Lists images that could not be used, with the reason, as CSV."""
    text = StringIO(newline="")
    csv.writer(text).writerows([("file", "error"), *failures.items()])
    write_whole(path, text.getvalue().encode())


def listing_sha256(images: Sequence[LabelledImage]) -> str:
    """Hash of a list of images: of the names, labels and sizes of the files."""
    digest = sha256()
    for image in images:
        size = image.path.stat().st_size if image.path.exists() else None
        digest.update(f"{image.path.name},{image.label},{size}\n".encode())
    return digest.hexdigest()


def provenance_of(
    command: str, hashes: dict[str, str], images: Sequence[LabelledImage]
) -> dict[str, Any]:
    """Collects the provenance of a recording: command, versions, and hashes of its inputs.

    Args:
        command: Command line.
        hashes: SHA-256 of the networks; see `checked_hashes`.
        images: Recorded images.

    Raises:
        InputError: An image is missing.
    """
    digest = sha256()
    try:
        for image in images:
            digest.update(image.path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read the image {error.filename}: {error.strerror}.") from error
    return {
        "command": command,
        "runtime": runtime(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "networks_sha256": hashes,
        "images": [image.path.name for image in images],
        "images_sha256": digest.hexdigest(),
        "geometry": DEFAULT_GEOMETRY.description,
        "resizer": DEFAULT_GEOMETRY.resizer_description,
        "aggregation": "running mean of the softmax vectors",
    }
