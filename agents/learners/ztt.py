"""zTT: deep Q-learning of clocks under a temperature limit.

S. Kim, K. Bin, S. Ha, K. Lee, S. Chong, "zTT: Learning-based DVFS with Zero Thermal Throttling for
Mobile Devices", MobiSys 2021; re-implemented from what the released code does (ztt-21/zTT @5ac0036,
its set-up for the Jetson TX2). The released code marks every step as the last one of its episode,
so that its discount is never used and it learns the immediate reward; `myopic` keeps that. Without
it the return is the intended one, discounted by 0.99, and only a board that shuts down ends it. The
released target network, copied after every update, then diverges (values beyond 10^9 in 4000 steps,
all of three seeds), so with the intended return it follows slowly, as LOTUS's does.

Ported to this environment:

- CPU and GPU clocks become topology and VF level, three of each as published: the VF levels at the
  ends of three equal parts, as the released indices 3, 7 and 11 of 12 are; the topologies in their
  middles, since those at the ends are of no use under most constraints;
- frames per second become L_c / latency in its reward, `tvfs_gym.envs.published_rewards.ztt`, which
  takes the twin's power, for want of a sensor; the limit is the baselines', `GUARD_C` below T_max;
- of the state, the power sensors, which an Odroid-XU4 has not, give way to the cap and L_c, the
  second temperature to the temperature's rate; the entries are normalised;
- hot, the set of random choices is that of VF levels up to the present one, whatever the topology;
  cold and late, it is that of clocks as fast or faster and topologies as fast or faster.
"""

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.agents.learners.dqn import Batch, QNetwork, Replay, Update
from tvfs_gym.agents.learners.learner import Experience, LearningTask, pick
from tvfs_gym.agents.policy import Card, NetworkPolicy, columns, cooling, hot
from tvfs_gym.envs.limits import GUARD_C
from tvfs_gym.envs.observation import Reading, read

INPUTS = (
    "vf_level", "cap", "topology", "headroom", "temperature_rate", "latency_mean",
    "latency_constraint",
)  # fmt: skip
HIDDEN = (6, 6)
GAMMA = 0.99
LEARNING_RATE = 0.05
TARGET_SHARE = 0.005
"""With the intended return; as released the target is a copy, which its return never uses."""

CAPACITY, BATCH, FIRST_UPDATE = 500, 64, 200
EPSILON_DECAY = 0.95
"""Decay of the share of random choices, per update, from 1."""

COPIES = 3
"""How often a transition of a reward below 0 or above 1 is stored."""

COLD_C = 5.0
"""Below the limit by so much, a late board is cold enough to go faster at random."""

FASTER_PROBABILITY = 0.3


class Ztt:
    """The learner.

    Args:
        task: The board, and the length of the training.
        myopic: As released.
    """

    def __init__(self, task: LearningTask, myopic: bool) -> None:
        thirds = np.arange(3)
        self.choices = task.grid(
            np.unique(task.topologies * (2 * thirds + 1) // 6),
            np.unique(np.maximum(task.levels * (thirds + 1) // 3 - 1, 0)),
        )
        self.epsilon = 1.0
        self._task = task
        self._rng = task.rng
        self._columns = columns(INPUTS)
        update = Update(GAMMA, myopic, target_share=1.0 if myopic else TARGET_SHARE)
        self._values = QNetwork((len(INPUTS), *HIDDEN, len(self.choices)), update, task.rng)
        self._replay = Replay(CAPACITY, len(INPUTS))

    def act(self, observation: NDArray[np.float32]) -> NDArray[np.int64]:
        """Greedy or random; hot, no faster; cold and late, at times faster at random."""
        reading = read(observation, self._task.scales)
        values = self._values.network(observation[:, self._columns])
        shape = values.shape
        random = self._rng.random(len(values)) < self.epsilon
        rows = np.where(random, pick(np.ones(shape, bool), self._rng), values.argmax(axis=1))
        faster = self._cold_and_late(reading) & (self._rng.random(len(rows)) < FASTER_PROBABILITY)
        rows = np.where(faster, pick(self._faster(reading), self._rng), rows)
        cooler = pick(cooling(self.choices, reading.vf_level), self._rng)
        return np.where(hot(reading), cooler, rows)

    def _cold_and_late(self, reading: Reading) -> NDArray[np.bool_]:
        cold = reading.t_max_c - GUARD_C - reading.temperature_c >= COLD_C
        return cold & (reading.latency_mean_s > reading.latency_constraint_s)

    def _faster(self, reading: Reading) -> NDArray[np.bool_]:
        """Choices of clocks and topologies as fast or faster; of the fastest ones at the ends."""
        topology, level = self.choices.T
        level_now = np.minimum(reading.vf_level, level.max())
        topology_now = np.maximum(reading.topology, topology.min())
        return (level >= level_now[:, np.newaxis]) & (topology <= topology_now[:, np.newaxis])

    def learn(self, experience: Experience) -> None:
        """Stores the step, notable ones threefold, and once there are enough, updates once."""
        notable = (experience.reward < 0.0) | (experience.reward > 1.0)
        copies = np.repeat(np.arange(len(notable)), np.where(notable, COPIES, 1))
        self._replay.add(
            Batch(
                experience.observation[copies][:, self._columns],
                experience.choice[copies],
                experience.reward[copies].astype(np.float32),
                experience.following[copies][:, self._columns],
                experience.terminated[copies],
            )
        )
        if len(self._replay) >= FIRST_UPDATE:
            places = self._rng.choice(len(self._replay), BATCH, replace=False)
            self._values.learn(self._replay.rows(places), LEARNING_RATE)
            self.epsilon *= EPSILON_DECAY

    def policy(self) -> NetworkPolicy:
        """Greedy; hot, greedy among the choices that the method allows then."""
        card = Card(kind="network", inputs=INPUTS, cools_down=True, **self._task.card)
        return NetworkPolicy(card, self.choices, self._values.network.copy())
