"""How far a thermal model is from a run that it was not fitted to, beside naive predictors."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.physics.identification import ThermalModel, Trace, free_run, model_of
from tvfs_gym.envs.physics.thermal import RcNetwork

WINDOW_S = 60.0
"""Least length of the window in which a run's ambient and start are found."""


@dataclass(frozen=True)
class Error:
    """Error of a prediction behind the window, degC.

    Attributes:
        rmse_c: Root mean square.
        mae_c: Mean of the absolute error.
        worst_c: Largest absolute error.
    """

    rmse_c: float
    mae_c: float
    worst_c: float


def window_s(model: ThermalModel, trace: Trace) -> float:
    """A window of twice the longest time constant, at least a minute, at most half the run."""
    length_s = float(trace.time_s[-1] - trace.time_s[0])
    return min(max(WINDOW_S, 2.0 * float(model.time_constants_s[-1])), length_s / 2)


def predictions(
    model: ThermalModel, trace: Trace
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.bool_]]:
    """What the model and the naive predictors say, and which samples lie behind the window.

    The naive ones are a constant, the mean over the window, and the first-order network with the
    model's steady gain and its mean time constant, weighted by the gains.
    """
    window = window_s(model, trace)
    predicted_c, behind = free_run(model, trace, window)
    mean_tau_s = float(model.gains @ model.time_constants_s / model.steady_gain)
    first = model_of(
        RcNetwork((model.steady_gain,), (mean_tau_s / model.steady_gain,)), model.ambient_c
    )
    return {
        "model": predicted_c,
        "first order": free_run(first, trace, window)[0],
        "constant": np.full(len(behind), trace.temperature_c[~behind].mean()),
    }, behind


def errors(model: ThermalModel, trace: Trace) -> dict[str, Error]:
    """Errors of the model and the naive predictors on a run."""
    predicted, behind = predictions(model, trace)
    found = {}
    for name, values in predicted.items():
        left = np.abs(values - trace.temperature_c)[behind]
        found[name] = Error(float(np.sqrt(np.mean(left**2))), float(left.mean()), float(left.max()))
    return found


def held_out_rmse_c(model: ThermalModel, trace: Trace) -> float:
    """The model's own root mean square error; infinite if it is no network."""
    if not model.physical:
        return np.inf
    predicted_c, behind = free_run(model, trace, window_s(model, trace))
    return float(np.sqrt(np.mean((predicted_c - trace.temperature_c)[behind] ** 2)))
