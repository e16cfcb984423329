"""Controllers by what a user calls them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from tvfs_gym.agents.training import load_policy
from tvfs_gym.baselines import CONTROLLERS, HINDSIGHT, build
from tvfs_gym.baselines.controller import Design, Policy, State
from tvfs_gym.baselines.fixed import Twins
from tvfs_gym.envs.actions import Actions
from tvfs_gym.envs.boards.board import Board, Configuration
from tvfs_gym.envs.errors import InputError, unknown

BASELINES = (*CONTROLLERS, *HINDSIGHT)

FIXED = "@"
"""What stands between topology and clock of a fixed configuration, ``TOPOLOGY@MHZ``."""


class Always:
    """A policy of one action, for a board or a batch of them, that needs to know nothing.

    Args:
        actions: The environment's.
        configuration: What is always chosen.
    """

    def __init__(self, actions: Actions, configuration: Configuration) -> None:
        self.action_space = actions.space
        self._action = actions.action(configuration)

    def predict(
        self,
        observation: NDArray[np.float32],
        state: State | None = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[Any, State | None]:
        """Returns the action."""
        if np.ndim(observation) == 1:
            return self._action, state
        return np.stack([self._action] * len(observation)), state


def check_names(names: Sequence[str]) -> None:
    """Makes sure that every name can mean a controller.

    Raises:
        InputError: One is neither a baseline, a fixed configuration nor a folder.
    """
    for name in names:
        if name not in BASELINES and FIXED not in name and not Path(name).is_dir():
            raise unknown("controller", name, BASELINES)


def policy_of(
    name: str,
    board: Board,
    actions: Actions,
    action_spaces: Sequence[spaces.Space[Any]],
    design: Design | None,
    twins: Twins | None,
) -> Policy:
    """A controller by name.

    Args:
        name: A baseline; ``TOPOLOGY@MHZ``, a fixed configuration; or the folder of a training.
        board: What it will run on.
        actions: Of the environment in which a fixed configuration will run.
        action_spaces: What a trained policy may choose from.
        design: What a baseline may know beforehand; None if nothing was measured on the board.
        twins: Makes twins of the very scenario for a baseline in hindsight; None on a real board.

    Raises:
        InputError: There is no such controller, or it does not fit the board.
    """
    if name in BASELINES:
        if design is None:
            raise InputError(
                f"{name} is built from what was measured on the board: run tvfs-gym characterise, "
                "and name its folder with --characterisation."
            )
        if name in CONTROLLERS:
            return build(name, design)
        if twins is None:
            raise InputError(
                f"{name} tries every configuration in the very scenario, which only a twin can do."
            )
        return HINDSIGHT[name](design, twins)
    if FIXED in name and not Path(name).exists():
        return Always(actions, fixed_configuration(name, board))
    policy = load_policy(Path(name))
    if policy.action_space not in action_spaces:
        raise InputError(
            f"{name} was trained for {policy.action_space}, and this board with this family has "
            f"{action_spaces[0]}: name the board and family of its training."
        )
    return policy


def fixed_configuration(name: str, board: Board) -> Configuration:
    """The configuration that ``TOPOLOGY@MHZ`` names.

    Raises:
        InputError: The board has no such topology or clock.
    """
    topology, _, clock = name.rpartition(FIXED)
    if topology not in board.family.names:
        raise unknown("topology", topology, board.family.names)
    clocks = [f"{point.frequency_hz / 1e6:g}" for point in board.operating_points]
    if clock not in clocks:
        raise InputError(
            f"there is no VF level of '{clock}' MHz: choose one of {', '.join(clocks)}."
        )
    return Configuration(board.family.names.index(topology), clocks.index(clock))
