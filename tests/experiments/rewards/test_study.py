"""Policies trained under several rewards, and judged alike."""

from pathlib import Path

import polars as pl
import pytest

from tests.conftest import Cli
from tvfs_gym.envs.errors import InputError
from tvfs_gym.experiments.rewards.pareto import FIGURE, policies_judged, publish_study
from tvfs_gym.experiments.rewards.study import Study

SUITE = """
family = "recorded"
latency_constraints_s = [0.075]
[conditions.nominal]
scenario = { frames = 100 }
[conditions.elsewhere]
board = "odroid_c2"
"""


@pytest.fixture(scope="module")
def study(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A small study's folder, and what it printed."""
    home = tmp_path_factory.mktemp("study")
    (home / "small.toml").write_text(SUITE)
    done = cli(
        "rewards", "--train", "q_table", "--steps", "256", "--suite", home / "small.toml",
        "--seeds", "2", "--reward", "reliable_accuracy", "--reward", "q_table",
        "--output", home / "run",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return home / "run", done.stdout


def test_every_policy_and_the_references_are_judged_by_the_same_metrics(
    study: tuple[Path, str],
) -> None:
    folder, printed = study
    outcomes = policies_judged(folder)
    assert set(outcomes["trained"].drop_nulls()) == {"reliable_accuracy", "q_table"}
    baselines = outcomes.filter(pl.col("trained").is_null())["controller"]
    assert set(baselines) == {"tvfs", "predictive", "best_fixed"}
    assert outcomes["latency_share"].is_between(0.0, 2.0).all()
    assert (folder / FIGURE).is_file()
    assert "trained: q_table" in printed
    assert all(len(line) <= 80 for line in printed.split("Figure:")[0].splitlines())


def test_its_page_names_what_was_done(study: tuple[Path, str], tmp_path: Path) -> None:
    (tmp_path / "docs" / "figures").mkdir(parents=True)
    publish_study(study[0], tmp_path)
    page = (tmp_path / "docs" / "rewards.md").read_text()
    assert "256 steps" in page and "1 scenarios of suite small" in page


def test_one_reward_is_no_comparison() -> None:
    with pytest.raises(InputError, match="two or more rewards"):
        Study("q_table", ("ztt", "ztt"), "odroid_xu4", "recorded", "main", 1, 0, 1)
