"""Domain randomisation: episodes on the boards that may exist, beside the one measured."""

from math import exp, hypot
from typing import Any, Literal

import numpy as np
from gymnasium.utils import seeding

from tvfs_gym.envs.boards.profile import BoardProfile
from tvfs_gym.envs.boards.twin.randomness import threefry_2x32
from tvfs_gym.envs.conditions import Conditions
from tvfs_gym.envs.errors import InputError, unknown
from tvfs_gym.envs.scenario import Scenario

WIDEST_LOG_SIGMA = 0.5
"""Uncertainty beyond which a parameter counts as unknown: a factor of 2.7 at two sigma."""

ROOM_BELOW_T_MAX_C = 10.0
"""A room warmer than that leaves no controller anything to choose."""

Randomise = bool | Literal["conditions"]
"""Draws of an episode: units and rooms, or `tvfs_gym.envs.conditions` with them."""

Key = tuple[int, int]
"""Two 32-bit words: an episode's random stream."""

TRUNCATION = 2.0
"""Draws farther out than so many sigma are drawn again."""


class Episodes:
    """Keys of one environment's episodes: counter-based, from two words of its seed.

    So an environment in a batch has the episodes that it has alone.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        words = rng.integers(2**32, size=2)
        self._words = int(words[0]), int(words[1])
        self._count = 0

    @classmethod
    def seeded(cls, seed: int | None) -> "Episodes":
        """Episodes of an environment after ``reset(seed=seed)``; None for a seed that differs."""
        return cls(seeding.np_random(seed)[0])

    def next_key(self) -> Key:
        """The next episode's key."""
        key = threefry_2x32(*self._words, self._count, 0)
        self._count += 1
        return key


class DomainRandomisation:
    """Draws episodes from the fits' uncertainty, unit-to-unit spread and a range of rooms.

    Every factor of `tvfs_gym.envs.scenario.Unit` is log-normal with median 1, truncated at two
    sigma. For resistances and capacitances, sigma joins the spread between units of the profile's
    ``[spread]`` with the standard errors of the cooling's fit; the others have the former alone.
    The ambient temperature is uniform over a range of rooms; its changes within the scenario are
    kept as differences, and it stays `ROOM_BELOW_T_MAX_C` under T_max throughout. What else the
    scenario says stays, its sensing too, and its own factors multiply.

    Args:
        profile: The board.
        conditions: Draws the constraints and conditions first; None to keep the scenario's.
        rooms_c: Coolest and warmest room, degC, the same to keep one; None for the profile's range.

    Raises:
        InputError: The profile does not say how units differ.
    """

    def __init__(
        self,
        profile: BoardProfile,
        conditions: Conditions | None = None,
        rooms_c: tuple[float, float] | None = None,
    ) -> None:
        if profile.spread is None:
            raise InputError(
                f"the profile of {profile.name} has no section [spread], so its units' differences "
                "are unknown: add one, see odroid_xu4.toml."
            )
        self._profile = profile
        self._spread = profile.spread
        self._conditions = conditions
        self._rooms_c = rooms_c or (profile.spread.ambient_low_c, profile.spread.ambient_high_c)

    @classmethod
    def of(
        cls, randomise: Randomise, profile: BoardProfile, nominal_latency_s: float
    ) -> "DomainRandomisation | None":
        """Resolves an environment's argument `randomise`.

        Raises:
            InputError: It is not known, or the profile does not say how units differ.
        """
        if randomise not in (False, True, "conditions"):
            raise unknown("randomisation", str(randomise), ("conditions",))
        if randomise is False:
            return None
        wide = randomise == "conditions"
        return cls(profile, Conditions(profile, nominal_latency_s) if wide else None)

    def log_sigmas(self, cooling: str | None) -> dict[str, float]:
        """Sigma of the logarithm of every factor, under a cooling."""
        fitted, spread = self._profile.cooling_named(cooling), self._spread
        joint = {
            "resistance": hypot(spread.resistance, fitted.resistance_log_se),
            "capacitance": hypot(spread.capacitance, fitted.capacitance_log_se),
            "switching": spread.switching,
            "leakage": spread.leakage,
            "latency": spread.latency,
        }
        return {name: min(sigma, WIDEST_LOG_SIGMA) for name, sigma in joint.items()}

    def draw(self, scenario: Scenario, key: Key) -> Scenario:
        """A scenario of this kind on a unit and in a room of its own.

        Args:
            scenario: The kind.
            key: Seeds the draws: one per factor in the order of `log_sigmas`, more where one is
                truncated, then one for the room. Those of the conditions have a stream apart.
        """
        if self._conditions is not None:
            scenario = self._conditions.draw(scenario, np.random.default_rng((*key, 1)))
        rng = np.random.default_rng(key)
        own = scenario.unit.model_dump()
        unit = {
            name: own[name] * exp(sigma * _truncated_normal(rng))
            for name, sigma in self.log_sigmas(scenario.cooling).items()
        }
        low_c, high_c = self._rooms_c
        ambient_c = low_c + (high_c - low_c) * float(rng.random())
        warmer_c = min(ambient_c, _warmest_c(scenario)) - scenario.ambient_c
        changes: list[dict[str, Any]] = [change.model_dump() for change in scenario.changes]
        for change in changes:
            if change["ambient_c"] is not None:
                change["ambient_c"] += warmer_c
        values: dict[str, Any] = {
            "unit": unit, "ambient_c": scenario.ambient_c + warmer_c, "changes": changes
        }  # fmt: skip
        if scenario.start_temperature_c is not None:
            values["start_temperature_c"] = scenario.start_temperature_c + max(warmer_c, 0.0)
        return scenario.with_values(values)


def _warmest_c(scenario: Scenario) -> float:
    """The warmest start of a room that stays well below T_max through all its changes."""
    rises = [c.ambient_c - scenario.ambient_c for c in scenario.changes if c.ambient_c is not None]
    return scenario.t_max_c - ROOM_BELOW_T_MAX_C - max([0.0, *rises])


def _truncated_normal(rng: np.random.Generator) -> float:
    while True:
        value = float(rng.standard_normal())
        if abs(value) <= TRUNCATION:
            return value
