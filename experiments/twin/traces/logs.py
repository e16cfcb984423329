"""Logs that tools write line by line: tegrastats, turbostat, armbianmonitor, sbc-bench, vcgencmd.

Each becomes a table in the common columns, with notes of what was taken for what.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from tvfs_gym.envs.errors import InputError
from tvfs_gym.experiments.twin.traces.moments import moment_s, past_midnight

TEGRASTATS_S, TURBOSTAT_S, VCGENCMD_S = 1.0, 5.0, 1.0
"""Default intervals of the tools, for logs without times; of a loop of vcgencmd, one second."""

MOST_C = 1000.0
"""Temperature from which on a reading is in milli-degrees."""

_CPU_RAILS = re.compile(r"CPU|GPU|SOC|CV|GR3D", re.IGNORECASE)
_RAIL = re.compile(r"\b((?:VDD|POM|VIN|CPU|GPU|SOC|CV)[A-Z0-9_]*) (\d+)(?:mW)?/\d+(?:mW)?\b")
_SENSOR = re.compile(r"\b(\w+)@(-?\d+(?:\.\d+)?)C\b")
_CHIP_SENSORS = ("tj", "cpu", "bcpu", "mcpu", "ao", "thermal")
_CORE = re.compile(r"(\d+)%@(\d+)")

_SAMPLE = re.compile(
    r"(\d\d):(\d\d):(\d\d):? *(---|n/a|[\d/]+(?: */ *\d+)*|) *(?:MHz)? +[\d.]+ +(\d+)%"
    r".*?(-?\d+(?:[.,]\d+)?) ?°C"
)
_TITLE = re.compile(r"System health while running (.+):")

Row = dict[str, Any]


@dataclass(frozen=True)
class ToolLog:
    """A log in the common columns.

    Attributes:
        table: Its samples.
        notes: What was taken for what.
    """

    table: pl.DataFrame
    notes: tuple[str, ...]


def read_log(path: Path, text: str, period_s: float | None = None) -> ToolLog | None:
    """Reads a log of any of the tools; None if it is of none of them.

    Args:
        path: The file, for errors.
        text: Its content.
        period_s: Seconds between two samples, for logs without times; None for the tool's default.

    Raises:
        InputError: It is a tool's log, but does not tell heat or temperature.
    """
    if text.startswith("sbc-bench "):  # armbianmonitor's lines among others, section by section
        return None
    for pattern, reader in _READERS.items():
        if re.search(pattern, text, re.MULTILINE):
            return reader(path, text, period_s)
    return None


def _table(
    path: Path, rows: Sequence[Row], period_s: float, notes: Sequence[str], tool: str
) -> ToolLog:
    """Rows as a table; times from the first, or one row per period where there are none."""
    if not rows:
        raise InputError(f"{path} is a log of {tool} without a sample.")
    told = list(notes)
    if "time_s" in rows[0]:
        first_s = rows[0]["time_s"]
        moments = past_midnight([row.get("time_s") for row in rows])
        rows = [
            {**row, "time_s": None if moment is None else moment - first_s}
            for row, moment in zip(rows, moments, strict=True)
        ]
    else:
        told.append(
            f"no times, so one sample in {period_s:g} s was assumed: convert takes --period-s"
        )
        rows = [{"time_s": index * period_s, **row} for index, row in enumerate(rows)]
    columns = [name for name in rows[0] if all(row.get(name) is not None for row in rows)]
    table = pl.DataFrame([{name: row[name] for name in columns} for row in rows])
    if "temperature_c" not in columns:
        raise InputError(f"{path}, a log of {tool}, does not tell the chip's temperature.")
    if not {"power_w", "load", "frequency_mhz"} & set(columns):
        raise InputError(
            f"{path}, a log of {tool}, tells neither power nor load nor clock: log one as well."
        )
    return ToolLog(table, (f"{tool}: {'; '.join(told)}",))


def _tegrastats(path: Path, text: str, period_s: float | None) -> ToolLog:
    """NVIDIA's tegrastats: rails in milliwatts, sensors as NAME@TEMPERATURE, cores as LOAD@MHZ."""
    rows: list[Row] = []
    rails: list[str] = []
    sensor = ""
    for line in text.splitlines():
        if "RAM " not in line:
            continue
        powers = {name: float(value) / 1000 for name, value in _RAIL.findall(line)}
        sensors = {name.lower(): float(value) for name, value in _SENSOR.findall(line)}
        rails = rails or _rails(list(powers))
        sensor = sensor or next((name for name in _CHIP_SENSORS if name in sensors), "")
        row: Row = {"temperature_c": sensors.get(sensor)}
        moment = moment_s(line.partition(" RAM ")[0])
        if moment is not None:
            row = {"time_s": moment, **row}
        if rails:
            row["power_w"] = sum(powers.get(name, 0.0) for name in rails)
        elif cores := _CORE.findall(line):
            row["load"] = sum(int(load) for load, _ in cores) / 100 / len(cores)
            row["frequency_mhz"] = max(float(clock) for _, clock in cores)
        rows.append(row)
    heat = f"power is {' + '.join(rails)}" if rails else "load and clock are those of the cores"
    notes = [f"temperature is {sensor}, {heat}"]
    return _table(path, rows, period_s or TEGRASTATS_S, notes, "tegrastats")


def _rails(names: Sequence[str]) -> list[str]:
    """Rails of the chip; where there is none but the whole board's, that one."""
    chip = [name for name in names if _CPU_RAILS.search(name) and not name.endswith("_IN")]
    return chip or [name for name in names if name.endswith("_IN")][:1]


def _turbostat(path: Path, text: str, period_s: float | None) -> ToolLog:
    """Intel's turbostat: blocks of a header and rows, of which the first sums up the others."""
    header: list[str] = []
    rows: list[Row] = []
    for line in text.splitlines():
        cells = line.split()
        if "Busy%" in cells or "PkgWatt" in cells:
            header, fresh = cells, True
            continue
        if not header or len(cells) > len(header) or not cells:
            continue
        row = dict(zip(header, cells, strict=False))
        whole = row.get("CPU", row.get("Core", "")) == "-" if "-" in cells else fresh
        fresh = "CPU" not in header and "Core" not in header
        if whole:
            rows.append(_turbostat_row(row))
    temperature = "PkgTmp" if "PkgTmp" in header else "CoreTmp"
    heat = "power is PkgWatt" if "PkgWatt" in header else "load is Busy%, clock is Bzy_MHz"
    return _table(
        path, rows, period_s or TURBOSTAT_S, [f"temperature is {temperature}, {heat}"], "turbostat"
    )


def _turbostat_row(row: dict[str, str]) -> Row:
    def number(name: str) -> float | None:
        try:
            return float(row[name])
        except (KeyError, ValueError):
            return None

    found: Row = {}
    if (moment := number("Time_Of_Day_Seconds")) is not None:
        found["time_s"] = moment
    found["temperature_c"] = number("PkgTmp") if "PkgTmp" in row else number("CoreTmp")
    if "PkgWatt" in row:
        return found | {"power_w": number("PkgWatt")}
    load = number("Busy%")
    return found | {
        "load": None if load is None else load / 100, "frequency_mhz": number("Bzy_MHz")
    }  # fmt: skip


def health_samples(text: str) -> Iterator[tuple[float, str, float, float, str, str]]:
    """Samples of armbianmonitor, as it prints them itself and as sbc-bench keeps them.

    Yields:
        Time of day in seconds, clocks, load in percent, temperature in degrees, the section that
        ran, and what the clocks are: ``CPU``, ``big.LITTLE``, ``fake/real`` (nominal and measured),
        or ``cpu0/cpu4/cpu6``, a cluster each by its first core.
    """
    section, heading, days, before_s = "", "", 0, 0.0
    for line in text.splitlines():
        if title := _TITLE.match(line):
            section = title[1]
        elif line.startswith("Time  "):
            heading = line.split()[1]
        elif sample := _SAMPLE.match(line):
            hours, minutes, seconds, clocks, load, temperature = sample.groups()
            time_s = 3600 * int(hours) + 60 * int(minutes) + int(seconds) + 86_400.0 * days
            if time_s < before_s:  # past midnight the clock begins anew
                days, time_s = days + 1, time_s + 86_400.0
            before_s, reading = time_s, float(temperature.replace(",", "."))
            reading = reading / 1000 if abs(reading) > MOST_C else reading
            yield time_s, clocks.strip("- n/a"), float(load), reading, section, heading


def _armbianmonitor(path: Path, text: str, period_s: float | None) -> ToolLog:
    """Armbian's monitor, ``armbianmonitor -m``; the first of two clocks is the big cores'."""
    rows: list[Row] = []
    for time_s, clocks, load, temperature_c, _, _ in health_samples(text):
        row: Row = {"time_s": time_s, "temperature_c": temperature_c, "load": load / 100}
        rows.append(row | {"frequency_mhz": float(clocks.split("/")[0]) if clocks else None})
    notes = [
        "load is that of all cores" + ("" if rows and rows[0]["frequency_mhz"] else "; no clock")
    ]
    return _table(path, rows, period_s or 1.0, notes, "armbianmonitor")


def _vcgencmd(path: Path, text: str, period_s: float | None) -> ToolLog:
    """A loop over the Raspberry Pi's vcgencmd: ``temp=48.3'C``, ``frequency(48)=1500398464``."""
    rows: list[Row] = []
    row: Row = {}

    def put(name: str, value: float) -> None:
        nonlocal row
        if name in row:
            rows.append(row)
            row = {}
        row[name] = value

    for line in text.splitlines():
        moment = _leading_moment_s(line)
        if moment is not None:
            put("time_s", moment)
        if temperature := re.search(r"temp=(-?[\d.]+)", line):
            put("temperature_c", float(temperature[1]))
        if clock := re.search(r"frequency\((?:0|45|48)\)=(\d+)", line):
            put("frequency_mhz", float(clock[1]) / 1e6)
        if load := re.search(r"(?:cpu|load|usage)=([\d.]+)%", line):
            put("load", float(load[1]) / 100)
    rows.append(row)
    whole = [one for one in rows if set(one) >= set(rows[0])]
    notes = ["clock is that of the ARM cores"]
    if "load" not in rows[0]:
        notes.append("no load, so the cores are taken as busy throughout")
    return _table(path, whole, period_s or VCGENCMD_S, notes, "vcgencmd")


def _leading_moment_s(line: str) -> float | None:
    if epoch := re.match(r"\s*(\d{10}(?:\.\d+)?)\b", line):
        return float(epoch[1])
    begin = re.match(
        r"\s*([\d./-]+[ T_][\d:.]+|\w{3} \w{3} +\d+ [\d:]+ (?:[AP]M )?(?:\w+ )?\d{4}"
        r"|\w{3} \d+ \w{3} \d{4} [\d:]+(?: [AP]M)?|\d\d:\d\d:\d\d(?:\.\d+)?\b)",
        line,
    )
    return moment_s(begin[1]) if begin else None


def _sensors(path: Path, text: str, period_s: float | None) -> ToolLog:
    """A loop over ``sensors -j`` of lm-sensors: JSON objects, with or without times between."""
    decoder, position, rows = json.JSONDecoder(), 0, []
    moment: float | None = None
    names = ("", "")
    while (begin := text.find("{", position)) >= 0:
        between = text[position:begin].strip().splitlines()
        moment = _leading_moment_s(between[-1]) if between else None
        try:
            data, position = decoder.raw_decode(text, begin)
        except json.JSONDecodeError as error:
            raise InputError(f"{path} is not a log of sensors -j: {error}.") from error
        readings = {
            f"{chip}/{feature}/{name}": float(value)
            for chip, features in data.items() if isinstance(features, dict)
            for feature, values in features.items() if isinstance(values, dict)
            for name, value in values.items() if isinstance(value, int | float)
        }  # fmt: skip
        names = _chip_sensors(readings)
        rows.append(_sensors_row(moment, readings, names))
    notes = [f"temperature is {names[0]}, power is {names[1]}"]
    return _table(path, rows, period_s or 1.0, notes, "sensors -j")


def _sensors_row(moment: float | None, readings: dict[str, float], names: tuple[str, str]) -> Row:
    row: Row = {} if moment is None else {"time_s": moment}
    return row | {"temperature_c": readings.get(names[0]), "power_w": readings.get(names[1])}


def _plain_sensors(path: Path, text: str, period_s: float | None) -> ToolLog:
    """A loop over ``sensors``: blocks of ``NAME: +45.0°C`` and ``NAME: 9.25 W``, chip by chip."""
    blocks: list[tuple[float | None, dict[str, float]]] = []
    moment: float | None = None
    chip, kinds = "", {"°C": "temp1_input", "W": "power1_input"}
    for line in text.splitlines():
        if (found := _leading_moment_s(line)) is not None:
            moment = found
        elif reading := _READING.match(line):
            name = f"{chip}/{reading[1]}/{kinds[reading[3]]}"
            if not blocks or name in blocks[-1][1] or blocks[-1][0] != moment:
                blocks.append((moment, {}))
            blocks[-1][1][name] = float(reading[2])
        elif re.fullmatch(r"[\w.]+-[\w-]+-\w+", line.strip()):
            chip = line.strip()
    readings = blocks[0][1]
    names = _chip_sensors(readings)
    rows = [_sensors_row(moment, block, names) for moment, block in blocks]
    notes = [
        f"temperature is {names[0].rpartition('/')[0]}, power is {names[1].rpartition('/')[0]}"
    ]
    return _table(path, rows, period_s or 1.0, notes, "sensors")


_READING = re.compile(r"([^:]+): +\+?(-?\d+(?:\.\d+)?) ?(°C|W)\b")


def _chip_sensors(readings: dict[str, float]) -> tuple[str, str]:
    return (
        _first(readings, _CHIP_NAMES, r"temp\d+_input"),
        _first(readings, (), r"power\d+_(?:input|average)"),
    )


_CHIP_NAMES = (
    "Package id 0", "Tctl", "Tdie", "cpu_thermal", "soc_thermal", "coretemp", "k10temp", "cpu",
)  # fmt: skip
"""Parts of a sensor's name, the chip's first."""


def _first(readings: dict[str, float], parts: Sequence[str], kind: str) -> str:
    fitting = [name for name in readings if re.search(kind, name)]
    for part in parts:
        for name in fitting:
            if part in name:
                return name
    return fitting[0] if fitting else ""


_Reader = Callable[[Path, str, float | None], ToolLog]

_READERS: dict[str, _Reader] = {
    r"^.*\bRAM \d+/\d+MB.*\b(?:cpu|CPU) ?\[": _tegrastats,
    r"^[^,]*\b(?:Bzy_MHz|PkgWatt)\b[^,]*$": _turbostat,
    r"temp=-?[\d.]+'C": _vcgencmd,
    r'"temp\d+_input"': _sensors,
    r"^(?:Adapter: |Package id 0:|Tctl:|Tdie:|temp1:)": _plain_sensors,
    r"^\d\d:\d\d:\d\d:? .*%.*\d ?°C": _armbianmonitor,
}
"""Readers by a pattern of what their tool writes."""
