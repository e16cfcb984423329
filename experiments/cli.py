"""The command ``tvfs-gym``: one verb per experiment, each implemented in its own file.

A user's mistake is printed as one sentence, with exit status 2 and no traceback; a board's failure
likewise, with exit status 3.
"""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from tvfs_gym.envs.errors import BoardError, InputError
from tvfs_gym.experiments.board.cli import app as board_commands
from tvfs_gym.experiments.models.cli import app as models

app = typer.Typer(
    help="Train, benchmark and evaluate controllers of embedded boards under ConvNet inference.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(board_commands)
app.add_typer(models, name="models")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("tvfs-gym"))
        raise typer.Exit


@app.callback()
def _options(
    show_version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Takes the options that stand before a verb."""


@app.command()
def benchmark(
    controllers: Annotated[
        list[str] | None,
        typer.Option("--controller", help="Baseline, training's folder or Python file; repeat."),
    ] = None,
    suite: Annotated[
        str, typer.Option(help="Suite: main, any_board, published, or a TOML file.")
    ] = "main",
    board: Annotated[str, typer.Option(help="Board profile: name or TOML file.")] = "odroid_xu4",
    family: Annotated[
        str | None, typer.Option(help="Topology family, name or TOML file; the suite's by default.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="Episodes per controller and scenario.")] = 10,
    frames: Annotated[int | None, typer.Option(help="Frames per episode.")] = None,
    throttling: Annotated[
        str | None, typer.Option(help="Throttling preset of the board; its first by default.")
    ] = None,
    ambient_c: Annotated[float | None, typer.Option(help="Ambient temperature, degC.")] = None,
    t_max_c: Annotated[float | None, typer.Option(help="T_max, degC.")] = None,
    characterisation: Annotated[
        Path | None, typer.Option(help="What characterise wrote; twins are measured by default.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder to write; results/benchmark_N by default.")
    ] = None,
) -> None:
    """Run controllers through scenarios; print the table, write Parquet, figures and a report."""
    from tvfs_gym.experiments.benchmark.benchmark import run

    overrides = {
        "frames": frames,
        "throttling": throttling,
        "ambient_c": ambient_c,
        "t_max_c": t_max_c,
    }
    given = {key: value for key, value in overrides.items() if value is not None}
    run(suite, board, family, controllers or [], seeds, given, characterisation, output)


@app.command()
def train(
    algo: Annotated[
        str, typer.Option(help="ppo, a2c, dqn (extra train); ztt, ztt_released, lotus, q_table.")
    ] = "ppo",
    board: Annotated[str, typer.Option(help="Board profile: name or TOML file.")] = "odroid_xu4",
    family: Annotated[str, typer.Option(help="Topology family, name or TOML file.")] = "recorded",
    randomise: Annotated[
        bool, typer.Option(help="Another unit of the board in another room every episode.")
    ] = False,
    conditions: Annotated[
        bool, typer.Option("--conditions", help="Also other L_c, T_max, load, arrivals, changes.")
    ] = False,
    reward: Annotated[
        str | None, typer.Option(help="Reward by name; on_time_accuracy or the method's own.")
    ] = None,
    latency_ms: Annotated[float | None, typer.Option(help="Latency constraint L_c, ms.")] = None,
    t_max_c: Annotated[float | None, typer.Option(help="T_max, degC.")] = None,
    ambient_c: Annotated[float | None, typer.Option(help="Ambient temperature, degC.")] = None,
    steps: Annotated[
        int | None, typer.Option(help="Environment steps, all twins together; else the preset's.")
    ] = None,
    envs: Annotated[int | None, typer.Option(help="Twins; the algorithm's preset.")] = None,
    seed: Annotated[int, typer.Option(help="Of all that is random.")] = 0,
    output: Annotated[
        Path | None, typer.Option(help="Folder to write; results/train_ALGO_N by default.")
    ] = None,
) -> None:
    """Train a controller on a batch of twins; stable-baselines3's need the extra "train"."""
    from tvfs_gym.envs.randomisation import Randomise
    from tvfs_gym.experiments.train import run

    constraint_s = None if latency_ms is None else latency_ms / 1000
    values = {
        "latency_constraint_s": constraint_s,
        "t_max_c": t_max_c,
        "ambient_c": ambient_c,
    }
    given = {key: value for key, value in values.items() if value is not None}
    drawn: Randomise = "conditions" if conditions else randomise
    run(algo, board, family, given, drawn, reward, steps, envs, seed, output)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="Folder that a benchmark wrote.")],
    publish: Annotated[
        Path | None, typer.Option(help="Checkout whose README and docs take the results over.")
    ] = None,
) -> None:
    """Redraw a benchmark's figures and report from its Parquet files."""
    from tvfs_gym.experiments.benchmark.page import publish as publish_benchmark
    from tvfs_gym.experiments.results.report import write_report

    write_report(folder)
    if publish is not None:
        publish_benchmark(folder, publish)


@app.command()
def adaptta(
    outcomes: Annotated[
        Path | None,
        typer.Option(help="Recorded outcomes, .npz, or a live run's folder; else the package's."),
    ] = None,
    tau: Annotated[float, typer.Option(help="Confidence threshold; inf never stops early.")] = 0.8,
    models: Annotated[
        Path | None, typer.Option(help="Live: folder with the family's .tflite files.")
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(help="Live: CSV list, its folder, or a folder of images per class."),
    ] = None,
    family: Annotated[str, typer.Option(help="Live: topology family.")] = "recorded",
    topology: Annotated[
        list[str] | None, typer.Option(help="Live: repeat for several; all present by default.")
    ] = None,
    policy: Annotated[
        str, typer.Option(help="Live: 1C, 5C, 10C, or views such as 'C,C+flip,TL+blur:1'.")
    ] = "10C",
    order: Annotated[
        str, typer.Option(help="Live: centre_first, interleaved or torchvision.")
    ] = "centre_first",
    aggregation: Annotated[str, typer.Option(help="Live: mean, geometric, vote or max.")] = "mean",
    confidence: Annotated[
        str, typer.Option(help="Live: max, margin, entropy or temperature:T.")
    ] = "max",
    stop_on: Annotated[
        str, typer.Option(help="Live: confidence of the consensus or of the last view.")
    ] = "consensus",
    geometry: Annotated[str, typer.Option(help="Live: boxes or resize_once.")] = "boxes",
    crop_fraction: Annotated[
        float, typer.Option(help="Live: side of a crop, of the shorter side.")
    ] = 0.875,
    resizer: Annotated[str, typer.Option(help="Live: bilinear or bicubic.")] = "bilinear",
    threads: Annotated[int, typer.Option(help="Live: CPU threads of a pass.")] = 1,
    xnnpack: Annotated[bool, typer.Option(help="Live: let the runtime use XNNPACK.")] = True,
    sweep: Annotated[
        bool, typer.Option("--sweep", help="Show the front of accuracy against passes.")
    ] = False,
    accuracy: Annotated[
        float | None, typer.Option(help="Sweep: calibrate for this top-1, %.")
    ] = None,
    passes: Annotated[
        float | None, typer.Option(help="Sweep: calibrate for so many mean passes.")
    ] = None,
    latency_ms: Annotated[
        float | None, typer.Option(help="Sweep: calibrate for this p95 latency, ms.")
    ] = None,
    readings: Annotated[
        list[Path] | None,
        typer.Option(help="Live run's folder: read the published description every way."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="Live and sweep: folder to write; a live run in it is gone on with."),
    ] = None,
    publish: Annotated[
        Path | None, typer.Option(help="Checkout whose documents take the tables over.")
    ] = None,
) -> None:
    """Run AdapTTA on real networks and images, or replay it, beside the published numbers."""
    from tvfs_gym.envs.inference.augmentation import Geometry
    from tvfs_gym.experiments.adaptta import live as adaptta_live
    from tvfs_gym.experiments.adaptta import readings as adaptta_readings
    from tvfs_gym.experiments.adaptta import recorded as replayed
    from tvfs_gym.experiments.adaptta import sweep as adaptta_sweep
    from tvfs_gym.experiments.adaptta.report import Options

    if readings:
        adaptta_readings.run(readings, publish)
    elif sweep:
        target = adaptta_sweep.Target.in_units_of_the_command(accuracy, passes, latency_ms)
        adaptta_sweep.run(outcomes, target, output)
    elif models is not None and images is not None:
        cut = Geometry(geometry, crop_fraction, resizer)
        options = Options(
            policy, order, aggregation, confidence, stop_on, tau, cut, threads, xnnpack
        )
        adaptta_live.run(family, topology or [], models, images, options, output, publish)
    elif models is not None or images is not None:
        raise InputError("a live run takes both --models and --images.")
    else:
        replayed.run(outcomes, tau, publish)


@app.command()
def identify(
    traces: Annotated[
        list[Path],
        typer.Argument(
            help="Traces of one board with one cooling, or folders of characterise and run."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Board profile to write, TOML.")],
    board: Annotated[
        str, typer.Option(help="Profile whose other sections are kept: name or TOML file.")
    ] = "odroid_xu4",
    name: Annotated[
        str | None, typer.Option(help="Name of the new profile; the output file's by default.")
    ] = None,
    cooling: Annotated[str, typer.Option(help="Name of the fitted cooling.")] = "identified",
    full_load_w: Annotated[
        float | None, typer.Option(help="Heat at a load of 1, W, for traces without power.")
    ] = None,
) -> None:
    """Fit a board's thermal network to traces and write a board profile."""
    from tvfs_gym.experiments.twin.identify import run

    run(traces, board, name, cooling, full_load_w, out)


@app.command()
def validate(
    profile: Annotated[str, typer.Argument(help="Board profile: name or TOML file.")],
    traces: Annotated[list[Path], typer.Argument(help="Traces it was not fitted to.")],
    cooling: Annotated[
        str | None, typer.Option(help="Cooling of the profile; its first by default.")
    ] = None,
    full_load_w: Annotated[
        float | None, typer.Option(help="Heat at a load of 1, W, for traces without power.")
    ] = None,
    figure: Annotated[Path | None, typer.Option(help="PNG of the worst run.")] = None,
) -> None:
    """Show how far a profile's thermal network is from traces, beside naive predictors."""
    from tvfs_gym.experiments.twin.validate import run

    run(profile, traces, cooling, full_load_w, figure)


@app.command()
def fidelity(
    traces: Annotated[Path, typer.Argument(help="Folder of the measured traces.")],
    publish: Annotated[
        Path | None, typer.Option(help="Checkout whose docs and profiles take the results over.")
    ] = None,
) -> None:
    """Refit the shipped profiles' coolings to measured traces, and show how good they are."""
    from tvfs_gym.experiments.twin.fidelity import run

    run(traces, publish)


@app.command()
def record(
    models: Annotated[Path, typer.Option(help="Folder with the family's .tflite files.")],
    images: Annotated[Path, typer.Option(help="CSV list of labelled images, or its folder.")],
    output: Annotated[Path, typer.Option(help="File to write, .npz.")],
    family: Annotated[str, typer.Option(help="Topology family: name or TOML file.")] = "recorded",
    topology: Annotated[
        list[str] | None, typer.Option(help="Repeat for several; all of the family by default.")
    ] = None,
) -> None:
    """Run real networks over labelled photographs and write their outcomes."""
    from tvfs_gym.experiments.models.record import run

    run(family, topology or [], models, images, output)


@app.command()
def perf(
    output: Annotated[Path | None, typer.Option(help="Markdown file to write.")] = None,
    models: Annotated[
        Path | None, typer.Option(help="Folder with .tflite files: measure inference instead.")
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="CSV list of images for it, or its folder.")
    ] = None,
) -> None:
    """Measure the environment's steps per second against CartPole's, or inference's overhead."""
    from tvfs_gym.experiments.perf import inference, page

    if models is not None and images is not None:
        inference.run(models, images, output)
    elif models is not None or images is not None:
        raise InputError("measuring inference takes both --models and --images.")
    else:
        page.run(output)


@app.command()
def doctor(
    root: Annotated[Path, typer.Option(help="The sysfs tree.")] = Path("/sys"),
    restore: Annotated[
        bool, typer.Option("--restore", help="Restore the settings that a killed run has left.")
    ] = False,
    state_folder: Annotated[
        Path | None, typer.Option(help="Where runs keep their state, if they were told to.")
    ] = None,
) -> None:
    """Tell what this machine can as a board, what it lacks, and how to repair it."""
    from tvfs_gym.experiments.board.doctor import run

    raise typer.Exit(run(root, restore, state_folder))


def main() -> None:
    """Runs the command line."""
    try:
        app()
    except (InputError, BoardError) as error:
        typer.echo(f"tvfs-gym: {error}", err=True)
        raise SystemExit(2 if isinstance(error, InputError) else 3) from None


if __name__ == "__main__":
    main()
