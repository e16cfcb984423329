"""Run by `make smoke` with the wheel installed and nothing else of the project in reach."""

import importlib.util

import gymnasium

import tvfs_gym

for name in ("envs", "agents", "baselines", "experiments"):
    assert importlib.util.find_spec(name) is None, f"site-packages got a top-level {name}"
env = gymnasium.make("tvfs_gym/OdroidXU4-v1")
env.reset(seed=0)
_, reward, _, _, info = env.step(100)
assert tvfs_gym.envs.Window(info["window"]).frames == 10
print(f"tvfs-gym {tvfs_gym.__version__}: reward {reward} in one step")
