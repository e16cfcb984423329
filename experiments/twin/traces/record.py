"""Reading traces of real boards: time, heat and temperature, checked line by line."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tvfs_gym.envs.errors import InputError
from tvfs_gym.experiments.twin.traces.formats import read_table

Vector = NDArray[np.float64]
Columns = dict[str, NDArray[Any]]

GAP = 10.0
"""A pause of so many sample periods is a gap: what warmed the chip meanwhile is unknown."""

SHORTEST_SEGMENT = 30
"""Samples under which what lies between two gaps is left out."""

STUCK_SHARE = 0.3
"""Share of a record for which a sensor may repeat one reading without a warning."""

HOTTEST_C, COLDEST_C = 200.0, -60.0

MOST_W, LONGEST_PERIOD_S, SHORTEST_RUN_S = 200.0, 300.0, 30.0
"""Beyond these, a column is in other units: no such board draws more, no such log is slower, and
nothing warms up in less."""

LEAST_MHZ = 10.0
"""Highest clock of a run below which it is in other units."""


@dataclass(frozen=True)
class Run:
    """A log between two gaps; each value holds for the interval that ends at its time.

    Attributes:
        name: The file.
        time_s: From 0, strictly ascending.
        temperature_c: Sensor readings.
        power_w: Measured heat; None where it was not measured, and then ``load`` is known.
        load: Busy share of the CPU, 0..1; of a big.LITTLE chip, of its big cores.
        little_load: Busy share of the LITTLE cores, where a log tells them apart.
        frequency_mhz: Clock, where it was logged.
        workload: Workload, where it was logged.
    """

    name: str
    time_s: Vector
    temperature_c: Vector
    power_w: Vector | None = None
    load: Vector | None = None
    little_load: Vector | None = None
    frequency_mhz: Vector | None = None
    workload: tuple[str, ...] | None = None

    def until(self, end_s: float) -> "Run":
        """Its beginning."""
        first = slice(int(np.searchsorted(self.time_s, end_s)))
        return Run(
            self.name,
            self.time_s[first],
            self.temperature_c[first],
            None if self.power_w is None else self.power_w[first],
            None if self.load is None else self.load[first],
            None if self.little_load is None else self.little_load[first],
            None if self.frequency_mhz is None else self.frequency_mhz[first],
            None if self.workload is None else self.workload[first],
        )


@dataclass(frozen=True)
class Record:
    """A file of a board's temperature.

    Attributes:
        runs: Runs between its gaps, in order.
        warnings: Findings and their consequences, one sentence each.
        notes: What was taken for what, one phrase each.
    """

    runs: tuple[Run, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_record(path: Path, period_s: float | None = None) -> Record:
    """Reads a trace in any of the known formats.

    Known are CSV and Parquet files with the columns ``time_s``, ``temperature_c`` (or
    ``temperature_mc``, milli-degrees) and ``power_w`` or ``load`` (0..1), the latter with
    ``frequency_mhz`` (or ``frequency_hz``) and ``workload`` (what ran) if they were logged;
    ``sensors.data`` of kranik/ARMPM_BUILDMODEL; the CSV files of sjchiass/pitemp; the monitoring of
    sbc-bench as CSV
    (``t_s,freq_field,load1,cpu_pct,temp_c,extra,section``); the files of nschloe/stressberry; logs
    of tegrastats, turbostat, armbianmonitor, vcgencmd and ``sensors -j``; exports of Prometheus and
    collectd; and tables whose columns' names tell quantity and unit, as of s-tui and HWiNFO.

    Args:
        path: The file, or a folder that ``run`` or collectd wrote.
        period_s: Seconds between two samples, for logs without times; None for the tool's default.

    Raises:
        InputError: The file is missing, lacks a column, has a value that is no number, runs
            backwards in time, or lets nothing be identified.
    """
    read = read_table(path, period_s)
    warnings: list[str] = []
    table = _without_empty(path, read.table, read.row_name, warnings)
    workload = table["workload"].cast(pl.String).to_numpy() if "workload" in table else None
    numeric = [name for name in table.columns if name not in ("line", "workload")]
    columns = {name: _numbers(path, table, name) for name in numeric}
    keep = _in_order(path, table, columns["time_s"], warnings)
    columns = {name: values[keep] for name, values in columns.items()}
    _check_range(path, columns["temperature_c"])
    _check_units(path, columns)
    _check_load(path, columns)
    _check_excitation(path, columns)
    _warn_if_stuck(columns["temperature_c"], warnings)
    if workload is not None:
        columns["workload"] = workload[keep]
    runs = _segments(path, columns, warnings)
    named = tuple(f"{path.name}: {warning}" for warning in warnings)
    return Record(runs, named, tuple(f"{path.name}: {note}" for note in read.notes))


def _without_empty(
    path: Path, table: pl.DataFrame, layout: str, warnings: list[str]
) -> pl.DataFrame:
    """Leaves out rows with an empty cell."""
    text = [pl.col(name) == "" for name, kind in table.schema.items() if kind == pl.String]
    empty = table.with_columns(
        empty=pl.any_horizontal(
            pl.all().is_null(), *[character.fill_null(True) for character in text]
        )
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
    middle = float(np.median(np.abs(temperature_c)))
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


def _check_units(path: Path, columns: Columns) -> None:
    time_s, temperature_c = columns["time_s"], columns["temperature_c"]
    if np.abs(temperature_c).max() < 1.0:
        raise InputError(
            f"{path}, column temperature_mc: at most {1000 * temperature_c.max():g} looks like "
            "degrees: name the column temperature_c."
        )
    power_w = columns.get("power_w")
    if power_w is not None and np.median(np.abs(power_w)) > MOST_W:
        raise InputError(
            f"{path}, column power_w: a median of {np.median(power_w):g} looks like milliwatts: "
            "give watts."
        )
    if power_w is not None and np.median(power_w) < 0:
        raise InputError(
            f"{path}, column power_w: a median of {np.median(power_w):g} W is no heat: a battery "
            "that discharges has another sign; give what is drawn, from 0 on."
        )
    clock_mhz = columns.get("frequency_mhz")
    if clock_mhz is not None and 0 < clock_mhz.max() < LEAST_MHZ:
        raise InputError(
            f"{path}, column frequency_mhz: at most {clock_mhz.max():g} looks like gigahertz: give "
            "megahertz."
        )
    if len(time_s) < 2:
        return
    period_s, length_s = float(np.median(np.diff(time_s))), float(time_s[-1] - time_s[0])
    if period_s > LONGEST_PERIOD_S or length_s < SHORTEST_RUN_S:
        raise InputError(
            f"{path}, column time_s: {length_s:g} s in steps of {period_s:g} s show nothing of a "
            f"chip's heat: give seconds, at least {SHORTEST_RUN_S:g} of them."
        )


def _check_load(path: Path, columns: Columns) -> None:
    load = columns.get("load")
    if load is None:
        return
    if load.max() > 1.5:
        raise InputError(
            f"{path}, column load: {load.max():g} looks like percent: give the share of the CPU, 0 "
            "to 1."
        )
    if load.min() < 0:
        raise InputError(f"{path}, column load: {load.min():g} is no share of the CPU, 0 to 1.")


def _check_excitation(path: Path, columns: Columns) -> None:
    temperature_c = columns["temperature_c"]
    if len(temperature_c) < SHORTEST_SEGMENT:
        raise InputError(
            f"{path} has {len(temperature_c)} samples; at least {SHORTEST_SEGMENT} are needed."
        )
    causes = [name for name in columns if name not in ("time_s", "temperature_c")]
    if not any(_changes(columns[name]) for name in causes):
        raise InputError(
            f"{path}, column {' and '.join(causes)}: it never changes, so nothing can be "
            "identified: record a run with rest and load in turn."
        )
    if np.ptp(temperature_c) == 0:
        raise InputError(
            f"{path}, column temperature_c: the sensor is stuck at {temperature_c[0]:g} degC."
        )


def _changes(values: Vector) -> bool:
    return bool(np.ptp(values) > 1e-3 * max(np.abs(values).max(), 1e-12))


def _warn_if_stuck(temperature_c: Vector, warnings: list[str]) -> None:
    changes = np.flatnonzero(np.diff(temperature_c)) + 1
    ends = np.concatenate([[0], changes, [len(temperature_c)]])
    longest = int(np.diff(ends).argmax())
    count = int(ends[longest + 1] - ends[longest])
    if count > STUCK_SHARE * len(temperature_c):
        warnings.append(
            f"the sensor repeats {temperature_c[ends[longest]]:g} degC for {count} of "
            f"{len(temperature_c)} samples: if it was stuck, gains come out too small."
        )


def _segments(path: Path, columns: Columns, warnings: list[str]) -> tuple[Run, ...]:
    """Cuts the record at its gaps."""
    time_s = columns["time_s"]
    steps = np.diff(time_s)
    cuts = np.flatnonzero(steps > GAP * np.median(steps)) + 1
    parts = [
        part for part in np.split(np.arange(len(time_s)), cuts) if len(part) >= SHORTEST_SEGMENT
    ]
    if len(cuts):
        warnings.append(
            f"{len(cuts)} gap{'s'[: len(cuts) > 1]}, the first after {time_s[cuts[0] - 1]:g} s; "
            f"what lies between counts as {len(parts)} run{'s'[: len(parts) > 1]}."
        )
    if not parts:
        raise InputError(f"{path}: no run between gaps has {SHORTEST_SEGMENT} samples.")
    return tuple(
        _run(path, {name: values[part] for name, values in columns.items()}) for part in parts
    )


def _run(path: Path, columns: Columns) -> Run:
    time_s, workload = columns.pop("time_s"), columns.pop("workload", None)
    named = None if workload is None else tuple(workload.tolist())
    return Run(str(path), time_s - time_s[0], workload=named, **columns)
