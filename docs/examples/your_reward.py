"""Gives an environment, a batch and a learner a reward of one's own."""

from typing import Any

import gymnasium
import numpy as np

import tvfs_gym  # noqa: F401
from tvfs_gym import baselines
from tvfs_gym.agents import load_policy, train
from tvfs_gym.envs import Window


def frugal(window: Window) -> Any:
    """Reliable frames per frame, less a tenth of a frame for every joule of it; at most 1."""
    return (window.reliable_frames - 0.1 * window.energy_j) / window.frames


def mean_reward(env: gymnasium.Env[Any, Any], policy: Any) -> float:
    """Plays an episode; returns the mean reward per step."""
    observation, _ = env.reset(seed=0)
    total, step, ended, state = 0.0, 0, False, None
    while not ended:
        action, state = policy.predict(observation, state)
        observation, reward, terminated, truncated, _ = env.step(action)
        total, step, ended = total + float(reward), step + 1, terminated or truncated
    return total / step


def main(steps: int = 20_000, output: str = "results/frugal") -> float:
    """Trains a Q-table (NumPy alone) under the reward, and compares it with TVFS.

    Args:
        steps: Steps of training.
        output: New folder for the policy, which ``tvfs-gym benchmark --controller`` takes, too.

    Returns:
        Mean reward per step of what was learnt.
    """
    batch = gymnasium.make_vec("tvfs_gym/OdroidXU4-v1", 64, reward=frugal)
    batch.reset(seed=0)
    _, rewards, *_ = batch.step(np.full(64, 132))
    print(f"largest network, highest clock, first step of 64 cool twins: {rewards.mean():.2f}")

    train("q_table", output, reward=frugal, steps=steps)
    env = gymnasium.make("tvfs_gym/OdroidXU4-v1", reward=frugal)
    learnt = mean_reward(env, load_policy(output))
    tvfs = mean_reward(env, baselines.make("tvfs", env))
    print(f"an episode of what was learnt: {learnt:.2f}; of TVFS: {tvfs:.2f}")
    return learnt


if __name__ == "__main__":
    main()
