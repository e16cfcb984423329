"""The store of the views' outputs, of which no more than a part is ever in memory."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tvfs_gym.envs.inference.augmentation import policy_views
from tvfs_gym.envs.inference.topology import load_family
from tvfs_gym.experiments.adaptta.live_options import LiveOptions
from tvfs_gym.experiments.adaptta.readings import Interpretation, replayed_network
from tvfs_gym.experiments.adaptta.report import policy_runs
from tvfs_gym.experiments.adaptta.view_store import (
    CHUNK,
    ViewOutputs,
    chunk_file,
    chunks_of,
    save_chunk,
)

NETWORK = load_family("recorded").topologies[3]
CHUNKS = 16
IMAGES = CHUNK * CHUNKS
OF_A_CHUNK = CHUNK * 10 * NETWORK.classes * 4
"""Bytes of a chunk's outputs."""


def test_chunks_come_in_the_order_of_their_images(tmp_path: Path) -> None:
    """Beyond 100 000 images, too, where names no longer sort like numbers."""
    starts = (0, 25, 10_000, 10_025, 99_975, 100_000)
    for start in starts:
        seconds = np.full((1, 1), float(start))
        outputs = ViewOutputs(np.zeros((1, 1, 2), np.float32), seconds, np.array([""]))
        save_chunk(chunk_file(tmp_path, "net", start), outputs)
    assert [chunk.seconds[0, 0] for chunk in chunks_of(tmp_path, "net")] == list(starts)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Outputs of a network of 1001 classes that answers image i with class i of a thousand."""
    made = tmp_path_factory.mktemp("run")
    for start in range(0, IMAGES, CHUNK):
        outputs = np.zeros((CHUNK, 10, NETWORK.classes), np.float32)
        outputs[np.arange(CHUNK), :, start + np.arange(CHUNK) + NETWORK.label_offset] = 0.5
        seconds, errors = np.full((CHUNK, 10), 0.01), np.full(CHUNK, "")
        path = chunk_file(made, NETWORK.name, start)
        save_chunk(path, ViewOutputs(outputs, seconds, errors))
    return made


def _by_report(folder: Path) -> float:
    usable, truth = np.ones(IMAGES, bool), np.arange(IMAGES, dtype=np.int32)
    runs = [*policy_runs(folder, NETWORK, usable, truth, LiveOptions())]
    return float(np.mean([run.correct.mean() for run in runs]))


def _by_readings(folder: Path) -> float:
    truth = np.arange(IMAGES) + NETWORK.label_offset
    views = policy_views("10C", "centre_first")
    readings = [Interpretation("boxes 0.875 bilinear")]
    right, passes = replayed_network(folder, NETWORK, truth, views, readings, lambda _: None)
    assert passes[readings[0]].shape == (2, IMAGES)
    return float(right.mean())


@pytest.mark.parametrize("replayed", [_by_report, _by_readings])
def test_memory_does_not_grow_with_the_images(
    folder: Path, replayed: Callable[[Path], float]
) -> None:
    """Of 16 chunks, some 6 are in memory at most, as copies of one or two of them."""
    replayed(folder)  # whatever is loaded or compiled once
    tracemalloc.start()
    try:
        assert replayed(folder) == 1.0
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6 * OF_A_CHUNK < CHUNKS * OF_A_CHUNK / 2
