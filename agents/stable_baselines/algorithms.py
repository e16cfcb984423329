"""The algorithms of stable-baselines3 and sb3-contrib, and their arguments from files."""

from functools import partial
from importlib import import_module
from inspect import signature
from typing import Any

from tvfs_gym.agents.hyperparameters import Hyperparameters
from tvfs_gym.envs.errors import InputError, unknown

CLASSES = {
    "ppo": ("stable_baselines3", "PPO"),
    "a2c": ("stable_baselines3", "A2C"),
    "dqn": ("stable_baselines3", "DQN"),
    "sac": ("stable_baselines3", "SAC"),
    "td3": ("stable_baselines3", "TD3"),
    "ppo_lstm": ("sb3_contrib", "RecurrentPPO"),
    "ppo_mask": ("sb3_contrib", "MaskablePPO"),
}
"""Package and class of each, by the name that rl-zoo or sb3-contrib gives it."""

SCHEDULES = ("learning_rate", "clip_range", "clip_range_vf")
"""Arguments that may fall linearly to zero over the training: ``lin_0.001``."""

NOISE = ("noise_type", "noise_std")
"""rl-zoo's names for normal noise on the actions."""


def model_class(algorithm: str) -> Any:
    """The class of an algorithm."""
    package, name = CLASSES[algorithm]
    return getattr(import_module(package), name)


def model_arguments(algorithm: str, hyperparameters: Hyperparameters, env: Any) -> dict[str, Any]:
    """Arguments of an algorithm's constructor, as Python objects.

    Args:
        algorithm: One of `CLASSES`.
        hyperparameters: Of the training.
        env: Vector environment of the training.

    Raises:
        InputError: The algorithm has no such argument.
    """
    values = hyperparameters.of_the_model
    known = [*signature(model_class(algorithm).__init__).parameters][1:]
    for name in values:
        if name not in (*known, *NOISE):
            raise unknown(f"hyper-parameter of {algorithm}", name, known)
    arguments = {name: _resolved(value) for name, value in values.items() if name not in NOISE}
    for name in SCHEDULES:
        if isinstance(arguments.get(name), str):
            arguments[name] = partial(_falling, _initial(name, arguments[name]))
    if isinstance(arguments.get("train_freq"), list):
        arguments["train_freq"] = tuple(arguments["train_freq"])
    if values.get("noise_type") is not None:
        arguments["action_noise"] = _noise(values, env)
    return arguments


def new_model(
    algorithm: str, hyperparameters: Hyperparameters, env: Any, seed: int, log: str | None
) -> Any:
    """A model that has learnt nothing yet.

    Args:
        algorithm: One of `CLASSES`.
        hyperparameters: Of the training.
        env: Vector environment of the training.
        seed: Seed of networks and exploration.
        log: Folder of TensorBoard's events; None for none.

    Raises:
        InputError: The algorithm refuses its arguments.
    """
    arguments = model_arguments(algorithm, hyperparameters, env)
    fixed = {"env": env, "seed": seed, "device": "cpu", "tensorboard_log": log}
    try:
        return model_class(algorithm)(**{**arguments, **fixed})
    except (AssertionError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{algorithm} refuses its hyper-parameters: {reason}") from error


def _resolved(value: Any) -> Any:
    """A value with the names of PyTorch's modules replaced by them."""
    import torch

    if isinstance(value, dict):
        return {name: _resolved(entry) for name, entry in value.items()}
    if isinstance(value, str) and value.startswith("nn."):
        found = getattr(torch.nn, value.removeprefix("nn."), None)
        if found is None:
            raise InputError(f"there is no torch.{value}.")
        return found
    return value


def _initial(name: str, text: str) -> float:
    try:
        return float(text.removeprefix("lin_"))
    except ValueError:
        raise InputError(f"{name} must be a number or lin_NUMBER, not '{text}'.") from None


def _falling(initial: float, remaining: float) -> float:
    """A schedule's value where so much of the training, from 1 to 0, remains."""
    return initial * remaining


def _noise(values: dict[str, Any], env: Any) -> Any:
    import numpy as np
    from stable_baselines3.common.noise import NormalActionNoise

    if values["noise_type"] != "normal":
        raise InputError(f"noise_type must be normal, not {values['noise_type']!r}.")
    size = env.action_space.shape[0]
    return NormalActionNoise(np.zeros(size), float(values.get("noise_std", 0.1)) * np.ones(size))
