"""The command ``tvfs-gym``: one verb per experiment, each implemented in its own file.

A user's mistake is printed as one sentence, with exit status 2 and no traceback.
"""

from pathlib import Path
from typing import Annotated

import typer

from tvfs_gym.envs.errors import InputError

app = typer.Typer(
    help="Train, benchmark and evaluate controllers of embedded boards under ConvNet inference.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _verbs() -> None:
    """Keeps the verbs apart from the program's name even where there is one verb only."""


@app.command()
def record(
    models: Annotated[Path, typer.Option(help="Folder with the family's .tflite files.")],
    images: Annotated[Path, typer.Option(help="CSV list of labelled images, or its folder.")],
    output: Annotated[Path, typer.Option(help="File to write, .npz.")],
    family: Annotated[str, typer.Option(help="Topology family.")] = "recorded",
) -> None:
    """Run real networks over labelled photographs and write their outcomes."""
    from tvfs_gym.experiments.record import run

    run(family, models, images, output)


def main() -> None:
    """Runs the command line."""
    try:
        app()
    except InputError as error:
        typer.echo(f"tvfs-gym: {error}", err=True)
        raise SystemExit(2) from None
