"""Runs in the guest: holds the board through the driver, and does what it is told.

Usage: ``pilot.py FOLDER``, with two named pipes in the folder: from ``asked`` come lines of a
command and a JSON value, into ``told`` go the answers, a JSON value a line.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

import tvfs_gym  # noqa: F401 registers the environments
from tvfs_gym.envs.boards.board import Configuration
from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.linux_env import LinuxBoardEnv


class Pilot:
    """The environment of this machine, and what can be asked of it."""

    def __init__(self, arguments: dict[str, Any]) -> None:
        env = gymnasium.make("tvfs_gym/LinuxBoard-v1", **arguments).unwrapped
        assert isinstance(env, LinuxBoardEnv)
        self.env = env

    def about(self, _: Any) -> Any:
        """What was found."""
        machine = self.env.board.machine
        return {
            "levels_khz": machine.levels_khz,
            "limit_c": machine.limit.limit_c,
            "topologies": [topology.name for topology in self.env.board.family.topologies],
            "nominal_latency_s": self.env.board.nominal_latency_s,
        }

    def request(self, level: int) -> Any:
        """Asks the driver for a VF level, and looks."""
        self.env.board.machine.request(level)
        return self.look(None)

    def look(self, _: Any) -> Any:
        """A sample of the driver's."""
        return asdict(self.env.board.machine.look())

    def reset(self, seed: int) -> Any:
        """Begins an episode."""
        observation, _ = self.env.reset(seed=seed)
        return observation.tolist()

    def step(self, configuration: list[int]) -> Any:
        """A step of the environment, with its topology and VF level."""
        action = self.env.action(Configuration(*configuration))
        observation, reward, _, truncated, info = self.env.step(action)
        inside = bool(np.all(np.isfinite(observation))) and observation in (
            self.env.observation_space
        )
        window = Window(info["window"]).as_dict()
        return {"reward": reward, "truncated": truncated, "inside": inside} | window | info["board"]

    def close(self, _: Any) -> Any:
        """Gives the board back."""
        self.env.close()
        return None


def main(folder: Path) -> None:
    """Opens the board when it is first told how, then obeys."""
    pilot: Pilot | None = None
    while True:
        with (folder / "asked").open() as asked:
            name, _, value = asked.readline().partition(" ")
        if pilot is None:
            pilot = Pilot(json.loads(value))
            answer = pilot.about(None)
        else:
            answer = getattr(pilot, name)(json.loads(value))
        with (folder / "told").open("w") as told:
            print(json.dumps(answer), file=told)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
