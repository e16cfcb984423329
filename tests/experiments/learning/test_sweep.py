"""Sweeps: every combination is a trial; one that was killed is resumed and comes to the same."""

import shutil
import signal
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tests import command_line
from tests.conftest import Cli
from tvfs_gym.agents.training import load_policy
from tvfs_gym.envs.errors import InputError
from tvfs_gym.experiments.learning.sweep_file import read_trainings

FILE = """
algo: [ztt, q_table]
seed: [0, 1]
scenario: {frames: 100}
steps: 8000
envs: 4
evaluations: 2
evaluation_episodes: 4
"""
TRIALS = {"ztt-seed0", "ztt-seed1", "q_table-seed0", "q_table-seed1"}

RAY = pytest.param(
    "ray",
    marks=[pytest.mark.ray, pytest.mark.skipif(find_spec("ray") is None, reason="needs Ray")],
)


@pytest.fixture(scope="module")
def whole(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sweep that nobody stopped, in one process."""
    home = tmp_path_factory.mktemp("sweep")
    (home / "sweep.yaml").write_text(FILE)
    done = cli("sweep", home / "sweep.yaml", "--workers", "1", "--output", home / "run")
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in TRIALS)
    return home / "run"


def ended(folder: Path) -> set[str]:
    return {trial.name for trial in (folder / "trials").glob("*") if trial.suffix != ".part"}


def assert_same(one: Path, other: Path) -> None:
    """All files of the trials hold the same."""
    assert ended(one) == ended(other) == TRIALS
    for name in TRIALS:
        first, second = one / "trials" / name, other / "trials" / name
        assert (first / "policy.json").read_text() == (second / "policy.json").read_text()
        for file in ("policy.npz", "evaluations/evaluations.npz"):
            with np.load(first / file) as a, np.load(second / file) as b:
                assert set(a) == set(b) and all((a[key] == b[key]).all() for key in a)


@pytest.mark.parametrize("engine", ["processes", RAY])
def test_a_sweep_that_was_killed_comes_to_the_same(
    whole: Path, tmp_path: Path, engine: str
) -> None:
    shutil.copy(whole.parent / "sweep.yaml", tmp_path)
    command = ["sweep", "sweep.yaml", "--engine", engine, "--workers", "2", "--output", "run"]
    running = command_line.start(tmp_path, command)
    while not ended(tmp_path / "run"):
        time.sleep(0.02)
        assert running.poll() is None
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=60)
    assert ended(tmp_path / "run") < TRIALS
    workers = "1" if engine == "processes" else "2"
    done = command_line.run(tmp_path, [*command, "--workers", workers])
    assert done.returncode == 0, done.stderr
    assert_same(whole, tmp_path / "run")


def test_what_is_trained_is_not_trained_again(whole: Path, cli: Cli) -> None:
    before = {name: (whole / "trials" / name).stat().st_mtime_ns for name in TRIALS}
    assert cli("sweep", whole.parent / "sweep.yaml", "--output", whole).returncode == 0
    assert before == {name: (whole / "trials" / name).stat().st_mtime_ns for name in TRIALS}


def test_every_combination_is_a_trial_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "sweep.yaml").write_text(
        "algo: ztt\nreward: [reliable_accuracy, ztt]\nboard: [odroid_xu4, odroid_c2]\n"
        "seed: [3, 4]\nconditions: true\nevaluations: 2\n"
    )
    trainings = read_trainings(tmp_path / "sweep.yaml").trainings
    assert len(trainings) == 8
    one = trainings["ztt-odroid_c2-seed4"]
    assert one.environment["profile"] == "odroid_c2" and one.environment["reward"] == "ztt"
    assert (one.seed, one.evaluations, one.environment["randomise"]) == (4, 2, "conditions")


def test_the_policies_are_benchmarked_together(tmp_path: Path) -> None:
    (tmp_path / "suite.toml").write_text(
        'family = "recorded"\nlatency_constraints_s = [0.075]\n[conditions.nominal]\n'
    )
    judged = f"benchmark: {{suite: {tmp_path}/suite.toml, seeds: 1, frames: 50, controllers: []}}\n"
    (tmp_path / "sweep.yaml").write_text(FILE + judged)
    command = ["sweep", "sweep.yaml", "--workers", "1", "--output", "run"]
    done = command_line.run(tmp_path, command)
    assert done.returncode == 0, done.stderr
    assert "run/trials/q_table-seed1" in done.stdout
    assert load_policy(tmp_path / "run" / "trials" / "ztt-seed0").card.algorithm == "ztt"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("algo: [ztt, zzt]", "unknown algorithm 'zzt': did you mean ztt"),
        ("algo: ztt\nsteeps: 3", "unknown key of a sweep 'steeps': did you mean steps"),
        ("algo: ztt\nseed: [0, 0]", "holds the trial ztt-seed0 twice"),
        ("algo: ztt\nseed: none", "seed.0: Input should be a valid integer"),
        ("seed: 3", "algo: Field required"),
        ("algo: [ztt", "is no YAML file"),
        ("ztt", "expected keys and values"),
    ],
)
def test_a_mistake_in_the_file_is_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "sweep.yaml").write_text(text)
    with pytest.raises(InputError, match=message.replace("[", r"\[")):
        _ = read_trainings(tmp_path / "sweep.yaml").trainings
