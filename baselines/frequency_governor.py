"""Controllers of the clock alone, the kernel's governors among them, under a given network.

The network is the most accurate one that meets L_c, on a cold board, at the clock that the
controller will hold (`Design.most_accurate`): where the clock is fixed, at that one; where it
moves, at the highest, which is how a network is chosen when heat is not thought of.
"""

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.controller import Choice, Controller, Design, State
from tvfs_gym.baselines.fixed import Fixed
from tvfs_gym.envs.boards.board import Configuration
from tvfs_gym.envs.governors import Governors
from tvfs_gym.envs.observation import Reading


class FrequencyGovernor(Controller):
    """Moves the VF level under a given network.

    Attributes:
        governors: The kernel's governors for which it stands. A twin's kernel runs them, at their
            own rate, if they are set before the episode: then `held` is all that is left to do.
            `decide` restates them in user space, once per step. None if there are none.

    Args:
        design: Knowledge before the run.
    """

    governors: Governors | None = None

    def __init__(self, design: Design) -> None:
        super().__init__(design)
        self._topology = design.most_accurate(design.highest).topology

    def decide(self, reading: Reading, state: State) -> tuple[Choice, State]:
        """Chooses the VF level, and keeps the network."""
        level, state = self.level(reading, state)
        return Choice(np.full(len(level), self._topology), level), state

    def held(self) -> Fixed:
        """The network, at the highest VF level that the kernel's governors allow."""
        return Fixed(self.design, Configuration(self._topology, self.design.highest))

    @abstractmethod
    def level(self, reading: Reading, state: State) -> tuple[NDArray[np.int64], State]:
        """Chooses VF levels; arguments and results as in `Controller.decide`."""
