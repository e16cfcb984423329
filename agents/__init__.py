"""Learned controllers, run side by side with the baselines.

The modules behind the public names load when first used: those of stable-baselines3 need PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tvfs_gym.agents.interface.interface import Interface as Interface
    from tvfs_gym.agents.interface.vector_wrappers import (
        VectorHistoryObservation as VectorHistoryObservation,
    )
    from tvfs_gym.agents.interface.vector_wrappers import VectorTableActions as VectorTableActions
    from tvfs_gym.agents.interface.wrappers import HistoryObservation as HistoryObservation
    from tvfs_gym.agents.interface.wrappers import TableActions as TableActions
    from tvfs_gym.agents.stable_baselines.export import save_policy as save_policy
    from tvfs_gym.agents.stable_baselines_env import TwinVecEnv as TwinVecEnv
    from tvfs_gym.agents.training import load_policy as load_policy
    from tvfs_gym.agents.training import train as train

MODULES = {
    "HistoryObservation": "interface.wrappers",
    "Interface": "interface.interface",
    "TableActions": "interface.wrappers",
    "TwinVecEnv": "stable_baselines_env",
    "VectorHistoryObservation": "interface.vector_wrappers",
    "VectorTableActions": "interface.vector_wrappers",
    "load_policy": "training",
    "save_policy": "stable_baselines.export",
    "train": "training",
}
"""Modules of the public names."""

__all__ = [*MODULES]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"tvfs_gym.agents.{MODULES[name]}"), name)
