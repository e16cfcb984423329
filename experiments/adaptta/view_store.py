"""Outputs of every view of every image, in a folder that survives an interruption.

``views/NETWORK/00000.npz`` holds the first chunk of images, and so on. A chunk is written under
another name and renamed once it is on disk, so that it is complete or absent.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.arrays import read_arrays, write_arrays
from tvfs_gym.envs.errors import InputError

CHUNK = 25
"""Images per file, and so the most that an interruption can lose."""


@dataclass(frozen=True)
class ViewOutputs:
    """Outputs of one network for some images.

    Attributes:
        probabilities: Output of every view, shape (images, views, classes); zeros where an image
            could not be read.
        seconds: Time of every pass with the preparation of its view, s, shape (images, views).
        errors: Reason why an image could not be used, shape (images,); empty where it was.
    """

    probabilities: NDArray[np.float32]
    seconds: NDArray[np.float64]
    errors: NDArray[np.str_]

    @property
    def usable(self) -> NDArray[np.bool_]:
        """True where an image was read, shape (images,)."""
        return np.asarray(self.errors == "")


def chunk_file(folder: Path, network: str, start: int) -> Path:
    """Path of the chunk of images that begins with number ``start``."""
    return folder / "views" / network / f"{start:05d}.npz"


def save_chunk(path: Path, outputs: ViewOutputs) -> None:
    """Writes a chunk, losslessly: in half precision where that holds the outputs exactly.

    It does for quantised networks, whose outputs are multiples of 1/256.
    """
    exact = outputs.probabilities.astype(np.float16)
    lossless = np.array_equal(exact.astype(np.float32), outputs.probabilities)
    probabilities = exact if lossless else outputs.probabilities
    write_arrays(path, {**vars(outputs), "probabilities": probabilities})


def chunks_of(folder: Path, network: str) -> Iterator[ViewOutputs]:
    """Reads the chunks of a network one after the other, in the order of the images.

    Raises:
        InputError: The folder holds no chunk, or an unreadable one.
    """
    files = sorted((folder / "views" / network).glob("*.npz"), key=lambda file: int(file.stem))
    if not files:
        raise InputError(f"{folder} holds no outputs of {network}: run adaptta live.")
    yield from map(_load_chunk, files)


def _load_chunk(file: Path) -> ViewOutputs:
    try:
        data = read_arrays(file)
        outputs = ViewOutputs(
            data["probabilities"].astype(np.float32), data["seconds"], data["errors"]
        )
        if outputs.probabilities.shape[:2] != outputs.seconds.shape or outputs.errors.ndim != 1:
            raise ValueError("their shapes differ")
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{file} holds no outputs: {error}; remove it and run again.") from error
    return outputs
