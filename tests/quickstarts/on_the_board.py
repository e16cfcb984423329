"""Lets a controller choose on the board itself, which was characterised into the folder "mine"."""

import gymnasium

import tvfs_gym  # noqa: F401
from tvfs_gym import baselines

env = gymnasium.make("tvfs_gym/LinuxBoard-v1", scenario={"latency_constraint_s": 0.02})
controller = baselines.make("tvfs", env, characterisation="mine")
observation, info = env.reset()
action, state = controller.predict(observation, None)
