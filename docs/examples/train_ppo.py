"""Trains PPO of stable-baselines3 through its standard entry point, and compares it with TVFS."""

import gymnasium
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

import tvfs_gym  # noqa: F401
from tvfs_gym import baselines

BOARD = "tvfs_gym/OdroidXU4-v1"
HOT = {"ambient_c": 40.0}


def main(steps: int = 100_000, episodes: int = 5) -> None:
    """Trains on photographs of design time; judges on those of run time.

    Args:
        steps: Steps of training; 100,000 take about a minute.
        episodes: Episodes of each evaluation, of 200 steps.
    """
    arguments = {"scenario": HOT, "photographs": "design"}
    twins = make_vec_env(BOARD, n_envs=8, seed=0, env_kwargs=arguments)
    model = PPO("MlpPolicy", twins, n_steps=64, batch_size=128, gamma=0.95, seed=0)
    model.learn(steps)

    judge = make_vec_env(BOARD, n_envs=1, seed=1, env_kwargs={"scenario": HOT})
    tvfs = baselines.make("tvfs", gymnasium.make(BOARD, scenario=HOT))
    for name, policy in {"ppo": model, "tvfs": tvfs}.items():
        mean, spread = evaluate_policy(policy, judge, n_eval_episodes=episodes)
        print(f"{name}: {mean:.1f} +- {spread:.1f} of 200")


if __name__ == "__main__":
    main()
