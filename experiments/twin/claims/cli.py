"""The command ``dev publish claims``."""

from pathlib import Path
from typing import Annotated

import typer

from tvfs_gym.experiments.options import CheckoutOption

publish_app = typer.Typer()


@publish_app.command("claims")
def publish_claims(
    seeds: Annotated[int, typer.Option(min=2, help="Episodes per L_c and T_max.")] = 5,
    checkout: CheckoutOption = Path(),
) -> None:
    """Write the page about claims that hold by construction to docs/claims.md."""
    from tvfs_gym.experiments.twin.claims.page import write

    write(checkout, seeds)
