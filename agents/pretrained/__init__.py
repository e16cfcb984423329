"""Policies that ship with the package, by name; ``make pretrained`` trains them anew.

Each is tied to the board and the family that it was trained on; some names have one for each of
several boards. None was trained or chosen on a suite of the benchmark, nor on its seeds.
"""

from pathlib import Path

from tvfs_gym.agents.policy import CARD
from tvfs_gym.agents.policy_file import TrainedPolicy, load
from tvfs_gym.agents.rungs import ANY_BOARD
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.errors import InputError, unknown
from tvfs_gym.envs.inference.topology import load_family

FOLDER = Path(__file__).parent


def pretrained_names() -> tuple[str, ...]:
    """Lists them."""
    cards = (*FOLDER.glob(f"*/{CARD}"), *FOLDER.glob(f"*/*/{CARD}"))
    return tuple(sorted({card.relative_to(FOLDER).parts[0] for card in cards}))


def boards_of(name: str) -> tuple[str, ...]:
    """Boards that each have a policy of their own under a name; none if there is one for all."""
    return tuple(sorted(card.parent.name for card in (FOLDER / name).glob(f"*/{CARD}")))


def load_pretrained(name: str, board: str | None = None) -> TrainedPolicy:
    """Loads one.

    Args:
        name: Its name.
        board: Name of the board, for a name that has a policy for each of several.

    Raises:
        InputError: There is no such policy, or none for the board.
    """
    if name not in pretrained_names():
        raise unknown("pretrained policy", name, pretrained_names())
    boards = boards_of(name)
    if not boards:
        return load(FOLDER / name)
    if board not in boards:
        raise InputError(f"{name} {_none_for(board, boards)}.")
    return load(FOLDER / name / board)


def unsuited_pretrained(name: str, board: str, family: str) -> str | None:
    """Why the policy of a name cannot run on a board, in a clause; None if it can.

    Args:
        name: One of `pretrained_names`.
        board: Profile: name or TOML file.
        family: Topology family: name or TOML file.
    """
    here, boards = load_profile(board).name, boards_of(name)
    if boards and here not in boards:
        return f"it {_none_for(here, boards)}"
    return not_for(load_pretrained(name, here), board, family)


def _none_for(board: str | None, boards: tuple[str, ...]) -> str:
    here = "a board without a profile" if board is None else board
    return f"has a policy for each of {', '.join(boards)}, and none for {here}"


def not_for(policy: TrainedPolicy, board: str, family: str) -> str | None:
    """Why a policy cannot run on a board, in one sentence; None if it can.

    Args:
        policy: Any that was trained.
        board: Profile: name or TOML file.
        family: Topology family: name or TOML file.
    """
    card = policy.card
    here = load_profile(board).name, load_family(family).name
    if card.board == ANY_BOARD or (card.board, card.family) == here:
        return None
    return (
        f"it was trained on {card.board} with the family {card.family}, this is {here[0]} with "
        f"{here[1]}"
    )
