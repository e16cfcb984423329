"""Labelled images: reading a list of them, or a folder with a folder for each class."""

import csv
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from zipfile import BadZipFile, ZipFile
from zlib import error as ZlibError  # noqa: N812

from PIL import Image

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.labels import BYTE_ORDER_MARKS, Labels

LIST = "images.csv"

LABEL_COLUMNS = ("label", "label_1000")

MOST_UNPACKED = 1 << 30
"""Bytes of the images in an archive."""

LONGEST_LABEL = 9
"""Digits of a class."""

NO_LABELS = Labels(())

_SYSTEM_NAMES = {
    "__macosx",
    "@eadir",
    "$recycle.bin",
    "system volume information",
    "lost+found",
    "thumbs.db",
    "desktop.ini",
}

_TOLD = 3
"""Names that a note gives of what it counts."""


@dataclass(frozen=True)
class LabelledImage:
    """One image file and its class, counted from 0 without a background class."""

    path: Path
    label: int


@dataclass(frozen=True)
class LabelledImages:
    """Labelled images, and what was made of the folder or list they came from.

    Attributes:
        images: The images, in order.
        notes: What was left out, and what a class was taken for, one sentence each.
    """

    images: list[LabelledImage]
    notes: tuple[str, ...] = ()


def read_images(path: Path, classes: int, labels: Labels = NO_LABELS) -> LabelledImages:
    """Reads a list of labelled images, or a folder with a sub-folder of images per class.

    Sub-folders are the classes of their names in the label list, or of their numbers. Otherwise
    they are the classes 0, 1, ... by the numbers behind their names, as ``class_10``, or in
    alphabetical order, as in torchvision's ``ImageFolder``, and all must be there: a part of
    ImageNet in folders like ``n01440764`` would get wrong labels in silence. Images may lie in
    folders within these. Hidden and system files and folders are left out. Of a folder that holds
    but one, which is no class, that one is read.

    Args:
        path: As for `read_image_list`, or such a folder.
        classes: Classes of the network, without background.
        labels: Names of the classes, if they are known.

    Raises:
        InputError: As for `read_image_list`; or the sub-folders hold no image, or are not classes.
    """
    if path.is_dir():
        path = _within(path, labels)
    if not path.is_dir() or (path / LIST).exists():
        return LabelledImages(read_image_list(path, labels))
    folders = [folder for folder in _visible(path) if folder.is_dir()]
    of_folders, notes = _classes_of(path, [folder.name for folder in folders], classes, labels)
    images, others = [], [file for file in _visible(path) if not file.is_dir()]
    suffixes = Image.registered_extensions()
    for folder, label in zip(folders, of_folders, strict=True):
        for file in _files_in(folder):
            if file.suffix.lower() in suffixes:
                images.append(LabelledImage(file, label))
            else:
                others.append(file)
    if others:
        notes.append(_left_out(path, others))
    if not images:
        more = f" {notes[-1]}" if others else ""
        raise InputError(
            f"{path} holds neither {LIST} nor a folder of images for each class.{more}"
        )
    return LabelledImages(images, tuple(notes))


def _within(path: Path, labels: Labels) -> Path:
    """The folder, or the only one in it, as an archive has it whose top folder was packed too."""
    inside = list(_visible(path))
    if len(inside) != 1 or not inside[0].is_dir():
        return path
    only = inside[0]
    is_class = only.name.isdecimal() or labels.class_of(only.name) is not None
    folders_alone = any(_visible(only)) and all(file.is_dir() for file in _visible(only))
    return only if not is_class and (folders_alone or (only / LIST).exists()) else path


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.casefold() in _SYSTEM_NAMES


def _visible(folder: Path) -> Iterator[Path]:
    return (file for file in sorted(folder.iterdir()) if not _is_hidden(file.name))


def _files_in(folder: Path) -> Iterator[Path]:
    """All files of a folder and of those within it, in order, but for hidden ones.

    A link to a folder that it lies in leads back to what was there before, and is left out.
    """
    for place, folders, files in os.walk(folder, followlinks=True):
        here = Path(place).resolve()
        above = {here, *here.parents}
        folders[:] = sorted(
            name
            for name in folders
            if not _is_hidden(name) and Path(place, name).resolve() not in above
        )
        yield from (Path(place, name) for name in sorted(files) if not _is_hidden(name))


def _classes_of(
    path: Path, names: Sequence[str], classes: int, labels: Labels
) -> tuple[list[int], list[str]]:
    """Class of each folder, and notes."""
    known = {name: found for name in names if (found := labels.class_of(name)) is not None}
    unnamed = [name for name in names if name not in known]
    unnumbered = [name for name in names if not name.isdecimal()]
    if names and not unnamed:
        return [known[name] for name in names], []
    if known and (unnumbered or len(known) > 1):
        raise InputError(
            f"{path / unnamed[0]} is no class of the label list, as {next(iter(known))} is: "
            f"rename or move it, or list the images in {path / LIST}."
        )
    if not unnumbered:
        return [int(name) for name in names], []
    if len(unnumbered) < len(names):
        raise InputError(
            f"{path / unnumbered[0]} is no class number, as {_numbered(names)} is: rename or move "
            f"it, or list the images in {path / LIST}."
        )
    if len(names) != classes:
        raise InputError(
            f"{path} holds {len(names)} folders for the network's {classes} classes: name each "
            f"folder by its class's number, or list the images in {path / LIST}."
        )
    by_number = _by_number_behind(names)
    ordered, how = (names, "alphabet") if by_number is None else (by_number, "the number behind")
    order = ", ".join(f"{label} = {name}" for label, name in enumerate(ordered[:_TOLD]))
    more = ", ..." if classes > _TOLD else ""
    note = f"{path}: folders are the classes by {how}: {order}{more}."
    return [ordered.index(name) for name in names], [note]


def _by_number_behind(names: Sequence[str]) -> list[str] | None:
    """Names such as ``class_2`` and ``class_10`` by their numbers; None if these leave any out."""
    found = [re.fullmatch(r"(.*?)(\d+)", name) for name in names]
    parts = {int(match[2]): match for match in found if match is not None}
    numbers = sorted(parts)
    alike = len({match[1] for match in parts.values()}) == 1 and len(parts) == len(names)
    if not alike or numbers[0] > 1 or numbers[-1] - numbers[0] != len(numbers) - 1:
        return None
    return [parts[number][0] for number in numbers]


def _numbered(names: Sequence[str]) -> str:
    return next(name for name in names if name.isdecimal())


def _left_out(path: Path, files: Sequence[Path]) -> str:
    """Counts and names the files of no kind that Pillow reads, or in no folder of a class."""
    named = ", ".join(str(file.relative_to(path)) for file in files[:_TOLD])
    more = ", ..." if len(files) > _TOLD else ""
    heif = any(file.suffix.lower() in (".heic", ".heif") for file in files)
    remedy = "; convert HEIC pictures to JPEG, e.g. with pillow-heif" if heif else ""
    what = "file that is" if len(files) == 1 else "files that are"
    return f"left out: {len(files)} {what} no picture of a class ({named}{more}){remedy}."


def read_image_list(path: Path, labels: Labels = NO_LABELS) -> list[LabelledImage]:
    """Reads a list of labelled images.

    Args:
        path: A CSV file with the columns ``file`` (relative to the list) and ``label`` (or
            ``label_1000``), separated by commas, semicolons or tabs; or a file of lines such as
            ``a.jpg 7`` without a header; or a folder that holds one as ``images.csv``.
        labels: Names of the classes, for labels that are no numbers.

    Raises:
        InputError: The list is missing, empty, lacks a column, or holds a label that is no class.
    """
    path = path / LIST if path.is_dir() else path
    try:
        content = path.read_bytes()
        rows = _rows(content.decode(BYTE_ORDER_MARKS.get(content[:2], "utf-8-sig")))
    except OSError as error:
        raise InputError(f"cannot read the image list {path}: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a CSV image list: {error}.") from error
    if len(rows) < 2 and not _is_row(rows[0] if rows else []):
        raise InputError(f"the image list {path} names no image.")
    header, first = (["file", "label"], 1) if _is_row(rows[0]) else (rows.pop(0), 2)
    header = [name.casefold() for name in header]
    column = next((name for name in LABEL_COLUMNS if name in header), None)
    if column is None or "file" not in header:
        raise InputError(
            f"{path} must have the columns file and label; it has {', '.join(header)}."
        )
    file_at, label_at = header.index("file"), header.index(column)
    images = []
    for line, row in enumerate(rows, first):
        if not any(row):
            continue
        file = row[file_at] if len(row) > file_at else ""
        label = row[label_at] if len(row) > label_at else None
        images.append(_labelled_image(path, line, file, label, labels))
    if not images:
        raise InputError(f"the image list {path} names no image.")
    return images


def _rows(text: str) -> list[list[str]]:
    """Cells of each line, stripped; separated by the mark that the first line has."""
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    mark = next((mark for mark in ",;\t" if mark in first), None)
    if mark is None and re.fullmatch(r"\S.*\s\d+", first):
        return [line.rsplit(maxsplit=1) for line in lines]
    rows = csv.reader(lines, delimiter=mark or ",", skipinitialspace=True)
    return [[cell.strip() for cell in row] for row in rows]


def _is_row(cells: Sequence[str]) -> bool:
    """True if a list begins with an image rather than a header."""
    return len(cells) == 2 and cells[1].isdecimal() and bool(Path(cells[0]).suffix)


def _labelled_image(
    path: Path, line: int, file: str, label: str | None, labels: Labels
) -> LabelledImage:
    if not file or "\0" in file:
        raise InputError(f"{path}, line {line}: the name of an image's file is missing.")
    is_number = label is not None and label.isdecimal() and len(label) <= LONGEST_LABEL
    number = int(label) if label is not None and is_number else labels.class_of(label or "")
    if number is None:
        given = "nothing" if label is None else f"'{label[:80]}'"
        raise InputError(f"{path}, line {line}: a label is a class from 0 on, not {given}.")
    image = path.parent / file
    if "\\" in file and not image.exists():  # written on Windows
        image = path.parent / file.replace("\\", "/")
    return LabelledImage(image, number)


def is_list(member: str) -> bool:
    """True if a member of an archive is its list of images, at the top or one folder down."""
    path = Path(member)
    return path.name == LIST and len(path.parts) < 3 and not any(map(_is_hidden, path.parts))


def _is_wanted(member: str) -> bool:
    path = PurePosixPath(member)
    wanted = {Path(LIST).suffix, *Image.registered_extensions()}
    return path.suffix.lower() in wanted


def unpack_images(archive: Path, folder: Path) -> None:
    """Unpacks a zip archive of labelled images.

    Args:
        archive: The archive.
        folder: Where to; files of the same names are replaced. Lists and images alone are unpacked.

    Raises:
        InputError: The archive is missing or damaged, or holds too much.
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


@contextmanager
def unpacked(images: Path) -> Iterator[Path]:
    """Images as they lie, or those of a zip archive in a folder that goes afterwards.

    Raises:
        InputError: The archive is missing or damaged.
    """
    if images.suffix.lower() != ".zip":
        yield images
        return
    with TemporaryDirectory() as folder:
        unpack_images(images, Path(folder))
        yield Path(folder)
