"""What every controller is, and what a baseline is built from."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.characterisation import Characterisation
from tvfs_gym.envs.board_env import Action, BoardEnv
from tvfs_gym.envs.boards.board import Configuration
from tvfs_gym.envs.errors import InputError


class Controller(ABC):
    """Chooses the action of each step.

    A baseline reads what a board's own sensors and counters tell from `info["window"]`: sensor
    temperature, VF level, cap, latencies and the constraints; never what only a twin knows.
    """

    def reset(self) -> None:  # noqa: B027
        """Forgets the episode; called before each one."""

    @abstractmethod
    def act(self, observation: NDArray[np.float32], info: dict[str, Any]) -> Action:
        """Chooses an action.

        Args:
            observation: As the environment returned it.
            info: Likewise.
        """


@dataclass(frozen=True)
class Design:
    """What a baseline is built from, before the board runs.

    Attributes:
        env: The environment; only `best_fixed` runs it.
        characterisation: What was measured on the board.
    """

    env: BoardEnv
    characterisation: Characterisation

    @property
    def latency_constraint_s(self) -> float:
        """L_c at the episode's start."""
        return self.env.scenario.latency_constraint_s

    @property
    def t_max_c(self) -> float:
        """The scenario's T_max."""
        return self.env.scenario.t_max_c

    def accuracy(self, latency_constraint_s: float | None = None) -> NDArray[np.float64]:
        """Accuracy within a latency constraint, shape (topologies, levels); 0 where none fits.

        Args:
            latency_constraint_s: L_c; None for the one at the episode's start.

        Raises:
            InputError: No configuration meets the constraint.
        """
        constraint_s = latency_constraint_s or self.latency_constraint_s
        accuracy = self.characterisation.accuracy(constraint_s, self.env.scenario)
        if not accuracy.any():
            needed_s = self.characterisation.needed_s(self.env.scenario)
            raise InputError(
                f"no configuration meets a latency constraint of {1e3 * constraint_s:g} ms: the "
                f"fastest one needs {1e3 * needed_s:.3g} ms."
            )
        return accuracy

    def most_accurate(self, vf_level: int) -> Configuration:
        """The most accurate topology that meets L_c at a VF level, or else the fastest one."""
        return Configuration(int(self.accuracy()[:, vf_level].argmax()), vf_level)
