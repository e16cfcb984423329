"""Learned controllers: what stable-baselines3 needs of the environment."""

import warnings

import gymnasium
import numpy as np
import pytest

import tvfs_gym  # noqa: F401
from tvfs_gym.envs.board_env import twin_env
from tvfs_gym.experiments.episodes import run_episode

pytestmark = pytest.mark.train
IDS = [name for name in gymnasium.registry if name.startswith("tvfs_gym/")]


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("action_space", ["discrete", "multi_discrete"])
def test_its_checker_finds_nothing(env_id: str, action_space: str) -> None:
    from stable_baselines3.common.env_checker import check_env

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make(env_id, action_space=action_space))


@pytest.mark.parametrize("algorithm", ["PPO", "DQN", "A2C"])
def test_a_trained_policy_runs_like_a_baseline(algorithm: str) -> None:
    import stable_baselines3

    from tvfs_gym.agents.sb3 import PolicyController

    env = twin_env("odroid_xu4", scenario={"frames": 200})
    model = getattr(stable_baselines3, algorithm)("MlpPolicy", env, seed=0)
    model.learn(100)
    steps, episode = run_episode(env, PolicyController(model), 0)
    assert len(steps) == 20 and 0 <= episode["on_time_accuracy"] <= 1
    again = run_episode(env, PolicyController(model), 0)
    assert np.array_equal([s["reward"] for s in steps], [s["reward"] for s in again[0]])
