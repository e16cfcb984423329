"""Exports of monitoring systems: Prometheus' answers and collectd's files, a series each."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tvfs_gym.envs.errors import InputError
from tvfs_gym.experiments.twin.traces.logs import ToolLog

Vector = NDArray[np.float64]
Series = tuple[Vector, Vector]
"""Times and values."""

_PROMETHEUS = {
    "temperature": r"temp_celsius|thermal_zone_temp",
    "power": r"power_(watt|watts)$|_watts$",
    "energy": r"rapl_.*joules_total|energy_joule",
    "idle": r"cpu_seconds_total",
    "clock": r"scaling_frequency_hertz|frequency_hertz",
}

_COLLECTD = {
    "temperature": r"/temperature",
    "power": r"/power",
    "idle": r"cpu[^/]*/(cpu|percent)-idle",
    "clock": r"cpufreq[^/]*/cpufreq",
}


def read_prometheus(path: Path, text: str) -> ToolLog | None:
    """Reads an answer of Prometheus' ``/api/v1/query_range``; None if it is none.

    Raises:
        InputError: It is of other metrics.
    """
    try:
        results = json.loads(text)["data"]["result"]
        named: dict[str, list[Series]] = {kind: [] for kind in _PROMETHEUS}
        for result in results:
            metric = result["metric"]
            name = metric.get("__name__", "")
            kind = next((k for k, form in _PROMETHEUS.items() if re.search(form, name)), None)
            if kind is None or (kind == "idle" and metric.get("mode", "idle") != "idle"):
                continue
            pairs = np.array([[float(at), float(value)] for at, value in result["values"]])
            named[kind].append((pairs[:, 0], pairs[:, 1]))
    except (json.JSONDecodeError, KeyError, TypeError, ValueError, IndexError):
        return None
    return _joined(path, named, "Prometheus", idle_scale=1.0, clock_scale=1e-6)


def read_collectd(folder: Path) -> ToolLog | None:
    """Reads the folder of a host as collectd's CSV plug-in writes it; None if it is none.

    Raises:
        InputError: It holds no temperature, or neither power nor load nor clock.
    """
    named: dict[str, list[Series]] = {kind: [] for kind in _COLLECTD}
    by_kind: dict[tuple[str, str], list[Path]] = {}
    for file in sorted(folder.rglob("*")):
        place = f"/{file.relative_to(folder).as_posix()}"
        kind = next((k for k, form in _COLLECTD.items() if re.search(form, place)), None)
        if kind and file.is_file():
            series = re.sub(r"-\d{4}-\d\d-\d\d$", "", place)
            by_kind.setdefault((kind, series), []).append(file)
    for (kind, _), files in by_kind.items():
        try:
            parts = [pl.read_csv(file, infer_schema=False) for file in files]
            pairs = pl.concat(parts).select(pl.all().cast(pl.Float64)).to_numpy()
        except (OSError, pl.exceptions.PolarsError):
            continue
        named[kind].append((pairs[:, 0], pairs[:, 1]))
    if not by_kind:
        return None
    return _joined(folder, named, "collectd", idle_scale=0.01, clock_scale=1e-6)


def _joined(
    path: Path,
    named: Mapping[str, Sequence[Series]],
    tool: str,
    idle_scale: float,
    clock_scale: float,
) -> ToolLog:
    """Series at the times of the hottest temperature."""
    if not named["temperature"]:
        raise InputError(f"{path}, of {tool}, holds no temperature of the chip.")
    time_s, temperature_c = max(named["temperature"], key=lambda series: float(series[1].max()))
    columns: dict[str, Any] = {"time_s": time_s - time_s[0], "temperature_c": temperature_c}
    notes = [f"temperature is the hottest of {len(named['temperature'])}"]

    def at(series: Series) -> Vector:
        return np.interp(time_s, *series)

    def rate(series: Series) -> Vector:
        grown = np.diff(at(series)) / np.diff(time_s)
        return np.append(grown[:1], grown)

    if named["power"]:
        columns["power_w"] = sum(map(at, named["power"]))
        notes.append(f"power is the sum of {len(named['power'])}")
    elif named.get("energy"):
        columns["power_w"] = sum(map(rate, named["energy"]))
        notes.append(f"power is the rate of {len(named['energy'])} counters of energy")
    else:
        if idle := named["idle"]:
            shares = [rate(one) if tool == "Prometheus" else at(one) * idle_scale for one in idle]
            columns["load"] = 1.0 - np.mean(shares, axis=0)
            notes.append(f"load is what {len(idle)} idle cores leave")
        if named["clock"]:
            columns["frequency_mhz"] = (
                np.max([at(one) for one in named["clock"]], axis=0) * clock_scale
            )
            notes.append("clock is the fastest core's")
    if len(columns) < 3:
        raise InputError(f"{path}, of {tool}, holds neither power nor load nor clock.")
    return ToolLog(pl.DataFrame(columns), (f"{tool}: {'; '.join(notes)}",))
