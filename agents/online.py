"""Training the published on-line learners on a batch of twins."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from tvfs_gym.agents.learners.learner import Array, Experience, Learner, LearningTask
from tvfs_gym.agents.policy import GreedyPolicy
from tvfs_gym.envs.arrays import write_arrays
from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv

MakeLearner = Callable[[LearningTask], Learner]
"""What makes a published method for what it is to learn."""


class OnlineTraining:
    """A learner on its twins, which are judged on episodes apart.

    Args:
        make_learner: Makes the published method.
        environment: Arguments of `TwinVectorEnv`.
        envs: Twins.
        steps: Environment steps to come, over all twins together.
        seeds: Seeds of the first twin, and of the learner.
        card: Entries of the policy's card.
    """

    def __init__(
        self,
        make_learner: MakeLearner,
        environment: dict[str, Any],
        envs: int,
        steps: int,
        seeds: tuple[int, int],
        card: dict[str, Any],
    ) -> None:
        self.envs = envs
        self._environment = environment
        self._twins = TwinVectorEnv(envs, autoreset_mode=AutoresetMode.SAME_STEP, **environment)
        self._task = LearningTask(
            self._twins.scales,
            card["topologies"],
            card["vf_levels"],
            np.random.default_rng(seeds[1]),
            max(steps // envs, 1),
            card,
        )
        self._learner = make_learner(self._task)
        self._observation, _ = self._twins.reset(seed=seeds[0])

    @property
    def policy(self) -> GreedyPolicy:
        """The policy learnt so far."""
        return self._learner.policy()

    def run(self, steps: int) -> None:
        """Learns from so many steps of the batch."""
        learner, twins = self._learner, self._twins
        for _ in range(steps):
            rows = learner.act(self._observation)
            actions = twins.actions.batch(*learner.choices[rows].T)
            observation, rewards, terminated, truncated, info = twins.step(actions)
            over = terminated | truncated
            following = observation
            if over.any():
                following = np.where(over[:, np.newaxis], info["final_obs"], observation)
            learner.learn(Experience(self._observation, rows, rewards, following, terminated))
            self._observation = observation

    def judge(self, episodes: int, seed: int) -> dict[str, Array]:
        """Runs the greedy policy through episodes of the same kind, always the same ones.

        Returns:
            By episode: `results`, the sum of the rewards learnt from; `ep_lengths` in steps, as
            stable-baselines3 calls them; and `on_time_accuracy`.
        """
        twins = TwinVectorEnv(episodes, autoreset_mode=AutoresetMode.SAME_STEP, **self._environment)
        policy = self.policy
        observation, _ = twins.reset(seed=seed)
        running = np.ones(episodes, bool)
        gained, lengths, right = (
            np.zeros(episodes),
            np.zeros(episodes, np.int64),
            np.zeros(episodes),
        )
        asked = np.array([scenario.frames for scenario in twins.scenarios])
        while running.any():
            actions, _ = policy.predict(observation)
            observation, rewards, terminated, truncated, info = twins.step(actions)
            window = _of_the_step(info, terminated | truncated)
            gained += np.where(running, rewards, 0.0)
            right += np.where(running, window.on_time_correct_frames, 0.0)
            lengths += running
            running &= ~(terminated | truncated)
        return {"results": gained, "ep_lengths": lengths, "on_time_accuracy": right / asked}


def _of_the_step(info: dict[str, Any], over: NDArray[np.bool_]) -> Window:
    """Windows of the step itself, also of episodes that it ended."""
    if not over.any():
        return Window(info["window"])
    return Window(np.where(over[:, np.newaxis], info["final_info"]["window"], info["window"]))


def train_online(
    training: OnlineTraining,
    batch_steps: int,
    judging: tuple[int, int, int],
    folder: Path,
    progress_bar: bool,
) -> None:
    """Trains, judges, and writes the best policy by its mean reward; interrupted, the best so far.

    Args:
        training: The training.
        batch_steps: Steps of the batch.
        judging: How often it is judged, on how many episodes, and the seed of the first one.
        folder: The run's folder: the policy, and ``evaluations/evaluations.npz``.
        progress_bar: True to show a progress bar.
    """
    evaluations, episodes, seed = judging
    target = folder / "evaluations"
    target.mkdir(parents=True, exist_ok=True)
    best = -np.inf
    history: dict[str, list[Any]] = {}
    ends = np.unique(np.linspace(0, batch_steps, evaluations + 1).round().astype(int)).tolist()
    _save(training, 0, folder)
    with Progress(console=Console(stderr=True), disable=not progress_bar) as bar:
        task = bar.add_task("steps", total=batch_steps)
        for begin, end in pairwise(ends):
            training.run(end - begin)
            judged = training.judge(episodes, seed)
            for name, values in {"timesteps": end * training.envs, **judged}.items():
                history.setdefault(name, []).append(values)
            columns: dict[str, Any] = {name: np.array(rows) for name, rows in history.items()}
            write_arrays(target / "evaluations.npz", columns)
            score = float((judged["results"] / judged["ep_lengths"]).mean())
            if score > best:
                best = score
                _save(training, end * training.envs, folder)
            bar.update(task, completed=end)


def _save(training: OnlineTraining, steps_done: int, folder: Path) -> None:
    """Writes the policy learnt so far; its card tells from how many steps."""
    policy = training.policy
    told = {**policy.card.training, "steps_done": steps_done}
    policy.card = policy.card.model_copy(update={"training": told})
    policy.save(folder)
