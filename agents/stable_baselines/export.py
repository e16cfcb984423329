"""What an algorithm of stable-baselines3 or sb3-contrib has learnt, taken out as arrays."""

from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces

from tvfs_gym.agents.network import Activation, Network
from tvfs_gym.agents.policy import NAMES, Card, NetworkPolicy
from tvfs_gym.envs.actions import Actions
from tvfs_gym.envs.errors import InputError


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
