"""Doubts about labels: answers that are right no more often than a guess would be."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.inference.topology import Topology

FEWEST = 4
"""Images below which nothing is said of chance."""

CLEARLY = 3.0
"""Standard deviations of a guess by which shifted labels must be right more often than chance."""


def label_doubts(
    answers: NDArray[np.int32], truth: NDArray[np.int32], topology: Topology
) -> Iterator[str]:
    """A warning where answers are right no more often than a guess would be.

    Args:
        answers: Classes answered with a single view, shape (images,).
        truth: Classes of the images.
        topology: The network.
    """
    images, chance = len(truth), 1 / (topology.classes - topology.label_offset)
    spread = float(np.sqrt(images * chance * (1 - chance)))
    right = int((answers == truth).sum())
    if images < FEWEST or right > images * chance + spread:
        return
    yield (
        f"warning: {topology.name} answers {right} of {images} images right, as a guess would: "
        "labels, their order or the normalisation may be wrong."
    )
    for shift in (-1, 1):
        shifted = int((answers + shift == truth).sum())
        if shifted > max(right + 2, images * chance + CLEARLY * spread):
            offset = topology.label_offset - shift
            remedy = f": give --label-offset {offset}" if offset in (0, 1) else ""
            yield (
                f"warning: {topology.name} would answer {shifted} of them right if the labels were "
                f"shifted by one{remedy}."
            )
