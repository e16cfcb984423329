"""Rewards a vector, by MO-Gymnasium's convention, and weighs it (needs mo-gymnasium)."""

from typing import Any

import gymnasium
import numpy as np
from mo_gymnasium.wrappers import LinearReward

import tvfs_gym  # noqa: F401
from tvfs_gym import baselines
from tvfs_gym.envs import Window

OBJECTIVES = "accuracy", "latency", "energy", "head-room"


class MultiObjective(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Rewards a vector, all of it to be maximised; ``info["scalar_reward"]`` keeps the scalar.

    Share of right answers, 0..1; mean latency in L_c, negative; energy per frame in J, negative;
    T_max less the highest die temperature, in 50 K.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        low, high = np.array([0, -np.inf, -np.inf, -np.inf]), np.array([1, 0, 0, np.inf])
        space = gymnasium.spaces.Box(low.astype("f4"), high.astype("f4"))
        self.unwrapped.reward_space = self.reward_space = space  # MO-Gymnasium looks there

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Steps; the reward has the shape (4,)."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        w = Window(info["window"])
        latency, energy = -w.latency_mean_s / w.latency_constraint_s, -w.energy_j / w.frames
        room = (w.t_max_c - w.temperature_max_c) / 50.0
        vector = w.correct_frames / w.frames, latency, energy, room
        info["scalar_reward"] = reward
        return observation, np.array(vector, "f4"), terminated, truncated, info


def main(steps: int = 200) -> None:
    """Prints what controllers gain in every objective, and under one weighing of them."""
    weight = np.array([1.0, 0.0, 0.2, 0.0])
    for name in ("performance", "tvfs", "powersave"):
        board = gymnasium.make("tvfs_gym/OdroidXU4-v1")
        controller = baselines.make(name, board)
        env = LinearReward(MultiObjective(board), weight)
        (observation, _), state, vectors = env.reset(seed=0), None, []
        for _ in range(steps):
            action, state = controller.predict(observation, state)
            observation, _, _, _, info = env.step(action)
            vectors.append(info["vector_reward"])
        mean = np.mean(vectors, axis=0)
        parts = " ".join(f"{n} {v:.2f}" for n, v in zip(OBJECTIVES, mean, strict=True))
        print(f"{name:11} {parts} sum {mean @ weight:.2f}")


if __name__ == "__main__":
    main()
