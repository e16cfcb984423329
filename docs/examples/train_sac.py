"""Trains SAC of stable-baselines3 on the continuous actions: VF level and topology in -1..1."""

import gymnasium
from stable_baselines3 import SAC
from stable_baselines3.common.monitor import Monitor

import tvfs_gym  # noqa: F401


def main(steps: int = 20_000, learning_starts: int = 1_000) -> SAC:
    """Trains, and prints the mean return of the last episodes.

    Args:
        steps: Steps of training; each updates the networks once, so this takes minutes.
        learning_starts: Steps of random actions before the first update.

    Returns:
        What was trained.
    """
    env = gymnasium.make("tvfs_gym/OdroidXU4-v1", action_space="box", photographs="design")
    model = SAC("MlpPolicy", Monitor(env), gamma=0.95, learning_starts=learning_starts, seed=0)
    model.learn(steps)
    returns = [episode["r"] for episode in model.ep_info_buffer or ()]
    if returns:
        print(f"{sum(returns) / len(returns):.1f} of 200 in the last {len(returns)} episodes")
    return model


if __name__ == "__main__":
    main()
