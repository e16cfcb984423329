"""Tables of other people's: separators, encodings, names of columns with their units.

A column is known by words of its name; its unit by a bracket or an ending, or, where the name has
none, by the size of its values, which is noted.
"""

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tvfs_gym.envs.errors import InputError
from tvfs_gym.experiments.twin.traces.logs import ToolLog, moment_s

EPOCH_MS, EPOCH_S = 1e11, 1e8
"""Numbers from which on a time is milliseconds, or seconds, since 1970."""

MOST_C, MOST_W, MOST_LOAD = 1000.0, 1000.0, 1.5
MOST_MHZ, MOST_KHZ = 1e4, 1e7
"""Values beyond which a column is in a smaller unit than the usual one."""

TEMPLATE = """no reader fits. Five lines of Python make a trace of it:
  import polars as pl
  log = pl.read_csv("{file}")
  pl.DataFrame({{"time_s": log["TIME"], "temperature_c": log["TEMPERATURE"],
                "power_w": log["WATTS"]}}).write_csv("trace.csv")
or, without power, with "load" (0 to 1) and "frequency_mhz" in its place."""


def cells_in(content: bytes) -> tuple[list[str], list[list[str]], str]:
    """Cells of a table by their separator, and the decimal mark of its numbers.

    Args:
        content: Bytes of the file, in UTF-8, UTF-16 or Latin-1.

    Returns:
        Header, rows and the mark.
    """
    text = _decoded(content)
    lines = [line for line in text.splitlines() if line.strip()]
    header = lines[0] if lines else ""
    separator = next((mark for mark in ";\t|" if mark in header), ",")
    rows = [
        [cell.strip() for cell in row]
        for row in csv.reader(lines, delimiter=separator, skipinitialspace=True)
    ]
    in_cells = sum(bool(re.fullmatch(r"-?\d+,\d+", cell)) for row in rows[1:50] for cell in row)
    decimal = "," if separator != "," and in_cells else "."
    return (rows[0] if rows else []), rows[1:], decimal


def _decoded(content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


@dataclass(frozen=True)
class Column:
    """A column that was recognised.

    Attributes:
        name: Its name in the file.
        values: Values in the unit of the common column.
        note: What it was taken for, with the unit.
    """

    name: str
    values: list[float | None]
    note: str


def read_foreign_table(
    path: Path, header: list[str], rows: list[list[str]], decimal: str
) -> ToolLog | None:
    """Reads a table whose columns have names of their own; None if too few are recognised.

    Args:
        path: The file, for errors.
        header: Names of its columns.
        rows: Its cells.
        decimal: Decimal mark of its numbers.

    Raises:
        InputError: Several columns could be the chip's temperature.
    """
    header = _joined(header, rows)
    rows = [row for row in rows if len(row) >= len(header) and row[: len(header)] != header]
    cells = {name: [row[index] for row in rows] for index, name in enumerate(header)}
    time = _time(header, cells, decimal)
    temperature = _chosen(path, header, cells, decimal, _TEMPERATURE)
    if time is None or temperature is None or not rows:
        return None
    power = _chosen(path, header, cells, decimal, _POWER)
    load = None if power else _chosen(path, header, cells, decimal, _LOAD)
    clock = None if power else _chosen(path, header, cells, decimal, _CLOCK)
    found = {"time_s": time, "temperature_c": temperature, "power_w": power, "load": load,
             "frequency_mhz": clock}  # fmt: skip
    kept = {name: column for name, column in found.items() if column is not None}
    if len(kept) < 3:
        return None
    table = pl.DataFrame({name: column.values for name, column in kept.items()})
    table = table.filter(pl.col("time_s").is_not_null())
    table = table.with_columns(time_s=pl.col("time_s") - pl.col("time_s").first())
    return ToolLog(table, tuple(f"{name} is {column.note}" for name, column in kept.items()))


def _joined(header: list[str], rows: list[list[str]]) -> list[str]:
    """The header with names put together again that a comma has cut, as s-tui writes them."""
    joined: list[str] = []
    for name in header:
        if joined and name.isdecimal() and ":" in joined[-1]:
            joined[-1] += f",{name}"
        else:
            joined.append(name)
    return joined if rows and len(joined) == len(rows[0]) else header


def _number(cell: str, decimal: str) -> float | None:
    """The number that a cell begins with; units behind it are dropped."""
    if decimal == ",":
        cell = cell.replace(".", "").replace(",", ".")
    found = re.fullmatch(r"([+-]?\d+(?:\.\d*)?(?:e[+-]?\d+)?)\s*[^\d.]*", cell.strip(), re.I)
    return float(found[1]) if found else None


_TIMES = re.compile(r"time|^(date|epoch|elapsed|seconds|t|ts)(?=$|[\W_])", re.IGNORECASE)
_MOMENT = re.compile(r"\d[:/-]\d")


def _time(header: list[str], cells: dict[str, list[str]], decimal: str) -> Column | None:
    names = [name for name in header if _TIMES.search(name.strip())]
    if {"date", "time"} <= {name.casefold() for name in header}:
        date, clock = (next(n for n in header if n.casefold() == of) for of in ("date", "time"))
        moments = [moment_s(f"{d} {c}") for d, c in zip(cells[date], cells[clock], strict=True)]
        if any(moment is not None for moment in moments):
            return Column(date, moments, f"'{date}' and '{clock}', a date and a time")
    for name in names:
        numbers = [_number(cell, decimal) for cell in cells[name]]
        known = [number for number in numbers if number is not None]
        if len(known) > len(numbers) / 2 and not any(
            re.search(r"\d[:/-]\d", cell) for cell in cells[name][:5]
        ):
            return _elapsed(name, numbers, known)
        moments = [moment_s(cell) for cell in cells[name]]
        if any(moment is not None for moment in moments):
            return Column(name, moments, f"'{name}', a date and time")
    return None


def _elapsed(name: str, numbers: list[float | None], known: list[float]) -> Column:
    low = name.casefold()
    if known[0] > EPOCH_MS or re.search(r"(_ms|\bms\b|milli)", low):
        return Column(name, _scaled(numbers, 1e-3), f"'{name}' in milliseconds")
    if re.search(r"(_us|\bus\b|usec|micro)", low):
        return Column(name, _scaled(numbers, 1e-6), f"'{name}' in microseconds")
    if re.search(r"(\bmin\b|_min|minutes)", low):
        return Column(name, _scaled(numbers, 60.0), f"'{name}' in minutes")
    what = "seconds since 1970" if known[0] > EPOCH_S else "seconds"
    return Column(name, numbers, f"'{name}' in {what}")


def _scaled(values: Sequence[float | None], factor: float) -> list[float | None]:
    return [None if value is None else value * factor for value in values]


@dataclass(frozen=True)
class _Kind:
    """A kind of column: how its name looks, which goes first, and how its unit is found."""

    pattern: re.Pattern[str]
    but_not: re.Pattern[str]
    first: tuple[str, ...]
    to_common: Callable[[str, list[float]], tuple[Callable[[float], float], str]]
    must_be_clear: bool = False


def _of_temperature(name: str, known: list[float]) -> tuple[Callable[[float], float], str]:
    if re.search(r"(°\s*F\b|_f\b|\bfahrenheit\b|\(F\)|\[F\])", name, re.I):
        return lambda value: (value - 32.0) / 1.8, "degrees Fahrenheit"
    if max(map(abs, known)) > MOST_C or re.search(r"_mc\b|milli", name, re.I):
        return lambda value: value / 1000.0, "milli-degrees Celsius"
    return lambda value: value, "degrees Celsius"


def _of_power(name: str, known: list[float]) -> tuple[Callable[[float], float], str]:
    if re.search(r"(\bmw\b|_mw|milliwatt)", name, re.I) or sorted(known)[len(known) // 2] > MOST_W:
        return lambda value: value / 1000.0, "milliwatts"
    return lambda value: value, "watts"


def _of_load(name: str, known: list[float]) -> tuple[Callable[[float], float], str]:
    if "%" in name or re.search(r"percent|pct", name, re.I) or max(known) > MOST_LOAD:
        return lambda value: value / 100.0, "percent"
    return lambda value: value, "a share"


def _of_clock(name: str, known: list[float]) -> tuple[Callable[[float], float], str]:
    highest = max(known)
    if re.search(r"\bghz\b|_ghz", name, re.I) or highest < 10:
        return lambda value: value * 1e3, "gigahertz"
    if highest > MOST_KHZ:
        return lambda value: value / 1e6, "hertz"
    if highest > MOST_MHZ:
        return lambda value: value / 1e3, "kilohertz"
    return lambda value: value, "megahertz"


def _words(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


_TEMPERATURE = _Kind(
    _words(r"temp|°\s*[cf]\b|celsius|\btcpu\b|thermal"),
    _words(r"ambient|room|gpu|ssd|nvme|disk|drive|board|pch|vrm|distance|limit|max|min|trip"),
    ("package", "tctl", "tdie", "cpu_thermal", "soc", "cpu", "x86_pkg"),
    _of_temperature,
    must_be_clear=True,
)
_POWER = _Kind(
    _words(r"power|watt|\[w\]|\(w\)|_w\b|_mw\b"),
    _words(r"limit|max|min|gpu|pl1|pl2|powered|supply_online|state"),
    ("package", "cpu", "soc", "total", "core"),
    _of_power,
)
_LOAD = _Kind(
    _words(r"usage|util|load|busy|cpu ?%|cpu_?percent|cpu_?pct|^%?cpu%?$"),
    _words(r"temp|freq|clock|mhz|mem|gpu|limit|watt|power|(?<!cpu )load average"),
    ("total", "avg", "average", "cpu"),
    _of_load,
)
_CLOCK = _Kind(
    _words(r"freq|clock|mhz|ghz|khz|\bhz\b"),
    _words(r"gpu|mem|bus|uncore|limit|max|min|emc"),
    ("avg", "average", "core clocks", "cpu"),
    _of_clock,
)


def _chosen(
    path: Path, header: list[str], cells: dict[str, list[str]], decimal: str, kind: _Kind
) -> Column | None:
    """The column of a kind: the first that is the chip's, or the only one.

    Raises:
        InputError: None is the chip's, and there are several.
    """
    found = [name for name in header if kind.pattern.search(name) and not kind.but_not.search(name)]
    numbers = {name: [_number(cell, decimal) for cell in cells[name]] for name in found}
    found = [name for name in found if any(value is not None for value in numbers[name])]
    if not found:
        return None
    clear = [name for part in kind.first for name in found if part in name.casefold()]
    if not clear and len(found) > 1 and kind.must_be_clear:
        raise InputError(
            f"{path}: any of the columns {', '.join(found[:4])} may be the chip's temperature: "
            "rename the one that is meant to temperature_c."
        )
    name = (clear or found)[0]
    known = [value for value in numbers[name] if value is not None]
    to_common, unit = kind.to_common(name, known)
    values = [None if value is None else to_common(value) for value in numbers[name]]
    return Column(name, values, f"'{name}' in {unit}")
