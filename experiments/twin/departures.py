"""Departures: what no network of constant resistances follows, a fan or a lag in the log.

Both are looked for with one linear model of the runs: a dense set of time constants, each with a
gain that is not negative, as every network of nodes that is heated at its die has. That model
explains any such network; what a fan's cooling, or a shift of the heat against the temperature,
explains beyond it is a departure.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tvfs_gym.experiments.twin.identification import Matrix, Trace, Vector, responses

TIME_CONSTANTS = 10
"""Time constants of the model, evenly spaced by their logarithm; of a fan every second."""

MOST_SAMPLES = 600
"""Samples of a run that are looked at."""

LAGS_S = (2, 4, 6, 8, 11, 15, 20, 26, 34, 44, 56, 72, 92, 120)
"""Shifts that are tried, both ways, s."""

FAN_LEVELS = np.linspace(0.15, 0.85, 10)
"""Where a fan may go on, as shares of the span of the temperature."""

HYSTERESIS_C, ROUNDS = 2.5, 2
"""How far below a fan stops, and how often its times and its effect are found in turn."""

FAN_LEAVES, LAG_LEAVES = 0.89, 0.5
"""Share of the squared error that may be left for a departure to be named."""


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
    return float(best) if tried[best] < LAG_LEAVES * unshifted else None


def fan_from_c(traces: Sequence[Trace], fitted_s: Vector) -> float | None:
    """Temperature from which on a fan cools, or whatever else makes the gain fall with heat.

    A fan takes heat in proportion to how far the sink is above the room. When it runs and what it
    takes follow from the model's own temperatures, not from the measured ones, whose noise would
    explain itself.

    Args:
        traces: Runs.
        fitted_s: Time constants of the network that was fitted to them.

    Returns:
        None if no such fan explains anything of the runs' error.
    """
    plain = [_thinned(trace) for trace in traces]
    taus_s = np.sort(np.append(_time_constants(plain), fitted_s))
    linear = _Fit.of(plain, taus_s, [np.zeros((len(trace.time_s), 0)) for trace in plain])
    low_c, high_c = np.quantile(np.concatenate([one.temperature_c for one in plain]), (0.02, 0.98))
    best, found = FAN_LEAVES * linear.squared_error, None
    for on_c in low_c + FAN_LEVELS * (high_c - low_c):
        fitted = linear
        for _ in range(ROUNDS):
            taken = [
                _taken(trace, taus_s, predicted_c, on_c, linear.room_c)
                for trace, predicted_c in zip(plain, fitted.predicted_c, strict=True)
            ]
            fitted = _Fit.of(plain, taus_s, taken)
        if fitted.squared_error < best:
            best, found = fitted.squared_error, float(on_c)
    return found


@dataclass(frozen=True)
class _Fit:
    """The linear model as it fits some runs.

    Attributes:
        squared_error: Sum over all samples.
        room_c: Ambient temperature of the first run.
        predicted_c: Temperatures by the model, run by run.
    """

    squared_error: float
    room_c: float
    predicted_c: list[Vector]

    @classmethod
    def of(cls, traces: Sequence[Trace], taus_s: Vector, taken: Sequence[Matrix]) -> "_Fit":
        """Fits the gains, the runs' rooms and starts, and what a fan takes."""
        free = 1 + len(taus_s)
        blocks = []
        for index, (trace, of_fan) in enumerate(zip(traces, taken, strict=True)):
            decays = np.exp(-(trace.time_s - trace.time_s[0])[:, np.newaxis] / taus_s)
            own = np.zeros((len(decays), 2 * free * len(traces)))
            both = np.column_stack([np.ones(len(decays)), decays])
            begin = 2 * free * index
            own[:, begin : begin + 2 * free] = np.column_stack([both, -both])
            blocks.append(np.column_stack([responses(trace, taus_s), -of_fan, own]))
        columns: Matrix = np.concatenate(blocks)
        measured_c = np.concatenate([trace.temperature_c for trace in traces])
        from scipy.optimize import nnls  # which takes a fifth of a second

        found, left_c = nnls(columns, measured_c, maxiter=50 * columns.shape[1])
        rooms = found[len(taus_s) + taken[0].shape[1] :]
        ends = np.cumsum([len(trace.time_s) for trace in traces])[:-1]
        predicted_c = np.split(columns @ found, ends)
        return cls(float(left_c**2), float(rooms[0] - rooms[free]), predicted_c)


def _taken(trace: Trace, taus_s: Vector, predicted_c: Vector, on_c: float, room_c: float) -> Matrix:
    """How modes follow the heat that a fan takes, shape (samples, modes)."""
    runs, heat = False, np.zeros(len(predicted_c))
    for index, value_c in enumerate(predicted_c):
        runs = bool(value_c > on_c - HYSTERESIS_C * runs)
        heat[index] = runs * (value_c - room_c)
    return responses(replace(trace, heat=heat), taus_s[::2])


def _squared_error(traces: Sequence[Trace]) -> float:
    nothing = [np.zeros((len(trace.time_s), 0)) for trace in traces]
    return _Fit.of(traces, _time_constants(traces), nothing).squared_error


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
    """The run with its heat later by so much; beyond its ends the heat is that at the end."""
    return replace(trace, heat=np.interp(trace.time_s - lag_s, trace.time_s, trace.heat))
