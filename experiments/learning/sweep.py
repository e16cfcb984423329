"""``tvfs-gym sweep``: trains every combination of algorithms, rewards, boards and seeds of a file.

A trial is a training; its folder ``trials/NAME`` is there when it has ended, so that a sweep that
was killed trains the missing ones and comes to the same. With ``benchmark`` in the file, all
policies and the baselines that it names run through a suite, in the folder ``benchmark``.
"""

import shutil
from dataclasses import fields
from functools import partial
from importlib import import_module
from itertools import product
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from pydantic import ConfigDict, Field, ValidationError

from tvfs_gym.agents.training import Training
from tvfs_gym.envs.arrays import read_arrays
from tvfs_gym.envs.errors import InputError, invalid, unknown
from tvfs_gym.envs.inference.topology import DEFAULT_FAMILY
from tvfs_gym.envs.tables import Table
from tvfs_gym.envs.yaml_files import read_yaml
from tvfs_gym.experiments.benchmarks.benchmark import run as run_benchmark
from tvfs_gym.experiments.benchmarks.plan import BenchmarkPlan
from tvfs_gym.experiments.engine import Trials, open_engine
from tvfs_gym.experiments.progress import progress_bar
from tvfs_gym.experiments.results.folder import write_provenance
from tvfs_gym.experiments.results.resuming import resumed_folder
from tvfs_gym.experiments.results.unfinished import finish

BENCHMARK, TRIALS = "benchmark", "trials"
DRAFT = ".part"
"""End of the names of folders of trainings that have not ended."""

VARIED = ("algo", "reward", "board", "seed")
"""Keys that name a trial."""


class BenchmarkOfTrials(Table):
    """The benchmark after the trainings.

    Attributes:
        suite: Name or TOML file.
        seeds: Episodes per controller and scenario.
        frames: Frames per episode; None for the suite's.
        controllers: Controllers that run beside the policies.
    """

    suite: str = "main"
    seeds: int = Field(default=10, ge=1)
    frames: int | None = Field(default=None, ge=1)
    controllers: tuple[str, ...] = ("tvfs", "predictive")


class TrainingSweep(Table):
    """A file of ``tvfs-gym sweep``: keys as the options of ``tvfs-gym train``.

    Every further key is a field of `tvfs_gym.agents.training.Training`, the same for all trials.

    Attributes:
        algo: Algorithms.
        reward: Rewards, names or FILE.py:NAME; an empty one is the algorithm's own.
        board: Board profiles, names or TOML files.
        seed: Seeds of the trainings.
        family: Topology family: name or TOML file.
        conditions: True to draw L_c, T_max, load, arrivals and changes for every episode, too.
        randomise: True to draw another unit of the board and another room every episode.
        scenario: Values of `tvfs_gym.envs.scenario.Scenario`.
        benchmark: The benchmark after the trainings; None for none.
    """

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)

    algo: tuple[str, ...] = Field(min_length=1)
    reward: tuple[str, ...] = Field(default=("",), min_length=1)
    board: tuple[str, ...] = Field(default=("odroid_xu4",), min_length=1)
    seed: tuple[int, ...] = Field(default=(0,), min_length=1)
    family: str = DEFAULT_FAMILY
    conditions: bool = False
    randomise: bool = False
    scenario: dict[str, Any] = Field(default={})
    benchmark: BenchmarkOfTrials | None = None

    @property
    def trainings(self) -> dict[str, Training]:
        """The trials by name, which tells what sets each apart.

        Raises:
            InputError: A key or a value is impossible, or two trials are the same.
        """
        further = dict(self.model_extra or {})
        known = [field.name for field in fields(Training) if field.name not in _OWN]
        for key in further:
            if key not in known:
                raise unknown("key of a sweep", key, [*type(self).model_fields, *known])
        trainings = {}
        for values in product(*(getattr(self, key) for key in VARIED)):
            algo, reward, board, seed = values
            environment = {
                "profile": board,
                "family": self.family,
                "scenario": self.scenario,
                "randomise": "conditions" if self.conditions else self.randomise,
                **({"reward": reward} if reward else {}),
            }
            name = self._name(dict(zip(VARIED, values, strict=True)))
            if name in trainings:
                raise InputError(f"the sweep holds the trial {name} twice: name it once.")
            trainings[name] = Training(name=algo, environment=environment, seed=seed, **further)
        return trainings

    def _name(self, values: dict[str, Any]) -> str:
        """Name of a trial and its folder: of the keys that have several values, and its seed."""
        told = [str(values[key]) for key in VARIED[:-1] if len(getattr(self, key)) > 1]
        stems = [Path(text.partition(":")[0]).stem + text.partition(":")[2] for text in told]
        own = [stem or "own" for stem in stems] or [values["algo"]]
        return "-".join([*own, f"seed{values['seed']}"])


_OWN = ("name", "environment", "seed")
"""Fields of a training that keys of the sweep fill."""


def read_trainings(path: Path) -> TrainingSweep:
    """Reads the file of a sweep.

    Raises:
        InputError: It cannot be read, or holds what cannot be swept.
    """
    several = {
        key: [value] if key in VARIED and not isinstance(value, list) else value
        for key, value in read_yaml(path).items()
    }
    try:
        return TrainingSweep.model_validate(several)
    except ValidationError as error:
        raise invalid(str(path), error) from error


def train_trials(
    sweep: TrainingSweep, engine: str, workers: int | None, output: Path | None
) -> Path:
    """Trains what is missing, and runs the benchmark if there is one.

    Args:
        sweep: The sweep.
        engine: Where the trials run, see `tvfs_gym.experiments.engine.open_engine`.
        workers: Trials at a time; None for as many as there is room for.
        output: Folder to write or resume; None for the next free ``results/sweep_N``.

    Returns:
        The folder.

    Raises:
        InputError: A trial is impossible, or the folder holds something else.
        TrialError: A trial failed for good; the others are kept.
    """
    trainings = sweep.trainings
    for training in trainings.values():
        training.card()
    config = {
        "sweep": sweep.model_dump(mode="json"),
        "trials": {
            name: {"algorithm": training.name, **training.record}
            for name, training in trainings.items()
        },
    }
    folder = resumed_folder(output, "sweep", config)
    write_provenance(folder, config)
    (folder / TRIALS).mkdir(exist_ok=True)
    remove_drafts(folder / TRIALS)
    missing: Trials[None] = {
        name: partial(train_whole, training, folder / TRIALS / name)
        for name, training in trainings.items()
        if not (folder / TRIALS / name).is_dir()
    }
    if missing:
        with progress_bar() as bar, open_engine(engine, workers) as opened:
            task = bar.add_task("trials", total=len(trainings))
            bar.update(task, completed=len(trainings) - len(missing))
            for name, _ in opened.run(missing):
                bar.update(task, advance=1, description=name)
    if sweep.benchmark is not None:
        judged = sweep.benchmark
        controllers = [*(str(folder / TRIALS / name) for name in trainings), *judged.controllers]
        overrides = {} if judged.frames is None else {"frames": judged.frames}
        board = sweep.board[0] if len(sweep.board) == 1 else None
        plan = BenchmarkPlan(
            judged.suite, controllers, judged.seeds, board, sweep.family, overrides
        )
        run_benchmark(plan, folder / BENCHMARK, engine)
    finish(folder)
    return folder


def remove_drafts(folder: Path) -> None:
    """Removes folders of trainings that were killed."""
    for draft in folder.glob(f"*{DRAFT}"):
        shutil.rmtree(draft, ignore_errors=True)


def train_whole(training: Training, folder: Path, progress_bar: bool = False) -> None:
    """Trains into a folder that is there only when the training has ended."""
    draft = Path(mkdtemp(DRAFT, f"{folder.name}-", folder.parent))
    if training.algorithm.learner is None:
        # The sums of several threads may differ in their last bits from one machine to the next.
        import_module("torch").set_num_threads(1)
    training.run(draft, progress_bar)
    try:
        draft.replace(folder)
    except OSError:
        # A worker of the killed sweep, on a machine that had not heard of it, was sooner.
        if not folder.is_dir():
            raise
        shutil.rmtree(draft)


def trial_rows(folder: Path, sweep: TrainingSweep) -> list[tuple[str, str, str]]:
    """Of every trial its name, its steps, and the best mean reward of a step by evaluation."""
    rows = []
    for name, training in sweep.trainings.items():
        evaluations = folder / TRIALS / name / "evaluations" / "evaluations.npz"
        best = "-"
        if evaluations.is_file():
            stored = read_arrays(evaluations, "evaluations")
            rewards = stored["results"].sum(axis=1) / stored["ep_lengths"].sum(axis=1)
            best = f"{rewards.max():.3f}"
        rows.append((name, f"{training.resolved_steps:,}", best))
    return rows
