"""A network taken over from a related board: its resistance is fitted to logs, all else is kept."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tvfs_gym.envs.boards.profile import Cooling
from tvfs_gym.envs.physics.thermal import Vector
from tvfs_gym.experiments.twin.errors import Error, error_of
from tvfs_gym.experiments.twin.identification import (
    LEAKAGE_ROUNDS,
    ThermalModel,
    Trace,
    network_of,
    responses,
)

ROOM_C = 25.0
"""Ambient temperature that a blind prediction assumes."""


@dataclass(frozen=True)
class Adapted:
    """A network whose gains were scaled by a common factor.

    Attributes:
        model: The network.
        scales: Factor that each log by itself asks for.
        log_se: Standard error of the logarithm of the factor on a further board of unknown state.
        own: Error on each log of the network adapted to the other ones, predicted blindly.
        before: Error on each log of the network as it was taken over, predicted blindly.
    """

    model: ThermalModel
    scales: tuple[float, ...]
    log_se: float
    own: tuple[Error, ...]
    before: tuple[Error, ...]

    @property
    def scale(self) -> float:
        """The common factor: the geometric mean."""
        return _mean(self.scales)


def adapted(model: ThermalModel, traces: Sequence[Trace], room_c: float = ROOM_C) -> Adapted:
    """Scales a network's gains to logs of another board; its time constants stay.

    Each log gets the factor with the least squared error in a room of ``room_c``. What no log tells
    (fan, room, unit) shows in how the factors differ. A further board differs from their mean by
    their standard deviation, and the mean is uncertain itself: sd sqrt(1 + 1 / n).

    Args:
        model: The network that is taken over.
        traces: At least two logs of the other board.
        room_c: Ambient temperature that is assumed of all of them, degC.
    """
    scales = [_scale(model, trace, room_c) for trace in traces]
    others = [_mean([*scales[:i], *scales[i + 1 :]]) for i in range(len(scales))]
    return Adapted(
        scaled(model, _mean(scales)),
        tuple(scales),
        float(np.std(np.log(scales), ddof=1) * np.sqrt(1 + 1 / len(scales))),
        tuple(
            blind_error(scaled(model, scale), trace, room_c)
            for scale, trace in zip(others, traces, strict=True)
        ),
        tuple(blind_error(model, trace, room_c) for trace in traces),
    )


def adapted_cooling(result: Adapted, origin: str, note: str) -> Cooling:
    """The adapted network as a section of a profile, to four digits.

    Args:
        result: The network.
        origin: Name of the cooling that it was taken over from.
        note: Note on the logs.
    """
    model = result.model
    network = network_of(model.time_constants_s, model.gains)
    by_log = ", ".join(f"{model.steady_gain * s / result.scale:.1f}" for s in result.scales)
    rmse_c = np.mean([error.rmse_c for error in result.own])
    return Cooling(
        source=(
            f"fitted to the logs named in experiments/twin/fidelity.toml: the network of {origin} "
            f"with its time constants, all resistances times {result.scale:.3f}; "
            f"{model.steady_gain:.2f} K/W in all, by log {by_log}, in rooms assumed at {ROOM_C:g} "
            f"degC; blind RMSE {rmse_c:.1f} degC, each log left out in turn; {note}, so that the "
            "standard error is that of a further board"
        ),
        resistances_k_w=tuple(float(f"{r:.4g}") for r in network.resistances_k_w),
        capacitances_j_k=tuple(float(f"{c:.4g}") for c in network.capacitances_j_k),
        resistance_log_se=float(f"{result.log_se:.2g}"),
        capacitance_log_se=float(f"{model.capacitance_log_se:.2g}"),
    )


def scaled(model: ThermalModel, scale: float) -> ThermalModel:
    """The network with all resistances times a factor, and the same time constants."""
    return replace(model, gains=scale * model.gains, gains_se=scale * model.gains_se)


def blind_prediction(model: ThermalModel, trace: Trace, room_c: float = ROOM_C) -> Vector:
    """Temperatures of a run of which the heat alone is known.

    The board is taken to stand in a room of ``room_c``, settled under the run's first heat.
    """
    predicted_c = np.full(len(trace.time_s), room_c)
    for _ in range(LEAKAGE_ROUNDS):
        predicted_c = room_c + _rise_k(model, trace, predicted_c)
    return predicted_c


def blind_error(model: ThermalModel, trace: Trace, room_c: float = ROOM_C) -> Error:
    """Error of a blind prediction over the whole run."""
    predicted_c = blind_prediction(model, trace, room_c)
    return error_of(predicted_c, trace, np.ones(len(predicted_c), bool))


def _rise_k(model: ThermalModel, trace: Trace, chip_c: Vector) -> Vector:
    heat_w = trace.heat_at(chip_c)
    above = replace(trace, heat=heat_w - heat_w[0], leakage=None)
    followed = responses(above, model.time_constants_s) @ model.gains
    return np.asarray(model.steady_gain * heat_w[0] + followed)


def _scale(model: ThermalModel, trace: Trace, room_c: float) -> float:
    rise_k = _rise_k(model, trace, trace.temperature_c)
    return float(rise_k @ (trace.temperature_c - room_c) / (rise_k @ rise_k))


def _mean(scales: Sequence[float]) -> float:
    return float(np.exp(np.mean(np.log(scales))))
