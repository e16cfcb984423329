"""Controllers by what a user calls them."""

from collections.abc import Sequence
from pathlib import Path

from tvfs_gym.agents.sb3 import PolicyController
from tvfs_gym.agents.training import load_policy
from tvfs_gym.baselines import CONTROLLERS, build
from tvfs_gym.baselines.characterisation import Characterisation
from tvfs_gym.baselines.controller import Controller, Design
from tvfs_gym.baselines.fixed import Fixed
from tvfs_gym.envs.board_env import BoardEnv
from tvfs_gym.envs.boards.board import Board, Configuration
from tvfs_gym.envs.errors import InputError, unknown

FIXED = "@"
"""What stands between topology and clock of a fixed configuration, ``TOPOLOGY@MHZ``."""


def check_controllers(names: Sequence[str]) -> None:
    """Makes sure that every name can mean a controller.

    Raises:
        InputError: One is neither a baseline, a fixed configuration nor a folder.
    """
    for name in names:
        if name not in CONTROLLERS and FIXED not in name and not Path(name).is_dir():
            raise unknown("controller", name, CONTROLLERS)


def needs_characterisation(name: str) -> bool:
    """Whether a controller is built from a board's characterisation."""
    return name in CONTROLLERS


def controller_of(
    name: str, env: BoardEnv, characterisation: Characterisation | None
) -> Controller:
    """A controller by name.

    Args:
        name: A baseline; ``TOPOLOGY@MHZ``, a fixed configuration; or the folder of a training.
        env: The environment that it will act in.
        characterisation: Of its board; only baselines need one.

    Raises:
        InputError: There is no such controller, or it does not fit the environment.
    """
    if name in CONTROLLERS:
        assert characterisation is not None
        return build(name, Design(env, characterisation))
    if FIXED in name:
        return Fixed(Design(env, characterisation), fixed_configuration(name, env.board))  # type: ignore[arg-type]
    policy = load_policy(Path(name))
    if policy.action_space != env.action_space:
        raise InputError(
            f"{name} was trained for {policy.action_space}, and this board with this family has "
            f"{env.action_space}: name the board and family of its training."
        )
    return PolicyController(policy)


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
