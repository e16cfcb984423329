"""The examples of the documents run, with few steps; their code is short."""

import contextlib
import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Cli

EXAMPLES = ROOT / "docs" / "examples"


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs one in a folder of its own, with arguments for its ``main``."""
    monkeypatch.chdir(tmp_path)

    def run(name: str, *arguments: Any) -> Any:
        return runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"](*arguments)

    return run


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_is_short_and_on_the_site(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 60
    included = f'--8<-- "docs/examples/{path.name}"\n'
    assert included in (ROOT / "docs" / "examples.md").read_text()


@pytest.mark.train
def test_ppo_is_compared_with_tvfs(example: Any, capsys: pytest.CaptureFixture[str]) -> None:
    example("train_ppo", 512, 1)
    assert "ppo: " in (printed := capsys.readouterr().out) and "tvfs: " in printed


@pytest.mark.train
def test_sac_has_continuous_actions(example: Any) -> None:
    model = example("train_sac", 210, 200)
    assert model.num_timesteps == 210 and model.action_space.shape == (2,)


@pytest.mark.train
def test_a_visible_loop_learns(example: Any) -> None:
    means = example("cleanrl_loop", 60, 64)
    assert sum(means[-10:]) > sum(means[:10])


def test_a_reward_of_ones_own_is_learnt(example: Any, tmp_path: Path) -> None:
    assert -1.0 < example("your_reward", 2_000) < 1.0
    assert (tmp_path / "results" / "frugal" / "policy.json").exists()


def test_a_vector_is_rewarded(example: Any, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("mo_gymnasium")
    example("morl", 5)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["performance", "tvfs", "powersave"]
    assert all("accuracy 0." in line and "latency -" in line for line in lines)
    assert max(map(len, lines)) <= 80


def test_a_data_set_is_recorded(example: Any, tmp_path: Path, monkeypatch: Any) -> None:
    pytest.importorskip("minari")
    pytest.importorskip("h5py")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "data"))
    data = example("minari_data", 2)
    assert data.total_episodes == 2 and data.total_steps == 400


def test_a_film_is_recorded(example: Any, tmp_path: Path) -> None:
    pytest.importorskip("moviepy")
    example("record_video", str(tmp_path / "film"), 50)
    assert (tmp_path / "film" / "rl-video-episode-0.mp4").stat().st_size > 1_000


def test_a_log_is_played_again(example: Any, cli: Cli, tmp_path: Path) -> None:
    log = tmp_path / "log"
    ran = cli("run", "--controller", "tvfs", "--frames", "100", "--output", log)
    assert ran.returncode == 0, ran.stderr
    assert example("replay_log", str(log)) == 1.0
    assert example("replay_log", str(log), "powersave") < 1.0


def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    notebook = json.loads((EXAMPLES / "first_look.ipynb").read_text())
    names: dict[str, Any] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            with contextlib.redirect_stdout(None):
                exec("".join(cell["source"]), names)
    assert max(names["temperature_c"]["performance"]) > max(names["temperature_c"]["tvfs"])
