"""The commands for a board: ``doctor``, ``characterise``, ``run`` and ``replay``."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from tvfs_gym.envs.errors import at_least
from tvfs_gym.experiments.options import (
    USUAL_ROOT,
    BoardOption,
    CharacterisationOption,
    ControllersOption,
    FamilyOrDefaultOption,
    FramesOption,
    LatencyMsOption,
    LinuxOptionsOption,
    OutputFolderOption,
    Printing,
    ProfileOption,
    RealBoard,
    SeedOption,
    SeedsOption,
    Surroundings,
    TauOrDefaultOption,
    checked_root,
    expand_groups,
    named_values,
    seconds,
)

app = typer.Typer()
dev_app = typer.Typer()


@dataclass(frozen=True)
class EpisodeConditions(Surroundings):
    """Options of the scenario of a run's episodes."""

    frames: FramesOption = None
    latency_ms: LatencyMsOption = None
    arrival_period_ms: Annotated[
        float | None, typer.Option(help="Time between frames, ms. Default: back to back.")
    ] = None
    policy: Annotated[str | None, typer.Option(help="AdapTTA's views: 1C, 5C or 10C.")] = None
    tau: TauOrDefaultOption = None

    def values(self, **others: Any) -> dict[str, Any]:
        """Collects the values of a `Scenario`, with times in seconds."""
        values = super().values(**others)
        values["latency_constraint_s"] = seconds(values.pop("latency_ms", None))
        values["arrival_period_s"] = seconds(values.pop("arrival_period_ms", None))
        return {name: value for name, value in values.items() if value is not None}


@app.command()
@expand_groups
def run(
    *,
    controllers: ControllersOption,
    board: BoardOption = "odroid_xu4",
    family: FamilyOrDefaultOption = None,
    characterisation: CharacterisationOption = None,
    seeds: SeedsOption = 1,
    seed: SeedOption = 0,
    order: Annotated[
        str, typer.Option(help="Order of the controllers in each round: randomised or interleaved.")
    ] = "randomised",
    frames_per_step: Annotated[int, typer.Option(help="Frames per step of a controller.")] = 10,
    conditions: EpisodeConditions,
    real: RealBoard,
    output: OutputFolderOption = None,
    printing: Printing,
) -> None:
    """Run controllers on a board, in turn, with a live dashboard; log and compare them.

    Example: tvfs-gym run --controller tvfs --controller performance --ambient-c 40

    Exit status: 2 for a mistake in the command, 3 if the board failed, 130 after Ctrl-C; finished
    episodes are kept.
    """
    from tvfs_gym.baselines.characterisation.file import read
    from tvfs_gym.envs.scenario import scenario_of
    from tvfs_gym.experiments.board.boards import check_board
    from tvfs_gym.experiments.board.schedule import Schedule
    from tvfs_gym.experiments.results.folder import check_folder

    schedule = Schedule(controllers, seeds, order, seed)
    at_least("frames_per_step", frames_per_step, 1)
    scenario = scenario_of(conditions.values())
    check_board(board, family, real, scenario)
    from tvfs_gym.experiments.controllers import check_name

    for name in controllers:
        check_name(name)
    if characterisation is not None:
        read(characterisation)
    if output is not None:
        check_folder(output)
    from tvfs_gym.experiments.board import run as implementation  # and with it all of polars

    folder = implementation.run(
        board, family, real, schedule, scenario, frames_per_step, characterisation, output
    )
    from tvfs_gym.experiments.results.printing import print_comparison
    from tvfs_gym.experiments.results.report import write_report  # and with it all of matplotlib
    from tvfs_gym.experiments.results.unfinished import finish

    print_comparison(write_report(folder), printing)
    finish(folder)


@app.command("characterise")
@expand_groups
def characterise_board(
    *,
    board: BoardOption = "odroid_xu4",
    family: FamilyOrDefaultOption = None,
    passes: Annotated[int, typer.Option(help="Passes timed per topology and VF level.")] = 100,
    levels: Annotated[
        int | None, typer.Option(help="VF levels measured, evenly spread. Default: all.")
    ] = None,
    settling_s: Annotated[
        float, typer.Option(help="Time of inference after which a temperature is steady, s.")
    ] = 180.0,
    averaged_s: Annotated[
        float, typer.Option(help="Last part of that time, which is averaged, s.")
    ] = 30.0,
    surroundings: Surroundings,
    real: RealBoard,
    output: OutputFolderOption = None,
    printing: Printing,
) -> None:
    """Measure a board before it is controlled: latencies, temperatures, and a heat trace.

    'run' and 'benchmark' build controllers from the folder; 'identify' makes a board profile of it.
    Exit status as for 'run'.

    Example: tvfs-gym characterise --board odroid_c2 --output results/odroid_c2
    """
    from tvfs_gym.baselines.characterisation.measuring import MeasurementPlan
    from tvfs_gym.envs.scenario import scenario_of
    from tvfs_gym.experiments.board.boards import check_board, open_board, suited
    from tvfs_gym.experiments.results.folder import check_folder

    check_board(board, family, real, scenario_of(surroundings.values()))
    plan = MeasurementPlan(passes, settling_s, averaged_s)
    if output is not None:
        check_folder(output)
    from tvfs_gym.experiments.board import characterise as implementation
    from tvfs_gym.experiments.results.printing import print_findings, words
    from tvfs_gym.experiments.results.resuming import nominal_latency_of

    opened = open_board(board, family, real, nominal_latency_of(output))
    scenario = suited(opened, scenario_of(surroundings.values()))
    plan = replace(plan, levels=implementation.spread_levels(opened, levels))
    with words(printing):
        findings = implementation.run(opened, scenario, plan, output, printing.full)
    print_findings(findings, printing)


@app.command()
def replay(
    log: Annotated[Path, typer.Argument(help="Folder that 'tvfs-gym run' wrote.")],
    controller: Annotated[
        str | None,
        typer.Option(help="Controller whose choices are compared. Default: list the episodes."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Parquet file to write: logged and compared choices.")
    ] = None,
) -> None:
    """Replay the log of a run: its episodes, or what a controller would have chosen in them."""
    from tvfs_gym.experiments.results.folder import CONFIG, read_json

    read_json(log, CONFIG)  # refused before what plays it is loaded
    from tvfs_gym.experiments.board.replay import run as play

    play(log, controller, output)


@app.command()
def doctor(
    root: Annotated[
        Path,
        typer.Option(
            callback=checked_root, help="Root of the sysfs tree, or a file that --snapshot wrote."
        ),
    ] = USUAL_ROOT,
    options: LinuxOptionsOption = None,
    details: Annotated[bool, typer.Option("--details", help="Show all that was found.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    snapshot: Annotated[
        Path | None,
        typer.Option(help="File to write: all that was read, no serial numbers, for a report."),
    ] = None,
    restore: Annotated[
        bool, typer.Option("--restore", help="Restore the settings that a killed run has left.")
    ] = False,
    state_folder: Annotated[
        Path | None, typer.Option(help="Folder of the runs' state, if they were given one.")
    ] = None,
) -> None:
    """Show what this machine can do as a board, what it lacks, and how to repair it.

    Exit status: 0 if it can be controlled in full, 1 if something is missing or in doubt.
    """
    from tvfs_gym.experiments.board import doctor as implementation

    if restore:
        print(implementation.restored(root, state_folder))
        return
    values = {"state_folder": state_folder, **named_values(options)}
    asked = implementation.Examination(root, values, as_json, details, snapshot)
    raise typer.Exit(implementation.run(asked))


@dev_app.command()
@expand_groups
def film(
    *,
    controller: Annotated[str, typer.Option(help="Controller to show.")] = "tvfs",
    board: ProfileOption = "odroid_xu4",
    conditions: EpisodeConditions,
    output: Annotated[Path, typer.Option(help="GIF file to write.")],
) -> None:
    """Write an episode of a controller on a twin as an animated picture."""
    from tvfs_gym.envs.scenario import scenario_of
    from tvfs_gym.experiments.board.film import Film, write_film

    write_film(Film(board, controller, scenario_of(conditions.values())), output)
