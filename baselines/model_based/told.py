"""A controller that is told everything: a reference for others, and a teacher.

It looks one step ahead in the twins themselves. So it knows what no controller of a real board can:
the heat of every thermal node, the unit, the room, the fan, what the sensor should read, and the
present load; not what will change. Of the candidates of
`tvfs_gym.baselines.model_based.predictive` it takes the most accurate one that stays below T_max.
A student that cannot know as much learns more from what every configuration is worth, `values`: it
can weigh what is likely, and the best configuration for the likeliest case is not that for all.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.characterisation.by_law import characterisation_by_law
from tvfs_gym.baselines.controller import Choice, Controller, Design, State
from tvfs_gym.baselines.model_based.board_model import BoardModel, Vector
from tvfs_gym.baselines.model_based.budgets import expected_outcome
from tvfs_gym.baselines.model_based.candidates import (
    Candidates,
    CandidateTables,
    Latency,
    concave,
)
from tvfs_gym.envs.boards.twin.arrays import P
from tvfs_gym.envs.boards.twin.foresight import C
from tvfs_gym.envs.observation import Reading, read
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv

GUARD_C = 0.3
"""Guard below T_max: passes' jitter makes a step longer, and its heat is not quite steady."""

RATIO_STEP = 0.01
"""Resolution of the slow-down's logarithm."""

MOST_KNOWN = 4096
"""Conditions, and outcomes under one of them, that are kept."""

LEAST_VALUE, MORE_HEAT, MOST_ABOVE_C, MORE_POWER = -1.0, 0.01, 20.0, 0.002
"""What a configuration above the cap is worth; what one that is too hot loses per degree, up to so
many; and what the highest power costs, so that of equals the coolest is the best."""


class _Conditions:
    """What is known under one kind of conditions before it runs.

    Args:
        design: Knowledge under them.
    """

    def __init__(self, design: Design) -> None:
        self._design = design
        self.model = BoardModel(design, "told")
        self.tables = CandidateTables(design, self.model, self.outcome, concave)
        self._outcomes: dict[tuple[float, Latency], tuple[Vector, Vector]] = {}

    def outcome(self, constraint_s: float, latency: Latency) -> tuple[Vector, Vector]:
        """Accuracy and time of every configuration, as `expected_outcome` has them.

        Args:
            constraint_s: L_c.
            latency: Logarithm of the slow-down in `RATIO_STEP`.
        """
        key = constraint_s, latency
        if key not in self._outcomes:
            if len(self._outcomes) >= MOST_KNOWN:
                self._outcomes.clear()
            slow_down = float(np.exp(RATIO_STEP * latency[0]))
            self._outcomes[key] = expected_outcome(self._design, constraint_s, slow_down)
        return self._outcomes[key]


class Told(Controller):
    """Looks one step ahead in the twins that it controls.

    Its rows are the batch's, and its decisions those for the present moment of the twins.

    Args:
        design: Knowledge before the run, of which the family and the actions count: the rest it
            takes from the twins.
        twins: The twins, each under a scenario of its own.
    """

    def __init__(self, design: Design, twins: TwinVectorEnv) -> None:
        profile = twins.board.profile
        measured = characterisation_by_law(design.family, profile)
        points = profile.operating_points
        super().__init__(
            replace(design, profile=profile, operating_points=points, measured=measured)
        )
        self._twins, self._profile = twins, profile
        model = BoardModel(self.design, "told")
        self._busy_w = model.busy_w - profile.power.rest_w
        self._idle_w = model.idle_w - profile.power.rest_w
        self._highest_w = float(model.busy_w.max())
        self._conditions: dict[tuple[Any, ...], _Conditions] = {}

    def decide(self, reading: Reading, state: State) -> tuple[Choice, State]:
        """Takes the most accurate candidate that stays below T_max, or else the coolest."""
        candidates, limit_c = self._candidates(reading)
        hottest_c = self._twins.foreseen_c(self._heat(candidates))
        cool = hottest_c + GUARD_C < limit_c
        cool[:, -1] = True
        index = np.arange(len(cool)), cool.argmax(axis=1)
        topology, level, budget = (column[index] for column in candidates[:3])
        return Choice(topology, level, budget), state

    def values(self, observations: NDArray[np.float32], choice: Choice) -> Vector:
        """What configurations are worth in the next step: their accuracy, if it stays cool.

        Args:
            observations: Shape (batch, entries).
            choice: Configurations with pass budgets, each array of shape (batch, any).

        Returns:
            Accuracy within L_c, or a little below zero where the die becomes too hot, shape (batch,
            any).
        """
        reading = read(observations, self.design.scales)
        configurations, limits_c = self._configurations(reading, choice)
        above_c = self._twins.foreseen_c(self._heat(configurations)) + GUARD_C - limits_c
        too_hot = -MORE_HEAT * np.minimum(above_c, MOST_ABOVE_C)
        worth = np.where(above_c <= 0.0, configurations.accuracy, too_hot)
        worth -= MORE_POWER * configurations.switching_w / self._highest_w
        above_cap = choice.vf_level > reading.cap_level[:, np.newaxis]
        return np.where(above_cap, LEAST_VALUE, worth)

    def _candidates(self, reading: Reading) -> tuple[Candidates, Vector]:
        """Candidates at the true slow-down, and how hot the die may become under each."""
        slow_down = self._slow_down()[:, np.newaxis]
        rows = [
            self._under(scenario).tables.of(
                reading.latency_constraint_s[i : i + 1],
                slow_down[i : i + 1],
                reading.cap_level[i : i + 1],
            )
            for i, scenario in enumerate(self._twins.episode_scenarios)
        ]
        candidates = Candidates(*map(np.concatenate, zip(*rows, strict=True)))
        return candidates, self._limits_c(reading, candidates.vf_level)

    def _configurations(self, reading: Reading, choice: Choice) -> tuple[Candidates, Vector]:
        """Configurations at the true slow-down, and how hot the die may become under each."""
        assert choice.max_passes is not None
        slow_down = self._slow_down().tolist()
        rows = []
        for i, scenario in enumerate(self._twins.episode_scenarios):
            known = self._under(scenario)
            topology, level, passes = choice.topology[i], choice.vf_level[i], choice.max_passes[i]
            outcome = known.outcome(float(reading.latency_constraint_s[i]), (slow_down[i],))
            accuracy, time_s = (table[topology, level, passes - 1] for table in outcome)
            period_s = scenario.arrival_period_s
            duty = np.minimum(time_s / period_s, 1.0) if period_s > 0.0 else np.ones_like(time_s)
            power_w = known.model.switching_w(topology, level, duty)
            duration_s = self.design.frames_per_step * np.maximum(time_s, period_s)
            supply_v = known.model.voltage_v[level]
            rows.append((topology, level, passes, accuracy, power_w, supply_v, duration_s))
        configurations = Candidates(*map(np.stack, zip(*rows, strict=True)))
        return configurations, self._limits_c(reading, configurations.vf_level)

    def _slow_down(self) -> NDArray[np.int64]:
        """Logarithm of the true slow-downs in `RATIO_STEP`, shape (batch,)."""
        unit = self._twins.parameter(P.CLOCK_GCYCLES) / self._profile.latency.clock_gcycles
        slow_down = np.log(self._twins.parameter(P.SLOWDOWN) * unit)
        return np.rint(slow_down / RATIO_STEP).astype(np.int64)

    def _limits_c(self, reading: Reading, level: NDArray[np.int64]) -> Vector:
        """How hot the die may become at VF levels, shape (batch, any)."""
        twins = self._twins
        reads_high_c = twins.parameter(P.SENSOR_BIAS_C) + twins.parameter(P.SENSOR_NOISE_C)
        # The kernel acts on readings, and the die counts towards T_max.
        trips_c = np.stack(
            [
                self._under(scenario).model.limit_c(reading.t_max_c[i : i + 1], level[i])
                for i, scenario in enumerate(twins.episode_scenarios)
            ]
        )
        trips_c -= np.maximum(reads_high_c, 0.0)[:, np.newaxis]
        return np.minimum(reading.t_max_c[:, np.newaxis], trips_c)

    def _heat(self, candidates: Candidates) -> Vector:
        """The candidates' heat on the units at hand, columns `C`."""
        power, twins = self._profile.power, self._twins
        frame_s = candidates.duration_s / self.design.frames_per_step
        busy_w = self._busy_w[candidates.topology, candidates.vf_level]
        idle_w = self._idle_w[candidates.vf_level]
        mean_w = candidates.switching_w - power.rest_w
        duty = (mean_w - idle_w) / (busy_w - idle_w)
        unit = (twins.parameter(P.THREAD_NF) / power.thread_nf)[:, np.newaxis]
        columns: dict[int, Vector] = {
            C.MEAN_W: unit * mean_w,
            C.BUSY_W: unit * busy_w,
            C.VOLTAGE_V: candidates.voltage_v,
            C.DURATION_S: candidates.duration_s,
            C.BUSY_S: duty * frame_s,
        }
        return np.stack([columns[number] for number in range(len(C))], axis=2)

    def _under(self, scenario: Scenario) -> _Conditions:
        """What is known of a scenario before it runs."""
        fields = "arrival_period_s", "policy", "tau", "deadline_aware", "throttling"
        key = tuple(getattr(scenario, field) for field in fields)
        if key not in self._conditions:
            if len(self._conditions) >= MOST_KNOWN:
                self._conditions.clear()
            self._conditions[key] = _Conditions(self.design.under(scenario))
        return self._conditions[key]
