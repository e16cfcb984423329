"""The hard limit: below the critical temperature, the slowest VF level, whatever anybody wants."""

from collections.abc import Sequence
from dataclasses import dataclass

from tvfs_gym.envs.boards.linux.thermometers import CREDIBLE_C, ThermalSensor
from tvfs_gym.envs.errors import InputError

MARGIN_C = 5.0
"""How far the limit lies below the temperature at which the board protects itself."""

HYSTERESIS_C = 5.0
"""How far below the limit it is released."""

UNKNOWN_CRITICAL_LIMIT_C = 90.0
"""The limit where no critical temperature is known: an assumption, 5 K below what most SoCs'
kernels give as critical at the lowest (RK3399: 95 degC)."""


@dataclass
class HardLimit:
    """Engages at the limit, releases well below it.

    Attributes:
        limit_c: Where it engages.
        engaged: True if it does.
        engagements: How often it did.
    """

    limit_c: float
    engaged: bool = False
    engagements: int = 0

    def update(self, temperature_c: float) -> bool:
        """Takes a reading in; returns whether the slowest VF level must be held."""
        if not self.engaged and temperature_c >= self.limit_c:
            self.engaged = True
            self.engagements += 1
        elif self.engaged and temperature_c < self.limit_c - HYSTERESIS_C:
            self.engaged = False
        return self.engaged


@dataclass(frozen=True)
class LimitChoice:
    """The hard limit's temperature, and the reason for it.

    Attributes:
        limit_c: Where it engages.
        why: Where it comes from.
    """

    limit_c: float
    why: str


def choose_limit(protecting: Sequence[ThermalSensor], limit_c: float | None) -> LimitChoice:
    """Chooses the hard limit.

    Args:
        protecting: Sensors whose critical temperatures hold.
        limit_c: The user's; None for a little below the lowest critical temperature.

    Raises:
        InputError: The user's is no temperature at which a chip is protected, or is not below the
            critical one.
    """
    known = [(s.critical.temperature_c, s.critical.type, s.name) for s in protecting if s.critical]
    critical_c, kind, name = min(known, default=(None, "", ""))
    if limit_c is None:
        if critical_c is None:
            return LimitChoice(UNKNOWN_CRITICAL_LIMIT_C, "assumed: no credible critical trip")
        return LimitChoice(critical_c - MARGIN_C, f"{kind} {critical_c:.0f} degC, {name}")
    if critical_c is not None and limit_c >= critical_c:
        raise InputError(
            f"limit_c = {limit_c} must lie below the board's {kind} {critical_c} degC."
        )
    if limit_c > CREDIBLE_C[1]:
        raise InputError(f"limit_c = {limit_c} protects no chip: give 130 degC at most.")
    return LimitChoice(limit_c, "limit_c")
