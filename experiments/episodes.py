"""Running episodes: one row per step, one per episode."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.controller import Controller
from tvfs_gym.envs.board_env import BoardEnv
from tvfs_gym.envs.boards.board import FRAME_FIELDS, Window
from tvfs_gym.experiments.load import LoadMeter, inference_load

Row = dict[str, Any]

START_FIELDS = ("temperature_c", "frequency_hz", "vf_level", "cap_level")
"""What a board's sensors say before the first step."""


class Episode:
    """A controller's episode on a board; iterating over it runs it, step by step.

    What was run stays at hand if the iteration is broken off.

    Args:
        env: The environment, with its scenario set.
        controller: Reset before the episode.
        seed: Seed of the episode.
        load_of: Measures the load of each step.

    Attributes:
        start: `START_FIELDS` of the reset board, under names with ``start_``.
        rows: A row per step: the fields of `tvfs_gym.envs.boards.board.Window`; the reward; the
            ``requested_level``, which throttling may have kept from being reached, and
            ``requested_passes``, None if the action has no pass budget; and the ``load``.
        frames: The frames of each step.
    """

    def __init__(
        self,
        env: BoardEnv,
        controller: Controller,
        seed: int,
        load_of: LoadMeter = inference_load,
    ) -> None:
        self._env, self._controller, self._seed, self._load_of = env, controller, seed, load_of
        self.start: Row = {}
        self.rows: list[Row] = []
        self.frames: list[NDArray[np.float64]] = []

    def __iter__(self) -> Iterator[Window]:
        """Runs the episode; yields the window of every step, its row already kept."""
        env, controller = self._env, self._controller
        observation, info = env.reset(seed=self._seed)
        controller.reset()
        first = info["window"]
        self.start = {f"start_{field}": getattr(first, field) for field in START_FIELDS}
        ended = False
        while not ended:
            action = controller.act(observation, info)
            observation, reward, terminated, truncated, info = env.step(action)
            chosen, window = env.configuration(action), info["window"]
            self.frames.append(info["frames"])
            self.rows.append(
                {
                    **window._asdict(),
                    "reward": reward,
                    "requested_level": chosen.vf_level,
                    "requested_passes": chosen.max_passes,
                    "load": self._load_of(window, info["frames"]),
                }
            )
            yield window
            ended = terminated or truncated

    def summary(self) -> Row:
        """The figures of an episode that was run to its end: see `_summary`."""
        windows = np.array([[row[field] for field in Window._fields] for row in self.rows])
        frames = np.concatenate(self.frames)
        return _summary(Window(*windows.T), frames, self._env.scenario.frames)


def run_episode(env: BoardEnv, controller: Controller, seed: int) -> tuple[list[Row], Row]:
    """Runs a controller through one episode.

    Args:
        env: The environment, with its scenario set.
        controller: Reset before the episode.
        seed: Seed of the episode.

    Returns:
        A row per step, see `Episode`, and the episode's row: see `_summary`.
    """
    episode = Episode(env, controller, seed)
    for _ in episode:
        pass
    return episode.rows, episode.summary()


def _summary(steps: Any, frames: Any, asked: int) -> Row:
    """An episode's figures; frames that a shut-down left unanswered count as late.

    Args:
        steps: A `Window` whose fields are arrays over the steps.
        frames: Rows of all frames.
        asked: Frames that the scenario asked for.
    """
    latency_s = frames[:, FRAME_FIELDS.index("latency_s")]
    duration_s = steps.duration_s.sum()
    answered = len(frames)
    return {
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
        "passes_mean": frames[:, FRAME_FIELDS.index("passes")].mean(),
        "duration_s": duration_s,
        "frames": answered,
        "shut_down": bool(steps.shut_down.any()),
    }
