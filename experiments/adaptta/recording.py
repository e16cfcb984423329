"""Recording: runs networks over labelled images once, so that the twin can replay them."""

import platform
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.adaptta import AdapTTA
from tvfs_gym.envs.inference.aggregation import Mean
from tvfs_gym.envs.inference.augmentation import DEFAULT_GEOMETRY, POLICIES
from tvfs_gym.envs.inference.classifier import TfliteClassifier
from tvfs_gym.envs.inference.confidence import max_score
from tvfs_gym.envs.inference.images import LabelledImage
from tvfs_gym.envs.inference.outcomes import RecordedOutcomes, Recording
from tvfs_gym.envs.inference.runtime import runtime
from tvfs_gym.envs.inference.topology import Topology
from tvfs_gym.experiments.engine import open_engine

POLICY = "10C"
"""The longest policy; the shorter ones are its beginnings."""

CHUNK = 25
"""Images that a process records at a time."""


def checked_hashes(topologies: Sequence[Topology], models: Path) -> dict[str, str]:
    """Computes the SHA-256 of every topology's file, by name of the topology.

    Args:
        topologies: Topologies to record.
        models: Folder with their files.

    Raises:
        InputError: A file is missing, has another hash than its topology, or does not fit it.
    """
    hashes = {topology.name: _checked_hash(topology, models) for topology in topologies}
    for topology in topologies:
        TfliteClassifier(topology, models)
    return hashes


def record_outcomes(
    topologies: Sequence[Topology],
    models: Path,
    images: Sequence[LabelledImage],
    provenance: dict[str, Any],
    processes: int,
    on_images_done: Callable[[Topology, int], None],
) -> RecordedOutcomes:
    """Runs every view of every image through every topology.

    Args:
        topologies: Topologies to record.
        models: Folder with their files.
        images: Labelled images.
        provenance: Provenance of the recording; see `provenance_of`.
        processes: Processes that share the work; each runs one thread.
        on_images_done: Called with the topology and the number of newly recorded images.

    Raises:
        InputError: A network or an image cannot be used.
    """
    chunks = [images[start : start + CHUNK] for start in range(0, len(images), CHUNK)]
    recordings = {}
    with open_engine(workers=processes) as engine:
        for topology in topologies:
            trials = {
                f"{topology.name}, images from {number * CHUNK}": partial(
                    record_chunk, topology, models, chunk
                )
                for number, chunk in enumerate(chunks)
            }
            parts = {}
            for name, part in engine.run(trials):
                parts[name] = part
                on_images_done(topology, len(part.label))
            recordings[topology.name] = _concatenated([parts[name] for name in trials])
    truth = np.array([image.label for image in images], np.int16)
    return RecordedOutcomes(truth, recordings, provenance)


def record_chunk(topology: Topology, models: Path, images: Iterable[LabelledImage]) -> Recording:
    """Records one topology over some images, in the calling process."""
    adaptta = AdapTTA(TfliteClassifier(topology, models), POLICY)
    confidence, label, in_top5 = [], [], []
    for image in images:
        consensus = Mean(POLICIES[POLICY])
        true_index = np.array(image.label + topology.label_offset)
        for probabilities, _ in adaptta.outputs(image.path):
            consensus.add(probabilities)
            confidence.append(max_score(consensus.scores))
            label.append(int(consensus.answer) - topology.label_offset)
            in_top5.append(consensus.ahead_of(true_index) < 5)
    shape = (-1, POLICIES[POLICY])
    return Recording(
        np.array(confidence, np.float32).reshape(shape),
        np.array(label, np.int16).reshape(shape),
        np.array(in_top5, bool).reshape(shape),
    )


def _concatenated(parts: Sequence[Recording]) -> Recording:
    def concatenated(field: str) -> NDArray[Any]:
        return np.concatenate([getattr(part, field) for part in parts])

    return Recording(concatenated("confidence"), concatenated("label"), concatenated("in_top5"))


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
    try:
        images_sha256 = sha256(b"".join(image.path.read_bytes() for image in images)).hexdigest()
    except OSError as error:
        raise InputError(f"cannot read the image {error.filename}: {error.strerror}.") from error
    return {
        "command": command,
        "runtime": runtime(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "networks_sha256": hashes,
        "images": [image.path.name for image in images],
        "images_sha256": images_sha256,
        "geometry": DEFAULT_GEOMETRY.description,
        "resizer": DEFAULT_GEOMETRY.resizer_description,
        "aggregation": "running mean of the softmax vectors",
    }
