"""The gym: boards under continuous inference as Gymnasium environments.

Importing this package registers the environments; the modules behind them load when first used.
"""

from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import gymnasium

from tvfs_gym.envs.limits import MOST_FRAMES
from tvfs_gym.envs.toml import tomllib

if TYPE_CHECKING:
    from tvfs_gym.envs.board_env import BoardEnv as BoardEnv
    from tvfs_gym.envs.boards.board import Configuration as Configuration
    from tvfs_gym.envs.boards.profile import load_profile as load_profile
    from tvfs_gym.envs.boards.window import Window as Window
    from tvfs_gym.envs.errors import BoardError as BoardError
    from tvfs_gym.envs.errors import InputError as InputError
    from tvfs_gym.envs.inference.topology import load_family as load_family
    from tvfs_gym.envs.linux_env import LinuxBoardEnv as LinuxBoardEnv
    from tvfs_gym.envs.replay_env import ReplayEnv as ReplayEnv
    from tvfs_gym.envs.reward import REWARDS as REWARDS
    from tvfs_gym.envs.scenario import Change as Change
    from tvfs_gym.envs.scenario import Scenario as Scenario
    from tvfs_gym.envs.scenario import Sensing as Sensing
    from tvfs_gym.envs.scenario import Unit as Unit
    from tvfs_gym.envs.twin_env import TwinEnv as TwinEnv
    from tvfs_gym.envs.twin_vector_env import TwinVectorEnv as TwinVectorEnv

MODULES = {
    "BoardEnv": "board_env",
    "BoardError": "errors",
    "Change": "scenario",
    "Configuration": "boards.board",
    "InputError": "errors",
    "LinuxBoardEnv": "linux_env",
    "REWARDS": "reward",
    "ReplayEnv": "replay_env",
    "Scenario": "scenario",
    "Sensing": "scenario",
    "TwinEnv": "twin_env",
    "TwinVectorEnv": "twin_vector_env",
    "Unit": "scenario",
    "Window": "boards.window",
    "load_family": "inference.topology",
    "load_profile": "boards.profile",
}
"""Modules of the public names."""

__all__ = [*MODULES]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"tvfs_gym.envs.{MODULES[name]}"), name)


def _register_twin(environment_id: str, **arguments: str) -> None:
    gymnasium.register(
        id=environment_id,
        entry_point="tvfs_gym.envs.twin_env:TwinEnv",
        vector_entry_point="tvfs_gym.envs.twin_vector_env:TwinVectorEnv",
        max_episode_steps=MOST_FRAMES,
        kwargs=arguments,
    )


def _register_twins() -> None:
    """Registers the twin of every profile that ships, under the id that the profile names."""
    profiles = files("tvfs_gym.envs") / "boards" / "profiles"
    for file in sorted(profiles.iterdir(), key=lambda file: file.name):
        profile = tomllib.loads(file.read_text(encoding="utf-8"))
        _register_twin(profile["environment_id"], profile=file.name.removesuffix(".toml"))
    _register_twin("tvfs_gym/Twin-v1")


_register_twins()
gymnasium.register(
    id="tvfs_gym/LinuxBoard-v1",
    entry_point="tvfs_gym.envs.linux_env:LinuxBoardEnv",
    max_episode_steps=MOST_FRAMES,
    nondeterministic=True,
)
