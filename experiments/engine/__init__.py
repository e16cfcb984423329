"""Runs independent trials: on processes of this machine, or on a Ray cluster."""

from tvfs_gym.experiments.engine.engine import Engine, TrialError, Trials
from tvfs_gym.experiments.engine.registry import DEFAULT_ENGINE, open_engine

__all__ = ["DEFAULT_ENGINE", "Engine", "TrialError", "Trials", "open_engine"]
