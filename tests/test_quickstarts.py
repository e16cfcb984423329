"""The four quick starts run as their users type them; `tests.test_types` checks their types."""

import runpy
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from tests.conftest import ROOT, Cli
from tests.envs.boards import fake_sysfs
from tvfs_gym.agents import load_policy
from tvfs_gym.envs import Window


@pytest.fixture
def quick_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs one in a folder of its own; returns its names."""
    monkeypatch.chdir(tmp_path)
    return lambda name: runpy.run_path(str(ROOT / "tests" / "quickstarts" / f"{name}.py"))


@pytest.mark.train
def test_ppo_is_trained_and_saved_as_a_controller(quick_start: Any, tmp_path: Path) -> None:
    model = quick_start("train")["model"]
    observations = model.get_env().reset()
    learnt = load_policy(tmp_path / "results" / "ppo").predict(observations)[0]
    assert np.array_equal(learnt, model.predict(observations, deterministic=True)[0])


def test_a_controller_of_ones_own_is_ranked(
    quick_start: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLARS_TABLE_WIDTH", "200")
    quick_start("my_controller")
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("Cautious", "tvfs", "best_fixed"))


def test_a_batch_has_another_reward(quick_start: Any) -> None:
    names = quick_start("another_reward")
    names["envs"].reset(seed=0)
    _, reward, *_, info = names["envs"].step(np.full(64, 132))
    assert np.array_equal(reward, names["cool_and_right"](Window(info["window"])))


def test_a_controller_chooses_on_the_board(
    quick_start: Any, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_sysfs.build(tmp_path / "sys", governor="userspace")
    options: dict[str, Any] = {"state_folder": str(tmp_path / "state"), "settle_s": 0.0}
    measured = cli(
        "characterise", "--board", "linux", "--root", tmp_path / "sys", "--threads", "1",
        *(f"--board-option={name}={value}" for name, value in options.items()),
        "--levels", "2", "--passes", "3", "--settling-s", "0.2", "--averaged-s", "0.1",
        "--output", tmp_path / "mine",
    )  # fmt: skip
    assert measured.returncode == 0, measured.stderr
    board = {"root": str(tmp_path / "sys"), "threads": 1, "options": options}
    monkeypatch.setattr(gymnasium.spec("tvfs_gym/LinuxBoard-v1"), "kwargs", board)
    names = quick_start("on_the_board")
    with names["env"] as env:
        assert env.action_space.contains(names["action"])
        assert env.step(names["action"])[4]["board"]["requested_level"] >= 0
