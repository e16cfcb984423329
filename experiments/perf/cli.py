"""Maintainers' command ``dev perf``: what the environments, training and inference cost."""

from pathlib import Path
from typing import Annotated

import typer

from tvfs_gym.experiments.options import ImagesOption, ModelsOption, OutputPageOption

app = typer.Typer()


@app.callback(invoke_without_command=True)
def perf(context: typer.Context) -> None:
    """Measure the speed of the environments, which is the default, or of inference."""
    if context.invoked_subcommand is None:
        envs()


@app.command()
def envs(output: OutputPageOption = None) -> None:
    """Measure the environments' steps per second against CartPole's, training and memory."""
    from tvfs_gym.experiments.perf.page import run

    run(output)


@app.command()
def decisions(
    folder: Annotated[
        Path | None,
        typer.Argument(help="Folder of a training by dagger. Default: the policy that ships."),
    ] = None,
    output: OutputPageOption = None,
) -> None:
    """Measure what a learnt policy's decision takes, beside its trainer's own."""
    from tvfs_gym.experiments.perf.decisions import run

    run(folder, output)


@app.command()
def inference(models: ModelsOption, images: ImagesOption, output: OutputPageOption = None) -> None:
    """Measure what AdapTTA costs beyond the passes of the networks."""
    from tvfs_gym.experiments.perf.inference import run

    run(models, images, output)


@app.command()
def recording(
    pictures: Annotated[int, typer.Option(help="Pictures to record.")] = 20_000,
    kills: Annotated[int, typer.Option(help="Times to kill the second recording.")] = 10,
    output: OutputPageOption = None,
) -> None:
    """Record many small pictures, undisturbed and killed and resumed; compare, tell memory."""
    from tvfs_gym.experiments.perf.recording import run

    run(pictures, kills, output)
