"""The command ``tvfs-gym``: assembles the commands of the experiments, and prints errors.

A user's mistake is printed as one sentence, with exit status 2 and no traceback; a board's failure
likewise, with exit status 3. Packages that take long to import are imported by the commands.
"""

from importlib.metadata import version
from typing import Annotated

import typer

from tvfs_gym.envs.errors import BoardError, InputError
from tvfs_gym.experiments.adaptta import cli as adaptta
from tvfs_gym.experiments.benchmarks import cli as benchmark
from tvfs_gym.experiments.board import cli as board
from tvfs_gym.experiments.digits import cli as digits
from tvfs_gym.experiments.learning import train
from tvfs_gym.experiments.models import cli as models
from tvfs_gym.experiments.perf import cli as perf
from tvfs_gym.experiments.rewards import cli as rewards
from tvfs_gym.experiments.tuning import cli as tuning
from tvfs_gym.experiments.twin import cli as twin
from tvfs_gym.experiments.twin.claims import cli as claims

publish = typer.Typer(
    help="Put results into the README and the documents of a checkout.", no_args_is_help=True
)
publish.add_typer(benchmark.publish_app)
publish.add_typer(claims.publish_app)
publish.add_typer(digits.publish_app)
publish.add_typer(rewards.publish_app)
publish.add_typer(tuning.publish_app)
publish.add_typer(adaptta.publish_app, name="adaptta", help="AdapTTA's tables.")

dev = typer.Typer(
    help="Commands for maintainers: record, publish, measure speed.", no_args_is_help=True
)
dev.add_typer(benchmark.dev_app)
dev.add_typer(models.dev_app)
dev.add_typer(board.dev_app)
dev.add_typer(twin.dev_app)
dev.add_typer(tuning.dev_app)
dev.add_typer(publish, name="publish")
dev.add_typer(perf.app, name="perf")

app = typer.Typer(
    help="Train, benchmark and run controllers of embedded boards under ConvNet inference.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(benchmark.app)
app.add_typer(train.app)
app.add_typer(rewards.app)
app.add_typer(board.app)
app.add_typer(twin.app)
app.add_typer(adaptta.app, name="adaptta")
app.add_typer(models.app, name="models")
app.add_typer(dev, name="dev")


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(version("tvfs-gym"))
        raise typer.Exit


@app.callback()
def _options(
    show_version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Takes the options that stand before a command."""


def main() -> None:
    """Runs the command line of the process."""
    try:
        app()
    except (InputError, BoardError) as error:
        typer.echo(f"tvfs-gym: {error}", err=True)
        raise SystemExit(2 if isinstance(error, InputError) else 3) from None


if __name__ == "__main__":
    main()
