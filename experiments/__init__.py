"""The command line, one file per experiment, and what they share: results, statistics, figures."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tvfs_gym.experiments.benchmarks.benchmark import benchmark as benchmark

MODULES = {"benchmark": "benchmarks.benchmark"}
"""Modules of the public names."""

__all__ = [*MODULES]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"tvfs_gym.experiments.{MODULES[name]}"), name)
