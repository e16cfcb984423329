"""Label lists: names of classes as people write them, one per line, numbered, or as JSON."""

import ast
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.yaml_files import yaml_in

BACKGROUND = frozenset(
    ("background", "__background__", "_background_", "dummy", "unused", "???", "n/a", "none")
)
"""First lines that name no class, but the "background" of networks with one more output."""

_HEADINGS = {"id", "index", "number", "name", "names", "label", "labels", "class", "classes"} | {
    f"{of}_{what}" for of in ("class", "label") for what in ("id", "index", "name")
}

BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
"""Beginnings of files that are not in UTF-8."""

_NUMBERED = re.compile(r"(\d+)\s*[\s:;,=.)]\s*(\S.*)")
_NUMBER_BEHIND = re.compile(r"(\S.*?)\s*[,;\t]\s*(\d+)")
_WORDNET_ID = re.compile(r"(n\d{8})\b[\s,;:]*(.*)")


@dataclass(frozen=True)
class Labels:
    """Names of classes.

    Attributes:
        names: By class, from 0 on, without background.
        background_first: True if the list named a background before them.
    """

    names: tuple[str, ...]
    background_first: bool = False

    def class_of(self, name: str) -> int | None:
        """Class of a name, whatever its case, spaces, underscores and synonyms; None if unknown.

        Raises:
            InputError: Several classes have this name.
        """
        found = [index for index, label in enumerate(self.names) if _key(name) in _keys(label)]
        if len(found) > 1:
            numbers = " and ".join(map(str, found[:2]))
            raise InputError(f"the label list gives the name {name} to the classes {numbers}.")
        return found[0] if found else None

    def offset(self, outputs: int) -> int | None:
        """Output index of class 0 of a network with so many outputs; None if they do not fit."""
        more = outputs - len(self.names)
        return more if more in (0, 1) else None


def _key(name: str) -> str:
    return " ".join(re.split(r"[\s_\-]+", name.casefold().strip()))


def _keys(label: str) -> set[str]:
    """Keys of a label: of itself, of each of its synonyms, and of its WordNet id."""
    keys = {_key(label), *map(_key, label.split(","))}
    if wordnet := _WORDNET_ID.fullmatch(label):
        keys |= {wordnet[1], _key(wordnet[2]), *map(_key, wordnet[2].split(","))}
    return keys - {""}


def read_labels(path: Path) -> Labels:
    """Reads a label list: a name per line, numbered or not, one line of names, or JSON.

    Raises:
        InputError: The file is missing, or its names or their order cannot be told.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the label list {path}: {error.strerror}.") from error
    return labels_in(content, str(path))


def labels_in(content: bytes, source: str) -> Labels:
    """Reads the content of a label list; see `read_labels`.

    Args:
        content: Bytes of the file.
        source: Name of the file, for errors.

    Raises:
        InputError: The names or their order cannot be told.
    """
    try:
        text = content.decode(BYTE_ORDER_MARKS.get(content[:2], "utf-8-sig")).strip()
    except UnicodeDecodeError as error:
        raise InputError(f"{source} is not a label list: {error}.") from error
    if not text:
        raise InputError(f"the label list {source} names no class.")
    if text[0] in "[{":
        names = _names_in(_data(text, source), source)
    elif _LABEL_MAP.search(text):
        names = _names_of_label_map(text, source)
    elif re.search(r"^names:", text, re.MULTILINE):
        names = _names_in(yaml_in(text, source), source)
    else:
        names = _names_in_lines(text, source)
    background_first = len(names) > 1 and names[0].casefold() in BACKGROUND
    return Labels(tuple(names[int(background_first) :]), background_first)


def _data(text: str, source: str) -> Any:
    """JSON, or what Python prints of a list or dictionary."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # a number may have thousands of digits
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            raise InputError(f"{source} is not a label list: {error}.") from error


def _names_in(data: Any, source: str) -> list[str]:
    """Names of a list, of an object by number, or of an object that gives numbers by name.

    They may be the ``names``, ``labels`` or ``classes`` of an object, and objects themselves.
    """
    inner = [data[key] for key in _HEADINGS if isinstance(data, dict) and key in data]
    if len(inner) == 1 and isinstance(inner[0], list | dict):
        data = inner[0]
    if data and isinstance(data, dict) and all(isinstance(value, int) for value in data.values()):
        data = {str(number): name for name, number in data.items()}
    if data and isinstance(data, dict) and all(map(_is_number, data)):
        return _in_order({int(key): _name(value) for key, value in data.items()}, source)
    if data and isinstance(data, list) and all(isinstance(value, dict) for value in data):
        return _names_of_objects(data, source)
    if not isinstance(data, list) or not data:
        raise InputError(
            f"{source} is not a label list: expected a JSON list of names, or names by number."
        )
    return [_name(value) for value in data]


def _is_number(key: Any) -> bool:
    return str(key).isdecimal() and len(str(key)) < 10


def _names_of_objects(data: Sequence[dict[str, Any]], source: str) -> list[str]:
    """Names of objects such as ``{"id": 0, "name": "tench"}``."""
    named = [
        next((one[key] for key in ("name", "label", "class") if key in one), None) for one in data
    ]
    numbers = [next((one[key] for key in ("id", "index") if key in one), None) for one in data]
    if any(not isinstance(name, str) for name in named):
        raise InputError(f"{source} is not a label list: not each of its objects has a name.")
    names = [str(name) for name in named]
    if all(isinstance(number, int) for number in numbers):
        return _in_order(
            {int(str(n)): name for n, name in zip(numbers, names, strict=True)}, source
        )
    return names


_LABEL_MAP = re.compile(r"^item\s*\{", re.MULTILINE)


def _names_of_label_map(text: str, source: str) -> list[str]:
    """Names of a label map of TensorFlow's object detection, ``item { id: 1 name: "tench" }``."""
    names: dict[int, str] = {}
    for item in _LABEL_MAP.split(text)[1:]:
        fields = dict(re.findall(r"(\w+):\s*[\"']?([^\"'\n}]*)", item))
        name = fields.get("display_name", fields.get("name"))
        if name is None or not fields.get("id", "").strip().isdecimal():
            raise InputError(f"{source} is not a label list: an item lacks its id or name.")
        names[int(fields["id"])] = name.strip()
    return _in_order(names, source)


def _name(value: Any) -> str:
    """A name, alone or, as in Keras' class index, behind its WordNet id."""
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _names_in_lines(text: str, source: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines()]
    while len(lines) > 1 and lines[0].startswith("#"):
        del lines[0]
    if len(lines) == 1:
        separator = next((mark for mark in ";\t," if mark in lines[0]), None)
        lines = [name.strip() for name in lines[0].split(separator)] if separator else lines
    if "" in lines:
        raise InputError(
            f"line {lines.index('') + 1} of the label list {source} is empty: name its class, or "
            "remove the line if there is none."
        )
    if len(lines) > 1 and set(re.split(r"\s*[,;\t]\s*", lines[0].casefold())) <= _HEADINGS:
        del lines[0]
    lines = [line.rstrip(",").strip("\"'") for line in lines]
    for pattern, number, name in ((_NUMBERED, 1, 2), (_NUMBER_BEHIND, 2, 1)):
        found = [match for line in lines if (match := pattern.fullmatch(line))]
        numbers = [int(match[number]) for match in found]
        if len(found) == len(lines) > 1 and len(set(numbers)) == len(numbers):
            names = [match[name].strip().strip("\"'") for match in found]
            return _in_order(dict(zip(numbers, names, strict=True)), source)
    return lines


def _in_order(by_number: dict[int, str], source: str) -> list[str]:
    """Names by ascending number, which must count up from 0 or 1."""
    numbers = sorted(by_number)
    gaps = [
        number for number, before in zip(numbers[1:], numbers, strict=False) if number != before + 1
    ]
    if numbers[0] not in (0, 1) or gaps:
        wrong = gaps[0] if gaps else numbers[0]
        raise InputError(
            f"the label list {source} leaves numbers out before {wrong}: give a name, such as ???, "
            "for every output of the network."
        )
    return [by_number[number] for number in numbers]


def first_names(labels: Sequence[str], count: int = 3) -> str:
    """The first names of a list, for people."""
    return ", ".join(labels[:count]) + (", ..." if len(labels) > count else "")
