"""Tables that a command prints, and text that it writes into a document."""

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.measure import Measurement
from rich.table import Column, Table

from tvfs_gym.envs.errors import InputError

Thing = TypeVar("Thing")


def print_fitting(table: Table) -> None:
    """Prints a table within the terminal's width, its columns in as many blocks as that takes.

    Args:
        table: Its first column stands in every block.
    """
    console = Console()
    _, right, _, left = table.padding
    widths = [column_width(console, column) + left + right + 1 for column in table.columns]
    blocks = column_blocks(widths, console.width - 1)  # less the edge
    for block in blocks:
        part = _part_of(table, block)
        part.title = table.title if block is blocks[0] else None
        part.caption = table.caption if block is blocks[-1] else None
        console.print(part)


def print_wrapped(text: str) -> None:
    """Prints a sentence within the terminal's width; its words stay whole."""
    print(textwrap.fill(text, Console().width, break_long_words=False, break_on_hyphens=False))


def spread(things: Sequence[Thing], most: int) -> list[Thing]:
    """At most so many of them, evenly spread from the first to the last."""
    if len(things) <= most:
        return list(things)
    return [things[round(place * (len(things) - 1) / (most - 1))] for place in range(most)]


def text_lines(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table as lines of text; the first column is flush left, the others flush right."""
    cells = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            text.rjust(width) if place else text.ljust(width)
            for place, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]


def column_blocks(widths: Sequence[int], most: int) -> list[list[int]]:
    """Divides columns into blocks that fit a width and begin with the first.

    Args:
        widths: Widths of the columns.
        most: Width of a block; a column that is wider stands beside the first alone.
    """
    blocks: list[list[int]] = []
    taken = most
    for column, width in enumerate(widths[1:], 1):
        if taken + width > most:
            blocks.append([0])
            taken = widths[0]
        blocks[-1].append(column)
        taken += width
    return blocks or [[0]]


def column_width(console: Console, column: Column) -> int:
    """Width of a column: of its cells, and its heading, unwrapped."""
    cells = [column.header, *column.cells]
    return max(Measurement.get(console, console.options, cell).maximum for cell in cells)


def _part_of(table: Table, columns: Sequence[int]) -> Table:
    part = Table(
        box=table.box,
        caption_justify=table.caption_justify,
        padding=table.padding,
    )
    for index in columns:
        column = table.columns[index]
        wraps = column.no_wrap and len(columns) > 2
        part.add_column(
            column.header, justify=column.justify, no_wrap=wraps, overflow="fold", ratio=None
        )
    cells = zip(*(list(table.columns[index].cells) for index in columns), strict=True)
    for row, texts in zip(table.rows, cells, strict=True):
        part.add_row(*texts, end_section=row.end_section)
    return part


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column is flush left, the others flush right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def replace_section(document: Path, name: str, text: str) -> None:
    """Replaces what stands between ``<!-- NAME:begin -->`` and ``<!-- NAME:end -->``.

    Raises:
        InputError: The document is missing or has no such markers.
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    try:
        content = document.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read {document}: {error.strerror}.") from error
    if begin not in content or end not in content:
        raise InputError(f"{document} has no section between {begin} and {end}.")
    before, rest = content.split(begin, 1)
    after = rest.split(end, 1)[1]
    document.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")
