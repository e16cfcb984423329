"""LOTUS: deep Q-learning of clocks with a deadline and a cool-down.

"LOTUS: Learning-based Online Thermal and Latency Variation Management for Two-stage Detectors on
Edge Devices", DAC 2024; re-implemented from what the released code does
(wuyushuwys/LOTUS @cc06d38).

Ported to this environment:

- LOTUS decides twice per frame, before and after the region proposals. A step here is a window of
  frames with one decision, so its two heads become one, and the stage and the number of proposals
  leave the state;
- CPU and GPU clocks become topology and VF level, all of them, as LOTUS has all clocks;
- the temperature limit is the baselines', `GUARD_C` below T_max; one sensor takes the place of two;
- its reward is `tvfs_gym.envs.published_rewards.lotus`;
- the network's hidden layers are the released ones, without batch normalisation and dropout.
"""

from math import cos, exp, pi

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.agents.learners.dqn import Batch, QNetwork, Replay, Update, joined, rows_of
from tvfs_gym.agents.learners.learner import Experience, LearningTask, pick
from tvfs_gym.agents.policy import Card, NetworkPolicy, columns, cooling, hot
from tvfs_gym.envs.observation import read

INPUTS = (
    "vf_level", "topology", "headroom", "temperature_rate", "latency_mean", "latency_constraint",
)  # fmt: skip
HIDDEN = (64, 128, 256)
GAMMA, TARGET_SHARE, CLIP_NORM = 0.99, 0.005, 1.0
BATCH = 16
CAPACITY = 4000
"""Half of it is kept for rewards below 0, half for the others."""

LEARNING_RATE, LAST_LEARNING_RATE = 0.01, 1e-4
"""At the beginning and at the end, along a cosine."""

EPSILON, LAST_EPSILON, EPSILON_STEPS = 0.9, 0.01, 10_000.0
"""Share of random choices: exponential, with this constant in steps."""

COOL_DOWN, LAST_COOL_DOWN, COOL_DOWN_STEPS = 1.0, 0.5, 10_000
"""Probability that a greedy choice cools a hot board: along a cosine, over so many hot steps."""


class Lotus:
    """The learner.

    Args:
        task: The board, and the length of the training.
    """

    def __init__(self, task: LearningTask) -> None:
        self.choices = task.grid(np.arange(task.topologies), np.arange(task.levels))
        self._task = task
        self._rng = task.rng
        self._columns = columns(INPUTS)
        update = Update(GAMMA, target_share=TARGET_SHARE, huber=True, clip_norm=CLIP_NORM)
        self._values = QNetwork((len(INPUTS), *HIDDEN, len(self.choices)), update, task.rng)
        self._replays = [Replay(CAPACITY // 2, len(INPUTS)) for _ in range(2)]
        self._steps = 0
        self._hot_steps = 0

    @property
    def epsilon(self) -> float:
        """Share of random choices."""
        return LAST_EPSILON + (EPSILON - LAST_EPSILON) * exp(-self._steps / EPSILON_STEPS)

    @property
    def cool_down(self) -> float:
        """Probability that a greedy choice cools a hot board."""
        return _cosine(COOL_DOWN, LAST_COOL_DOWN, self._hot_steps / COOL_DOWN_STEPS)

    @property
    def learning_rate(self) -> float:
        """Learning rate of the next update."""
        return _cosine(LEARNING_RATE, LAST_LEARNING_RATE, self._steps / self._task.steps)

    def act(self, observation: NDArray[np.float32]) -> NDArray[np.int64]:
        """Greedy or random: hot, random among the VF levels up to the present one alone.

        Greedy, a hot board is held to them with the probability `cool_down`.
        """
        reading = read(observation, self._task.scales)
        too_hot = hot(reading)
        cools = too_hot & (self._rng.random(len(observation)) < self.cool_down)
        self._hot_steps += int(too_hot.any())
        slower = cooling(self.choices, reading.vf_level)
        values = self._values.network(observation[:, self._columns])
        best = np.where(~cools[:, np.newaxis] | slower, values, -np.inf).argmax(axis=1)
        random = self._rng.random(len(best)) < self.epsilon
        return np.where(random, pick(~too_hot[:, np.newaxis] | slower, self._rng), best)

    def learn(self, experience: Experience) -> None:
        """Stores the step by the sign of its reward, and updates once."""
        batch = Batch(
            experience.observation[:, self._columns],
            experience.choice,
            experience.reward.astype(np.float32),
            experience.following[:, self._columns],
            experience.terminated,
        )
        below = experience.reward < 0.0
        for replay, rows in zip(self._replays, (below, ~below), strict=True):
            replay.add(rows_of(batch, rows))
        stored = [len(replay) for replay in self._replays]
        if sum(stored) >= BATCH:
            places = self._rng.choice(sum(stored), BATCH, replace=False)
            first = self._replays[0].rows(places[places < stored[0]])
            second = self._replays[1].rows(places[places >= stored[0]] - stored[0])
            self._values.learn(joined(first, second), self.learning_rate)
        self._steps += 1

    def policy(self) -> NetworkPolicy:
        """Greedy, hot or not: the released code has no cool-down when it validates."""
        card = Card(kind="network", inputs=INPUTS, **self._task.card)
        return NetworkPolicy(card, self.choices, self._values.network.copy())


def _cosine(first: float, last: float, share: float) -> float:
    """From the first value to the last along half a cosine."""
    return last + (first - last) * (1.0 + cos(pi * min(share, 1.0))) / 2.0
