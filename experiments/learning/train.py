"""``tvfs-gym train``: trains a controller on a batch of twins."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from tvfs_gym.envs.errors import InputError
from tvfs_gym.experiments.options import (
    FamilyOption,
    HyperparametersOption,
    LatencyMsOption,
    MoreHyperparameters,
    Printing,
    ProfileOption,
    RealBoard,
    SeedOption,
    Surroundings,
    expand_groups,
    seconds,
)
from tvfs_gym.experiments.progress import is_quiet

app = typer.Typer()

DRAWN = {"latency_constraint_s": "--latency-ms", "t_max_c": "--t-max-c"}
"""Values that ``--conditions`` draws for every episode, and the options that fix them."""


def _print_algorithms(requested: bool) -> None:
    if not requested:
        return
    from tvfs_gym.agents.training import ALGORITHMS, ALONE, Training

    for name in ALGORITHMS:
        usual = Training(name, {})
        needs = "" if name in ALONE else '; needs the extra "train"'
        typer.echo(f"{name}: {usual.resolved_steps:,} steps of {usual.resolved_envs} twins{needs}")
    raise typer.Exit


@app.command("train")
@expand_groups
def train_command(
    *,
    algo: Annotated[str, typer.Option(help="Algorithm; --algorithms lists them.")] = "ppo",
    board: ProfileOption = "odroid_xu4",
    family: FamilyOption = "recorded",
    latency_ms: LatencyMsOption = None,
    surroundings: Surroundings,
    randomise: Annotated[
        bool, typer.Option(help="Draw another unit of the board and another room every episode.")
    ] = False,
    conditions: Annotated[
        bool,
        typer.Option(
            "--conditions",
            help="Draw L_c, T_max, load, arrivals, changes, too; dagger does if neither is fixed.",
        ),
    ] = False,
    reward: Annotated[
        str | None,
        typer.Option(
            help="Reward: name, or FILE.py:NAME, a function of tvfs_gym.envs.Window. Default: "
            "reliable_accuracy, or the method's own."
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps", "-n", help="Environment steps of all twins. Default: the algorithm's."
        ),
    ] = None,
    envs: Annotated[int | None, typer.Option(help="Twins. Default: the algorithm's.")] = None,
    hyperparameters: HyperparametersOption = None,
    more_hyperparameters: MoreHyperparameters = None,
    hyperparameter_file: Annotated[
        Path | None,
        typer.Option(
            "--conf-file", "-conf", help="Hyper-parameters, YAML of rl-zoo. Default: those shipped."
        ),
    ] = None,
    checkpoint_every: Annotated[
        int | None,
        typer.Option(
            "--save-freq", help="Environment steps between checkpoints. Default: a tenth of all."
        ),
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            help="Baseline that dagger learns from, or told (the default), which looks into the "
            "twins."
        ),
    ] = None,
    knowledge: Annotated[
        str | None,
        typer.Option(
            help="What dagger's student knows of the board: characterised (the default) or generic."
        ),
    ] = None,
    rounds: Annotated[int | None, typer.Option(help="Rounds of dagger. Default: 8.")] = None,
    seed: SeedOption = 0,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Folder to write, or to go on in. Default: the next free results/train_ALGO_N."
        ),
    ] = None,
    algorithms: Annotated[
        bool,
        typer.Option(
            "--algorithms", callback=_print_algorithms, is_eager=True, help="List the algorithms."
        ),
    ] = False,
    printing: Printing,
) -> None:
    """Train a controller on a batch of twins; stable-baselines3's need the extra "train".

    Example: tvfs-gym train --algo q_table --steps 20000 --output results/q_table
    """
    from tvfs_gym.agents.dagger.flights import ANY_DRAWN
    from tvfs_gym.agents.training import DAGGER, Training
    from tvfs_gym.envs.scenario import scenario_of
    from tvfs_gym.experiments.board.boards import check_board

    scenario = surroundings.values(latency_constraint_s=seconds(latency_ms))
    dagger = {"teacher": teacher, "rounds": rounds, "knowledge": knowledge}
    dagger = {name: value for name, value in dagger.items() if value is not None}
    if dagger and algo != DAGGER:
        raise InputError(f"--{min(dagger)} is an option of dagger: give --algo dagger with it.")
    if algo == DAGGER and not randomise and not DRAWN.keys() & scenario.keys():
        conditions = True
    if conditions:
        _check_drawn(scenario)
    environment = {
        "profile": board,
        "family": family,
        "scenario": scenario,
        "randomise": "conditions" if conditions else randomise,
        **({} if reward is None else {"reward": reward}),
    }
    if steps is not None and steps < 1:
        raise InputError(f"the number of steps must be at least 1, not {steps}.")
    if latency_ms is not None and board != ANY_DRAWN:
        check_board(board, family, RealBoard(), scenario_of(scenario))
    training = Training(
        algo, environment, steps, envs, seed,
        overrides=(*(hyperparameters or ()), *(more_hyperparameters or ())),
        hyperparameter_file=hyperparameter_file,
        checkpoint_every=checkpoint_every,
        **_of_dagger(board, **dagger),
    )  # fmt: skip
    from tvfs_gym.experiments.results.folder import write_provenance
    from tvfs_gym.experiments.results.printing import print_findings, words
    from tvfs_gym.experiments.results.resuming import resumed_folder  # and with it all of polars
    from tvfs_gym.experiments.results.unfinished import finish

    config = {"algorithm": algo, **training.record}
    folder = resumed_folder(output, f"train_{algo}", config)
    write_provenance(folder, config)
    with words(printing):
        training.run(folder, progress_bar=sys.stderr.isatty() and not is_quiet())
        finish(folder)
        print(f"policy: {folder}")
        print(f"benchmark it with: tvfs-gym benchmark --controller {folder}")
    print_findings({"policy": str(folder), "config": config}, printing)


def _of_dagger(board: str, knowledge: Any = None, **plan: Any) -> dict[str, Any]:
    """The plan; on boards drawn at random, the one for them, of whose heat nothing is known."""
    from tvfs_gym.agents.dagger.flights import ANY_DRAWN
    from tvfs_gym.agents.dagger.training import ANY_BOARD_PLAN, DaggerPlan

    usual, known = DaggerPlan(), "characterised"
    if board == ANY_DRAWN:
        usual, known = ANY_BOARD_PLAN, "generic"
    return {"dagger": replace(usual, **plan), "knowledge": knowledge or known}


def _check_drawn(scenario: dict[str, Any]) -> None:
    for name, option in DRAWN.items():
        if name in scenario:
            raise InputError(
                f"L_c and T_max are drawn with the conditions: give {option} or --conditions."
            )
