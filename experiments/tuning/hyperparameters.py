"""``tvfs-gym tune``: finds hyper-parameters with Optuna, and writes them in rl-zoo's format.

Every trial trains under conditions drawn at random, and is judged by its reliable accuracy on
others of the same distribution, which no training meets; none is of a suite of the benchmark. The
folder holds the study, ``study.db``, and the best trial's hyper-parameters, ``ALGO.yml``.
"""

import sys
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from tvfs_gym.agents.hyperparameters import DEFAULT
from tvfs_gym.agents.training import Training
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.errors import InputError, at_least, unknown
from tvfs_gym.envs.files import write_whole
from tvfs_gym.experiments.results.folder import write_provenance
from tvfs_gym.experiments.results.resuming import resumed_folder
from tvfs_gym.experiments.results.unfinished import finish
from tvfs_gym.experiments.tuning.spaces import SPACES, Space

STUDY = "study.db"

FIRST_SEED = 40_000
"""Seed of the first episode that judges a trial: beyond those of baselines and trainings."""

EPISODES, EVALUATIONS = 96, 5
"""Episodes that judge a trial, and how often it is judged."""

STARTUP_TRIALS = 5
"""Trials that none is stopped before."""


@dataclass(frozen=True)
class HyperparameterSearch:
    """A search for the hyper-parameters of an algorithm on a board.

    Attributes:
        algorithm: One of `tvfs_gym.experiments.tuning.spaces.SPACES`.
        board: Board profile: name or TOML file.
        family: Topology family: name or TOML file.
        steps: Environment steps of a trial.
        seed: Seed of the trials' trainings and of the search.
        overrides: Hyper-parameters that are not searched, each ``NAME:VALUE``.
    """

    algorithm: str
    board: str
    family: str
    steps: int
    seed: int = 0
    overrides: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Checks the algorithm and the steps.

        Raises:
            InputError: There is no such algorithm, or a value is impossible.
        """
        if self.algorithm not in SPACES:
            raise unknown("algorithm with hyper-parameters", self.algorithm, SPACES)
        at_least("the number of steps", self.steps, 1)

    @property
    def training(self) -> Training:
        """The training of a trial, with the hyper-parameters that are not searched."""
        environment = {"profile": self.board, "family": self.family, "randomise": "conditions"}
        return Training(
            self.algorithm,
            environment,
            self.steps,
            seed=self.seed,
            evaluation_episodes=EPISODES,
            evaluations=EVALUATIONS,
            evaluation_seed=FIRST_SEED,
            overrides=self.overrides,
            checkpoint_every=self.steps,
        )

    @property
    def space(self) -> Space:
        """What is searched."""
        fixed = {text.partition(":")[0] for text in self.overrides}
        return {name: each for name, each in SPACES[self.algorithm].items() if name not in fixed}

    def run(self, trials: int, output: Path | None) -> Path:
        """Runs the trials that are missing.

        Args:
            trials: How many there are to be.
            output: Folder to write or resume; None for the next free ``results/tune_ALGO_N``.

        Returns:
            The file of the best trial's hyper-parameters.

        Raises:
            InputError: The folder holds another search, or Optuna is not installed.
        """
        at_least("the number of trials", trials, 1)
        config = {**vars(self), "hyperparameters": _values(self.training)}
        if find_spec("optuna") is None or find_spec("stable_baselines3") is None:
            raise InputError('tuning needs Optuna and PyTorch: pip install "tvfs-gym[train]".')
        folder = resumed_folder(output, f"tune_{self.algorithm}", config)
        write_provenance(folder, config)
        study = self._study(folder)
        while len(_finished(study)) < trials:
            study.optimize(self._objective, n_trials=1)
            _say_how_far(study, trials)
            self._write_best(study, folder)
        finish(folder)
        return folder / f"{self.algorithm}.yml"

    def _study(self, folder: Path) -> Any:
        """The folder's study; a new one begins with the values that ship."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        storage = f"sqlite:///{(folder / STUDY).resolve()}"
        study = optuna.create_study(
            storage=storage, study_name=self.algorithm, direction="maximize", load_if_exists=True
        )
        stale = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,))
        for trial in stale:
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        # Drawn on from another seed, a resumed search does not draw the same values again.
        seed = self.seed + len(study.trials)
        study.sampler = optuna.samplers.TPESampler(n_startup_trials=STARTUP_TRIALS, seed=seed)
        study.pruner = optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS)
        if not _finished(study):
            values, space = _values(self.training), self.space
            shipped = {name: values[name] for name in space if values.get(name) in space[name]}
            study.enqueue_trial(shipped, skip_if_exists=True)
        return study

    def _objective(self, trial: Any) -> float:
        """Reliable accuracy of a trial's last evaluation."""
        import optuna

        drawn = {name: each.suggested(trial, name) for name, each in self.space.items()}
        overrides = (*self.overrides, *(f"{name}:{value}" for name, value in drawn.items()))
        reached = 0.0

        def report(steps: int, accuracy: float) -> None:
            nonlocal reached
            reached = accuracy
            trial.report(accuracy, steps)
            if trial.should_prune():
                raise optuna.TrialPruned

        training = replace(self.training, overrides=overrides, after_evaluation=report)
        with TemporaryDirectory() as folder:
            training.run(Path(folder), progress_bar=False)
        return reached

    def _write_best(self, study: Any, folder: Path) -> None:
        if not any(trial.value is not None for trial in study.trials):
            return
        found = {**_values(self.training), **study.best_trial.params}
        name = load_profile(self.board).environment_id or DEFAULT
        header = (
            f"# Found by tvfs-gym tune: reliable accuracy {100 * study.best_value:.2f} % after "
            f"{self.steps:,} steps, the best of {len(_finished(study))} trials.\n"
        )
        text = header + yaml.safe_dump({name: found}, sort_keys=False)
        write_whole(folder / f"{self.algorithm}.yml", text.encode())


def _values(training: Training) -> dict[str, Any]:
    assert training.hyperparameters is not None
    return training.hyperparameters.values


def _finished(study: Any) -> list[Any]:
    """Trials that were run to their end, or stopped because others were better."""
    import optuna

    states = optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED
    found: list[Any] = study.get_trials(deepcopy=False, states=states)
    return found


def _say_how_far(study: Any, trials: int) -> None:
    last = study.trials[-1]
    outcome = "stopped early" if last.state.name == "PRUNED" else f"{100 * last.value:.2f} %"
    best = f"best {100 * study.best_value:.2f} %"
    print(f"trial {len(_finished(study))} of {trials}: {outcome}; {best}", file=sys.stderr)
