"""Published learners as they were meant: each learns on its own board, while it controls it.

Nothing is trained beforehand: a learner begins with an episode, explores as published, and learns
from the reward of every step. The board's limits hold for it as for every controller.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.agents.learners.learner import Experience, Learner, LearningTask
from tvfs_gym.agents.online import MakeLearner
from tvfs_gym.agents.policy import GreedyPolicy
from tvfs_gym.baselines.controller import Choice, Design, State
from tvfs_gym.envs.boards.window import W, Window
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.reward import reward_of


class LiveLearner:
    """A published method as a policy that learns from every step; each board has its own learner.

    A runner calls `begin` before the first step of an episode, and `learn` after every step.

    Args:
        algorithm: Name of the method.
        make_learner: Makes it.
        reward: Reward to learn from, as `tvfs_gym.envs.reward.reward_of` takes it.
        design: Of the board: its scales, VF levels and topologies; nothing measured.

    Raises:
        InputError: There is no such reward, or the board cannot measure what it needs.
    """

    def __init__(
        self, algorithm: str, make_learner: MakeLearner, reward: str, design: Design
    ) -> None:
        self._algorithm, self._make, self._design = algorithm, make_learner, design
        self._reward_name, self._reward = reward, reward_of(reward)
        self._learners: list[Learner] = []
        if np.isnan(self.rewards(_measurable(design))):
            raise self._blind()

    def rewards(self, windows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rewards that it learns from: of windows, one per row, or of a single one."""
        return np.asarray(self._reward(Window(windows)), np.float64)

    def _blind(self) -> InputError:
        return InputError(
            f"{self._algorithm} cannot learn on this board: its reward or its observation needs "
            "a temperature, power, voltages or labels that are not there; learn from another "
            f"reward, as in learn:{self._algorithm}:lotus."
        )

    def begin(self, seeds: Sequence[int], steps: int) -> None:
        """Makes a learner that knows nothing for every board of a batch.

        Args:
            seeds: Seed of each, of its first weights and its exploration.
            steps: Steps of the episode.
        """
        self._learners = [self._make(self._task(seed, steps)) for seed in seeds]
        self._before: NDArray[np.float32] | None = None
        self._learnt = False

    def _task(self, seed: int, steps: int) -> LearningTask:
        design = self._design
        topologies, levels = len(design.topologies), len(design.operating_points)
        card = {
            "algorithm": self._algorithm,
            "board": design.info.name,
            "family": design.family.name,
            "topologies": topologies,
            "vf_levels": levels,
            "scales": tuple(design.scales),
            "training": {
                "live": True,
                "reward": self._reward_name,
                "steps": steps,
                "frames_per_step": design.frames_per_step,
                "seed": seed,
            },
        }
        rng = np.random.default_rng(seed)
        return LearningTask(design.scales, topologies, levels, rng, max(steps, 1), card)

    def choose(
        self,
        observations: NDArray[np.float32],
        state: State | None = None,
        episode_start: NDArray[np.bool_] | None = None,
    ) -> tuple[Choice, State | None]:
        """Tries configurations; see `tvfs_gym.baselines.controller.Controller.choose`.

        Raises:
            InputError: Nobody began an episode, as where a log is replayed.
        """
        if len(self._learners) != len(observations):
            raise InputError(
                f"learn:{self._algorithm} learns from a board as it runs it: name it in "
                "tvfs-gym run or benchmark."
            )
        self._before = observations.copy()
        pairs = zip(self._learners, observations, strict=True)
        self._rows = np.array([learner.act(seen[np.newaxis])[0] for learner, seen in pairs])
        chosen = zip(self._learners, self._rows, strict=True)
        topology, level = np.array([learner.choices[row] for learner, row in chosen]).T
        return Choice(topology, level), state

    def learn(
        self,
        windows: NDArray[np.float64],
        following: NDArray[np.float32],
        shut_down: NDArray[np.bool_],
        running: NDArray[np.bool_],
    ) -> None:
        """Learns from what the choices came to; a step that a sensor missed teaches nothing.

        Args:
            windows: Windows of the step, shape (batch, fields).
            following: Observations after it, shape (batch, features).
            shut_down: True where the board shut down, shape (batch,).
            running: True where the episode was not over before, shape (batch,).

        Raises:
            InputError: Already the first step cannot be learnt from.
        """
        assert self._before is not None
        rewards = self.rewards(windows)
        seen = np.column_stack([rewards, self._before, following])
        usable = running & ~np.isnan(seen).any(axis=1)
        if not (self._learnt or usable.any()):
            raise self._blind()
        self._learnt = True
        for row in np.flatnonzero(usable):
            own = slice(row, row + 1)
            self._learners[row].learn(
                Experience(
                    self._before[own], self._rows[own], rewards[own], following[own], shut_down[own]
                )
            )

    def policies(self) -> list[GreedyPolicy]:
        """What has been learnt so far, without exploration, by board."""
        return [learner.policy() for learner in self._learners]


def _measurable(design: Design) -> NDArray[np.float64]:
    """A window of ones, and NaN for what a real board does not measure."""
    window = np.ones(len(W))
    if design.info.real and not design.info.measures_power:
        window[W.ENERGY_J] = np.nan
    if np.isnan([point.voltage_v for point in design.operating_points]).any():
        window[[W.V2F, W.V2F_SLOWEST]] = np.nan
    return window
