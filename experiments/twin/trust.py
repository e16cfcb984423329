"""Trust: what speaks against a fitted network, each in a sentence."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tvfs_gym.experiments.twin.departures import (
    FAN_LEAVES,
    FAN_LEAVES_OF_STEP,
    fan_from_c,
    lag_s,
)
from tvfs_gym.experiments.twin.excitation import reached_gain
from tvfs_gym.experiments.twin.identification import ThermalModel, Trace

DOUBTFUL = 0.25
"""Relative standard error from which on a steady gain is no basis for anything."""

USELESS = 0.7
"""Held-out error, relative to the temperature's spread, from which on a fit explains little."""

WARMEST_ROOM_C = 50.0
"""Ambient temperature from which on a trace is probably in other units."""


@dataclass(frozen=True)
class Candidate:
    """A fitted network.

    Attributes:
        model: The network.
        held_out_c: Error on what it was not fitted to, degC.
        resistance_log_se: Relative standard error of its steady gain, within and between runs.
    """

    model: ThermalModel
    held_out_c: float
    resistance_log_se: float

    def findings(self, chosen: bool) -> dict[str, Any]:
        """What `run` returns of it."""
        model = self.model
        return {
            "nodes": model.order,
            "chosen": chosen,
            "physical": bool(model.physical),
            "time_constants_s": model.time_constants_s.tolist(),
            "gains_k_w": model.gains.tolist(),
            "rmse_c": float(model.rmse_c),
            "held_out_c": float(self.held_out_c),
            "steady_gain_k_w": float(model.steady_gain),
            "steady_gain_error_k_w": float(model.steady_gain * self.resistance_log_se),
        }


@dataclass(frozen=True)
class Doubt:
    """A reason not to trust a network.

    Attributes:
        kind: Its name.
        sentence: What was seen, and what to do.
    """

    kind: str
    sentence: str


def doubts(traces: Sequence[Trace], chosen: Candidate) -> Iterator[Doubt]:
    """Names what speaks against a network.

    Args:
        traces: The runs that it was fitted to.
        chosen: The network.
    """
    model = chosen.model
    reached = reached_gain(traces)
    if reached is not None:
        yield Doubt(
            "single change",
            "the heat changes once, and the temperature is not known to have settled: the steady "
            f"gain is at least {reached:.2f} K/W, and may be several times as much. Record load "
            "and rest in turn, for at least half an hour.",
        )
    if model.ambient_c > WARMEST_ROOM_C:
        yield Doubt(
            "hot room",
            f"the room comes out at {model.ambient_c:.1f} degC: is the temperature in degrees "
            "Celsius, not Fahrenheit?",
        )
    if model.drifts:
        yield Doubt(
            "drift",
            f"the slowest time constant, {model.time_constants_s[-1]:.0f} s, is as long as the "
            "longest run: it may be a drift of the room, and the steady gain too large.",
        )
    if not chosen.resistance_log_se < DOUBTFUL:
        yield Doubt(
            "uncertain",
            f"the steady gain is known to ±{100 * chosen.resistance_log_se:.0f} % only: the runs "
            "hold too little change of heat, or differ. Record rest and load in turn.",
        )
    left_c = np.concatenate([run.temperature_c - run.temperature_c.mean() for run in traces])
    spread_c = float(np.std(left_c))
    lag = lag_s(traces)
    if lag is not None:
        late = "later" if lag > 0 else "earlier"
        yield Doubt(
            "lag",
            f"the temperature answers about {abs(lag):.0f} s {late} than any network would: are "
            "heat and temperature logged at the same times? Shift one of them, and try again.",
        )
    leaves = FAN_LEAVES if reached is None else FAN_LEAVES_OF_STEP
    fan_c = None if lag is not None else fan_from_c(traces, model.time_constants_s, leaves)
    if fan_c is not None:
        yield Doubt(
            "fan",
            f"the gain falls from about {fan_c:.0f} degC on: a fan that follows the temperature, "
            "or throttling that the heat does not show. Fix the fan's speed, or log the clock; "
            "the network is a mean of both states.",
        )
    if chosen.held_out_c > USELESS * spread_c:
        yield Doubt(
            "explains little",
            f"on what was held out the network is off by {chosen.held_out_c:.1f} degC, and the "
            f"temperature varies by {spread_c:.1f}: it explains little of these runs.",
        )
