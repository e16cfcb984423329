"""Tables of other people's: names of columns with their units.

A column is known by words of its name; its unit by a bracket or an ending of the name or of the
values, or, where these have none, by the size of the values, which is noted.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tvfs_gym.envs.errors import InputError
from tvfs_gym.experiments.twin.traces.logs import ToolLog
from tvfs_gym.experiments.twin.traces.moments import moments_s

EPOCH_S = 1e8
EPOCHS = {1e17: (1e-9, "nanoseconds"), 1e14: (1e-6, "microseconds"), 1e11: (1e-3, "milliseconds")}
"""Numbers from which on a time since 1970 is in seconds, and in smaller units."""

MOST_C, MOST_W, MOST_LOAD = 1000.0, 1000.0, 1.5
MOST_MHZ, MOST_KHZ = 1e4, 1e7
"""Values beyond which a column is in a smaller unit than the usual one."""

TEMPLATE = """no reader fits. Five lines of Python make a trace of it:
  import polars as pl
  log = pl.read_csv("{file}")
  pl.DataFrame({{"time_s": log["TIME"], "temperature_c": log["TEMPERATURE"],
                "power_w": log["WATTS"]}}).write_csv("trace.csv")
or, without power, with "load" (0 to 1) and "frequency_mhz" in its place."""


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
        moments = moments_s([f"{d} {c}" for d, c in zip(cells[date], cells[clock], strict=True)])
        if any(moment is not None for moment in moments):
            return Column(date, moments, f"'{date}' and '{clock}', a date and a time")
    for name in names:
        numbers = [_number(cell, decimal) for cell in cells[name]]
        known = [number for number in numbers if number is not None]
        if len(known) > len(numbers) / 2 and not any(
            re.search(r"\d[:/-]\d", cell) for cell in cells[name][:5]
        ):
            return _elapsed(name, numbers, known)
        moments = moments_s(cells[name])
        if any(moment is not None for moment in moments):
            return Column(name, moments, f"'{name}', a date and time")
    return None


def _elapsed(name: str, numbers: list[float | None], known: list[float]) -> Column:
    low = name.casefold()
    for least, (factor, unit) in EPOCHS.items():
        if known[0] > least:
            return Column(name, _scaled(numbers, factor), f"'{name}' in {unit} since 1970")
    if re.search(r"(_ns|\bns\b|nano)", low):
        return Column(name, _scaled(numbers, 1e-9), f"'{name}' in nanoseconds")
    if re.search(r"(_ms|\bms\b|milli)", low):
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
    if re.search(r"(°\s*F\b|_f\b|_?fahrenheit\b|\(F\)|\[F\]|deg_?F\b)", name, re.I):
        return lambda value: (value - 32.0) / 1.8, "degrees Fahrenheit"
    if re.search(r"(_k\b|_?kelvin\b|\(K\)|\[K\])", name, re.I):
        return lambda value: value - 273.15, "kelvin"
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
    units = {"g": (1e3, "gigahertz"), "m": (1.0, "megahertz"), "k": (1e-3, "kilohertz")}
    highest = max(known)
    by_size = "g" if highest < 10 else "m" if highest <= MOST_MHZ else "k"
    unit = re.search(r"(?:\b|_|\d)([gmk]?)hz\b", name, re.I)
    by_name = unit[1].lower() if unit else by_size
    is_hertz = highest > MOST_KHZ if unit is None else not by_name
    factor, named = (1e-6, "hertz") if is_hertz else units[by_name or by_size]
    return lambda value: value * factor, named


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
    of_cells = {re.sub(r"^[\s\d.,e+-]+", "", cell).strip() for cell in cells[name] if cell}
    with_unit = f"{name} [{of_cells.pop()}]" if len(of_cells) == 1 else name
    to_common, unit = kind.to_common(with_unit, known)
    values = [None if value is None else to_common(value) for value in numbers[name]]
    return Column(name, values, f"'{name}' in {unit}")
