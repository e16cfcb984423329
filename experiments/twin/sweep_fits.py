"""Identification of latency and power from sweeps over the clock."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.physics.latency import pass_latency_s
from tvfs_gym.envs.physics.power import dynamic_power_w, leakage_power_w
from tvfs_gym.envs.physics.thermal import Vector

CLUSTER, THREAD, REST, LEAKAGE = "cluster_nf", "thread_nf", "rest_w", "leakage_scale"


@dataclass(frozen=True)
class SweepFit:
    """Parameters of a linear model, none of them negative.

    Attributes:
        values: By name.
        errors: Standard errors of those that were fitted; a parameter that was held has none.
        rms: Root mean square of the residuals, in units of what was fitted.
        r2: Share of the variance that the model explains.
    """

    values: Mapping[str, float]
    errors: Mapping[str, float]
    rms: float
    r2: float


def fit_latency(frequency_ghz: Vector, latency_s: Vector) -> SweepFit:
    """Fits a / f + b of `tvfs_gym.envs.physics.latency.pass_latency_s`.

    Args:
        frequency_ghz: Clocks, at least two different ones.
        latency_s: Latency of a pass of the reference network.

    Returns:
        ``clock_gcycles`` (a) and ``memory_s`` (b).
    """
    columns = {
        "clock_gcycles": np.array([pass_latency_s(f, 1.0, 1.0, 0.0) for f in frequency_ghz]),
        "memory_s": np.ones(len(frequency_ghz)),
    }
    return _fit(columns, latency_s, {})


def fit_power(
    frequency_ghz: Vector,
    voltage_v: Vector,
    threads: Vector,
    temperature_c: Vector | None,
    power_w: Vector,
    held: Mapping[str, float],
    leakage: tuple[float, float, float],
) -> SweepFit:
    """Fits switching capacitances, a constant and the scale of the leakage to steady powers.

    What the sweep cannot tell apart is held: the cluster's capacitance if the number of threads is
    always the same, and the leakage if temperatures are unknown or its scale comes out no larger
    than its own standard error.

    Args:
        frequency_ghz: Clocks.
        voltage_v: Supplies.
        threads: Busy threads.
        temperature_c: Temperature of the chip; None if it was not logged.
        power_w: Measured.
        held: ``cluster_nf`` and ``leakage_scale`` to take where they are not identified.
        leakage: C1, C2 and gate current that the leakage's scale multiplies; see
            `tvfs_gym.envs.physics.power.leakage_power_w`.

    Returns:
        ``cluster_nf``, ``thread_nf``, ``rest_w`` and ``leakage_scale``.
    """
    points = list(zip(frequency_ghz, voltage_v, threads, strict=True))
    columns = {
        CLUSTER: np.array([dynamic_power_w(f, v, n, 1.0, 1.0, 0.0) for f, v, n in points]),
        THREAD: np.array([dynamic_power_w(f, v, n, 1.0, 0.0, 1.0) for f, v, n in points]),
        REST: np.ones(len(points)),
        LEAKAGE: np.zeros(len(points)),
    }
    known = {}
    if np.ptp(threads) == 0:
        known[CLUSTER] = held[CLUSTER]
    if temperature_c is None:
        known[LEAKAGE] = held[LEAKAGE]
    else:
        measured = zip(voltage_v, temperature_c, strict=True)
        columns[LEAKAGE] = np.array([leakage_power_w(v, t, *leakage) for v, t in measured])
    found = _fit(columns, power_w, known)
    if LEAKAGE in found.errors and found.values[LEAKAGE] <= found.errors[LEAKAGE]:
        found = _fit(columns, power_w, {**known, LEAKAGE: held[LEAKAGE]})
    return found


def _fit(columns: Mapping[str, Vector], measured: Vector, known: Mapping[str, float]) -> SweepFit:
    """Least squares over the columns that are not known."""
    from scipy.optimize import lsq_linear  # which takes a fifth of a second

    sought = [name for name in columns if name not in known]
    explained = sum((known[name] * columns[name] for name in known), np.zeros(len(measured)))
    matrix: NDArray[np.float64] = np.column_stack([columns[name] for name in sought])
    solution = lsq_linear(matrix, measured - explained, (0.0, np.inf)).x
    left = measured - explained - matrix @ solution
    free = solution > 0
    degrees = max(len(measured) - int(free.sum()), 1)
    variance = np.zeros(len(sought))
    inner = matrix[:, free]
    variance[free] = np.diag(np.linalg.pinv(inner.T @ inner)) * (left @ left) / degrees
    total = float(np.sum((measured - measured.mean()) ** 2))
    return SweepFit(
        {**known, **dict(zip(sought, solution.tolist(), strict=True))},
        dict(zip(sought, np.sqrt(variance).tolist(), strict=True)),
        float(np.sqrt(np.mean(left**2))),
        1.0 - float(left @ left) / total if total > 0 else 0.0,
    )
