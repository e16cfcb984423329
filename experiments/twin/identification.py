"""Identification: the thermal network of a board from a record of its heat and temperature."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.jit import jit
from tvfs_gym.envs.physics.thermal import RATE, RESISTANCE, RcNetwork, Vector, propagate

Matrix = NDArray[np.float64]

SHORTEST_PERIODS = 0.1
"""Shortest time constant that is looked for, in sample periods: what is faster looks instantaneous.
The longest one is the longest run: what is slower cannot be told from a drift of the room."""

MOST_ACTIVITY = 5.0
"""Factor by which a workload's activity may differ from the reference's, up or down."""

_LOG_STEP = 1e-5

_NEGLIGIBLE = 1e-8
"""Share of a Jacobian's strongest direction below which a direction was not seen."""

_STARTS = ((1.0, 0.1), (0.3, 0.02), (3.0, 0.3))
"""From where the search begins: the shortest and the longest time constant, as a multiple of two
sample periods (at least a second) and as a share of the longest run."""

COLDEST_C, HOTTEST_C = -40.0, 100.0
"""Bounds of a run's ambient temperature."""

LEAKAGE_ROUNDS = 4
"""Times that a prediction is repeated with the leakage at the temperature predicted before: each
round shrinks what is left to a few percent, and no sensor resolves what is left after four."""


@dataclass(frozen=True)
class ModelledLeakage:
    """Leakage of a run whose power was not measured.

    Attributes:
        voltage_v: Supply at each time.
        leakage_w: Leakage at a supply and temperature of the chip.
    """

    voltage_v: Vector
    leakage_w: Callable[[float, float], float]

    def power_w(self, temperature_c: Vector) -> Vector:
        """At these temperatures of the chip."""
        return np.array([*map(self.leakage_w, self.voltage_v, temperature_c)])


@dataclass(frozen=True)
class Trace:
    """A record of one run without gaps.

    Attributes:
        name: Where it comes from.
        time_s: Strictly ascending.
        heat: Heat of the chip in the interval that ends at each time: watts, or any measure
            that is proportional to them.
        temperature_c: Sensor readings.
        leakage: Further heat, which follows the chip's temperature.
        absolute: True if a heat of zero is a board without power; a load's zero is an idle board.
        workloads: Further heat, by kind of work, that the activity of each still has to scale.
    """

    name: str
    time_s: Vector
    heat: Vector
    temperature_c: Vector
    leakage: ModelledLeakage | None = None
    absolute: bool = True
    workloads: Mapping[str, Vector] = field(default_factory=dict)

    def heat_at(self, temperature_c: Vector) -> Vector:
        """The heat, leakage included, if the chip had these temperatures."""
        if self.leakage is None:
            return self.heat
        return self.heat + self.leakage.power_w(temperature_c)

    def working(self, activities: Mapping[str, float]) -> "Trace":
        """The run with its workloads' heat, scaled by their activities, in its own.

        A workload whose activity is not given counts as 1.
        """
        heat = self.heat + sum(
            activities.get(name, 1.0) * heat for name, heat in self.workloads.items()
        )
        return replace(self, heat=heat, workloads={})

    def part(self, samples: NDArray[np.bool_]) -> "Trace":
        """Some of its samples, as a run of its own."""
        time_s = self.time_s[samples]
        leakage = self.leakage
        return replace(
            self,
            time_s=time_s - time_s[0],
            heat=self.heat[samples],
            temperature_c=self.temperature_c[samples],
            leakage=leakage and replace(leakage, voltage_v=leakage.voltage_v[samples]),
            workloads={name: heat[samples] for name, heat in self.workloads.items()},
        )


@dataclass(frozen=True)
class ThermalModel:
    """Time constants and gains from heat to temperature, with standard errors.

    T(t) = T_0 + sum_k gain_k z_k(t) + sum_k c_k exp(-t / tau_k), where z_k follows the heat with
    the time constant tau_k; T_0 and the c_k are each run's own (its ambient temperature and what
    it started from).

    Attributes:
        time_constants_s: Shortest first.
        gains: Steady rise per unit of heat, one per time constant.
        ambient_c: T_0, the mean over the runs.
        time_constants_se_s: Standard errors of the time constants.
        gains_se: Standard errors of the gains.
        rmse_c: Root mean square error on the runs it was fitted to.
        longest_s: Longest time constant that was looked for.
        activities: Switching activity by kind of work, of those that were to be found.
        activities_se: Their standard errors.
    """

    time_constants_s: Vector
    gains: Vector
    ambient_c: float
    time_constants_se_s: Vector
    gains_se: Vector
    rmse_c: float
    longest_s: float = np.inf
    activities: Mapping[str, float] = field(default_factory=dict)
    activities_se: Mapping[str, float] = field(default_factory=dict)

    @property
    def order(self) -> int:
        """Number of nodes."""
        return len(self.time_constants_s)

    @property
    def steady_gain(self) -> float:
        """Steady rise per unit of heat."""
        return float(self.gains.sum())

    @property
    def steady_gain_log_se(self) -> float:
        """Relative standard error of the steady gain; the gains' errors count as independent."""
        return float(np.linalg.norm(self.gains_se) / self.steady_gain)

    @property
    def capacitance_log_se(self) -> float:
        """Relative standard error of a capacitance, C = tau / R, by the largest gain's mode."""
        k = int(self.gains.argmax())
        of_tau = self.time_constants_se_s[k] / self.time_constants_s[k]
        return float(np.hypot(of_tau, self.gains_se[k] / self.gains[k]))

    @property
    def physical(self) -> bool:
        """Tells whether it is a network at all: every gain positive."""
        return bool((self.gains > 0).all())

    @property
    def drifts(self) -> bool:
        """Tells whether the slowest time constant lies beyond what the runs can show."""
        return bool(self.time_constants_s[-1] > 0.99 * self.longest_s)


def fit(
    traces: Sequence[Trace], order: int, known: NDArray[np.bool_] | None = None
) -> ThermalModel:
    """Fits a network of so many nodes by its free-running error.

    The gains, ambients and starts enter linearly and are solved for; only the time constants and
    the workloads' activities are searched (variable projection, Golub and Pereyra 1973), from
    several starts; positive gains go before a lower error. Standard
    errors come from the Jacobian of all of them, with the residuals' variance inflated by their
    correlation between samples.

    Args:
        traces: Runs of one board with one cooling; the ambient temperature may differ.
        order: 1, 2 or 3.
        known: Samples, of all runs one after the other, whose temperatures may be used; None for
            all. The heat of the others is used all the same.
    """
    from scipy.optimize import least_squares  # which takes a fifth of a second

    if known is None:
        known = np.ones(sum(len(trace.time_s) for trace in traces), bool)
    temperature_c = np.concatenate([trace.temperature_c for trace in traces])[known]
    workloads = sorted({name for trace in traces for name in trace.workloads})

    def regressors_at(logs: Vector) -> Matrix:
        activities = dict(zip(workloads, np.exp(logs[order:]).tolist(), strict=True))
        plain = [_plain(trace, activities) for trace in traces]
        return _regressors(plain, np.exp(logs[:order]))[known]

    def residuals(logs: Vector) -> Vector:
        regressors = regressors_at(logs)
        linear = np.linalg.lstsq(regressors, temperature_c, rcond=None)[0]
        return regressors @ linear - temperature_c

    longest_s = max(float(trace.time_s[-1] - trace.time_s[0]) for trace in traces)
    period_s = min(float(np.median(np.diff(trace.time_s))) for trace in traces)
    shortest_s = SHORTEST_PERIODS * period_s
    unknown = np.zeros(len(workloads))
    lowest = np.append(np.full(order, np.log(shortest_s)), unknown - np.log(MOST_ACTIVITY))
    highest = np.append(np.full(order, np.log(longest_s)), unknown + np.log(MOST_ACTIVITY))
    searches = []
    for first, last in _STARTS:
        begin_s = first * max(1.0, 2 * period_s)
        tau_s = np.geomspace(begin_s, max(last * longest_s, 2 * begin_s), order + 2)[1:-1]
        start = np.append(np.log(np.clip(tau_s, 1.01 * shortest_s, 0.99 * longest_s)), unknown)
        searches.append(least_squares(residuals, start, bounds=(lowest, highest)))

    def rank(search: Any) -> tuple[bool, float]:
        linear = np.linalg.lstsq(regressors_at(search.x), temperature_c, rcond=None)[0]
        return bool((linear[:order] <= 0).any()), float(search.cost)

    found = min(searches, key=rank)
    logs = np.append(np.sort(found.x[:order]), found.x[order:])
    regressors = regressors_at(logs)
    linear = np.linalg.lstsq(regressors, temperature_c, rcond=None)[0]
    left = temperature_c - regressors @ linear
    slopes = [
        (regressors_at(logs + step) - regressors) @ linear / _LOG_STEP
        for step in _LOG_STEP * np.eye(len(logs))
    ]
    errors = _standard_errors(np.column_stack([*slopes, regressors]), left)
    log_errors, gain_errors = errors[: len(logs)], errors[len(logs) :][:order]
    values = np.exp(logs)
    return ThermalModel(
        values[:order],
        linear[:order],
        float(linear[order : order + len(traces)].mean()),
        (values * log_errors)[:order],
        gain_errors,
        float(np.sqrt(np.mean(left**2))),
        longest_s,
        dict(zip(workloads, values[order:].tolist(), strict=True)),
        dict(zip(workloads, (values * log_errors)[order:].tolist(), strict=True)),
    )


def _plain(trace: Trace, activities: Mapping[str, float]) -> Trace:
    """The run with all its heat in one, the leakage at the measured temperatures."""
    working = trace.working(activities)
    return replace(working, heat=working.heat_at(trace.temperature_c), leakage=None)


def free_run(model: ThermalModel, trace: Trace, known: NDArray[np.bool_]) -> Vector:
    """Predicts a run's temperatures from its heat, and its ambient and start from some samples.

    A mode starts where some heat before the run has brought it: at least none, at most the run's
    highest. Leakage follows the predicted temperature, not the measured one.

    Args:
        model: The network.
        trace: The run.
        known: Samples whose temperatures may be used, to find the run's ambient and start.
    """
    working = trace.working(model.activities)
    predicted_c = np.full(len(trace.time_s), trace.temperature_c[known].mean())
    for _ in range(1 if trace.leakage is None else LEAKAGE_ROUNDS):
        plain = replace(working, heat=working.heat_at(predicted_c), leakage=None)
        predicted_c = _prediction(model, plain, known)
    return predicted_c


def _prediction(model: ThermalModel, trace: Trace, known: NDArray[np.bool_]) -> Vector:
    from scipy.optimize import lsq_linear  # which takes a fifth of a second

    tau_s = model.time_constants_s
    forced = responses(trace, tau_s) @ model.gains
    own = np.column_stack([np.ones(len(forced)), _decays(trace, tau_s) * model.gains])
    highest = np.full(model.order, max(float(trace.heat.max()), np.finfo(float).tiny))
    # A load's zero is an idle board, and before the run it may have been without power.
    bounds = (
        np.append(COLDEST_C, 0.0 * highest if trace.absolute else -highest),
        np.append(HOTTEST_C, highest),
    )
    start = lsq_linear(own[known], (trace.temperature_c - forced)[known], bounds)
    return np.asarray(forced + own @ start.x)


def network_of(time_constants_s: Vector, gains: Vector) -> RcNetwork:
    """The ladder of resistances and capacitances with these time constants and gains.

    Z(s) = sum_k gain_k / (1 + s tau_k), taken apart from the die outwards: a capacitance is what
    1/Z grows with at high frequency, a resistance what remains of Z there (Foster to Cauer form).
    """
    denominator = np.poly1d([1.0])
    for tau_s in time_constants_s:
        denominator *= np.poly1d([tau_s, 1.0])
    numerator = np.poly1d([0.0])
    for k, gain in enumerate(gains):
        term = np.poly1d([float(gain)])
        for other in np.delete(time_constants_s, k):
            term *= np.poly1d([other, 1.0])
        numerator += term
    resistances, capacitances = [], []
    for node in range(len(gains), 0, -1):
        capacitances.append(float(denominator.coeffs[0] / numerator.coeffs[0]))
        rest = denominator - capacitances[-1] * np.poly1d([1.0, 0.0]) * numerator
        denominator = np.poly1d(rest.coeffs[-node:])  # its leading term is zero but for rounding
        resistances.append(float(numerator.coeffs[0] / denominator.coeffs[0]))
        numerator = np.poly1d((numerator - resistances[-1] * denominator).coeffs[1 - node :])
    return RcNetwork(tuple(resistances), tuple(capacitances))


def responses(trace: Trace, time_constants_s: Vector) -> Matrix:
    """How modes of unit gain follow the run's heat from rest, shape (samples, modes)."""
    network = np.column_stack(
        [1.0 / time_constants_s, np.zeros(len(time_constants_s)), np.ones(len(time_constants_s))]
    )
    followed = np.zeros((len(trace.time_s), len(time_constants_s)))
    _follow(trace.time_s, trace.heat, network, followed)
    return followed


@jit
def _follow(time_s: Vector, heat: Vector, network: Matrix, followed: Matrix) -> None:
    for i in range(1, len(time_s)):
        for k in range(followed.shape[1]):
            followed[i, k] = followed[i - 1, k]
        propagate(followed[i], network, 0.0, heat[i], time_s[i] - time_s[i - 1])


def _decays(trace: Trace, time_constants_s: Vector) -> Matrix:
    return np.exp(-(trace.time_s - trace.time_s[0])[:, np.newaxis] / time_constants_s)


def _regressors(traces: Sequence[Trace], tau_s: Vector) -> Matrix:
    """Columns: the gains; each run's ambient; each run's starts."""
    order, runs = len(tau_s), len(traces)
    blocks = []
    for run, trace in enumerate(traces):
        block = np.zeros((len(trace.time_s), order + runs + order * runs))
        block[:, :order] = responses(trace, tau_s)
        block[:, order + run] = 1.0
        first = order + runs + order * run
        block[:, first : first + order] = _decays(trace, tau_s)
        blocks.append(block)
    return np.concatenate(blocks)


def _standard_errors(jacobian: Matrix, residuals: Vector) -> Vector:
    """Infinite for what the data leave undetermined."""
    centred = residuals - residuals.mean()
    correlation = float(np.clip(centred[1:] @ centred[:-1] / (centred @ centred), 0.0, 0.99))
    degrees = max(len(residuals) - jacobian.shape[1], 1)
    variance = residuals @ residuals / degrees * (1 + correlation) / (1 - correlation)
    # Columns of equal length, so that a small singular value is a direction nothing depends on.
    lengths = np.linalg.norm(jacobian, axis=0)
    seen = lengths > _NEGLIGIBLE * lengths.max()
    _, singular, directions = np.linalg.svd(jacobian[:, seen] / lengths[seen], full_matrices=False)
    determined = singular > _NEGLIGIBLE * singular[0]
    lost = (directions[~determined] ** 2).sum(axis=0) > _NEGLIGIBLE
    spread = ((directions[determined].T / singular[determined]) ** 2).sum(axis=1)
    errors = np.full(len(lengths), np.inf)
    errors[seen] = np.where(lost, np.inf, np.sqrt(spread * variance) / lengths[seen])
    return errors


def model_of(network: RcNetwork, ambient_c: float) -> ThermalModel:
    """A network that is known, as a model; its parameters have no errors."""
    order = len(network.resistances_k_w)
    modes = network.modes[::-1]
    nothing = np.zeros(order)
    return ThermalModel(
        1.0 / modes[:, RATE], modes[:, RESISTANCE], ambient_c, nothing, nothing, 0.0
    )
