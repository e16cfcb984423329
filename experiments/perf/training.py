"""Cost of a training: PPO on the batch of twins against one environment object each."""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from statistics import median
from time import perf_counter, process_time
from typing import Any

from tvfs_gym.agents.hyperparameters import DEFAULT, Hyperparameters, load_hyperparameters
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.experiments.results.tables import markdown_table

ENVS = 256
STEPS = 65_536
ROUNDS = 3
BOARD = "odroid_xu4"
FAMILIES = ("recorded", "mobilenet_v1_hosted")
HEADER = (
    "environment", "PPO steps per CPU second", "ratio to DummyVecEnv", "environment's share",
)  # fmt: skip

FEW_ENVS = 8
FEW_STEPS = 16_384
FEW_HEADER = ("environment", "PPO steps per second", "ratio to DummyVecEnv")
"""By the clock on the wall: the CPU time of processes of their own is not the trainer's."""

Made = Callable[[], Any]


def section() -> str:
    """The section of the performance page; says so where stable-baselines3 is not installed."""
    if find_spec("stable_baselines3") is None:
        return 'Not measured here: stable-baselines3 is not installed (extra "train").'
    import torch

    torch.set_num_threads(1)
    return (
        f"{_against_dummy()}\n\nOdroid-XU4, {ENVS} environments of ten frames per step, the preset "
        f"of `tvfs-gym train`, {STEPS:,} steps after warming up, one torch thread; medians of "
        f"{ROUNDS} interleaved rounds.\n\n{_against_processes()}\n\nThe same with {FEW_ENVS} "
        f"environments and {FEW_STEPS:,} steps, by the clock on the wall; SubprocVecEnv runs a "
        "process for each of them."
    )


def _against_dummy() -> str:
    """Many environments, by CPU time."""
    from stable_baselines3.common.vec_env import DummyVecEnv

    from tvfs_gym.agents.stable_baselines_env import TwinVecEnv

    rows = []
    for family in FAMILIES:
        made: dict[str, Made] = {
            "native": partial(TwinVecEnv, ENVS, family=family),
            "DummyVecEnv": partial(DummyVecEnv, [partial(TwinEnv, BOARD, family)] * ENVS),
        }
        runs = _interleaved(made, STEPS, process_time)
        for name, measured in runs.items():
            rate, share = (median(column) for column in zip(*measured, strict=True))
            ratio = _ratio(measured, runs["DummyVecEnv"])
            rows.append([f"{family}, {name}", f"{rate:,.0f}", f"{ratio:.2f}", f"{share:.1%}"])
    return markdown_table(HEADER, rows)


def _against_processes() -> str:
    """A few environments, as many as processes can be had for, by the clock on the wall."""
    from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv

    from tvfs_gym.agents.stable_baselines_env import TwinVecEnv

    one: list[Made] = [partial(TwinEnv, BOARD, FAMILIES[0])]
    runs = _interleaved(
        {
            "native": partial(TwinVecEnv, FEW_ENVS, family=FAMILIES[0]),
            "DummyVecEnv": partial(DummyVecEnv, one * FEW_ENVS),
            "SubprocVecEnv": partial(SubprocVecEnv, one * FEW_ENVS),
        },
        FEW_STEPS,
        perf_counter,
    )
    rows = [
        [
            f"{FAMILIES[0]}, {name}",
            f"{median(rate for rate, _ in measured):,.0f}",
            f"{_ratio(measured, runs['DummyVecEnv']):.2f}",
        ]
        for name, measured in runs.items()
    ]
    return markdown_table(FEW_HEADER, rows)


def _interleaved(
    made: dict[str, Made], steps: int, clock: Callable[[], float]
) -> dict[str, list[tuple[float, float]]]:
    """Results of `_measured` for each environment in each round."""
    rounds = [
        {name: _measured(make(), steps, clock) for name, make in made.items()}
        for _ in range(ROUNDS)
    ]
    return {name: [result[name] for result in rounds] for name in made}


def _ratio(own: list[tuple[float, float]], theirs: list[tuple[float, float]]) -> float:
    """Median ratio of the rates."""
    return median(mine[0] / other[0] for mine, other in zip(own, theirs, strict=True))


def _measured(env: Any, steps: int, clock: Callable[[], float]) -> tuple[float, float]:
    """Steps per second of a training, and the environment's share of the time; closes it."""
    from tvfs_gym.agents.stable_baselines.algorithms import new_model

    preset = load_hyperparameters("ppo", DEFAULT)
    n_steps = preset.values["n_steps"] * preset.n_envs // env.num_envs
    values = Hyperparameters({**preset.values, "n_steps": n_steps})
    model = new_model("ppo", values, env, 0, None)
    model.learn(steps // 8)
    step_wait, spent_s = env.step_wait, 0.0

    def timed() -> Any:
        nonlocal spent_s
        before_s = clock()
        result = step_wait()
        spent_s += clock() - before_s
        return result

    env.step_wait = timed
    before_s = clock()
    model.learn(steps, reset_num_timesteps=False)
    whole_s = clock() - before_s
    env.close()
    return steps / whole_s, spent_s / whole_s
