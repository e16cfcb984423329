"""``tvfs-gym policy``: looks at trained policies."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def policy() -> None:
    """Look at trained policies."""


@app.command("check")
def check_policy(
    folder: Annotated[Path, typer.Argument(help="Folder with policy.npz and policy.json.")],
) -> None:
    """Check that a trained policy is whole, finite, and acts within its board's actions."""
    from tvfs_gym.agents.policy import ARRAYS, CARD
    from tvfs_gym.agents.policy_file import load
    from tvfs_gym.experiments.results.tables import print_wrapped

    card = load(folder).card
    size_kb = sum((folder / name).stat().st_size for name in (ARRAYS, CARD)) / 1e3
    print_wrapped(
        f"{folder}: {card.algorithm} for {card.board} with the family {card.family}, "
        f"{len(card.inputs)} inputs, {size_kb:.0f} kB: whole and finite."
    )
