"""Maintainers' command ``dev publish digits``."""

from pathlib import Path

import typer

from tvfs_gym.experiments.options import CheckoutOption

publish_app = typer.Typer()


@publish_app.command("digits")
def publish_digits_page(checkout: CheckoutOption = Path()) -> None:
    """Write the page about the embedded networks to docs/digits.md."""
    from tvfs_gym.experiments.digits.page import publish_digits

    publish_digits(checkout)
