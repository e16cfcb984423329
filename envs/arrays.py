"""Arrays in .npz files: written whole, and read from files that may be damaged, or do harm."""

from collections.abc import Mapping
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.files import write_whole
from tvfs_gym.envs.tables import Traversable

MOST_BYTES = 512 << 20
"""All arrays of a file together: those of a thousand photographs have some ten megabytes."""

_READ_HEADER = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def read_arrays(path: Path | Traversable, what: str = "arrays") -> dict[str, NDArray[Any]]:
    """Reads all arrays of an .npz file; none of them is unpickled.

    Args:
        path: The file.
        what: What it should hold, for the error.

    Raises:
        OSError: The file cannot be read.
        InputError: It holds no arrays, or more than `MOST_BYTES` of them.
    """
    content = path.read_bytes()
    try:
        with ZipFile(BytesIO(content)) as archive:
            if sum(member.file_size for member in archive.infolist()) > MOST_BYTES:
                raise InputError(f"{path} holds more than {MOST_BYTES >> 20} MiB of arrays.")
            return {name.removesuffix(".npy"): _array(archive, name) for name in archive.namelist()}
    except InputError:
        raise
    except Exception as error:  # a damaged archive makes zipfile and NumPy raise a dozen kinds
        first = (str(error).splitlines() or ["it is damaged"])[0]
        raise InputError(f"{path} holds no {what}: {first}.") from error


def _array(archive: ZipFile, name: str) -> NDArray[Any]:
    content = archive.read(name)
    stream = BytesIO(content)
    read_header = _READ_HEADER.get(npy.read_magic(stream))
    if read_header is None:
        raise ValueError(f"{name} is of an unknown version")
    shape, _, dtype = read_header(stream)
    if dtype.hasobject or dtype.fields is not None:
        raise ValueError(f"{name} holds objects")
    if prod(shape) * dtype.itemsize != len(content) - stream.tell():
        raise ValueError(f"{name} is not as long as it says")
    stream.seek(0)
    return np.asarray(npy.read_array(stream, allow_pickle=False))


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], compressed: bool = True) -> None:
    """Writes arrays by name as .npz, all or nothing.

    Args:
        path: The file; its folder is made if need be.
        arrays: The arrays by name.
        compressed: True to compress them, which takes longer.

    Raises:
        OSError: The file cannot be written.
    """
    content, by_name = BytesIO(), dict[str, Any](arrays)
    save = np.savez_compressed if compressed else np.savez
    save(content, **by_name)
    write_whole(path, content.getvalue())
