"""How far a thermal model is from a run that it was not fitted to, beside naive predictors."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.physics.thermal import RcNetwork
from tvfs_gym.experiments.twin.identification import (
    ThermalModel,
    Trace,
    fit,
    free_run,
    model_of,
    responses,
)

Samples = NDArray[np.bool_]

WINDOW_S = 60.0
"""Least length of the window in which a run's ambient and start are found."""

WINDOW_SAMPLES = 10
"""Least number of samples of that window: of one or two, in a log with a sample in two minutes,
ambient and start cannot be told apart."""

FOLDS, PARTS_PER_FOLD = 5, 4
"""A single run is cut into 20 parts; every fifth of them is held out together, in turn. So every
fold sees all that happened in the run, and what is held out is longer than the sensor's noise."""


@dataclass(frozen=True)
class Error:
    """Error of a prediction behind the window, degC.

    Attributes:
        rmse_c: Root mean square.
        mae_c: Mean of the absolute error.
        worst_c: Largest absolute error.
        bias_c: Mean of the error; positive if the prediction is too hot.
    """

    rmse_c: float
    mae_c: float
    worst_c: float
    bias_c: float


def window_s(model: ThermalModel, trace: Trace, samples: int = WINDOW_SAMPLES) -> float:
    """A window of twice the longest time constant, at least a minute, at most half the run.

    Args:
        model: The network.
        trace: The run.
        samples: Least number of samples in the window.
    """
    length_s = float(trace.time_s[-1] - trace.time_s[0])
    sampled_s = float(trace.time_s[min(samples, len(trace.time_s) - 1)])
    return min(max(WINDOW_S, 2.0 * float(model.time_constants_s[-1]), sampled_s), length_s / 2)


def predictions(
    model: ThermalModel,
    trace: Trace,
    known: Samples | None = None,
) -> tuple[dict[str, NDArray[np.float64]], Samples]:
    """Predictions of the model and the naive predictors, and the samples that count.

    The naive ones are the yardstick wherever a network is judged: "constant" is the mean of the
    known temperatures, "first order" the single node of `single_node`; it knows what the model
    knows.

    Args:
        model: The network.
        trace: A run.
        known: Samples whose temperatures may be used; None for those in the window.
    """
    trace = trace.working(model.activities)
    if known is None:
        known = trace.time_s < window_s(model, trace)
    predicted_c = free_run(model, trace, known)
    first = single_node(model, replace(trace, heat=trace.heat_at(predicted_c), leakage=None))
    return {
        "model": predicted_c,
        "first order": free_run(first, trace, known),
        "constant": np.full(len(known), trace.temperature_c[known].mean()),
    }, ~known


def single_node(model: ThermalModel, trace: Trace) -> ThermalModel:
    """The single node whose answer to a run's heat is closest to the model's.

    It may begin and end elsewhere, as a prediction finds room and start of its own.

    Args:
        model: The network.
        trace: The run, all its heat in one; its temperatures are not used.
    """
    from scipy.optimize import minimize_scalar  # which takes a fifth of a second

    if model.order == 1:
        return model
    answer = responses(trace, model.time_constants_s) @ model.gains

    def best_gain(log_tau: float) -> tuple[float, float]:
        """Gain of a node with this time constant, and the squared error that it leaves."""
        (node,) = responses(trace, np.exp([log_tau])).T
        decay = np.exp(-(trace.time_s - trace.time_s[0]) / np.exp(log_tau))
        columns = np.column_stack([node, np.ones(len(node)), decay])
        found = np.linalg.lstsq(columns, answer, rcond=None)[0]
        return float(found[0]), float(np.sum((columns @ found - answer) ** 2))

    bounds = np.log(model.time_constants_s[[0, -1]])
    log_tau = float(minimize_scalar(lambda x: best_gain(x)[1], bounds=bounds, method="bounded").x)
    gain = max(best_gain(log_tau)[0], np.finfo(float).tiny)
    return model_of(RcNetwork((gain,), (float(np.exp(log_tau)) / gain,)), model.ambient_c)


def error_of(predicted_c: NDArray[np.float64], trace: Trace, where: Samples) -> Error:
    """Error of a prediction over some samples of a run."""
    left = (predicted_c - trace.temperature_c)[where]
    return Error(
        float(np.sqrt(np.mean(left**2))),
        float(np.abs(left).mean()),
        float(np.abs(left).max()),
        float(left.mean()),
    )


def errors(
    model: ThermalModel,
    trace: Trace,
    known: Samples | None = None,
) -> dict[str, Error]:
    """Errors of the model and the naive predictors; see `predictions`."""
    predicted, counting = predictions(model, trace, known)
    return {name: error_of(values, trace, counting) for name, values in predicted.items()}


def between_runs_log_se(traces: Sequence[Trace], order: int) -> float:
    """Relative standard error of the steady gain from the differences between runs (jackknife).

    What differs from run to run, e.g. a fan's speed, shows in no run's own residuals. 0 of a single
    run.
    """
    if len(traces) == 1:
        return 0.0
    n = len(traces)
    gains = [fit([*traces[:i], *traces[i + 1 :]], order).steady_gain for i in range(n)]
    return float(np.sqrt((n - 1) * np.var(gains)) / abs(np.mean(gains)))


def held_out_rmse_c(traces: Sequence[Trace], order: int) -> float:
    """Error of so many nodes on what they were not fitted to; infinite if they are no network.

    Held out is each run in turn, behind its window; of a single run each fifth in turn, in parts
    whose heat is known and whose temperatures are not.
    """
    if len(traces) > 1:
        return float(np.mean([_run_held_out_c(traces, order, i) for i in range(len(traces))]))
    samples = len(traces[0].time_s)
    fold = np.arange(samples) * FOLDS * PARTS_PER_FOLD // samples % FOLDS
    errors_c = [_fold_held_out_c(traces[0], order, fold == i) for i in range(FOLDS)]
    return float(np.sqrt(np.mean(np.square(errors_c))))


def _run_held_out_c(traces: Sequence[Trace], order: int, held_out: int) -> float:
    model = fit([*traces[:held_out], *traces[held_out + 1 :]], order)
    if not model.physical:
        return np.inf
    return errors(model, traces[held_out])["model"].rmse_c


def _fold_held_out_c(trace: Trace, order: int, held_out: Samples) -> float:
    model = fit([trace], order, ~held_out)
    if not model.physical:
        return np.inf
    return error_of(free_run(model, trace, ~held_out), trace, held_out).rmse_c
