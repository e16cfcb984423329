"""Tabular Q-learning of the clock under a temperature limit.

MaiaBlanco/RL-DVFS @045831e, a user-space governor for Odroid-XU3, XU4 and MC1; re-implemented from
what the released code does.

Ported to this environment:

- the choices are its ten clocks (every second VF level of an Odroid-XU4: 200 MHz steps) times all
  topologies;
- of its buckets, temperature (6, of 2 degC, about the limit) and clock (10) stay. The counters for
  instructions per cycle (10) and misses per kilo-instruction (5) tell a governor how far the
  program is served and what kind it is: here the latency relative to L_c, and L_c;
- instructions per second relative to the most become L_c / latency, at most 1, in its reward,
  `tvfs_gym.envs.published_rewards.q_table`;
- the temperature limit is the baselines', `GUARD_C` below T_max.
"""

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.agents.learners.learner import Experience, LearningTask
from tvfs_gym.agents.policy import Card, TablePolicy, buckets, columns
from tvfs_gym.envs.limits import GUARD_C

INPUTS = ("headroom", "vf_level", "latency_mean", "latency_constraint")
LEVELS = 10
EPSILON, ALPHA, GAMMA = 0.2, 0.1, 0.9
HEADROOM_SCALE_C = 50.0
"""Entries of the observation."""

TEMPERATURE_EDGES_C = np.arange(-4.0, 5.0, 2.0)
"""Between the buckets, relative to the limit; as published 46, 48, ... 54 about 50 degC."""

LATENCY_EDGES = np.linspace(0.3, 1.1, 9)
"""Between the buckets of the mean latency, relative to L_c."""

CONSTRAINT_EDGES = np.geomspace(0.3, 6.0, 6)[1:-1]
"""Between the buckets of L_c, relative to the nominal latency."""


class QTable:
    """The learner.

    Args:
        task: The board, and the length of the training.
    """

    def __init__(self, task: LearningTask) -> None:
        last = task.levels - 1
        levels = np.unique(np.rint(np.linspace(0, last, LEVELS)).astype(np.int64))
        self.choices = task.grid(np.arange(task.topologies), levels)
        self._edges = (
            np.sort(GUARD_C - TEMPERATURE_EDGES_C) / HEADROOM_SCALE_C,
            (levels[:-1] + levels[1:]) / (2.0 * last),
            LATENCY_EDGES,
            CONSTRAINT_EDGES,
        )
        self._columns = columns(INPUTS)
        self._task = task
        self._rng = task.rng
        sizes = [len(edges) + 1 for edges in self._edges]
        self.values = np.zeros((*sizes, len(self.choices)))

    def act(self, observation: NDArray[np.float32]) -> NDArray[np.int64]:
        """Greedy, or at random."""
        best = self.values[self._buckets(observation)].argmax(axis=1)
        random = self._rng.random(len(best)) < EPSILON
        return np.where(random, self._rng.integers(len(self.choices), size=len(best)), best)

    def _buckets(self, observation: NDArray[np.float32]) -> tuple[NDArray[np.int64], ...]:
        return buckets(observation[:, self._columns], self._edges)

    def learn(self, experience: Experience) -> None:
        """Q += alpha (r + gamma max Q' - Q), one board after the other."""
        here = np.array([*self._buckets(experience.observation), experience.choice]).T
        there = np.array(self._buckets(experience.following)).T
        rows = zip(here, there, experience.reward, experience.terminated, strict=True)
        for place, following, gained, ended in rows:
            later = 0.0 if ended else self.values[tuple(following)].max()
            at = tuple(place)
            self.values[at] += ALPHA * (gained + GAMMA * later - self.values[at])

    def policy(self) -> TablePolicy:
        """Greedy."""
        card = Card(kind="table", inputs=INPUTS, **self._task.card)
        table = self.values.argmax(axis=-1).astype(np.uint16)
        return TablePolicy(card, self.choices, self._edges, table)
