"""Policies that ship with the package, by name; ``make pretrained`` trains them anew.

Each is tied to the board and the family that it was trained on. None was trained or chosen on a
suite of the benchmark, nor on its seeds.
"""

from pathlib import Path

from tvfs_gym.agents.policy import CARD, GreedyPolicy, load
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.errors import unknown
from tvfs_gym.envs.inference.topology import load_family

FOLDER = Path(__file__).parent


def pretrained_names() -> tuple[str, ...]:
    """Lists them."""
    return tuple(sorted(card.parent.name for card in FOLDER.glob(f"*/{CARD}")))


def load_pretrained(name: str) -> GreedyPolicy:
    """Loads one.

    Raises:
        InputError: There is no such policy.
    """
    if name not in pretrained_names():
        raise unknown("pretrained policy", name, pretrained_names())
    return load(FOLDER / name)


def not_for(policy: GreedyPolicy, board: str, family: str) -> str | None:
    """Why a policy cannot run on a board, in one sentence; None if it can.

    Args:
        policy: Any that was trained.
        board: Profile: name or TOML file.
        family: Topology family: name or TOML file.
    """
    card = policy.card
    here = load_profile(board).name, load_family(family).name
    if (card.board, card.family) == here:
        return None
    return (
        f"it was trained on {card.board} with the family {card.family}, this is {here[0]} with "
        f"{here[1]}"
    )
