"""A distribution of conditions, so that one policy can learn to serve many, and guards be tuned.

Nothing here is measured: the ranges span what a camera application may ask of a board, and no suite
of the benchmark was used to choose them. Loads and deadlines follow simple courses: steady, one
step, regular square waves. Bursts, random alternations and staircases are kept for the benchmark's
suites (`tvfs_gym.experiments.benchmarks.drawing`), so that a controller meets there courses of
another shape than those that it was trained or tuned on.
"""

from math import exp, log
from typing import Any

import numpy as np

from tvfs_gym.envs.boards.profile import BoardProfile
from tvfs_gym.envs.scenario import Scenario, Sensing

CONSTRAINT_RANGE = (0.7, 12.0)
"""L_c relative to the nominal latency, log-uniform: from one pass of a middling topology at the
highest VF level to more passes of the most accurate one than AdapTTA ever takes."""

T_MAX_RANGE_C = (75.0, 95.0)
"""T_max, uniform: where the boards at hand throttle."""

BELOW_CRITICAL_C = 5.0
"""T_max stays so far below the board's critical temperature."""

MOST_BACKGROUND_LOAD = 0.5
"""Background loads are uniform up to this."""

HALF_WAVE_S = (10.0, 30.0)
"""Half the period of square waves of load, uniform."""

HALF_WAVES = 12
"""Changes of such a load in an episode."""

MOST_CONSTRAINTS_PER_FRAME = 2.0
"""In half of the episodes a camera delivers a frame every one to so many L_c."""

CHANGE_RANGE_S = (5.0, 100.0)
"""Time of a change that happens but once, uniform."""

AMBIENT_CHANGE_C = 10.0
"""A change of the room's temperature is uniform up to this, either way."""

MOST_LAG_S, MOST_BIAS_C, MOST_NOISE_C, COARSEST_C = 2.0, 4.0, 2.0, 4.0
"""Deviations of the temperature sensor, uniform up to these; a bias either way."""

SHARE = 0.5
"""Share of the episodes with a background load, with a camera, with a change of something else, and
with a sensor that deviates."""

UNAWARE_SHARE, ONE_PASS_SHARE = 0.25, 0.1
"""Shares of the episodes in which AdapTTA minds no deadline, and in which it is off."""

Values = dict[str, Any]


class Conditions:
    """Draws what is asked of a board, and what it meets.

    These are L_c, T_max, the course of a background load, arrivals, AdapTTA's mode, the kernel, the
    cooling, deviations of the temperature sensor, and, with the same probability, one change of
    L_c, of the ambient temperature, or to another cooling of the profile.

    Args:
        profile: The board.
        nominal_latency_s: As `tvfs_gym.envs.boards.board.Board` has it.
        constraint_range: L_c relative to it.
    """

    def __init__(
        self,
        profile: BoardProfile,
        nominal_latency_s: float,
        constraint_range: tuple[float, float] = CONSTRAINT_RANGE,
    ) -> None:
        self._profile = profile
        self._nominal_s = nominal_latency_s
        self._range = constraint_range

    def draw(self, scenario: Scenario, rng: np.random.Generator) -> Scenario:
        """A scenario with everything drawn but its rooms, its unit and its length.

        Args:
            scenario: The other values. A cooling, a kernel or deviations of the sensor that it
                names stay; so do its changes, and then there are no others.
            rng: Seeds the draws.
        """
        constraint_s = self._constraint_s(rng)
        lowest_c, highest_c = T_MAX_RANGE_C
        highest_c = min(highest_c, self._profile.critical_c - BELOW_CRITICAL_C)
        load, changes = self._load(rng)
        values: Values = {
            "latency_constraint_s": constraint_s,
            "t_max_c": rng.uniform(lowest_c, highest_c),
            "background_load": load,
            "arrival_period_s": _arrivals(rng) * constraint_s,
            "deadline_aware": scenario.deadline_aware and bool(rng.random() >= UNAWARE_SHARE),
            "policy": "1C" if rng.random() < ONE_PASS_SHARE else scenario.policy,
            "cooling": scenario.cooling or _any(rng, self._profile.own_coolings),
            "throttling": scenario.throttling or _any(rng, list(self._profile.throttling)),
        }
        if scenario.sensing == Sensing():
            values["sensing"] = _sensing(rng)
        if not scenario.changes:
            if rng.random() < SHARE:
                changes.append(self._change(scenario, values["cooling"], rng))
            values["changes"] = sorted(changes, key=lambda change: change["at_s"])
        return scenario.with_values(values)

    def _constraint_s(self, rng: np.random.Generator) -> float:
        low, high = self._range
        return self._nominal_s * exp(rng.uniform(log(low), log(high)))

    def _load(self, rng: np.random.Generator) -> tuple[float, list[Values]]:
        """The load at the start, and its changes: none, steady, one step, or square waves."""
        if rng.random() >= SHARE:
            return 0.0, []
        load = MOST_BACKGROUND_LOAD * rng.random()
        shape = rng.integers(3)
        if shape == 0:
            return load, []
        if shape == 1:
            before, after = (load, 0.0) if rng.random() < 0.5 else (0.0, load)
            return before, [{"at_s": rng.uniform(*CHANGE_RANGE_S), "background_load": after}]
        half_s = rng.uniform(*HALF_WAVE_S)
        waves = [
            {"at_s": half_s * (i + 1), "background_load": load * (1 - i % 2)}
            for i in range(HALF_WAVES)
        ]
        return 0.0, waves

    def _change(self, scenario: Scenario, cooling: str, rng: np.random.Generator) -> Values:
        ambient_c = scenario.ambient_c + rng.uniform(-AMBIENT_CHANGE_C, AMBIENT_CHANGE_C)
        possible: list[Values] = [
            {"latency_constraint_s": self._constraint_s(rng)},
            {"ambient_c": ambient_c},
        ]
        others = self._exchangeable(cooling)
        if others:
            possible.append({"cooling": _any(rng, others)})
        change = possible[rng.integers(len(possible))]
        return {"at_s": rng.uniform(*CHANGE_RANGE_S), **change}

    def _exchangeable(self, cooling: str) -> list[str]:
        """This board's others that an episode can change to: of as many nodes, with its fan."""
        coolings, present = self._profile.cooling, self._profile.cooling_named(cooling)
        return [
            name
            for name in self._profile.own_coolings
            if name != cooling
            and (coolings[name].nodes, coolings[name].fan) == (present.nodes, present.fan)
        ]


def _any(rng: np.random.Generator, names: list[str]) -> str:
    return names[rng.integers(len(names))]


def _arrivals(rng: np.random.Generator) -> float:
    """Frames' period relative to L_c; 0 for back to back."""
    return float(rng.uniform(1.0, MOST_CONSTRAINTS_PER_FRAME)) if rng.random() < SHARE else 0.0


def _sensing(rng: np.random.Generator) -> Values:
    """One deviation of the sensor, or none."""
    if rng.random() >= SHARE:
        return {}
    deviations: list[Values] = [
        {"lag_s": MOST_LAG_S * rng.random()},
        {"bias_c": rng.uniform(-MOST_BIAS_C, MOST_BIAS_C)},
        {"noise_c": MOST_NOISE_C * rng.random()},
        {"resolution_c": rng.uniform(1.0, COARSEST_C)},
    ]
    return deviations[rng.integers(len(deviations))]
