"""The objective of a trained policy: the reward that it learnt from."""

from typing import Any

from tvfs_gym.baselines.controller import Policy
from tvfs_gym.envs.reward import DEFAULT_REWARD

OWN_REWARDS = ("lotus", "q_table", "ztt", "ztt_released")
"""Algorithms that, unless told otherwise, learn from a reward of their own."""


def training_of(policy: Policy) -> dict[str, Any]:
    """Columns of an episode: reward and seed of its policy's training; null if it had none."""
    card = getattr(policy, "card", None)
    if card is None:
        return {"objective": None, "training_seed": None}
    reward = card.training.get("environment", {}).get("reward")
    default = "its own reward" if card.algorithm in OWN_REWARDS else DEFAULT_REWARD
    return {"objective": reward or default, "training_seed": card.training.get("seed")}
