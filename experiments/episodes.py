"""Running episodes: one row per step, one per episode."""

from typing import Any

import numpy as np

from tvfs_gym.baselines.controller import Controller
from tvfs_gym.envs.board_env import BoardEnv
from tvfs_gym.envs.boards.board import FRAME_FIELDS, Window

Row = dict[str, Any]


def run_episode(env: BoardEnv, controller: Controller, seed: int) -> tuple[list[Row], Row]:
    """Runs a controller through one episode.

    Args:
        env: The environment, with its scenario set.
        controller: Reset before the episode.
        seed: Seed of the episode.

    Returns:
        A row per step with the fields of `tvfs_gym.envs.boards.board.Window` and the reward, and
        the episode's row: see `_summary`.
    """
    observation, info = env.reset(seed=seed)
    controller.reset()
    steps, frames = [], []
    ended = False
    while not ended:
        action = controller.act(observation, info)
        observation, reward, terminated, truncated, info = env.step(action)
        steps.append({**info["window"]._asdict(), "reward": reward})
        frames.append(info["frames"])
        ended = terminated or truncated
    windows = np.array([[step[field] for field in Window._fields] for step in steps])
    return steps, _summary(Window(*windows.T), np.concatenate(frames), env.scenario.frames)


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
