"""Logs played again: nothing but what was logged comes out."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from gymnasium.utils.env_checker import check_env

from tests.conftest import Cli
from tvfs_gym.envs.boards.board import Configuration
from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.experiments.board.replay import Log

CONTROLLERS = ("tvfs", "performance")


@pytest.fixture(scope="module")
def folder(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log of a short run on a twin that gets hot."""
    folder = tmp_path_factory.mktemp("replay") / "run"
    named = [part for name in CONTROLLERS for part in ("--controller", name)]
    done = cli(
        "run", *named, "--seeds", "2", "--frames", "205", "--ambient-c", "40", "--output", folder
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def log(folder: Path) -> Log:
    return Log(folder)


def test_the_environment_gives_the_logged_steps(folder: Path, log: Log) -> None:
    """Windows and rewards to the bit, and as many steps as were logged."""
    for logged in log.episodes:
        env = log.env(logged)
        steps = pl.read_parquet(folder / "steps" / "*.parquet").filter(
            controller=logged.controller, seed=logged.seed
        )
        env.reset(seed=0)
        windows, rewards, ended = [], [], False
        for topology, level, passes in logged.log.requested.tolist():
            action = env.action(Configuration(topology, level, passes or None))
            _, reward, _, ended, info = env.step(action)
            assert info["on_log"] and "frames" not in info
            windows.append(info["window"])
            rewards.append(reward)
        assert ended and len(rewards) == 21
        assert np.array_equal(windows, steps.select(Window.fields).to_numpy())
        assert np.array_equal(rewards, steps["reward"].to_numpy())


def test_another_choice_leaves_the_log_and_changes_nothing(log: Log) -> None:
    logged = log.episodes[0]
    env, other = log.env(logged), log.env(logged)
    env.reset(seed=0)
    other.reset(seed=0)
    requested = [Configuration(t, v, p or None) for t, v, p in logged.log.requested.tolist()]
    for step, configuration in enumerate(requested[:4]):
        seen = env.step(env.action(configuration))
        chosen = Configuration(0, 0) if step == 1 else configuration
        told = other.step(other.action(chosen))
        assert np.array_equal(seen[0], told[0]) and seen[1] == told[1]
        assert told[4]["matched"] == (step != 1) and told[4]["on_log"] == (step < 1)


def test_the_log_knows_the_board(log: Log) -> None:
    assert log.env(log.episodes[0]).board.info == TwinEnv("odroid_xu4").board.info


def test_it_is_an_environment(log: Log) -> None:
    check_env(log.env(log.episodes[0]), skip_render_check=True)


def test_the_controller_that_was_logged_chooses_as_logged(
    cli: Cli, folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "decisions.parquet"
    done = cli("replay", folder, "--controller", "tvfs", "--output", output)
    assert done.returncode == 0, done.stderr
    assert "what tvfs would have chosen" in done.stdout
    decisions = pl.read_parquet(output)
    assert decisions.height == 4 * 21
    own = decisions.filter(controller="tvfs")
    assert own["matched"].all() and own["on_log"].all()
    hot = decisions.filter(controller="performance")
    assert not hot["matched"].any() and (hot["chosen_vf_level"] < hot["vf_level"]).any()


def test_the_episodes_are_listed(cli: Cli, folder: Path) -> None:
    done = cli("replay", folder)
    assert done.returncode == 0 and done.stdout.count("performance") == 2
    assert "digital twin of Odroid-XU4" in done.stdout


def test_a_folder_without_a_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no usable config\.json"):
        Log(tmp_path)
