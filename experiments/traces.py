"""Reading traces of real boards: time, heat and temperature, checked line by line."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.physics.identification import Trace

GAP = 10.0
"""A pause of so many sample periods is a gap: what warmed the chip meanwhile is unknown."""

SHORTEST_SEGMENT = 60
"""Samples under which what lies between two gaps is left out."""

STUCK_SHARE = 0.3
"""Share of a record for which a sensor may repeat one reading without a warning."""

HOTTEST_C, COLDEST_C = 200.0, -60.0


@dataclass(frozen=True)
class Record:
    """A file of a board's temperature.

    Attributes:
        traces: Its runs without gaps, in order.
        measured_power: Whether the heat is in watts; else it is a load, 0..1.
        warnings: What was found and what follows from it, one sentence each.
    """

    traces: tuple[Trace, ...]
    measured_power: bool
    warnings: tuple[str, ...]


def read_record(path: Path) -> Record:
    """Reads a trace in any of the known formats.

    Known are CSV and Parquet files with the columns ``time_s``, ``temperature_c`` (or
    ``temperature_mc``, milli-degrees) and ``power_w`` or ``load`` (0..1); ``sensors.data`` of
    kranik/ARMPM_BUILDMODEL; and the CSV files of sjchiass/pitemp.

    Raises:
        InputError: The file is missing, lacks a column, has a value that is no number, runs
            backwards in time, or lets nothing be identified.
    """
    table, layout = _read(path)
    power = "power_w" in table.columns
    heat_name = "power_w" if power else "load"
    warnings: list[str] = []
    table = _without_empty(path, table, layout, warnings)
    columns = {name: _numbers(path, table, name) for name in ("time_s", heat_name, "temperature_c")}
    time_s, heat, temperature_c = columns.values()
    keep = _in_order(path, table, time_s, warnings)
    time_s, heat, temperature_c = time_s[keep], heat[keep], temperature_c[keep]
    _check_range(path, temperature_c)
    _check_excitation(path, heat_name, heat, temperature_c, warnings)
    traces = _segments(path, time_s, heat, temperature_c, warnings)
    return Record(traces, power, tuple(f"{path.name}: {warning}" for warning in warnings))


def _read(path: Path) -> tuple[pl.DataFrame, str]:
    """The file's columns under their common names, with the file's line in ``line``."""
    try:
        if path.suffix == ".parquet":
            raw, layout = pl.read_parquet(path), "row"
            first_line = 1
        else:
            raw, layout = _read_text(path), "line"
            first_line = 2
    except OSError as error:
        raise InputError(f"cannot read the trace {path}: {error.strerror}.") from error
    except pl.exceptions.PolarsError as error:
        first = str(error).splitlines()[0]
        raise InputError(f"{path} is not a readable trace: {first}.") from error
    raw = raw.with_row_index("line", offset=first_line)
    for known, convert in _FORMATS.items():
        if set(known) <= set(raw.columns):
            return convert(raw), layout
    raise InputError(
        f"{path} must have the columns time_s, temperature_c and power_w or load; it has "
        f"{', '.join(raw.columns[1:])}."
    )


def _read_text(path: Path) -> pl.DataFrame:
    """A table of texts: what is no number is found later, with its line."""
    with path.open(encoding="utf-8", errors="replace") as file:
        armpm = file.readline().startswith("#Timestamp\t")
    if not armpm:
        return pl.read_csv(path, infer_schema=False)
    header, *lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    names = header.removeprefix("#").split("\t")
    cells = [line.split() for line in lines]
    for number, row in enumerate(cells, start=2):
        if len(row) != len(names):
            raise InputError(
                f"{path}, line {number}: {len(row)} values where the header names {len(names)}."
            )
    return pl.DataFrame(cells, schema=names, orient="row")


def _common(raw: pl.DataFrame) -> pl.DataFrame:
    """The columns under their own names; milli-degrees become degrees."""
    heat = "power_w" if "power_w" in raw.columns else "load"
    if "temperature_c" in raw.columns:
        return raw.select("line", "time_s", "temperature_c", heat)
    milli = pl.col("temperature_mc").cast(pl.Float64, strict=False)
    return raw.select("line", "time_s", heat, temperature_c=milli / 1000)


def _armpm(raw: pl.DataFrame) -> pl.DataFrame:
    """Nanoseconds; the hottest core, which this board reports as CPU(0); all four rails."""
    rails = ("A7 Power(W)", "A15 Power(W)", "GPU Power(W)", "RAM Power(W)")
    start = pl.col("Timestamp").cast(pl.Int64, strict=False)
    return raw.select(
        "line",
        time_s=(start - start.first()) / 1e9,
        temperature_c=pl.col("CPU(0) Temperature(C)"),
        power_w=pl.sum_horizontal(pl.col(name).cast(pl.Float64, strict=False) for name in rails),
    )


def _pitemp(raw: pl.DataFrame) -> pl.DataFrame:
    """Local time; CPU usage in percent."""
    moment = pl.col("datetime").str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False)
    return raw.select(
        "line",
        time_s=(moment - moment.first()).dt.total_microseconds() / 1e6,
        temperature_c=pl.col("temp"),
        load=pl.col("usage").cast(pl.Float64, strict=False) / 100,
    )


_FORMATS: dict[tuple[str, ...], Callable[[pl.DataFrame], pl.DataFrame]] = {
    ("time_s", "temperature_c", "power_w"): _common,
    ("time_s", "temperature_c", "load"): _common,
    ("time_s", "temperature_mc", "power_w"): _common,
    ("time_s", "temperature_mc", "load"): _common,
    ("Timestamp", "CPU(0) Temperature(C)", "A15 Power(W)"): _armpm,
    ("datetime", "usage", "temp"): _pitemp,
}
"""The columns that a format is known by, and what brings them under their common names."""


def _without_empty(
    path: Path, table: pl.DataFrame, layout: str, warnings: list[str]
) -> pl.DataFrame:
    """Leaves out rows with an empty cell."""
    text = [pl.col(name) == "" for name, kind in table.schema.items() if kind == pl.String]
    empty = table.with_columns(
        empty=pl.any_horizontal(pl.all().is_null(), *[one.fill_null(True) for one in text])
    )["empty"]
    if empty.all():
        raise InputError(f"{path} has no row in which every value is a number.")
    if empty.any():
        first = table.filter(empty)["line"][0]
        warnings.append(
            f"{empty.sum()} rows have an empty or unreadable cell, the first in {layout} {first}; "
            "they are left out."
        )
    return table.filter(~empty)


def _numbers(path: Path, table: pl.DataFrame, name: str) -> np.ndarray:
    values = table[name].cast(pl.Float64, strict=False)
    wrong = values.is_null() | ~values.is_finite().fill_null(False)
    if wrong.any():
        row = table.filter(wrong).row(0, named=True)
        raise InputError(
            f"{path}, line {row['line']}, column {name}: expected a number, not '{row[name]}'."
        )
    return values.to_numpy()


def _in_order(
    path: Path, table: pl.DataFrame, time_s: np.ndarray, warnings: list[str]
) -> np.ndarray:
    """Which rows to keep: all but those that repeat a time."""
    steps = np.diff(time_s)
    if (steps < 0).any():
        line = table["line"][int(np.argmax(steps < 0)) + 1]
        raise InputError(f"{path}, line {line}, column time_s: time runs backwards.")
    keep = np.append(True, steps > 0)
    if not keep.all():
        line = table["line"][int(np.argmin(keep))]
        warnings.append(
            f"{(~keep).sum()} rows repeat a time, the first in line {line}; they are left out."
        )
    return keep


def _check_range(path: Path, temperature_c: np.ndarray) -> None:
    middle = float(np.median(temperature_c))
    if middle > 1000:
        raise InputError(
            f"{path}, column temperature_c: a median of {middle:g} looks like milli-degrees: name "
            "the column temperature_mc."
        )
    outside = (temperature_c > HOTTEST_C) | (temperature_c < COLDEST_C)
    if outside.any():
        raise InputError(
            f"{path}, column temperature_c: {temperature_c[outside][0]:g} degC is no temperature "
            "of a chip."
        )


def _check_excitation(
    path: Path, heat_name: str, heat: np.ndarray, temperature_c: np.ndarray, warnings: list[str]
) -> None:
    if len(heat) < SHORTEST_SEGMENT:
        raise InputError(f"{path} has {len(heat)} samples; at least {SHORTEST_SEGMENT} are needed.")
    if np.ptp(heat) <= 1e-3 * max(np.abs(heat).max(), 1e-12):
        raise InputError(
            f"{path}, column {heat_name}: it never changes, so nothing can be identified: record "
            "a run with rest and load in turn."
        )
    if np.ptp(temperature_c) == 0:
        raise InputError(
            f"{path}, column temperature_c: the sensor is stuck at {temperature_c[0]:g} degC."
        )
    changes = np.flatnonzero(np.diff(temperature_c)) + 1
    ends = np.concatenate([[0], changes, [len(temperature_c)]])
    longest = int(np.diff(ends).argmax())
    count = int(ends[longest + 1] - ends[longest])
    if count > STUCK_SHARE * len(temperature_c):
        warnings.append(
            f"the sensor repeats {temperature_c[ends[longest]]:g} degC for {count} of "
            f"{len(temperature_c)} samples: if it was stuck, gains come out too small."
        )


def _segments(
    path: Path,
    time_s: np.ndarray,
    heat: np.ndarray,
    temperature_c: np.ndarray,
    warnings: list[str],
) -> tuple[Trace, ...]:
    """Cuts the record at its gaps."""
    steps = np.diff(time_s)
    cuts = np.flatnonzero(steps > GAP * np.median(steps)) + 1
    parts = [
        part for part in np.split(np.arange(len(time_s)), cuts) if len(part) >= SHORTEST_SEGMENT
    ]
    if len(cuts):
        warnings.append(
            f"{len(cuts)} gaps, the first after {time_s[cuts[0] - 1]:g} s; what lies between them "
            f"is {len(parts)} runs of their own."
        )
    if not parts:
        raise InputError(f"{path}: no run between gaps has {SHORTEST_SEGMENT} samples.")
    return tuple(
        Trace(str(path), time_s[part] - time_s[part[0]], heat[part], temperature_c[part])
        for part in parts
    )
