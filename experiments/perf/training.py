"""What a training costs: PPO on the batch of twins against one wrapper per environment."""

from importlib.util import find_spec
from statistics import median
from time import process_time
from typing import Any

from tvfs_gym.agents.training import PRESETS
from tvfs_gym.envs.board_env import twin_env
from tvfs_gym.experiments.documents import markdown_table

ENVS = 256
STEPS = 65_536
ROUNDS = 3
FAMILIES = ("recorded", "mobilenet_v1_hosted")
HEADER = (
    "environment", "PPO steps per CPU second", "ratio to DummyVecEnv", "environment's share",
)  # fmt: skip


def section() -> str:
    """The section of the performance page; says so where stable-baselines3 is not installed."""
    if find_spec("stable_baselines3") is None:
        return 'Not measured here: stable-baselines3 is not installed (extra "train").'
    import torch
    from stable_baselines3.common.vec_env import DummyVecEnv

    from tvfs_gym.agents.vec_env import TwinVecEnv

    torch.set_num_threads(1)
    rows = []
    for family in FAMILIES:
        native, dummy = [], []
        for _ in range(ROUNDS):
            native.append(_measured(TwinVecEnv(ENVS, family=family)))
            one = [lambda family=family: twin_env("odroid_xu4", family)]
            dummy.append(_measured(DummyVecEnv(one * ENVS)))
        ratios = [own[0] / theirs[0] for own, theirs in zip(native, dummy, strict=True)]
        for name, runs, ratio in (
            ("native", native, median(ratios)),
            ("DummyVecEnv", dummy, 1.0),
        ):
            rate, share = (median(column) for column in zip(*runs, strict=True))
            rows.append([f"{family}, {name}", f"{rate:,.0f}", f"{ratio:.2f}", f"{share:.1%}"])
    table = markdown_table(HEADER, rows)
    return (
        f"{table}\n\nOdroid-XU4, {ENVS} environments of ten frames per step, the preset of "
        f"`tvfs-gym train`, {STEPS:,} steps after warming up, one torch thread; medians of "
        f"{ROUNDS} interleaved rounds."
    )


def _measured(env: Any) -> tuple[float, float]:
    """Steps per CPU second of a training, and the environment's share of the CPU time."""
    from stable_baselines3 import PPO

    model = PPO("MlpPolicy", env, device="cpu", seed=0, **PRESETS["ppo"].arguments)
    model.learn(STEPS // 8)
    step_wait, spent_s = env.step_wait, 0.0

    def timed() -> Any:
        nonlocal spent_s
        before_s = process_time()
        result = step_wait()
        spent_s += process_time() - before_s
        return result

    env.step_wait = timed
    before_s = process_time()
    model.learn(STEPS, reset_num_timesteps=False)
    whole_s = process_time() - before_s
    env.close()
    return STEPS / whole_s, spent_s / whole_s
