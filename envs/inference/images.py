"""Labelled images: reading a list or a folder of them, and decoding one."""

import csv
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO
from zipfile import BadZipFile, ZipFile
from zlib import error as ZlibError  # noqa: N812

import numpy as np
from PIL import Image, ImageOps

from tvfs_gym.envs.errors import InputError

LABEL_COLUMNS = ("label", "label_1000")

MOST_UNPACKED = 1 << 30
"""Bytes of the images in an archive."""

LONGEST_LABEL = 9
"""Digits of a class."""


@dataclass(frozen=True)
class LabelledImage:
    """One image file and its class, counted from 0 without a background class."""

    path: Path
    label: int


def read_images(path: Path, classes: int) -> list[LabelledImage]:
    """Reads a list of labelled images, or a folder with a sub-folder of images per class.

    Sub-folders whose names are all numbers are the classes of these numbers. Otherwise they are
    the classes 0, 1, ... in alphabetical order, as in torchvision's ``ImageFolder``, and all must
    be there: a part of ImageNet in folders like ``n01440764`` would get wrong labels in silence.

    Args:
        path: As for `read_image_list`, or such a folder.
        classes: Classes of the network, without background.

    Raises:
        InputError: As for `read_image_list`; or the sub-folders hold no image or are too few.
    """
    if not path.is_dir() or (path / "images.csv").exists():
        return read_image_list(path)
    folders = sorted(file for file in path.iterdir() if file.is_dir())
    numbered = all(folder.name.isdecimal() for folder in folders)
    if not numbered and len(folders) != classes:
        raise InputError(
            f"{path} holds {len(folders)} folders for the network's {classes} classes: name each "
            f"folder by its class's number, or list the images in {path / 'images.csv'}."
        )
    suffixes = Image.registered_extensions()
    images = [
        LabelledImage(file, int(folder.name) if numbered else label)
        for label, folder in enumerate(folders)
        for file in sorted(folder.iterdir())
        if file.suffix.lower() in suffixes
    ]
    if not images:
        raise InputError(f"{path} holds neither images.csv nor a folder of images for each class.")
    return images


def read_image_list(path: Path) -> list[LabelledImage]:
    """Reads a CSV list of labelled images.

    Args:
        path: A CSV file with the columns ``file`` (relative to the list) and ``label`` (or
            ``label_1000``), or a folder that holds one as ``images.csv``.

    Raises:
        InputError: The list is missing, empty, lacks a column, or holds a label that is no class.
    """
    path = path / "images.csv" if path.is_dir() else path
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise InputError(f"cannot read the image list {path}: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a CSV image list: {error}.") from error
    if not rows:
        raise InputError(f"the image list {path} names no image.")
    names = [name for name in rows[0] if name is not None]
    column = next((name for name in LABEL_COLUMNS if name in names), None)
    if column is None or "file" not in names:
        raise InputError(f"{path} must have the columns file and label; it has {', '.join(names)}.")
    return [
        _labelled_image(path, line, row["file"], row[column]) for line, row in enumerate(rows, 2)
    ]


def _labelled_image(path: Path, line: int, file: str | None, label: str | None) -> LabelledImage:
    if not file or "\0" in file:
        raise InputError(f"{path}, line {line}: the name of an image's file is missing.")
    if label is None or not label.isdecimal() or len(label) > LONGEST_LABEL:
        given = "nothing" if label is None else f"'{label[:80]}'"
        raise InputError(f"{path}, line {line}: a label is a class from 0 on, not {given}.")
    return LabelledImage(path.parent / file, int(label))


def open_image(path: Path | IO[bytes]) -> Image.Image:
    """Decodes an image file, open or not, upright, to RGB; of an animation the first frame.

    Raises:
        InputError: The file is missing or is not an image that Pillow reads.
    """
    try:
        with Image.open(path) as image:
            return to_rgb(image)
    except Exception as error:  # Pillow's plug-ins raise whatever their parsers stumble over
        raise InputError(f"cannot read the image {path}: {error}.") from error


def to_rgb(image: Image.Image) -> Image.Image:
    """Turns an image upright, as its EXIF data say, and to 8 bits of red, green and blue.

    Transparency is dropped, as by torchvision's loader. 16-bit greys are divided by 257, where
    Pillow itself would clip them at 255.

    Raises:
        ValueError: It holds floating-point pixels, whose range is anybody's guess.
    """
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers of unknown range")
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):
        grey = np.clip(np.asarray(upright, np.int64), 0, 65535)
        upright = Image.fromarray(((grey + 128) // 257).astype(np.uint8))
    return upright.convert("RGB")


def _is_wanted(member: str) -> bool:
    path = PurePosixPath(member)
    return path.name == "images.csv" or path.suffix.lower() in Image.registered_extensions()


def unpack_images(archive: Path, folder: Path) -> int:
    """Unpacks a zip archive of labelled images, ``images.csv`` among them.

    Args:
        archive: The archive.
        folder: Where to; files of the same names are replaced. Lists and images alone are unpacked.

    Returns:
        How many images its list names.

    Raises:
        InputError: The archive is missing or damaged, or holds no such list.
    """
    try:
        with ZipFile(archive) as zipped:
            members = [member for member in zipped.infolist() if _is_wanted(member.filename)]
            if sum(member.file_size for member in members) > MOST_UNPACKED:
                raise InputError(
                    f"{archive} is longer than {MOST_UNPACKED >> 30} GiB when unpacked: list the "
                    "images in a folder instead."
                )
            zipped.extractall(folder, members)
    except (OSError, BadZipFile, EOFError, NotImplementedError, RuntimeError, ZlibError) as failure:
        raise InputError(f"cannot unpack the images in {archive}: {failure}.") from failure
    return len(read_image_list(folder))
