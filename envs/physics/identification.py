"""Identification: the thermal network of a board from a record of its heat and temperature."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from tvfs_gym.envs.jit import jit
from tvfs_gym.envs.physics.thermal import RATE, RESISTANCE, RcNetwork, Vector, propagate

Matrix = NDArray[np.float64]

SHORTEST_S, LONGEST_S = 0.05, 5000.0
"""Bounds of the time constants that are looked for: a die's, and a board's in its case."""


_LOG_TAU_STEP = 1e-5


@dataclass(frozen=True)
class Trace:
    """A record of one run without gaps.

    Attributes:
        name: Where it comes from.
        time_s: Strictly ascending.
        heat: What warmed the chip in the interval that ends at each time: watts, or any measure
            that is proportional to them.
        temperature_c: Sensor readings.
    """

    name: str
    time_s: Vector
    heat: Vector
    temperature_c: Vector


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
    """

    time_constants_s: Vector
    gains: Vector
    ambient_c: float
    time_constants_se_s: Vector
    gains_se: Vector
    rmse_c: float

    @property
    def order(self) -> int:
        """Number of nodes."""
        return len(self.time_constants_s)

    @property
    def steady_gain(self) -> float:
        """Steady rise per unit of heat."""
        return float(self.gains.sum())

    @property
    def physical(self) -> bool:
        """Whether it is a network at all: every gain positive, every time constant found."""
        found = (self.time_constants_s > 1.01 * SHORTEST_S) & (
            self.time_constants_s < 0.99 * LONGEST_S
        )
        return bool((self.gains > 0).all() and found.all())


def fit(traces: Sequence[Trace], order: int) -> ThermalModel:
    """Fits a network of so many nodes by its free-running error.

    The gains, ambients and starts enter linearly and are solved for; only the time constants are
    searched (variable projection, Golub and Pereyra 1973). Standard errors come from the Jacobian
    of all of them, with the residuals' variance inflated by their correlation between samples.

    Args:
        traces: Runs of one board with one cooling; the ambient temperature may differ.
        order: 1, 2 or 3.
    """
    temperature_c = np.concatenate([trace.temperature_c for trace in traces])

    def project(log_tau: Vector) -> tuple[Matrix, Vector]:
        regressors = _regressors(traces, np.exp(log_tau))
        return regressors, np.linalg.lstsq(regressors, temperature_c, rcond=None)[0]

    def residuals(log_tau: Vector) -> Vector:
        regressors, linear = project(log_tau)
        return regressors @ linear - temperature_c

    longest_s = max(float(trace.time_s[-1] - trace.time_s[0]) for trace in traces)
    start = np.log(np.geomspace(1.0, max(longest_s / 10, 5.0), order + 2)[1:-1])
    found = least_squares(residuals, start, bounds=(np.log(SHORTEST_S), np.log(LONGEST_S)))
    log_tau = np.sort(found.x)
    regressors, linear = project(log_tau)
    gains = linear[:order]
    left = temperature_c - regressors @ linear
    errors = _standard_errors(traces, log_tau, regressors, linear, left)
    return ThermalModel(
        np.exp(log_tau),
        gains,
        float(linear[order : order + len(traces)].mean()),
        np.exp(log_tau) * errors[:order],
        errors[order : 2 * order],
        float(np.sqrt(np.mean(left**2))),
    )


def free_run(
    model: ThermalModel, trace: Trace, window_s: float
) -> tuple[Vector, NDArray[np.bool_]]:
    """Predicts a run from its heat alone, after a window in which its ambient and start are found.

    Args:
        model: The network.
        trace: A run that it was not fitted to.
        window_s: Length of that window from the run's start.

    Returns:
        The predicted temperatures, and which samples lie behind the window.
    """
    tau_s = model.time_constants_s
    forced = responses(trace, tau_s) @ model.gains
    own = np.column_stack([np.ones(len(forced)), _decays(trace, tau_s)])
    inside = trace.time_s - trace.time_s[0] < window_s
    start = np.linalg.lstsq(own[inside], (trace.temperature_c - forced)[inside], rcond=None)[0]
    return forced + own @ start, ~inside


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


def _standard_errors(
    traces: Sequence[Trace], log_tau: Vector, regressors: Matrix, linear: Vector, residuals: Vector
) -> Vector:
    """Standard errors of log tau, then of the linear parameters."""
    slopes = [
        (_regressors(traces, np.exp(log_tau + step)) - regressors) @ linear / _LOG_TAU_STEP
        for step in _LOG_TAU_STEP * np.eye(len(log_tau))
    ]
    jacobian = np.column_stack([*slopes, regressors])
    centred = residuals - residuals.mean()
    correlation = float(np.clip(centred[1:] @ centred[:-1] / (centred @ centred), 0.0, 0.99))
    degrees = len(residuals) - jacobian.shape[1]
    variance = residuals @ residuals / degrees * (1 + correlation) / (1 - correlation)
    return np.sqrt(np.diag(np.linalg.pinv(jacobian.T @ jacobian)) * variance)


def model_of(network: RcNetwork, ambient_c: float) -> ThermalModel:
    """A network that is known, as a model; its parameters have no errors."""
    order = len(network.resistances_k_w)
    modes = network.modes[::-1]
    nothing = np.zeros(order)
    return ThermalModel(
        1.0 / modes[:, RATE], modes[:, RESISTANCE], ambient_c, nothing, nothing, 0.0
    )
