"""Controllers of the clock alone: which network they are given."""

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.controller import Choice, Controller, Design, State
from tvfs_gym.envs.observation import Reading


def given_topology(design: Design) -> int:
    """The network of a controller that chooses the clock alone.

    It is the most accurate one that meets L_c at the highest VF level on a cold board, which is how
    a network is chosen when heat is not thought of.
    """
    return design.most_accurate(design.highest).topology


class FrequencyGovernor(Controller):
    """Chooses the VF level under a given network, see `given_topology`.

    Args:
        design: What it may know beforehand.
    """

    def __init__(self, design: Design) -> None:
        super().__init__(design)
        self._topology = given_topology(design)

    def decide(self, reading: Reading, state: State) -> tuple[Choice, State]:
        """Chooses the VF level, and keeps the network."""
        level, state = self.level(reading, state)
        return Choice(np.full(len(level), self._topology), level), state

    @abstractmethod
    def level(self, reading: Reading, state: State) -> tuple[NDArray[np.int64], State]:
        """Chooses VF levels; arguments and results as in `Controller.decide`."""
