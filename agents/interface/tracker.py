"""The interface of a batch of boards that are stepped: it keeps their memory for the wrappers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.agents.interface.features import G, Q
from tvfs_gym.agents.interface.interface import Features, Interface, Knowledge, State
from tvfs_gym.baselines import design_of
from tvfs_gym.baselines.characterisation.characterisation import Characterisation
from tvfs_gym.baselines.controller import Choice
from tvfs_gym.envs.board_env import BoardEnv
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv

Measured = Characterisation | Path | str | None
"""A characterisation, or the file or folder that ``tvfs-gym characterise`` wrote; None to measure a
twin."""


class Tracker:
    """Memory and present features of a batch of boards.

    Args:
        interface: The boards' interface.

    Attributes:
        interface: The same.
        features: What a learner sees now, shape (batch, features).
    """

    def __init__(self, interface: Interface) -> None:
        self.interface = interface
        self.features: Features = np.zeros((0, *interface.observation_space.shape), np.float32)
        self._state: State = interface.start(0)

    def begin(self, observations: NDArray[np.float32], scenarios: Sequence[Scenario]) -> None:
        """Begins an episode on every board, under these scenarios."""
        start = self.interface.start(len(scenarios), scenarios)
        self.features, self._state = self.interface.observe(observations, start)

    def begin_some(
        self,
        which: NDArray[np.int64],
        observations: NDArray[np.float32],
        scenarios: Sequence[Scenario],
    ) -> None:
        """Begins an episode on some boards.

        Args:
            which: Indices of the boards.
            observations: Their observations.
            scenarios: Theirs, too.
        """
        start = self.interface.start(len(which), scenarios)
        features, state = self.interface.observe(observations, start)
        self.features = self.features.copy()
        self.features[which] = features
        for mine, new in zip(self._state, state, strict=True):
            mine[which] = new

    def follow(self, observations: NDArray[np.float32]) -> None:
        """Takes the observations of the next step in."""
        self.features, self._state = self.interface.observe(observations, self._state)

    def choose(self, rungs: NDArray[np.int64]) -> Choice:
        """Takes rungs as configurations, and notes that they were chosen."""
        choice, self._state = self.interface.choice(rungs, self._state)
        return choice

    def note(self, levels: NDArray[np.int64]) -> None:
        """Notes VF levels that were chosen otherwise."""
        self._state = self.interface.asked(levels, self._state)

    def masks(self) -> NDArray[np.bool_]:
        """Marks the rungs that throttling allows, at least one; shape (batch, levels)."""
        return rung_masks(self.features)


def rung_masks(features: Features) -> NDArray[np.bool_]:
    """Marks the rungs that throttling allows, at least one, in a batch of features."""
    return features[:, len(G) + Q.ABOVE_CAP :: len(Q)] == 0.0


def tracker_of(env: Any, knowledge: Knowledge | None, characterisation: Measured) -> Tracker:
    """Makes a tracker for an environment, one board or a batch.

    Args:
        env: The environment, unwrapped.
        knowledge: See `Interface`; None for ``characterised``.
        characterisation: Of its board; None to measure a twin now.

    Raises:
        InputError: It is no environment of this package, or see `Interface`.
    """
    if not isinstance(env, BoardEnv | TwinVectorEnv):
        raise InputError(f"the learning interface needs an environment of this package, not {env}.")
    generic = knowledge == "generic"
    return Tracker(
        Interface(
            design_of(env, characterisation, measures=not generic), knowledge or "characterised"
        )
    )


def checked(tracker: Tracker, knowledge: Knowledge | None, characterisation: Measured) -> Tracker:
    """The tracker of an inner wrapper, for an outer one.

    Raises:
        InputError: The outer one asks for another.
    """
    if characterisation is not None or knowledge not in (None, tracker.interface.knowledge):
        raise InputError(
            "the inner wrapper says already what is known of the board "
            f"('{tracker.interface.knowledge}'): give knowledge and characterisation to that one."
        )
    return tracker
