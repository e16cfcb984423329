"""The search for hyper-parameters with Optuna."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from tests.conftest import Cli
from tvfs_gym.agents.hyperparameters import DEFAULT, evaluated, load_hyperparameters
from tvfs_gym.agents.stable_baselines.algorithms import CLASSES
from tvfs_gym.agents.training import Training
from tvfs_gym.envs.errors import InputError
from tvfs_gym.experiments.tuning import hyperparameters
from tvfs_gym.experiments.tuning.hyperparameters import HyperparameterSearch
from tvfs_gym.experiments.tuning.spaces import SPACES


def test_every_algorithm_has_a_space() -> None:
    assert set(SPACES) == set(CLASSES)


@pytest.mark.parametrize("algorithm", SPACES)
def test_what_a_trial_draws_is_a_training(algorithm: str) -> None:
    """At both ends of every range, and for every option."""
    for pick in (0, -1):
        trial: Any = SimpleNamespace(
            suggest_int=lambda name, *ends, log, pick=pick: ends[pick],
            suggest_float=lambda name, *ends, log, pick=pick: ends[pick],
            suggest_categorical=lambda name, options, pick=pick: options[pick],
        )
        drawn = {name: each.suggested(trial, name) for name, each in SPACES[algorithm].items()}
        assert all(value in SPACES[algorithm][name] for name, value in drawn.items())
        overrides = tuple(f"{name}:{value}" for name, value in drawn.items())
        training = Training(algorithm, {}, overrides=overrides)
        assert training.hyperparameters is not None
        for name, value in drawn.items():
            assert training.hyperparameters.of_the_model[name] == evaluated(value)


def test_what_is_given_is_not_searched() -> None:
    search = HyperparameterSearch("ppo", "odroid_xu4", "recorded", 100, overrides=("gamma:0.5",))
    assert search.space.keys() == SPACES["ppo"].keys() - {"gamma"}


def test_algorithms_without_hyper_parameters_are_refused(cli: Cli) -> None:
    done = cli("tune", "--algo", "ztt")
    assert done.returncode == 2 and "unknown algorithm with hyper-parameters 'ztt'" in done.stderr
    with pytest.raises(InputError, match="number of steps must be at least 1"):
        HyperparameterSearch("ppo", "odroid_xu4", "recorded", 0)


@pytest.mark.train
def test_a_search_goes_on_and_its_file_is_rl_zoo_s(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("optuna")
    monkeypatch.setattr(hyperparameters, "EPISODES", 2)
    monkeypatch.setattr(hyperparameters, "EVALUATIONS", 1)
    search = ["tune", "--algo", "a2c", "-n", "128", "-params", "n_envs:16", "--output"]
    done = cli(*search, tmp_path / "run", "--n-trials", "1")
    assert done.returncode == 0, done.stderr
    done = cli(*search, tmp_path / "run", "--n-trials", "3")
    assert done.returncode == 0, done.stderr
    assert "trial 1 of" not in done.stderr and "trial 3 of 3" in done.stderr
    file = tmp_path / "run" / "a2c.yml"
    found = load_hyperparameters("a2c", "tvfs_gym/OdroidXU4-v1", file=file)
    shipped = load_hyperparameters("a2c", DEFAULT).values
    assert found.n_envs == 16 and found.values["policy"] == shipped["policy"]
    assert list(yaml.safe_load(file.read_text())) == ["tvfs_gym/OdroidXU4-v1"]
    other = cli(*search, tmp_path / "run", "--n-trials", "1", "--seed", "1")
    assert other.returncode == 2 and "another configuration" in other.stderr
