"""Departures: what no network of constant resistances follows, a fan or a lag in the log.

Both are looked for with one linear model of the runs: a dense set of time constants, each with a
gain that is not negative, as every network of nodes that is heated at its die has. That model
explains any such network; what a fan's cooling, or a shift of the heat against the temperature,
explains beyond it is a departure.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import nnls

from tvfs_gym.experiments.twin.identification import Matrix, Trace, Vector, responses

TIME_CONSTANTS = 7
"""Time constants of the model, evenly spaced by their logarithm."""

MOST_SAMPLES = 600
"""Samples of a run that are looked at."""

LAGS_S = (2, 4, 6, 8, 11, 15, 20, 26, 34, 44, 56, 72, 92, 120)
"""Shifts that are tried, both ways, s."""

FAN_LEVELS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
"""Where a fan may go on, as shares of the span of the temperature."""

FAN_EXPLAINS, LAG_EXPLAINS = 0.5, 0.5
"""Share of the squared error that must go for a departure to be named."""

LEAST_FALL = 0.15
"""Relative fall of the gain from which on a fan is named."""


@dataclass(frozen=True)
class Fan:
    """A gain that falls as it gets hot.

    Attributes:
        on_c: Temperature from which on it is lower.
        cold_k_w: Steady gain below.
        hot_k_w: Steady gain above.
    """

    on_c: float
    cold_k_w: float
    hot_k_w: float


def lag_s(traces: Sequence[Trace]) -> float | None:
    """Time by which the temperature follows the heat too late, negative if too early.

    Returns:
        None if no shift explains much of the runs' error.
    """
    plain = [_thinned(trace) for trace in traces]
    period_s = max(float(np.median(np.diff(trace.time_s))) for trace in plain)
    unshifted = _squared_error(plain)
    tried = {
        lag: _squared_error([_shifted(trace, lag) for trace in plain])
        for size in LAGS_S if size >= period_s for lag in (size, -size)
    }  # fmt: skip
    if not tried:
        return None
    best = min(tried, key=lambda lag: tried[lag])
    return float(best) if tried[best] < LAG_EXPLAINS * unshifted else None


def fan_of(traces: Sequence[Trace]) -> Fan | None:
    """A fan that follows the temperature, or whatever else makes the gain fall with it.

    Above a temperature it takes heat in proportion to how far that is above the room's. Which
    samples these are, the measured temperature says, of the sample before.

    Returns:
        None if no such fan explains much of the runs' error, or the gain hardly falls.
    """
    plain = [_thinned(trace) for trace in traces]
    linear = _Fit.of(plain)
    best, found = FAN_EXPLAINS * linear.squared_error, None
    measured_c = np.concatenate([trace.temperature_c for trace in plain])
    low_c, high_c = np.quantile(measured_c, (0.02, 0.98))
    for level in FAN_LEVELS:
        on_c = low_c + level * (high_c - low_c)
        fitted = _Fit.of(plain, on_c, linear.room_c)
        hot_k_w = fitted.gain_k_w / (1 + fitted.fan)
        if fitted.squared_error < best and hot_k_w < (1 - LEAST_FALL) * fitted.gain_k_w:
            best, found = fitted.squared_error, Fan(float(on_c), fitted.gain_k_w, hot_k_w)
    return found


@dataclass(frozen=True)
class _Fit:
    squared_error: float
    gain_k_w: float
    fan: float
    room_c: float

    @classmethod
    def of(cls, traces: Sequence[Trace], on_c: float = np.inf, room_c: float = 0.0) -> "_Fit":
        """Fits the gains, the runs' rooms and starts, and a fan's part if it goes on at all."""
        taus_s = _time_constants(traces)
        blocks = []
        for index, trace in enumerate(traces):
            own = np.zeros((len(trace.time_s), len(traces) * 2 * (1 + len(taus_s))))
            decays = np.exp(-(trace.time_s - trace.time_s[0])[:, np.newaxis] / taus_s)
            free = np.column_stack([np.ones(len(decays)), decays])
            width = 2 * free.shape[1]
            own[:, index * width : (index + 1) * width] = np.column_stack([free, -free])
            blocks.append(
                np.column_stack([responses(trace, taus_s), _fan(trace, taus_s, on_c, room_c), own])
            )
        columns: Matrix = np.concatenate(blocks)
        measured_c = np.concatenate([trace.temperature_c for trace in traces])
        found, left_c = nnls(columns, measured_c, maxiter=20 * columns.shape[1])
        order = len(taus_s)
        first = found[2 * order : 2 * order + 2 * (1 + order)]
        return cls(
            float(left_c**2),
            float(found[:order].sum()),
            float(found[order : 2 * order].sum()),
            float(first[0] - first[1 + order]),
        )


def _fan(trace: Trace, taus_s: Vector, on_c: float, room_c: float) -> Matrix:
    """What a fan takes away, of a sink that is as far above the room as the die."""
    before_c = np.append(trace.temperature_c[:1], trace.temperature_c[:-1])
    taken = np.where(before_c > on_c, before_c - room_c, 0.0)
    return -responses(replace(trace, heat=taken), taus_s)


def _squared_error(traces: Sequence[Trace]) -> float:
    return _Fit.of(traces).squared_error


def _time_constants(traces: Sequence[Trace]) -> Vector:
    longest_s = max(float(trace.time_s[-1] - trace.time_s[0]) for trace in traces)
    period_s = min(float(np.median(np.diff(trace.time_s))) for trace in traces)
    return np.geomspace(period_s / 2, longest_s, TIME_CONSTANTS)


def _thinned(trace: Trace) -> Trace:
    """The run with all its heat in one, in means of so many samples that few are left."""
    heat = trace.heat_at(trace.temperature_c) + sum(trace.workloads.values())
    every = -(-len(heat) // MOST_SAMPLES)
    whole = len(heat) // every * every

    def means(values: Vector) -> Vector:
        return np.asarray(values[:whole].reshape(-1, every).mean(axis=1), np.float64)

    return Trace(trace.name, means(trace.time_s), means(heat), means(trace.temperature_c))


def _shifted(trace: Trace, lag_s: float) -> Trace:
    """The run with its heat later by so much; what lies outside is left out."""
    time_s = trace.time_s
    inside = (time_s - lag_s >= time_s[0]) & (time_s - lag_s <= time_s[-1])
    heat = np.interp(time_s - lag_s, time_s, trace.heat)
    return replace(trace, heat=np.where(inside, heat, np.interp(time_s, time_s, trace.heat)))
