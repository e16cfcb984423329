"""Formats of traces: each is brought under the common column names.

Common are ``time_s``, ``temperature_c``, and either ``power_w`` or ``load`` (busy share of the
CPU, 0..1), the latter with ``frequency_mhz`` and ``workload`` (what ran) where they are known; of a
file with a clock alone the load is taken as 1.
Cells stay as they were read: what is no number is found later, with its line.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import yaml

from tvfs_gym.envs.errors import InputError
from tvfs_gym.experiments.results.folder import CONFIG
from tvfs_gym.experiments.twin.traces.cells import cells_in, decoded
from tvfs_gym.experiments.twin.traces.dialects import TEMPLATE, read_foreign_table
from tvfs_gym.experiments.twin.traces.folders import read_run
from tvfs_gym.experiments.twin.traces.logs import ToolLog, read_log
from tvfs_gym.experiments.twin.traces.moments import moment_s, moments_s
from tvfs_gym.experiments.twin.traces.sbc_bench import (
    SBC_BENCH,
    load_of_clusters,
    numbers_in,
    read_sbc_bench,
)
from tvfs_gym.experiments.twin.traces.series import read_collectd, read_prometheus

STRESSBERRY_STRESS_S = (150.0, 450.0)
"""When stressberry stresses all cores: its default protocol of 150 s rest, 300 s stress and 150 s
cooling; where the clock was logged, it rises and falls at these times."""


COMPRESSED = (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf")
"""Beginnings of files of gzip, zip (and Excel), bzip2, xz, zstd and 7-zip."""

_NAMED = 12
"""Columns that a message names."""

UNREADABLE = (ValueError, TypeError, OverflowError, RecursionError)
"""Errors of parsers over values that are none, besides their own."""


def _unreadable(path: Path, error: OSError) -> InputError:
    # Polars' errors carry no strerror.
    reason = error.strerror or ("unreadable" if path.exists() else "no such file")
    return InputError(f"cannot read the trace {path}: {reason}.")


@dataclass(frozen=True)
class TraceTable:
    """A file in the common columns.

    Attributes:
        table: Its cells, with the file's line in ``line``.
        row_name: What a ``line`` of it is called.
        notes: What was taken for what, where the file's own names do not say it.
    """

    table: pl.DataFrame
    row_name: str
    notes: tuple[str, ...] = ()


def read_table(path: Path, period_s: float | None = None) -> TraceTable:
    """Reads a file into the common columns.

    Args:
        path: The file, or a folder that ``run`` or collectd wrote.
        period_s: Seconds between two samples, for logs without times; None for the tool's default.

    Raises:
        InputError: The file cannot be read or is in no known format.
    """
    try:
        log = _log(path, period_s)
        if log is not None:
            return TraceTable(log.table.with_row_index("line", offset=1), "sample", log.notes)
        raw, row_name, first_line = _read(path)
    except InputError:
        raise
    except OSError as error:
        raise _unreadable(path, error) from error
    except (pl.exceptions.PolarsError, yaml.YAMLError, *UNREADABLE) as error:
        first = (str(error).splitlines() or ["it is damaged"])[0]
        raise InputError(f"{path} is not a readable trace: {first}.") from error
    found = next((known for known in _FORMATS if set(known) <= set(raw.columns)), None)
    clock_alone = found is not None and bool(set(found) & {"frequency_mhz", "frequency_hz"})
    if (found is None or clock_alone) and path.is_file() and path.suffix != ".parquet":
        foreign = read_foreign_table(path, *cells_in(path.read_bytes()))
        told = set() if foreign is None else set(foreign.table.columns)
        if foreign is not None and (found is None or told & {"power_w", "load"}):
            return TraceTable(foreign.table.with_row_index("line", offset=2), "row", foreign.notes)
    if found is not None:
        raw, notes = _plain_times(raw)
        table = _FORMATS[found](raw.with_row_index("line", offset=first_line))
        busy = ("no load, so the cores are taken as busy throughout",) if clock_alone else ()
        return TraceTable(table, row_name, notes + busy + _unused(raw, found, row_name))
    names = list(raw.columns)
    shown = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
    raise InputError(
        f"{path} must have the columns time_s, temperature_c and power_w, load or frequency_mhz (a "
        f"trace), or frequency_mhz and latency_ms or power_w alone (a sweep); it has "
        f"{shown}: {TEMPLATE.format(file=path)}"
    )


def _unused(raw: pl.DataFrame, found: tuple[str, ...], row_name: str) -> tuple[str, ...]:
    """A note that names the further columns of a table in the common form."""
    others = [name for name in raw.columns if name and name not in _COMMON]
    if row_name != "line" or not others or not set(found) <= _COMMON:
        return ()
    return (f"not used: {', '.join(others[:_NAMED])}",)


def _log(path: Path, period_s: float | None) -> ToolLog | None:
    """The log of a tool or the export of a monitoring system; None if it is none."""
    if path.is_dir():
        return None if (path / CONFIG).exists() else read_collectd(path)
    if path.suffix == ".parquet":
        return None
    content = path.read_bytes()
    if content.startswith(COMPRESSED):
        raise InputError(
            f"{path} is compressed, or a spreadsheet: unpack it, or export it as CSV, first."
        )
    text = decoded(content)
    if text.lstrip().startswith("{"):
        prometheus = read_prometheus(path, text)
        if prometheus is not None:
            return prometheus
    return read_log(path, text, period_s)


def _plain_times(raw: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Dates and times in the column ``time_s`` as seconds."""
    if "time_s" not in raw.columns or raw["time_s"].dtype != pl.String or not raw.height:
        return raw, ()
    if moment_s(raw["time_s"][0] or "") is None:
        return raw, ()
    moments = moments_s([cell or "" for cell in raw["time_s"]])
    first = moments[0]
    assert first is not None
    seconds = [None if moment is None else moment - first for moment in moments]
    return raw.with_columns(time_s=pl.Series(seconds)), ("time_s is a date and time",)


def header_of(path: Path) -> set[str]:
    """Names of a table's columns; empty if the file is no table.

    Raises:
        InputError: The file cannot be read.
    """
    if path.is_dir():
        return set()
    try:
        if path.suffix == ".parquet":
            return set(pl.read_parquet_schema(path))
        return set(cells_in(path.read_bytes())[0])
    except OSError as error:
        raise _unreadable(path, error) from error
    except (pl.exceptions.PolarsError, csv.Error):
        return set()


def _read(path: Path) -> tuple[pl.DataFrame, str, int]:
    """The raw table, what its rows are called, and the number of the first."""
    if path.is_dir():
        return read_run(path), "step", 1
    if path.suffix == ".parquet":
        return pl.read_parquet(path, glob=False), "row", 1
    with path.open(encoding="utf-8", errors="replace") as file:
        first = file.readline()
    if first.startswith("#Timestamp\t"):
        return _read_armpm(path), "line", 2
    if "stressberry" in first:
        return _read_stressberry(path), "sample", 1
    if first.startswith("sbc-bench "):
        return read_sbc_bench(path), "sample", 1
    return _read_cells(path), "line", 2


def _read_cells(path: Path) -> pl.DataFrame:
    """A table of text, whatever its separator and decimal mark; an empty cell is None.

    Raises:
        InputError: A name is there twice, and it is a trace otherwise; or a row is too long.
    """
    try:
        header, rows, decimal = cells_in(path.read_bytes())
    except csv.Error as error:
        raise InputError(f"{path} is not a readable trace: {error}.") from error
    if not header:
        raise InputError(f"{path} is not a readable trace: it is empty.")
    repeated = [name for name in header if header.count(name) > 1]
    if repeated and "time_s" in header:
        raise InputError(
            f"{path} has the column {repeated[0]} more than once: keep the one that is meant."
        )
    columns: dict[str, list[str | None]] = {name: [] for name in header}
    for row in rows if not repeated else ():
        for index, name in enumerate(header):
            cell = row[index] if index < len(row) else ""
            columns[name].append((cell.replace(",", ".") if decimal == "," else cell) or None)
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


def _read_armpm(path: Path) -> pl.DataFrame:
    header, *lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    names = header.removeprefix("#").split("\t")
    cells = [line.split() for line in lines]
    for number, row in enumerate(cells, start=2):
        if len(row) != len(names):
            raise InputError(
                f"{path}, line {number}: {len(row)} values where the header names {len(names)}."
            )
    return pl.DataFrame(cells, schema=names, orient="row")


def _read_stressberry(path: Path) -> pl.DataFrame:
    """A YAML file of lists of equal length."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
        raise InputError(f"{path} refers back to itself, which no log of stressberry does.")
    content = yaml.safe_load(text)
    if not isinstance(content, dict):
        raise InputError(f"{path} is no log of stressberry: it names no columns.")
    columns = {str(name): values for name, values in content.items() if isinstance(values, list)}
    filled = {name: values for name, values in columns.items() if values}
    if len({len(values) for values in filled.values()}) > 1:
        lengths = ", ".join(f"{len(values)} of {name}" for name, values in filled.items())
        raise InputError(f"{path} has lists of different length: {lengths}.")
    return pl.DataFrame(filled).with_columns(stressberry=True)


_CLOCKS = {"frequency_hz": 1e6, "frequency_khz": 1e3, "frequency_ghz": 1e-3}
"""Clocks in other units, by how many make a megahertz."""

_COMMON = {
    "time_s", "temperature_c", "temperature_mc", "power_w", "load", "frequency_mhz", "workload",
    *_CLOCKS,
}  # fmt: skip


def _common(raw: pl.DataFrame) -> pl.DataFrame:
    """The columns under their own names; milli-degrees become degrees, hertz megahertz."""
    names = ["line", "time_s"]
    if "temperature_c" in raw.columns:
        temperature = pl.col("temperature_c")
    else:
        temperature = numbers_in("temperature_mc") / 1000
    for name, per_mhz in _CLOCKS.items():
        if name in raw.columns:
            raw = raw.with_columns(frequency_mhz=numbers_in(name) / per_mhz)
    if "power_w" in raw.columns:
        heat = ["power_w"]
    else:
        if "load" not in raw.columns:  # a clock alone: all cores busy, as under a stress test
            raw = raw.with_columns(load=pl.lit(1.0))
        heat = [name for name in ("load", "frequency_mhz", "workload") if name in raw.columns]
    if "workload" in heat:
        raw = raw.with_columns(pl.col("workload").fill_null(""))
    return raw.select(*names, temperature.alias("temperature_c"), *heat)


def _armpm(raw: pl.DataFrame) -> pl.DataFrame:
    """Nanoseconds; the hottest core, which this board reports as CPU(0); all four rails."""
    rails = ("A7 Power(W)", "A15 Power(W)", "GPU Power(W)", "RAM Power(W)")
    start = pl.col("Timestamp").cast(pl.Int64, strict=False)
    return raw.select(
        "line",
        time_s=(start - start.first()) / 1e9,
        temperature_c=pl.col("CPU(0) Temperature(C)"),
        power_w=pl.sum_horizontal(numbers_in(name) for name in rails),
    )


def _pitemp(raw: pl.DataFrame) -> pl.DataFrame:
    """Local time; CPU usage in percent."""
    moment = pl.col("datetime").str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False)
    return raw.select(
        "line",
        time_s=(moment - moment.first()).dt.total_microseconds() / 1e6,
        temperature_c=pl.col("temp"),
        load=numbers_in("usage") / 100,
    )


def _stressberry(raw: pl.DataFrame) -> pl.DataFrame:
    """Load by the protocol; the clock where it was logged."""
    begin_s, end_s = STRESSBERRY_STRESS_S
    stressed = (pl.col("time") > begin_s) & (pl.col("time") <= end_s)
    clock = [pl.col("cpu frequency").alias("frequency_mhz")] if "cpu frequency" in raw else []
    return raw.select(
        "line",
        *clock,
        time_s=pl.col("time"),
        temperature_c=pl.col("temperature"),
        load=stressed.cast(pl.Float64),
    )


_FORMATS: dict[tuple[str, ...], Callable[[pl.DataFrame], pl.DataFrame]] = {
    ("time_s", "temperature_c", "power_w"): _common,
    ("time_s", "temperature_c", "load"): _common,
    ("time_s", "temperature_mc", "power_w"): _common,
    ("time_s", "temperature_mc", "load"): _common,
    ("time_s", "temperature_c", "frequency_mhz"): _common,
    ("time_s", "temperature_c", "frequency_hz"): _common,
    ("time_s", "temperature_mc", "frequency_mhz"): _common,
    ("time_s", "temperature_mc", "frequency_hz"): _common,
    ("Timestamp", "CPU(0) Temperature(C)", "A15 Power(W)"): _armpm,
    ("datetime", "usage", "temp"): _pitemp,
    SBC_BENCH: load_of_clusters,
    ("stressberry", "time", "temperature"): _stressberry,
}
"""The columns that a format is known by, and what brings them under their common names."""
