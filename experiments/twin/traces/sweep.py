"""Sweeps over the clock: tables without time, of a pass's latency or of steady power."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from tvfs_gym.envs.boards.profile import BoardProfile, Latency, Leakage, Power
from tvfs_gym.envs.errors import InputError
from tvfs_gym.experiments.twin.sweep_fits import SweepFit, fit_latency, fit_power
from tvfs_gym.experiments.twin.traces.formats import header_of
from tvfs_gym.experiments.twin.traces.record import Vector

FEWEST_CLOCKS = {"latency": 3, "power": 4}
"""Different clocks under which a sweep has as many unknowns as points."""


@dataclass(frozen=True)
class Sweep:
    """Measurements at several clocks.

    Attributes:
        name: The file.
        kind: ``latency`` or ``power``.
        columns: Among ``frequency_ghz``, ``latency_s``, ``power_w``, ``threads``, ``voltage_v`` and
            ``temperature_c``.
    """

    name: str
    kind: str
    columns: Mapping[str, Vector]


LEAST_R2 = 0.8
"""Share of the variance under which a sweep does not follow the law that is fitted to it."""


def is_sweep(path: Path) -> bool:
    """Tells whether a file is a sweep: a table of clocks with no column but a sweep's own."""
    names = header_of(path)
    return bool({"frequency_mhz", "frequency_hz"} & names) and names <= set(_UNITS)


def read_sweep(path: Path) -> Sweep:
    """Reads a CSV or Parquet sweep.

    Its columns are ``frequency_mhz`` (or ``frequency_hz``), and either ``latency_s`` (or
    ``latency_ms``) or ``power_w``; the latter with ``threads``, ``voltage_v`` and ``temperature_c``
    where they are known.

    Raises:
        InputError: A column is missing, a value is no positive number, or too few clocks differ.
    """
    try:
        read = pl.read_parquet if path.suffix == ".parquet" else pl.read_csv
        raw = read(path, glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        first = str(error).splitlines()[0]
        raise InputError(f"{path} is not a readable sweep: {first}.") from error
    columns = {name: _positive(path, raw, name) for name in raw.columns if name in _UNITS}
    columns = {_UNITS[name][0]: values * _UNITS[name][1] for name, values in columns.items()}
    kind = "latency" if "latency_s" in columns else "power"
    if kind == "power" and "power_w" not in columns:
        raise InputError(
            f"{path} must have the columns frequency_mhz and latency_ms or power_w; it has "
            f"{', '.join(raw.columns)}."
        )
    clocks = len(np.unique(columns["frequency_ghz"]))
    if clocks < FEWEST_CLOCKS[kind]:
        raise InputError(
            f"{path} has {clocks} different clocks; a sweep of {kind} needs at least "
            f"{FEWEST_CLOCKS[kind]}."
        )
    return Sweep(str(path), kind, columns)


_UNITS = {
    "frequency_mhz": ("frequency_ghz", 1e-3),
    "frequency_hz": ("frequency_ghz", 1e-9),
    "latency_s": ("latency_s", 1.0),
    "latency_ms": ("latency_s", 1e-3),
    "power_w": ("power_w", 1.0),
    "threads": ("threads", 1.0),
    "voltage_v": ("voltage_v", 1.0),
    "temperature_c": ("temperature_c", 1.0),
}
"""Columns of a sweep: the name and the factor under which they are used."""


def _positive(path: Path, raw: pl.DataFrame, name: str) -> Vector:
    values = raw[name].cast(pl.Float64, strict=False)
    wrong = values.is_null() | ~values.is_finite().fill_null(False) | (values <= 0).fill_null(False)
    if wrong.any():
        row = int(np.argmax(wrong.to_numpy()))
        raise InputError(
            f"{path}, line {row + 2}, column {name}: expected a positive number, not "
            f"'{raw[name][row]}'."
        )
    return values.to_numpy()


def fit_sweep(sweep: Sweep, profile: BoardProfile) -> tuple[BoardProfile, SweepFit]:
    """The profile with what a sweep says of its latency, or of its power and leakage.

    Raises:
        InputError: The sweep does not follow the law.
    """
    frequency_ghz = sweep.columns["frequency_ghz"]
    if sweep.kind == "latency":
        found = fit_latency(frequency_ghz, sweep.columns["latency_s"])
        _check(sweep, found, "clock_gcycles", "the latency does not fall with the clock")
        kept = profile.latency.model_dump(exclude={"source", "clock_gcycles", "memory_s"})
        source = f"{_origin(sweep, found, 's')}; the rest: {profile.latency.source}"
        latency = Latency(source=source, **found.values, **kept)
        return profile.model_copy(update={"latency": latency}), found
    leakage, power = profile.leakage, profile.power
    found = fit_power(
        frequency_ghz,
        sweep.columns.get("voltage_v", profile.voltages_v(frequency_ghz)),
        sweep.columns.get("threads", np.full(len(frequency_ghz), float(profile.threads))),
        sweep.columns.get("temperature_c"),
        sweep.columns["power_w"],
        {"cluster_nf": power.cluster_nf, "leakage_scale": 1.0},
        (leakage.c1_a_k2, leakage.c2_k, leakage.gate_a),
    )
    _check(sweep, found, "thread_nf", "the power does not rise with V^2 f")
    values = dict(found.values)
    scale = values.pop("leakage_scale")
    origin = _origin(sweep, found, "W")
    updated = {
        "power": Power(source=origin, activities=power.activities, **values),
        "leakage": Leakage(
            source=f"{origin}: scaled by {scale:.3g}; before that, {leakage.source}",
            c1_a_k2=scale * leakage.c1_a_k2,
            c2_k=leakage.c2_k,
            gate_a=scale * leakage.gate_a,
        ),
    }
    return profile.model_copy(update=updated), found


def _check(sweep: Sweep, found: SweepFit, name: str, what: str) -> None:
    if found.values[name] <= 2 * found.errors[name] or found.r2 < LEAST_R2:
        raise InputError(
            f"{sweep.name}: {what} (R^2 {found.r2:.2f}), so nothing can be fitted: check its units "
            "and columns."
        )


def _origin(sweep: Sweep, found: SweepFit, unit: str) -> str:
    parts = [
        f"{name} {value:.4g} ±{found.errors[name]:.2g}" if name in found.errors
        else f"{name} {value:.4g} (held: the sweep does not tell)"
        for name, value in found.values.items()
    ]  # fmt: skip
    return (
        f"fitted to {sweep.name} with tvfs-gym identify: {', '.join(parts)}; rms {found.rms:.3g} "
        f"{unit}, R^2 {found.r2:.4f}"
    )
