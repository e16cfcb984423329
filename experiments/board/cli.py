"""The verbs that run on a board, ``run`` and ``characterise``, and ``replay``."""

from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer()

BoardName = Annotated[
    str, typer.Option(help="linux, this machine; or a profile, name or TOML file, for its twin.")
]
FamilyName = Annotated[str | None, typer.Option(help="Topology family: name or TOML file.")]
AmbientC = Annotated[float | None, typer.Option(help="Ambient temperature, degC.")]
TMaxC = Annotated[float | None, typer.Option(help="T_max, degC.")]
Cooling = Annotated[str | None, typer.Option(help="Twin: cooling; the profile's first by default.")]
Throttling = Annotated[
    str | None, typer.Option(help="Twin: throttling preset; the profile's first by default.")
]
Models = Annotated[
    Path | None, typer.Option(help="linux: folder of the networks, if they do not come along.")
]
Images = Annotated[
    str | None,
    typer.Option(help="linux: labelled pictures (folder, CSV, zip), noise, or camera:N."),
]
Threads = Annotated[
    int | None, typer.Option(help="linux: threads of a pass; by default one per CPU used.")
]
SingleLevel = Annotated[
    bool, typer.Option("--single-level", help="linux: go on where the clock cannot be set.")
]
NoSensor = Annotated[
    bool, typer.Option("--no-sensor", help="linux: go on where no temperature can be read.")
]
BoardOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--board-option", help="linux: NAME=VALUE of LinuxOptions, e.g. settle_s=5; repeat."
    ),
]
Root = Annotated[Path, typer.Option(help="linux: the sysfs tree.")]


def _given(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


@app.command()
def run(
    controllers: Annotated[
        list[str],
        typer.Option(
            "--controller",
            help="Baseline, TOPOLOGY@MHZ or @max, or training's folder; repeat to compare several.",
        ),
    ],
    board: BoardName = "odroid_xu4",
    family: FamilyName = None,
    characterisation: Annotated[
        Path | None,
        typer.Option(help="What characterise wrote, file or folder; a twin is measured without."),
    ] = None,
    episodes: Annotated[int, typer.Option(help="Episodes of each controller.")] = 1,
    order: Annotated[
        str, typer.Option(help="Of a round's controllers: randomised or interleaved.")
    ] = "randomised",
    seed: Annotated[int, typer.Option(help="Of the order and the first round's frames.")] = 0,
    frames: Annotated[int | None, typer.Option(help="Frames per episode.")] = None,
    latency_ms: Annotated[float | None, typer.Option(help="Latency constraint L_c, ms.")] = None,
    t_max_c: TMaxC = None,
    ambient_c: AmbientC = None,
    cooling: Cooling = None,
    throttling: Throttling = None,
    policy: Annotated[str | None, typer.Option(help="AdapTTA's views: 1C, 5C or 10C.")] = None,
    tau: Annotated[float | None, typer.Option(help="AdapTTA's confidence threshold.")] = None,
    frames_per_step: Annotated[int, typer.Option(help="Frames of a step.")] = 10,
    arrival_period_ms: Annotated[
        float | None, typer.Option(help="A frame arrives that often; back to back by default.")
    ] = None,
    models: Models = None,
    images: Images = None,
    threads: Threads = None,
    single_level: SingleLevel = False,
    no_sensor: NoSensor = False,
    board_options: BoardOptions = None,
    root: Root = Path("/sys"),
    output: Annotated[
        Path | None,
        typer.Option(help="Folder to write, or to go on with; results/run_N by default."),
    ] = None,
) -> None:
    """Run controllers on a board, in turn, with a live dashboard; log and compare them.

    Exit status: 2 for a mistake in the command, 3 if the board failed, 130 after Ctrl-C; what was
    run until then is kept.
    """
    from tvfs_gym.envs.scenario import scenario_of
    from tvfs_gym.experiments.board import run as implementation
    from tvfs_gym.experiments.board.boards import RealBoard, board_under_test

    values = _given(
        frames=frames,
        latency_constraint_s=None if latency_ms is None else latency_ms / 1000,
        t_max_c=t_max_c,
        ambient_c=ambient_c,
        cooling=cooling,
        throttling=throttling,
        policy=policy,
        tau=tau,
        arrival_period_s=None if arrival_period_ms is None else arrival_period_ms / 1000,
    )
    plan = implementation.Plan(controllers, episodes, order, seed)
    scenario = scenario_of(values)
    real = RealBoard(models, images, threads, root, single_level, no_sensor, board_options or ())
    nominal_s = implementation.nominal_latency_s(output, characterisation)
    under_test = board_under_test(board, family, real, nominal_s)
    implementation.run(under_test, plan, scenario, frames_per_step, characterisation, output)


@app.command()
def characterise(
    board: BoardName = "odroid_xu4",
    family: FamilyName = None,
    passes: Annotated[int, typer.Option(help="Passes timed per topology and VF level.")] = 100,
    levels: Annotated[
        int | None, typer.Option(help="VF levels measured, spread evenly; all by default.")
    ] = None,
    settling_s: Annotated[
        float, typer.Option(help="Inference until a temperature counts as reached, s.")
    ] = 180.0,
    averaged_s: Annotated[float, typer.Option(help="Its last part, which is averaged, s.")] = 30.0,
    t_max_c: TMaxC = None,
    ambient_c: AmbientC = None,
    cooling: Cooling = None,
    throttling: Throttling = None,
    models: Models = None,
    images: Images = None,
    threads: Threads = None,
    single_level: SingleLevel = False,
    no_sensor: NoSensor = False,
    board_options: BoardOptions = None,
    root: Root = Path("/sys"),
    output: Annotated[
        Path | None,
        typer.Option(help="Folder to write, or to go on with; results/characterise_N by default."),
    ] = None,
) -> None:
    """Measure a board before it is controlled: latencies, temperatures, and a heat trace.

    The folder's characterisation.toml is what run and benchmark build controllers from; identify
    makes a board profile of the folder. Exit status as for run; the same command goes on.
    """
    from tvfs_gym.baselines.characterisation.measuring import Protocol
    from tvfs_gym.envs.scenario import scenario_of
    from tvfs_gym.experiments.board import characterise as implementation
    from tvfs_gym.experiments.board.boards import RealBoard, board_under_test
    from tvfs_gym.experiments.results.folder import nominal_latency_of

    real = RealBoard(models, images, threads, root, single_level, no_sensor, board_options or ())
    under_test = board_under_test(board, family, real, nominal_latency_of(output))
    values = _given(t_max_c=t_max_c, ambient_c=ambient_c, cooling=cooling, throttling=throttling)
    spread = implementation.spread_levels(under_test.board, levels)
    protocol = Protocol(passes, settling_s, averaged_s, spread)
    implementation.run(under_test, scenario_of(values), protocol, output)


@app.command()
def replay(
    log: Annotated[Path, typer.Argument(help="Folder that run wrote.")],
    controller: Annotated[
        str | None,
        typer.Option(help="Whose choices are compared with it; else the episodes are listed."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Parquet file: what was done and chosen, a row per step.")
    ] = None,
) -> None:
    """Play a run's log again: its episodes, or what a controller would have chosen in them."""
    from tvfs_gym.experiments.board.replay import run as play

    play(log, controller, output)
