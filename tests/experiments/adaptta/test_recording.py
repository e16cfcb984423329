"""Recording many pictures: what it holds in memory, and what a kill costs."""

import tracemalloc
from pathlib import Path

import pytest

from tvfs_gym.envs.inference.image_lists import LabelledImage
from tvfs_gym.experiments.adaptta.recording import listing_sha256, provenance_of
from tvfs_gym.experiments.perf.recording import NETWORKS, endure, page

BYTES, FILES = 1 << 20, 24


def test_pictures_are_hashed_one_after_the_other(tmp_path: Path) -> None:
    """24 MB of pictures; no more than a few of them in memory."""
    images = []
    for number in range(FILES):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(bytes([number]) * BYTES)
        images.append(LabelledImage(path, 0))
    tracemalloc.start()
    try:
        found = provenance_of("tvfs-gym", {}, images)
        listing_sha256(images)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(found["images"]) == FILES and len(found["images_sha256"]) == 64
    assert peak < 4 * BYTES


@pytest.mark.slow
def test_a_killed_recording_comes_to_the_same(tmp_path: Path) -> None:
    """`tvfs-gym dev perf recording` does so with 20 000 pictures and ten kills."""
    endured = endure(300, 3, tmp_path)
    assert endured.is_same and endured.kills == 3
    assert [line.split(":")[0] for line in endured.accuracy] == list(NETWORKS)
    assert 50 < endured.worker_mb < 300 and 50 < endured.parent_mb < 300
    assert "the same outcomes, bit for bit" in page(endured)
