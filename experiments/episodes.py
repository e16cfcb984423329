"""Running episodes: one row per step, one per episode."""

from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.agents.live import LiveLearner
from tvfs_gym.agents.policy import GreedyPolicy
from tvfs_gym.baselines import Shield
from tvfs_gym.baselines.controller import Choice, Policy, State
from tvfs_gym.baselines.frequency_governor import FrequencyGovernor
from tvfs_gym.envs.actions import actions_of
from tvfs_gym.envs.board_env import BoardEnv
from tvfs_gym.envs.boards.board import Board
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.boards.window import F, Window, WindowVector
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv

Row = dict[str, Any]
Columns = dict[str, NDArray[Any]]
"""Steps of an episode: an array per column."""


class Predictor(Protocol):
    """Answers observations with actions of its own space, as stable-baselines3's models do."""

    action_space: Any

    def predict(
        self,
        observation: NDArray[np.float32],
        state: State | None = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = False,
    ) -> tuple[Any, State | None]:
        """Chooses actions for a batch of observations."""
        ...


class Decoded:
    """A predictor as a policy: its actions are decoded.

    Args:
        predictor: Acts deterministically.
        board: The board that its actions are of.

    Raises:
        InputError: The board has no such action space.
    """

    def __init__(self, predictor: Predictor, board: Board) -> None:
        self._predictor = predictor
        self._actions = actions_of(predictor.action_space, board)

    def choose(
        self,
        observations: NDArray[np.float32],
        state: State | None = None,
        episode_start: NDArray[np.bool_] | None = None,
    ) -> tuple[Choice, State | None]:
        """Chooses configurations; see `tvfs_gym.baselines.controller.Controller.choose`."""
        actions, state = self._predictor.predict(
            observations, state, episode_start, deterministic=True
        )
        topology, level, passes = self._actions.table[self._actions.rows(actions)].T
        return Choice(topology, level, passes if passes.all() else None), state


def as_policy(policy: Policy | Predictor, board: Board) -> Policy:
    """Adapts what has only `predict`.

    Raises:
        InputError: It was trained for actions that the board does not have.
    """
    return policy if isinstance(policy, Policy) else Decoded(policy, board)


def under_governors(
    policy: Policy | Predictor, board: Board
) -> tuple[Policy, dict[str, Any] | None]:
    """Leaves the governors that a controller stands for to the kernel, which is there on a twin.

    Returns:
        What is left to choose, and the options with which the twin is reset; None for none.

    Raises:
        InputError: See `as_policy`.
    """
    if isinstance(policy, FrequencyGovernor) and policy.governors and isinstance(board, TwinBoard):
        return policy.held(), {"governors": policy.governors}
    return as_policy(policy, board), None


def live_learner(policy: Policy | Predictor) -> LiveLearner | None:
    """The learner in a policy, behind a shield or not, that learns as it runs; None in others."""
    within = policy.policy if isinstance(policy, Shield) else policy
    return within if isinstance(within, LiveLearner) else None


class Episode:
    """A controller's or policy's episode on one board, real or twin; iterating over it runs it.

    If it is stopped, the steps so far stay at hand.

    Args:
        env: The environment, with its scenario set.
        policy: Acts deterministically.
        seed: Seed of the episode.

    Attributes:
        start: Sensor readings before the first step.
        actions: Actions of the steps.
        windows: Windows of the steps.
        rewards: Rewards of the steps.
        frames: Frames of the steps.
        control_s: Time that choosing each of the actions, and learning from it, took.
    """

    def __init__(self, env: BoardEnv, policy: Policy | Predictor, seed: int) -> None:
        self._env, self._seed = env, seed
        self._policy, self._options = under_governors(policy, env.board)
        self._learner = live_learner(self._policy)
        self.start: Window | None = None
        self.actions: list[Any] = []
        self.windows: list[WindowVector] = []
        self.rewards: list[float] = []
        self.frames: list[NDArray[np.float64]] = []
        self.control_s: list[float] = []
        self._vetoes = 0

    def begin(self) -> Window:
        """Resets the board, a real one when it has cooled down; returns its start."""
        self._observation, info = self._env.reset(seed=self._seed, options=self._options)
        self.start = Window(info["window"])
        if self._learner is not None:
            self._learner.begin(
                [self._seed], self._env.scenario.frames // self._env.frames_per_step
            )
        return self.start

    @property
    def learnt(self) -> GreedyPolicy | None:
        """What a controller that learns as it runs has learnt so far; None of others."""
        return None if self._learner is None else self._learner.policies()[0]

    def __iter__(self) -> Iterator[Window]:
        """Runs the episode; yields the window of every step, which is kept already."""
        if self.start is None:
            self.begin()
        observation = self._observation
        state, begins = None, np.ones(1, bool)
        ended = False
        while not ended:
            before_s = perf_counter()
            choice, state = self._policy.choose(observation[np.newaxis], state, begins)
            action = self._env.actions.batch(*choice)[0]
            self.control_s.append(perf_counter() - before_s)
            if isinstance(self._policy, Shield) and state is not None:
                self._vetoes = int(self._policy.vetoes(state)[0])
            begins = np.zeros(1, bool)
            observation, reward, terminated, truncated, info = self._env.step(action)
            self.actions.append(action)
            self.windows.append(info["window"])
            self.rewards.append(reward)
            self.frames.append(info["frames"])
            if self._learner is not None:
                before_s = perf_counter()
                self._learner.learn(
                    info["window"][np.newaxis], observation[np.newaxis], np.array([terminated]),
                    np.ones(1, bool),
                )  # fmt: skip
                self.control_s[-1] += perf_counter() - before_s
            yield Window(info["window"])
            ended = terminated or truncated

    def columns(self) -> Columns:
        """The steps, with the fields of `Window` and the reward as columns."""
        return {**self._steps().as_dict(), "reward": np.array(self.rewards)}

    def row(self) -> Row:
        """The row of an episode that was run to its end: see `_summary`."""
        row = _summary(self._steps(), answered_rows(self.frames), self._env.scenario.frames)
        return {**row, "vetoes": self._vetoes} if isinstance(self._policy, Shield) else row

    def _steps(self) -> Window:
        return Window(np.array(self.windows))


def run_episode(env: BoardEnv, policy: Policy | Predictor, seed: int) -> tuple[Columns, Row]:
    """Runs a controller or policy through one episode of one board, real or twin.

    Args:
        env: The environment, with its scenario set.
        policy: Acts deterministically.
        seed: Seed of the episode.

    Returns:
        The steps, with the fields of `tvfs_gym.envs.boards.window.Window` and the reward,
        and the episode's row: see `_summary`; behind a shield also its vetoes.
    """
    episode = Episode(env, policy, seed)
    for _ in episode:
        pass
    return episode.columns(), episode.row()


def run_episodes(
    env: TwinVectorEnv, policy: Policy | Predictor, seeds: Sequence[int]
) -> list[tuple[Columns, Row]]:
    """Runs a controller or policy through one episode of every twin of a batch.

    Args:
        env: A batch of as many twins as there are seeds, with single frames in its info.
        policy: Acts deterministically.
        seeds: Seeds of the episodes.

    Returns:
        Of every episode what `run_episode` returns, bit for bit.
    """
    policy, options = under_governors(policy, env.board)
    observation, _ = env.reset(seed=list(seeds), options=options)
    state, running = None, np.ones(len(seeds), bool)
    learner = live_learner(policy)
    if learner is not None:
        learner.begin(seeds, env.scenarios[0].frames // env.frames_per_step)
    start = running.copy()
    windows, rewards, frames, took_part = [], [], [], []
    vetoes = np.zeros(len(seeds), np.int64)
    while running.any():
        choice, state = policy.choose(observation, state, start)
        start = np.zeros(len(seeds), bool)
        if isinstance(policy, Shield) and state is not None:
            vetoes = np.where(running, policy.vetoes(state), vetoes)
        observation, reward, terminated, truncated, info = env.step(env.actions.batch(*choice))
        windows.append(info["window"])
        rewards.append(reward)
        frames.append(info["frames"])
        took_part.append(running)
        if learner is not None:
            learner.learn(info["window"], observation, terminated, running)
        running = running & ~(terminated | truncated)
    every_window, every_reward, every_frame = map(np.stack, (windows, rewards, frames))
    episodes = [
        _episode(
            every_window[:length, i],
            every_reward[:length, i],
            every_frame[:length, i],
            env.scenarios[i].frames,
        )
        for i, length in enumerate(np.sum(took_part, axis=0).tolist())
    ]
    if isinstance(policy, Shield):
        for (_, row), count in zip(episodes, vetoes.tolist(), strict=True):
            row["vetoes"] = count
    return episodes


def _episode(
    windows: NDArray[np.float64],
    rewards: NDArray[np.float64],
    frames: NDArray[np.float64],
    asked: int,
) -> tuple[Columns, Row]:
    steps = Window(windows)
    columns = {**steps.as_dict(), "reward": rewards}
    return columns, _summary(steps, answered_rows(frames), asked)


def answered_rows(frames: Sequence[NDArray[np.float64]] | NDArray[np.float64]) -> NDArray[Any]:
    """Rows of the frames that were answered, of steps one after the other."""
    rows = np.concatenate([*frames])
    return rows[~np.isnan(rows[:, F.LATENCY_S])]


def _summary(steps: Window, frames: NDArray[np.float64], asked: int) -> Row:
    """An episode's figures; frames that a shut-down left unanswered count as late.

    Args:
        steps: Windows of the steps.
        frames: Rows of all frames.
        asked: Frames that the scenario asked for.
    """
    latency_s = frames[:, F.LATENCY_S]
    duration_s = steps.duration_s.sum()
    answered = len(frames)
    return {
        "reliable_accuracy": steps.reliable_frames.sum() / asked,
        "on_time_accuracy": steps.on_time_correct_frames.sum() / asked,
        "accuracy": steps.correct_frames.sum() / answered,
        "late_share": (steps.late_frames.sum() + asked - steps.frames.sum()) / asked,
        "latency_s_p50": np.quantile(latency_s, 0.50),
        "latency_s_p95": np.quantile(latency_s, 0.95),
        "latency_s_p99": np.quantile(latency_s, 0.99),
        "above_t_max_share": steps.time_above_t_max_s.sum() / duration_s,
        "throttled_share": steps.throttled_s.sum() / duration_s,
        "temperature_c_mean": (steps.temperature_mean_c * steps.duration_s).sum() / duration_s,
        "temperature_c_max": steps.temperature_max_c.max(),
        "vf_switches": steps.vf_switches.sum(),
        "energy_j_per_frame": steps.energy_j.sum() / answered,
        "passes_mean": frames[:, F.PASSES].mean(),
        "duration_s": duration_s,
        "frames": answered,
        "unanswered_frames": asked - answered,
        "shut_down": bool(steps.shut_down.any()),
        **_photographs(frames),
    }


def _photographs(frames: NDArray[np.float64]) -> dict[str, list[int]]:
    """How often each photograph came, and was answered reliably; on a real board none is known."""
    known = frames[~np.isnan(frames[:, F.IMAGE])]
    images = known[:, F.IMAGE].astype(np.int64)
    reliable = known[:, F.CORRECT] * known[:, F.ON_TIME] * known[:, F.COOL]
    return {
        "photograph_frames": np.bincount(images).tolist(),
        "photograph_reliable": np.bincount(images, reliable).astype(np.int64).tolist(),
    }
