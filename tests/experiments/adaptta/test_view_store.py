"""The store of the views' outputs."""

from pathlib import Path

import numpy as np

from tvfs_gym.experiments.adaptta.view_store import (
    ViewOutputs,
    chunk_file,
    load_outputs,
    save_chunk,
)


def test_chunks_come_in_the_order_of_their_images(tmp_path: Path) -> None:
    """Beyond 100 000 images, too, where names no longer sort like numbers."""
    starts = (0, 25, 10_000, 10_025, 99_975, 100_000)
    for start in starts:
        seconds = np.full((1, 1), float(start))
        outputs = ViewOutputs(np.zeros((1, 1, 2), np.float32), seconds, np.array([""]))
        save_chunk(chunk_file(tmp_path, "net", start), outputs)
    assert load_outputs(tmp_path, "net").seconds[:, 0].tolist() == list(starts)
