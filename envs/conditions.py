"""A distribution of conditions, so that one policy can learn to serve many.

Nothing here is measured: the ranges span what a camera application may ask of a board, and no suite
of the benchmark was used to choose them.
"""

from math import exp, log
from typing import Any

import numpy as np

from tvfs_gym.envs.boards.profile import BoardProfile
from tvfs_gym.envs.scenario import Scenario

CONSTRAINT_RANGE = (0.3, 6.0)
"""L_c relative to the nominal latency, log-uniform: from one pass of a middling topology at the
highest VF level to several passes of the most accurate one."""

T_MAX_RANGE_C = (75.0, 95.0)
"""T_max, uniform: where the boards at hand throttle."""

BELOW_CRITICAL_C = 5.0
"""T_max stays so far below the board's critical temperature."""

MOST_BACKGROUND_LOAD = 0.5
"""Half of the episodes have a background load, uniform up to this."""

MOST_CONSTRAINTS_PER_FRAME = 2.0
"""In half of the episodes a camera delivers a frame every one to so many L_c."""

CHANGE_RANGE_S = (5.0, 100.0)
"""Half of the episodes change once, at a time uniform in this range."""

AMBIENT_CHANGE_C = 10.0
"""A change of the room's temperature is uniform up to this, either way."""

SHARE = 0.5
"""Share of the episodes in which each of these happens."""


class Conditions:
    """Draws what is asked of a board: L_c, T_max, background load, arrivals, and a change.

    A change is, with the same probability, one of L_c, of the ambient temperature, of the
    background load, or to another cooling of the profile.

    Args:
        profile: The board.
        nominal_latency_s: As `tvfs_gym.envs.boards.board.Board` has it.
    """

    def __init__(self, profile: BoardProfile, nominal_latency_s: float) -> None:
        self._profile = profile
        self._nominal_s = nominal_latency_s

    def draw(self, scenario: Scenario, rng: np.random.Generator) -> Scenario:
        """A scenario whose L_c, T_max, load and arrivals are drawn, and its change if it has none.

        Args:
            scenario: The other values: ambient, cooling, kernel, policy, frames.
            rng: Seeds the draws.
        """
        constraint_s = self._constraint_s(rng)
        lowest_c, highest_c = T_MAX_RANGE_C
        highest_c = min(highest_c, self._profile.critical_c - BELOW_CRITICAL_C)
        load = MOST_BACKGROUND_LOAD * rng.random() if rng.random() < SHARE else 0.0
        period = rng.uniform(1.0, MOST_CONSTRAINTS_PER_FRAME) if rng.random() < SHARE else 0.0
        values: dict[str, Any] = {
            "latency_constraint_s": constraint_s,
            "t_max_c": rng.uniform(lowest_c, highest_c),
            "background_load": load,
            "arrival_period_s": period * constraint_s,
        }
        if not scenario.changes and rng.random() < SHARE:
            at_s = rng.uniform(*CHANGE_RANGE_S)
            values["changes"] = ({"at_s": at_s, **self._change(scenario, rng)},)
        return scenario.with_values(values)

    def _constraint_s(self, rng: np.random.Generator) -> float:
        low, high = CONSTRAINT_RANGE
        return self._nominal_s * exp(rng.uniform(log(low), log(high)))

    def _change(self, scenario: Scenario, rng: np.random.Generator) -> dict[str, Any]:
        ambient_c = scenario.ambient_c + rng.uniform(-AMBIENT_CHANGE_C, AMBIENT_CHANGE_C)
        possible: list[dict[str, Any]] = [
            {"latency_constraint_s": self._constraint_s(rng)},
            {"ambient_c": ambient_c},
            {"background_load": MOST_BACKGROUND_LOAD * rng.random()},
        ]
        others = self._other_coolings(scenario)
        if others:
            possible.append({"cooling": others[rng.integers(len(others))]})
        return possible[rng.integers(len(possible))]

    def _other_coolings(self, scenario: Scenario) -> list[str]:
        """This board's that the same arrays can hold: of as many nodes, without a driven fan."""
        present = self._profile.cooling_named(scenario.cooling)
        return [
            name
            for name, other in self._profile.cooling.items()
            if other is not present
            and (other.nodes, other.fan) == (present.nodes, present.fan)
            and other.measured_on is None
        ]
