"""The maintainers' commands ``dev tune-baselines`` and ``dev publish baselines``."""

from pathlib import Path
from typing import Annotated

import typer

from tvfs_gym.experiments.options import CheckoutOption

dev_app = typer.Typer()
publish_app = typer.Typer()


@dev_app.command("tune-baselines")
def tune_baselines(
    controllers: Annotated[
        list[str] | None,
        typer.Option("--controller", help="Baseline to tune; repeat for several. Default: all."),
    ] = None,
    episodes: Annotated[
        int | None,
        typer.Option(help="Episodes of each board. Default: what two cores do in twelve minutes."),
    ] = None,
    checkout: CheckoutOption = Path(),
) -> None:
    """Tune guards and thresholds of the baselines; write them to baselines/tuned.toml."""
    from tvfs_gym.experiments.tuning.tune import run

    run(controllers or [], episodes, checkout)


@publish_app.command("baselines")
def publish_baselines(checkout: CheckoutOption = Path()) -> None:
    """Write the page of what each baseline knows, and its tuned values, to docs/baselines.md."""
    from tvfs_gym.experiments.tuning.page import publish_baselines_page

    publish_baselines_page(checkout)
