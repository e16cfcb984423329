"""Stored steps scored under rewards, and the ranking under each."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.conftest import Cli
from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.reward import REWARDS
from tvfs_gym.experiments.results.cells import read_episodes
from tvfs_gym.experiments.results.folder import CONFIG, read_json
from tvfs_gym.experiments.results.rewards import (
    SCORES,
    check_reward,
    ranking_under,
    reward_rows,
    windows_scored,
)


@pytest.fixture(scope="module")
def ranked(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A short benchmark's folder, and what it printed: ranked under three rewards."""
    home = tmp_path_factory.mktemp("rewards")
    (home / "mine.py").write_text("def answers(window): return window.correct_frames")
    rewards = "reliable_accuracy", "ztt", f"{home / 'mine.py'}:answers"
    named = [part for reward in rewards for part in ("--reward", reward)]
    controllers = "--controller", "tvfs", "--controller", "powersave"
    done = cli(
        "benchmark", "--suite", "published", "--seeds", "2", "--frames", "200",
        *controllers, *named, "--output", home / "run", "--full",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return home / "run", done.stdout


def test_the_score_under_the_default_reward_is_the_episodes_own(ranked: tuple[Path, str]) -> None:
    folder, _ = ranked
    episodes = read_episodes(folder, read_json(folder, CONFIG))
    keys = ["scenario", "controller", "seed"]
    own = episodes.with_columns(pl.col("scenario", "controller").cast(pl.String)).rename(
        {"reliable_accuracy": "score"}
    )
    both = pl.read_parquet(folder / SCORES).join(own.select(*keys, "score"), on=keys)
    assert both.height == episodes.height
    assert both["reliable_accuracy"].to_numpy() == pytest.approx(both["score"].to_numpy())


def test_a_benchmark_ranks_under_rewards_by_name_and_from_a_file(ranked: tuple[Path, str]) -> None:
    folder, printed = ranked
    after = printed.split("Ranking under each reward")[1].split("report:")[0]
    assert "First under reliable_accuracy: tvfs, ztt: " in after
    assert "ztt" in after and "answers" in after
    assert all(len(line) <= 80 for line in after.splitlines())
    assert "Ranking under each reward" in (folder / "report.html").read_text()


def scores(**by_controller: list[float]) -> pl.DataFrame:
    rows = [
        {"scenario": "one", "controller": name, "seed": seed, "reward": value}
        for name, values in by_controller.items()
        for seed, value in enumerate(values)
    ]
    return pl.DataFrame(rows)


def test_the_best_comes_first_and_equals_share_a_place() -> None:
    ranking = ranking_under(scores(low=[0.1, 0.3], high=[0.9, 0.7], same=[0.7, 0.9]))
    assert ranking["controller"].to_list()[-1] == "low"
    assert ranking["reward_place"].to_list() == [1, 1, 3]
    assert ranking["reward"].to_list() == pytest.approx([0.8, 0.8, 0.2])


def test_those_that_did_not_run_everywhere_are_not_ranked() -> None:
    elsewhere = pl.DataFrame([{"scenario": "two", "controller": "all", "seed": 0, "reward": 0.5}])
    ranking = ranking_under(pl.concat([scores(all=[0.5], some=[0.9]), elsewhere]))
    assert ranking["controller"].to_list() == ["all"]


def test_an_unknown_reward_is_a_dash() -> None:
    unknown = ranking_under(scores(one=[np.nan, np.nan], other=[0.5, 0.5]))
    assert sorted(map(tuple, reward_rows(unknown))) == [
        ("one", "–"), ("other", "1: 0.500 ±0.000")
    ]  # fmt: skip


def test_a_reward_of_single_frames_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def worst(window): return -window.latencies.max()")
    with pytest.raises(InputError, match=r"holds no single frames.*'latencies'"):
        check_reward(f"{tmp_path / 'mine.py'}:worst")


def test_a_reward_of_two_arguments_is_refused() -> None:
    with pytest.raises(InputError, match="function of a window"):
        windows_scored(lambda window, frames: 0.0, "two", np.ones((1, len(Window.fields))))  # type: ignore[arg-type,misc]


def test_energy_has_its_price() -> None:
    windows = np.ones((2, len(Window.fields)))
    windows[1, Window.fields.index("energy_j")] = 2.0
    cheap, dear = windows_scored(REWARDS["reliable_accuracy_energy"], "energy", windows)
    assert cheap - dear == pytest.approx(0.1)
