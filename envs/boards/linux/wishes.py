"""What a user asks of a machine."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Wishes:
    """What a user asks of a machine; None for what is found to be best.

    Attributes:
        policies: Names of the policies on whose CPUs inference runs.
        levels: Number of VF levels, or their clocks in MHz.
        boost: Offer clocks that only boost reaches.
        temperature: Names of the thermometers; the hottest counts.
        power: Names of the power sensors; they add up.
        limit_c: The hard limit.
    """

    policies: Sequence[str] | None = None
    levels: int | Sequence[float] | None = None
    boost: bool = False
    temperature: Sequence[str] | None = None
    power: Sequence[str] | None = None
    limit_c: float | None = None


def names_of(given: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """Names from a list, or from a text with commas."""
    if given is None:
        return None
    listed = given.split(",") if isinstance(given, str) else given
    return tuple(name.strip() for name in listed)
