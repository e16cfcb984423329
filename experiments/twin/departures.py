"""Departures: what no network of constant resistances follows, a fan or a lag in the log.

Both are looked for with one linear model of the runs: a dense set of time constants, each with a
gain that is not negative, as every network of nodes that is heated at its die has. That model
explains any such network; what a fan's cooling, or a shift of the heat against the temperature,
explains beyond it is a departure.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.experiments.twin.identification import Matrix, Trace, Vector, responses

TIME_CONSTANTS = 10
"""Time constants of the model, evenly spaced by their logarithm; of a fan every second."""

MOST_SAMPLES = 600
"""Samples of a run that are looked at."""

LAGS_S = (2, 4, 6, 8, 11, 15, 20, 26, 34, 44, 56, 72, 92, 120)
"""Shifts that are tried, both ways, s."""

FAN_LEVELS = np.linspace(0.08, 0.92, 13)
"""Where a fan may go on, as shares of the span of the temperature."""

HYSTERESES_C = (1.0, 2.5, 5.0, 8.0)
"""How far below it may stop."""

FEWEST = 3
"""Samples with the fan on, and with it off, that tell anything of it."""

FAN_LEAVES, FAN_LEAVES_OF_STEP, LAG_LEAVES = 0.9, 0.68, 0.5
"""Share of the squared error that may be left for a departure to be named: by a fan in general, and
where the heat changes only once, so that the model itself is little known."""

CHANCE = 12.0
"""What a fan's place and effect explain of noise alone, in squared errors of a sample."""


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


def fan_from_c(
    traces: Sequence[Trace], fitted_s: Vector, leaves: float = FAN_LEAVES
) -> float | None:
    """Temperature from which on a fan cools, or whatever else makes the gain fall with heat.

    A fan takes heat in proportion to how far the sink is above the room, for which the model's own
    temperature stands. Whether it runs follows, as on a board, from what the sensor showed before:
    the sample itself would let its noise explain itself.

    Args:
        traces: Runs.
        fitted_s: Time constants of the network that was fitted to them.
        leaves: Most that may be left of the squared error.

    Returns:
        None if no such fan explains anything of the runs' error.
    """
    plain = [_thinned(trace) for trace in traces]
    taus_s = np.sort(np.append(_time_constants(plain), fitted_s))
    linear = _Fit.of(plain, taus_s, [np.zeros((len(trace.time_s), 0)) for trace in plain])
    low_c, high_c = np.quantile(np.concatenate([one.temperature_c for one in plain]), (0.02, 0.98))
    samples = sum(len(trace.time_s) for trace in plain)
    best, found = (leaves - CHANCE / samples) * linear.squared_error, None
    for on_c, hysteresis_c in product(low_c + FAN_LEVELS * (high_c - low_c), HYSTERESES_C):
        running = [_running(trace.temperature_c, on_c, hysteresis_c) for trace in plain]
        if not FEWEST <= sum(int(one.sum()) for one in running) <= samples - FEWEST:
            continue
        taken = [
            responses(replace(trace, heat=on * (own_c - linear.room_c)), taus_s[::2])
            for trace, on, own_c in zip(plain, running, linear.predicted_c, strict=True)
        ]
        squared_error = _Fit.of(plain, taus_s, taken).squared_error
        if squared_error < best:
            best, found = squared_error, float(on_c)
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


def _running(temperature_c: Vector, on_c: float, hysteresis_c: float) -> NDArray[np.bool_]:
    """True in the intervals in which a fan runs that the sample before has switched."""
    runs = np.zeros(len(temperature_c), bool)
    for index in range(1, len(runs)):
        runs[index] = temperature_c[index - 1] > on_c - hysteresis_c * runs[index - 1]
    return runs


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
