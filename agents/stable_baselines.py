"""Training stable-baselines3 on a batch of twins, and taking its networks out as arrays."""

from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces

from tvfs_gym.agents.network import Activation, Network
from tvfs_gym.agents.policy import NAMES, Card, NetworkPolicy
from tvfs_gym.envs.actions import Actions
from tvfs_gym.envs.errors import InputError

BEST_FOLDER = "best"
"""Where the best policy by evaluation stands, under the name stable-baselines3 gives it."""


def train_stable_baselines(
    algorithm: str,
    arguments: dict[str, Any],
    environment: dict[str, Any],
    envs: int,
    steps: int,
    seeds: tuple[int, int],
    judging: tuple[int, int, int],
    card: dict[str, Any],
    folder: Path,
    progress_bar: bool,
) -> None:
    """Trains and saves a policy; interrupted, what was learnt so far is saved.

    Writes into the folder: the policy as `ALGORITHM.zip`, the best one by evaluation under `best/`
    and, without need of PyTorch, as `tvfs_gym.agents.policy` has it; evaluations under
    `evaluations/`, and TensorBoard's events if it is installed.

    Args:
        algorithm: ``ppo``, ``dqn`` or ``a2c``.
        arguments: Arguments of the algorithm.
        environment: Arguments of `tvfs_gym.agents.stable_baselines_env.TwinVecEnv`.
        envs: Twins.
        steps: Environment steps, over all twins together.
        seeds: Seeds of the first twin, and of networks and exploration.
        judging: How often it is judged, on how many episodes, and the seed of the first one.
        card: Entries of the policy's card.
        folder: The run's folder.
        progress_bar: True to show a progress bar.
    """
    import stable_baselines3
    import torch
    from stable_baselines3.common.callbacks import EvalCallback

    from tvfs_gym.agents.stable_baselines_env import TwinVecEnv

    # A policy of two small layers gains nothing from more threads, and loses much on a busy host.
    torch.set_num_threads(1)
    evaluations, episodes, evaluation_seed = judging
    twins, judged = (TwinVecEnv(count, **environment) for count in (envs, episodes))
    judged.begin_each_reset_with(evaluation_seed)
    callback = EvalCallback(
        judged,
        n_eval_episodes=episodes,
        eval_freq=max(steps // envs // evaluations, 1),
        log_path=str(folder / "evaluations"),
        best_model_save_path=str(folder / BEST_FOLDER),
        verbose=0,
    )
    kind = getattr(stable_baselines3, algorithm.upper())
    model = kind(
        "MlpPolicy",
        twins,
        seed=seeds[1],
        device="cpu",
        tensorboard_log=str(folder / "tensorboard") if _tensorboard() else None,
        **arguments,
    )
    twins.seed(seeds[0])
    try:
        model.learn(steps, callback=callback, progress_bar=progress_bar)
    finally:
        model.save(folder / f"{algorithm}.zip")
        best = folder / BEST_FOLDER / "best_model.zip"
        chosen = kind.load(best, device="cpu") if best.is_file() else model
        exported(chosen, twins.twins.actions, card).save(folder)
        twins.close()
        judged.close()


def exported(model: Any, actions: Actions, card: dict[str, Any]) -> NetworkPolicy:
    """The deterministic policy of a model with the policy ``MlpPolicy``, without PyTorch.

    Args:
        model: A2C, DQN or PPO of stable-baselines3, or MaskablePPO of sb3-contrib.
        actions: Actions of its environment.
        card: Entries of its card.
    """
    import torch

    policy = model.policy
    if hasattr(policy, "q_net"):
        modules = [*policy.q_net.q_net]
    else:
        modules = [*policy.mlp_extractor.policy_net, policy.action_net]
    layers = [module for module in modules if isinstance(module, torch.nn.Linear)]
    activation: Activation = (
        "tanh" if any(isinstance(module, torch.nn.Tanh) for module in modules) else "relu"
    )
    weights = [np.ascontiguousarray(layer.weight.detach().numpy().T) for layer in layers]
    biases = [layer.bias.detach().numpy().copy() for layer in layers]
    masked = "action_masks" in signature(model.predict).parameters
    return NetworkPolicy(
        Card(kind="network", inputs=NAMES, activation=activation, masked=masked, **card),
        actions.table[:, :2],
        Network(weights, biases, activation),
        actions.pass_latency_s if masked else None,
    )


def save_policy(model: Any, folder: Path | str) -> None:
    """Writes what a model has learnt as a controller that runs without PyTorch.

    Args:
        model: A2C, DQN or PPO of stable-baselines3, or MaskablePPO of sb3-contrib, with the policy
            ``MlpPolicy``, which was trained on twins or a board of this package, in the discrete
            action space. What MaskablePPO has learnt masks its choices as the environment does.
        folder: Made if need be; `tvfs_gym.agents.load_policy` and ``--controller`` take it.

    Raises:
        InputError: The model has another action space, or no environment.
    """
    twins = model.get_env()
    if twins is None or not isinstance(model.action_space, spaces.Discrete):
        raise InputError(
            f"a policy of the discrete action space with its environment is needed, not one of "
            f"{model.action_space}: train with action_space='discrete'."
        )
    actions, scales, board = (twins.get_attr(name)[0] for name in ("actions", "scales", "board"))
    card = {
        "algorithm": type(model).__name__.lower(),
        "board": "linux" if board.profile is None else board.profile.name,
        "family": board.family.name,
        "topologies": len(board.family.topologies),
        "vf_levels": len(board.operating_points),
        "scales": tuple(scales.tolist()),
        "training": {"steps": int(model.num_timesteps)},
    }
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    exported(model, actions, card).save(target)


def _tensorboard() -> bool:
    from importlib.util import find_spec

    return find_spec("tensorboard") is not None
