"""What algorithms of stable-baselines3 have learnt decides alike without PyTorch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tvfs_gym.agents.exported import ExportedPolicy
from tvfs_gym.agents.policy import NetworkPolicy
from tvfs_gym.baselines import design_of
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv

pytestmark = pytest.mark.train

TWINS = 8
CONDITIONS: dict[str, Any] = {
    "randomise": True,
    "scenario": {"frames": 300, "changes": [{"at_s": 6.0, "latency_constraint_s": 0.05}]},
}
INTERFACE = {"table_actions": True, "history": True}

CASES = [
    ("ppo", "MlpPolicy", "discrete"), ("ppo", "MlpPolicy", "box"), ("a2c", "MlpPolicy", "discrete"),
    ("dqn", "MlpPolicy", "discrete"), ("sac", "MlpPolicy", "box"), ("td3", "MlpPolicy", "box"),
    ("ppo_lstm", "MlpLstmPolicy", "discrete"), ("ppo_mask", "MlpPolicy", "discrete"),
]  # fmt: skip


def twins(action_space: str, interface: dict[str, Any]) -> Any:
    from tvfs_gym.agents import TwinVecEnv

    env = TwinVecEnv(TWINS, action_space=action_space, **CONDITIONS, **interface)
    env.begin_each_reset_with(5)
    return env


def untrained(algorithm: str, policy: str, env: Any) -> Any:
    """A model whose decisions differ from observation to observation."""
    import torch

    from tvfs_gym.agents.stable_baselines.algorithms import model_class

    model = model_class(algorithm)(policy, env, seed=1, device="cpu")
    noise = 0.1 if model.action_space.shape == () else 0.01
    with torch.no_grad():
        for parameter in model.policy.parameters():
            parameter.add_(noise * torch.randn_like(parameter))
    return model


@pytest.mark.parametrize("interface", [{}, INTERFACE], ids=["observation", "interface"])
@pytest.mark.parametrize(("algorithm", "policy", "action_space"), CASES)
def test_a_controller_runs_the_boards_as_its_model_does(
    algorithm: str, policy: str, action_space: Any, interface: dict[str, Any]
) -> None:
    """From the raw observations on: every reward is the same, and episodes begin anew."""
    from tvfs_gym.agents.stable_baselines.export import card_of, compare_decisions, exported

    env = twins(action_space, interface)
    model = untrained(algorithm, policy, env)
    found = exported(model, env, card_of(model, env))
    compare_decisions(found, model, env)
    raw = TwinVectorEnv(
        TWINS, action_space=action_space, choose_passes=bool(interface), photographs="design",
        **CONDITIONS, autoreset_mode=env.twins.metadata["autoreset_mode"],
    )  # fmt: skip
    controller = found if isinstance(found, NetworkPolicy) else found.on(design_of(raw))
    seen, state, begins = env.reset(), None, np.ones(TWINS, bool)
    observed, memory = raw.reset(seed=5)[0], None
    choices, begun = set(), 0
    for _ in range(40):
        given: dict[str, Any] = {}
        if found.card.masked:
            given["action_masks"] = np.stack(env.env_method("action_masks"))
        actions, state = model.predict(seen, state, begins, deterministic=True, **given)
        chosen, memory = controller.predict(observed, memory, begins)
        seen, expected, begins, _ = env.step(actions)
        observed, rewards, *_ = raw.step(chosen)
        assert np.array_equal(rewards.astype(np.float32), expected)
        choices |= set(np.ravel(actions).tolist())
        begun += int(begins.sum())
    assert len(choices) > 1 and begun >= TWINS


def test_a_policy_that_decides_otherwise_is_found() -> None:
    from tvfs_gym.agents.stable_baselines.export import card_of, compare_decisions, exported

    env = twins("discrete", INTERFACE)
    model = untrained("ppo", "MlpPolicy", env)
    policy = exported(model, env, card_of(model, env))
    assert isinstance(policy, ExportedPolicy)
    policy.network.arrays()["w_1"][:] *= -1.0
    with pytest.raises(InputError, match="decides otherwise than its model"):
        compare_decisions(policy, model, env)


def test_what_cannot_be_taken_out_says_so(tmp_path: Path) -> None:
    from stable_baselines3 import PPO
    from torch import nn

    from tvfs_gym.agents import save_policy

    half = twins("discrete", {"history": True})
    for env, keywords, said in (
        (half, {}, "with both TableActions and HistoryObservation, or none"),
        (twins("multi_discrete", {}), {}, "a discrete action space or a box"),
        (twins("discrete", {}), {"policy_kwargs": {"activation_fn": nn.ELU}}, "ReLU or Tanh"),
    ):
        with pytest.raises(InputError, match=said):
            save_policy(PPO("MlpPolicy", env, device="cpu", **keywords), tmp_path)
