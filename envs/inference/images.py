"""Labelled images: reading a list of them, and decoding one."""

import csv
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from PIL import Image, ImageOps

from tvfs_gym.envs.errors import InputError

LABEL_COLUMNS = ("label", "label_1000")


@dataclass(frozen=True)
class LabelledImage:
    """One image file and its class, counted from 0 without a background class."""

    path: Path
    label: int


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
    column = next((name for name in LABEL_COLUMNS if name in rows[0]), None)
    if column is None or "file" not in rows[0]:
        raise InputError(
            f"{path} must have the columns file and label; it has {', '.join(rows[0])}."
        )
    return [
        _labelled_image(path, line, row["file"], row[column]) for line, row in enumerate(rows, 2)
    ]


def _labelled_image(path: Path, line: int, file: str, label: str | None) -> LabelledImage:
    if label is None or not label.isdecimal():
        raise InputError(f"{path}, line {line}: a label is a class from 0 on, not '{label}'.")
    return LabelledImage(path.parent / file, int(label))


def open_image(path: Path) -> Image.Image:
    """Decodes an image, upright, to RGB.

    Raises:
        InputError: The file is missing or is not an image that Pillow reads.
    """
    try:
        with Image.open(path) as image:
            return ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"cannot read the image {path}: {error}.") from error


def unpack_images(archive: Path, folder: Path) -> int:
    """Unpacks a zip archive of labelled images, ``images.csv`` among them.

    Args:
        archive: The archive.
        folder: Where to; files of the same names are replaced.

    Returns:
        How many images its list names.

    Raises:
        InputError: The archive is missing or damaged, or holds no such list.
    """
    try:
        with ZipFile(archive) as zipped:
            zipped.extractall(folder)
    except (OSError, BadZipFile) as error:
        raise InputError(f"cannot unpack the images in {archive}: {error}.") from error
    return len(read_image_list(folder))
