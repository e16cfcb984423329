"""What an algorithm of stable-baselines3 or sb3-contrib has learnt, taken out as arrays."""

from inspect import signature
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from tvfs_gym.agents.exported import ExportedPolicy
from tvfs_gym.agents.interface.rungs import rungs_of
from tvfs_gym.agents.network import Activation, Network
from tvfs_gym.agents.policy import NAMES, Card, NetworkPolicy
from tvfs_gym.agents.recurrent import RecurrentNetwork
from tvfs_gym.agents.rungs import INPUTS
from tvfs_gym.envs.actions import Actions
from tvfs_gym.envs.errors import InputError

STEPS = 16
"""Steps over which what was taken out is compared with the trainer's own decisions."""

MOST_DIFFERENT = 1e-3
"""Share of the decisions that may differ: products round otherwise, which shows in a near tie."""

Policy = ExportedPolicy | NetworkPolicy


class _Taken(NamedTuple):
    """Layers of a model: an optional memory before them, and what their outputs mean."""

    memory: Any
    modules: list[Any]
    outputs: Literal["discrete", "box", "squashed"]


def exported(model: Any, env: Any, card: dict[str, Any]) -> Policy:
    """The deterministic policy of a model, without PyTorch.

    Args:
        model: PPO, A2C, DQN, SAC or TD3 of stable-baselines3, MaskablePPO or RecurrentPPO of
            sb3-contrib.
        env: Its vector environment.
        card: Entries of its card.

    Raises:
        InputError: The policy or the environment is of a kind that cannot be taken out.
    """
    taken = _taken(model)
    network = _network(taken.modules)
    masked = "action_masks" in signature(model.predict).parameters
    knowledge = _knowledge(model, env)
    actions: Actions = env.get_attr("actions")[0]
    common: dict[str, Any] = {"activation": network.activation, "masked": masked, **card}
    if knowledge is None and taken.memory is None and taken.outputs == "discrete":
        return NetworkPolicy(
            Card(kind="network", inputs=NAMES, **common),
            actions.table[:, :2],
            network,
            actions.pass_latency_s if masked else None,
        )
    inputs = NAMES if knowledge is None else INPUTS
    return ExportedPolicy(
        Card(kind="exported", inputs=inputs, knowledge=knowledge, outputs=taken.outputs, **common),
        network if taken.memory is None else _recurrent(taken.memory, network),
    )


def compare_decisions(policy: Policy, model: Any, env: Any, steps: int = STEPS) -> None:
    """Compares a policy's decisions with those of the model that it was taken from.

    Args:
        policy: From `exported`.
        model: The model.
        env: Vector environment, which is reset and stepped by the model's decisions.
        steps: How often.

    Raises:
        InputError: They differ.
    """
    observations, state, hidden = env.reset(), None, policy.hidden(env.num_envs)
    begins = np.ones(env.num_envs, bool)
    different = 0
    for _ in range(steps):
        keywords = (
            {"action_masks": np.stack(env.env_method("action_masks"))} if policy.card.masked else {}
        )
        actions, state = model.predict(observations, state, begins, deterministic=True, **keywords)
        decisions, hidden = policy.decide(observations, hidden)
        different += int((decisions != _decisions(actions, policy, env)).sum())
        observations, _, begins, _ = env.step(actions)
        if begins.any():
            break
    if different > MOST_DIFFERENT * steps * env.num_envs:
        raise InputError(
            f"the policy taken out decides otherwise than its model {different} times in "
            f"{steps * env.num_envs}: it is not written; use the model's own file."
        )


def save_policy(model: Any, folder: Path | str) -> None:
    """Writes what a model has learnt as a controller that runs without PyTorch.

    Args:
        model: PPO, A2C, DQN, SAC or TD3 of stable-baselines3, MaskablePPO or RecurrentPPO of
            sb3-contrib, which was trained on twins or a board of this package, with both
            `TableActions` and `HistoryObservation` or none of them. What MaskablePPO has learnt
            masks its choices as the environment does.
        folder: Made if need be; `tvfs_gym.agents.load_policy` and ``--controller`` take it.

    Raises:
        InputError: The model has no environment, or is of another kind.
    """
    env = model.get_env()
    if env is None:
        raise InputError(
            "the model has no environment, which says what its actions are: load it with "
            f"{type(model).__name__}.load(FILE, env=ENV)."
        )
    policy = exported(model, env, card_of(model, env))
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    policy.save(target)


def card_of(model: Any, env: Any) -> dict[str, Any]:
    """Entries of a model's card that its vector environment tells."""
    scales, board = (env.get_attr(name)[0] for name in ("scales", "board"))
    return {
        "algorithm": type(model).__name__.lower(),
        "board": "linux" if board.profile is None else board.profile.name,
        "family": board.family.name,
        "topologies": len(board.family.topologies),
        "vf_levels": len(board.operating_points),
        "scales": tuple(scales.tolist()),
        "training": {"steps": int(model.num_timesteps)},
    }


def _taken(model: Any) -> _Taken:
    policy = model.policy
    if hasattr(policy, "q_net"):
        return _Taken(None, [*policy.q_net.q_net], "discrete")
    if hasattr(policy, "actor"):
        actor = policy.actor
        if hasattr(actor, "latent_pi"):
            return _Taken(None, [*actor.latent_pi, actor.mu], "squashed")
        return _Taken(None, [*actor.mu][:-1], "squashed")
    if isinstance(model.action_space, spaces.Discrete | spaces.Box):
        outputs: Any = "box" if isinstance(model.action_space, spaces.Box) else "discrete"
        modules = [*policy.mlp_extractor.policy_net, policy.action_net]
        return _Taken(getattr(policy, "lstm_actor", None), modules, outputs)
    raise InputError(
        f"a policy of a discrete action space or a box can be taken out, not one of "
        f"{model.action_space}: train with action_space='discrete'."
    )


def _network(modules: list[Any]) -> Network:
    import torch

    layers = [module for module in modules if isinstance(module, torch.nn.Linear)]
    between = {type(module) for module in modules} - {torch.nn.Linear}
    if between - {torch.nn.ReLU} and between - {torch.nn.Tanh}:
        names = ", ".join(sorted(kind.__name__ for kind in between))
        raise InputError(
            f"a network of linear layers with ReLU or Tanh can be taken out, not {names}."
        )
    activation: Activation = "tanh" if torch.nn.Tanh in between else "relu"
    weights = [_array(layer.weight.T) for layer in layers]
    return Network(weights, [_array(layer.bias) for layer in layers], activation)


def _recurrent(memory: Any, head: Network) -> RecurrentNetwork:
    if memory.num_layers != 1:
        raise InputError(f"a memory of one layer can be taken out, not of {memory.num_layers}.")
    bias = _array(memory.bias_ih_l0 + memory.bias_hh_l0)
    return RecurrentNetwork(
        _array(memory.weight_ih_l0.T), _array(memory.weight_hh_l0.T), bias, head
    )


def _array(tensor: Any) -> NDArray[np.float32]:
    return np.ascontiguousarray(tensor.detach().numpy()).copy()


def _knowledge(model: Any, env: Any) -> Any:
    """What the model's learning interface knows; None if it has none.

    Raises:
        InputError: It has half of one.
    """
    board, actions = env.get_attr("board")[0], env.get_attr("actions")[0]
    sees = model.observation_space.shape != (len(NAMES),)
    chooses = model.action_space != actions.space
    if not sees and not chooses:
        return None
    if sees != chooses:
        raise InputError(
            "a policy with both TableActions and HistoryObservation, or none of them, can be taken "
            f"out, not one of {model.observation_space} and {model.action_space}."
        )
    interface = env.get_attr("tracker")[0].interface
    assert interface.levels == len(board.operating_points)
    return interface.knowledge


def _decisions(actions: NDArray[Any], policy: Policy, env: Any) -> NDArray[np.int64]:
    """Rungs, or numbers of the discrete actions, of a model's actions."""
    if policy.card.knowledge is not None:
        return rungs_of(actions, policy.card.vf_levels, env.action_space)
    rows = env.get_attr("actions")[0].rows(actions)
    return np.asarray(rows, np.int64)
