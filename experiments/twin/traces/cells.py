"""Cells of tables as people have them: encodings, separators, decimal marks, JSON lines."""

import csv
import json
import re
from collections.abc import Iterator, Sequence

_DECIMAL_COMMA = re.compile(r"-?\d+,\d+")
_THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3})+")
_SENSOR_PATH = re.compile(r"/[\w-]+/.*/(\w+)/\d+")

Cells = tuple[list[str], list[list[str]], str]
"""Header, rows, and the decimal mark of the numbers."""


def cells_in(content: bytes) -> Cells:
    """Cells of a table by their separator, and the decimal mark of its numbers.

    Args:
        content: Bytes of the file, in UTF-8, UTF-16 or Latin-1; lines of JSON will do.
    """
    lines = [line for line in decoded(content).splitlines() if line.strip()]
    lines = _without_comments(lines)
    if lines and lines[0].lstrip().startswith("{") and (cells := _json_lines(lines)):
        return cells
    lines = _without_frame(lines)
    separator = _separator(lines)
    if separator is None:
        rows = [line.split() for line in lines]
    else:
        reader = csv.reader(lines, delimiter=separator, skipinitialspace=True)
        rows = [[cell.strip() for cell in row] for row in reader]
    header, rows = (rows[0], rows[1:]) if rows else ([], [])
    if rows and any(map(_SENSOR_PATH.fullmatch, header)):
        header, rows = _named_by_sensor(header, rows[0]), rows[1:]
    return header, rows, _decimal(rows)


def decoded(content: bytes) -> str:
    """Text in UTF-8, UTF-16, as PowerShell writes it, or Latin-1."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return text.replace("\N{MINUS SIGN}", "-").replace("\N{NO-BREAK SPACE}", " ")


def _without_comments(lines: Sequence[str]) -> list[str]:
    """Lines without comments; of those on top, the last is the header if numbers follow it."""
    first = next((index for index, line in enumerate(lines) if line[0] != "#"), 0)
    kept = [line for line in lines[first:] if line[0] != "#"]
    if first and kept and re.match(r"\W*\d", kept[0]):
        return [lines[first - 1].lstrip("# "), *kept]
    return kept


def _without_frame(lines: Sequence[str]) -> list[str]:
    """Lines of a table in Markdown without its rules and the bars at its sides."""
    if not lines or not lines[0].lstrip().startswith("|"):
        return [*lines]
    return [line.strip().strip("|") for line in lines if not re.fullmatch(r"[\s|:+-]+", line)]


def _separator(lines: Sequence[str]) -> str | None:
    """Mark between two cells; None for blanks."""
    header = lines[0] if lines else ""
    mark = next((mark for mark in ";\t|," if mark in header), None)
    names = len(header.split())
    if mark is None and names > 1 and all(len(line.split()) == names for line in lines[:20]):
        return None
    return mark or ","


def _decimal(rows: Sequence[Sequence[str]]) -> str:
    found = [cell for row in rows[:50] for cell in row if _DECIMAL_COMMA.fullmatch(cell)]
    return "," if found and not all(map(_THOUSANDS.fullmatch, found)) else "."


def _named_by_sensor(paths: Sequence[str], names: Sequence[str]) -> list[str]:
    """Names of a hardware monitor's columns, each with its kind, which is in the path above it."""
    kinds = [found[1] if (found := _SENSOR_PATH.fullmatch(path)) else "" for path in paths]
    devices = [path.split("/")[1] if path.count("/") > 1 else "" for path in paths]
    named = zip(devices, names, kinds, strict=False)
    return [" ".join(part for part in parts if part) for parts in named]


def _json_lines(lines: Sequence[str]) -> Cells | None:
    """Flat objects of the same keys, one a line; None if they are not."""
    try:
        rows = [dict(_flat(json.loads(line))) for line in lines]
    except (ValueError, AttributeError, RecursionError):
        return None
    header = list(rows[0])
    return header, [[row.get(name, "") for name in header] for row in rows], "."


def _flat(data: dict[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in data.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, str | int | float):
            yield f"{prefix}{name}", str(value)
