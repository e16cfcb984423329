"""The hard limit: below the critical temperature, the slowest VF level, whatever anybody wants."""

from dataclasses import dataclass

MARGIN_C = 5.0
"""How far the limit lies below the critical trip, where the board switches itself off."""

HYSTERESIS_C = 5.0
"""How far below the limit it is released."""

UNKNOWN_CRITICAL_LIMIT_C = 90.0
"""The limit where no critical trip is known: an assumption, 5 K below what most SoCs' kernels give
as critical at the lowest (RK3399: 95 degC)."""


def limit_below(critical_c: float | None) -> float:
    """The limit for a critical temperature."""
    return UNKNOWN_CRITICAL_LIMIT_C if critical_c is None else critical_c - MARGIN_C


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
