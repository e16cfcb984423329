"""Plays the log of a run to another controller, and counts how often it would choose alike."""

import sys
from pathlib import Path

from tvfs_gym.baselines import CONTROLLERS
from tvfs_gym.envs import Window
from tvfs_gym.experiments.board.replay import Log


def main(folder: str, controller: str = "tvfs") -> float:
    """Steps through a log as through any environment: nothing is made up, actions change nothing.

    Args:
        folder: What ``tvfs-gym run --output`` wrote, on a board or on a twin.
        controller: Name of a baseline.

    Returns:
        Share of the steps in which it chooses as the logged controller did, 0..1.
    """
    log = Log(Path(folder))
    alike = steps = 0
    for episode in log.episodes:
        env = log.env(episode)  # a tvfs_gym.envs.ReplayEnv
        policy = CONTROLLERS[controller](log.design(env))
        observation, _ = env.reset(seed=0)
        state, ended, hottest_c = None, False, 0.0
        while not ended:
            action, state = policy.predict(observation, state)
            observation, _, terminated, truncated, info = env.step(action)
            hottest_c = max(hottest_c, Window(info["window"]).temperature_max_c)
            alike, steps = alike + info["matched"], steps + 1
            ended = terminated or truncated
        print(f"{episode.controller}, seed {episode.seed}: up to {hottest_c:.1f} degC")
    print(f"{controller} chooses alike in {alike} of {steps} steps")
    return alike / steps


if __name__ == "__main__":
    main(*sys.argv[1:])
