"""``tvfs-gym dev perf decisions``: what a learnt policy's decision takes, beside its trainer's."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from tvfs_gym.agents.interface.features import G, Q
from tvfs_gym.agents.policy_file import load
from tvfs_gym.agents.pretrained import load_pretrained
from tvfs_gym.agents.rungs import RungController, RungNetwork, RungPolicy
from tvfs_gym.baselines import design_of
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.experiments.results.folder import checked_output, installed_versions
from tvfs_gym.experiments.results.tables import markdown_table

STEPS, ROUNDS, BOARD = 300, 7, "odroid_xu4"

NETWORK, WITH_HISTORY = "the network", "the network with its history"
TRAINER = "stable-baselines3's own `predict`, of a network as large, without a history"

Part = Callable[[], Any]


def run(folder: Path | None, output: Path | None) -> None:
    """Measures decisions for one board; prints the page, or writes it to a file too.

    Args:
        folder: A training of DAgger; None for the policy that ships.
        output: Markdown file to write.

    Raises:
        InputError: The folder holds no such policy, or the file cannot be written.
    """
    if output is not None:
        checked_output(output, overwrite=True)
    policy = load_pretrained("student", BOARD) if folder is None else load(folder)
    if not isinstance(policy, RungPolicy):
        raise InputError(f"{folder} holds a policy without a history: name a training of dagger.")
    env = TwinEnv(BOARD, choose_passes=True)
    costs_us = _costs_us(env, policy.on(design_of(env)))
    rows = [
        [name, f"{cost_us:.1f}", f"{cost_us / costs_us[WITH_HISTORY]:.2f}"]
        for name, cost_us in costs_us.items()
    ]
    text = "\n\n".join(
        [
            "# Decisions",
            markdown_table(("a decision by", "µs", "ratio to that with its history"), rows),
            f"One board at a time, {BOARD} with {len(env.board.operating_points)} VF levels; "
            f"medians of {ROUNDS} interleaved rounds of {STEPS} steps, by the clock on the wall.",
        ]
    )
    print(text)
    if output is not None:
        versions = ", ".join(f"{name} {version}" for name, version in installed_versions().items())
        output.write_text(f"{text}\n\nCommand: `tvfs-gym dev perf decisions`; {versions}.\n")


def _costs_us(env: TwinEnv, controller: RungController) -> dict[str, float]:
    """Medians of the rounds' medians over the steps of an episode."""
    rounds: dict[str, list[float]] = {}
    trainer = _trainer(controller.network) if find_spec("stable_baselines3") else None
    for number in range(ROUNDS):
        for name, costs_s in _round(env, controller, trainer, number).items():
            rounds.setdefault(name, []).append(1e6 * median(costs_s))
    return {name: median(costs_us) for name, costs_us in rounds.items()}


def _round(
    env: TwinEnv, controller: RungController, trainer: Any, seed: int
) -> dict[str, list[float]]:
    costs_s: dict[str, list[float]] = {}

    def timed(name: str, part: Part) -> Any:
        before_s = perf_counter()
        result = part()
        costs_s.setdefault(name, []).append(perf_counter() - before_s)
        return result

    observation, _ = env.reset(seed=seed)
    state, steps = None, 0
    while steps < STEPS:
        seen, known = observation[np.newaxis], state
        features, _ = controller.interface.observe(seen, known)
        timed(NETWORK, lambda: controller.network.best(features))  # noqa: B023
        choice, state = timed(WITH_HISTORY, lambda: controller.choose(seen, known))  # noqa: B023
        if trainer is not None:
            timed(TRAINER, lambda: trainer.predict(features, deterministic=True))  # noqa: B023
        observation, _, terminated, truncated, _ = env.step(env.actions.batch(*choice)[0])
        steps += 1
        if terminated or truncated:
            observation, _ = env.reset()
            state = None
    return costs_s


def _trainer(network: RungNetwork) -> Any:
    """A model of stable-baselines3 whose network has as many units in its hidden layers."""
    import torch
    from gymnasium import Env, spaces
    from stable_baselines3 import PPO

    torch.set_num_threads(1)

    class Board(Env[Any, Any]):
        """Has the spaces only: nothing is learnt in it."""

        levels = len(TwinEnv(BOARD).board.operating_points)
        observation_space = spaces.Box(-5.0, 5.0, (len(G) + levels * len(Q),), np.float32)
        action_space = spaces.Discrete(levels)

    hidden = [bias.size for bias in network.network.biases[:-1]]
    return PPO("MlpPolicy", Board(), policy_kwargs={"net_arch": hidden}, device="cpu")
