"""``tvfs-gym sweep``: trains every combination of algorithms, rewards, boards and seeds of a file.

A trial is a training; its folder ``trials/NAME`` is there when it has ended, so that a sweep that
was killed trains the missing ones and comes to the same. With ``benchmark`` in the file, all
policies and the baselines that it names run through a suite, in the folder ``benchmark``.
"""

import shutil
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp

from tvfs_gym.agents.training import Training
from tvfs_gym.envs.arrays import read_arrays
from tvfs_gym.experiments.benchmarks.benchmark import run as run_benchmark
from tvfs_gym.experiments.benchmarks.plan import BenchmarkPlan
from tvfs_gym.experiments.engine import Trials, open_engine
from tvfs_gym.experiments.learning.sweep_file import TrainingSweep
from tvfs_gym.experiments.progress import progress_bar
from tvfs_gym.experiments.results.folder import write_provenance
from tvfs_gym.experiments.results.resuming import resumed_folder
from tvfs_gym.experiments.results.unfinished import finish

BENCHMARK, TRIALS = "benchmark", "trials"
DRAFT = ".part"
"""End of the names of folders of trainings that have not ended."""


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
