"""Trains PPO on a batch of twins."""

from stable_baselines3 import PPO

from tvfs_gym.agents import TwinVecEnv, save_policy

twins = TwinVecEnv(16, profile="odroid_xu4")
model = PPO("MlpPolicy", twins, n_steps=32).learn(1_000)
save_policy(model, "results/ppo")
