"""The objective of a trained policy: the reward that it learnt from."""

from typing import Any

from tvfs_gym.agents.training import ALGORITHMS
from tvfs_gym.baselines import Shield
from tvfs_gym.envs.reward import DEFAULT_REWARD


def training_of(policy: object) -> dict[str, Any]:
    """Columns of an episode: reward and seed of its policy's training; null if it had none."""
    card = getattr(policy.policy if isinstance(policy, Shield) else policy, "card", None)
    if card is None:
        return {"objective": None, "training_seed": None}
    reward = card.training.get("environment", {}).get("reward")
    usual = ALGORITHMS[card.algorithm].reward if card.algorithm in ALGORITHMS else DEFAULT_REWARD
    return {"objective": reward or usual, "training_seed": card.training.get("seed")}
