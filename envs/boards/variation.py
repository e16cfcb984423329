"""Variations of a board profile: the same board, had its numbers come out differently.

A profile's numbers are measured, fitted or assumed, and readers of a comparison want to know which
of its statements hang on them. A variation changes the profile itself, so that what a designer
measures on the twin changes with it; how one unit differs from its profile is a scenario's
`tvfs_gym.envs.scenario.Unit`.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from pydantic import Field, ValidationError

from tvfs_gym.envs.errors import InputError, invalid
from tvfs_gym.envs.tables import Table

VF_LOW = "vf_low"
"""The throttling preset that lowers the clock to VF_low, as TVFS was published."""


class Variation(Table):
    """A variation of a profile.

    Attributes:
        latency: Factor on the latency of every pass.
        resistance: Factor on every thermal resistance.
        jitter: Factor on the spread of the latency's logarithm.
        vf_low_hz: Clock of VF_low in the preset `VF_LOW`; None for the profile's.
        vf_low_hysteresis_c: Hysteresis of that preset, degC; None for the profile's.
    """

    latency: float = Field(default=1.0, gt=0)
    resistance: float = Field(default=1.0, gt=0)
    jitter: float = Field(default=1.0, ge=0)
    vf_low_hz: float | None = Field(default=None, gt=0)
    vf_low_hysteresis_c: float | None = Field(default=None, ge=0)

    @property
    def query(self) -> str:
        """Its text behind a board's name, after ``?``; empty if it changes nothing."""
        changed = self.model_dump(exclude_defaults=True)
        return urlencode(changed)

    def of(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values of a profile with its numbers changed; its name stays: it is the same board.

        Args:
            values: As `BoardProfile.model_dump` gives them.

        Raises:
            InputError: VF_low is to change, and the board has no preset `VF_LOW` or no such clock.
        """
        latency = dict(values["latency"])
        latency["clock_gcycles"] *= self.latency
        latency["memory_s"] *= self.latency
        latency["jitter_log_sigma"] *= self.jitter
        cooling = {name: self._cooling(network) for name, network in values["cooling"].items()}
        throttling = dict(values["throttling"])
        if self.vf_low_hz is not None or self.vf_low_hysteresis_c is not None:
            throttling[VF_LOW] = self._vf_low(values)
        return {**values, "latency": latency, "cooling": cooling, "throttling": throttling}

    def _cooling(self, network: Mapping[str, Any]) -> dict[str, Any]:
        varied = {**network, "resistances_k_w": self._resistances(network["resistances_k_w"])}
        if (fan := network["fan"]) is not None:
            outer_k_w = self._resistances(fan["outer_resistances_k_w"])
            varied["fan"] = {**fan, "outer_resistances_k_w": outer_k_w}
        return varied

    def _resistances(self, resistances_k_w: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(self.resistance * resistance for resistance in resistances_k_w)

    def _vf_low(self, values: Mapping[str, Any]) -> dict[str, Any]:
        if VF_LOW not in values["throttling"]:
            raise InputError(f"{values['name']} has no throttling preset {VF_LOW} to vary.")
        changed: dict[str, Any] = {}
        if self.vf_low_hysteresis_c is not None:
            changed["hysteresis_c"] = self.vf_low_hysteresis_c
        if self.vf_low_hz is not None:
            state = _cooling_state(values, self.vf_low_hz)
            changed |= {"lower": state, "upper": state}
        preset = values["throttling"][VF_LOW]
        return {**preset, "trips": tuple({**trip, **changed} for trip in preset["trips"])}


def _cooling_state(values: Mapping[str, Any], clock_hz: float) -> int:
    """How many VF levels below the highest a clock lies."""
    clocks_hz = [point["frequency_hz"] for point in reversed(values["operating_points"])]
    if clock_hz not in clocks_hz:
        offered = ", ".join(f"{clock:g}" for clock in clocks_hz)
        raise InputError(f"expected a clock of {values['name']}, not {clock_hz:g} Hz: {offered}.")
    return clocks_hz.index(clock_hz)


def variation_of(query: str) -> Variation:
    """Reads the variation behind a board's name, as in ``odroid_xu4?latency=1.2&jitter=2``.

    Raises:
        InputError: It has an unknown key or an impossible value.
    """
    try:
        return Variation.model_validate(dict(parse_qsl(query, strict_parsing=True)))
    except ValidationError as error:
        raise invalid(f"impossible variation '{query}'", error) from error
    except ValueError as error:
        raise InputError(
            f"expected a variation such as latency=1.2&jitter=2 behind a board's name, not "
            f"'{query}'."
        ) from error
