"""Tables that a command prints, and text that it writes into a document."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console, ConsoleDimensions
from rich.measure import Measurement
from rich.table import Table

from tvfs_gym.envs.errors import InputError

MOST = 400
"""Columns beyond which even a wide table wraps."""


def print_wide(table: Table) -> None:
    """Prints a table in full; a terminal that is too narrow wraps its lines."""
    console = Console()
    wanted = Measurement.get(console, console.options.update(max_width=MOST), table).maximum
    console.size = ConsoleDimensions(max(console.width, min(wanted, MOST)), console.height)
    console.print(table)


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
