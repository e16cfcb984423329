"""A controller that is told everything: a reference for others, and a teacher.

It looks one step ahead in the twins themselves. So it knows what no controller of a real board can:
the heat of every thermal node, the unit, the room, the fan, what the sensor should read, and the
present load; not what will change. Of the candidates of
`tvfs_gym.baselines.model_based.predictive` it takes the most accurate one that stays below T_max.
"""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

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
from tvfs_gym.envs.observation import Reading
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv

GUARD_C = 0.3
"""Guard below T_max: passes' jitter makes a step longer, and its heat is not quite steady."""

RATIO_STEP = 0.01
"""Resolution of the slow-down's logarithm."""


MOST_KNOWN = 4096
"""Conditions whose candidates are kept."""


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
        self._conditions: dict[tuple[Any, ...], tuple[BoardModel, CandidateTables]] = {}

    def decide(self, reading: Reading, state: State) -> tuple[Choice, State]:
        """Takes the most accurate candidate that stays below T_max, or else the coolest."""
        candidates, limit_c = self._candidates(reading)
        hottest_c = self._twins.foreseen_c(self._heat(candidates))
        cool = hottest_c + GUARD_C < limit_c
        cool[:, -1] = True
        index = np.arange(len(cool)), cool.argmax(axis=1)
        topology, level, budget = (column[index] for column in candidates[:3])
        return Choice(topology, level, budget), state

    def _candidates(self, reading: Reading) -> tuple[Candidates, Vector]:
        """Candidates at the true slow-down, and how hot the die may become under each."""
        twins = self._twins
        unit = twins.parameter(P.CLOCK_GCYCLES) / self._profile.latency.clock_gcycles
        slow_down = np.rint(np.log(twins.parameter(P.SLOWDOWN) * unit) / RATIO_STEP)
        reads_high_c = twins.parameter(P.SENSOR_BIAS_C) + twins.parameter(P.SENSOR_NOISE_C)
        rows, limits_c = [], []
        for i, scenario in enumerate(twins.episode_scenarios):
            model, tables = self._under(scenario)
            row = slice(i, i + 1)
            key = slow_down[row, np.newaxis].astype(np.int64)
            found = tables.of(reading.latency_constraint_s[row], key, reading.cap_level[row])
            rows.append(found)
            # The kernel acts on readings, and the die counts towards T_max.
            trips_c = model.limit_c(reading.t_max_c[row], found.vf_level)
            limits_c.append(np.minimum(reading.t_max_c[row], trips_c - max(reads_high_c[i], 0.0)))
        columns = zip(*rows, strict=True)
        return Candidates(*map(np.concatenate, columns)), np.concatenate(limits_c)

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

    def _under(self, scenario: Scenario) -> tuple[BoardModel, CandidateTables]:
        """Model and candidates under what is known of a scenario before it runs."""
        fields = "arrival_period_s", "policy", "tau", "deadline_aware", "throttling"
        key = tuple(getattr(scenario, field) for field in fields)
        if key not in self._conditions:
            if len(self._conditions) >= MOST_KNOWN:
                self._conditions.clear()
            design = self.design.under(scenario)
            model = BoardModel(design, "told")
            outcome = partial(_outcome, design)
            self._conditions[key] = model, CandidateTables(design, model, outcome, concave)
        return self._conditions[key]


def _outcome(design: Design, constraint_s: float, latency: Latency) -> tuple[Vector, Vector]:
    return expected_outcome(design, constraint_s, float(np.exp(RATIO_STEP * latency[0])))
