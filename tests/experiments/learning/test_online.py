"""Learning curves, and how learning on the board is judged."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.conftest import Cli
from tvfs_gym.experiments.controllers import check_name
from tvfs_gym.experiments.learning.online import learning_curves, summary_of
from tvfs_gym.experiments.learning.online_protocol import BLOCKS, LASTING, LEARNERS, LEVELS


def test_the_protocol_names_controllers() -> None:
    for name in (*LEARNERS, *LEVELS):
        check_name(name)


def curves(accuracies: dict[str, list[list[float]]]) -> pl.DataFrame:
    """Curves by controller, seed and block, blocks of 100 frames."""
    rows = [
        {"controller": name, "seed": seed, "block": block, "frames": 100 * (block + 1),
         "reliable_accuracy": value, "late_share": 0.0, "above_t_max_share": 0.0}
        for name, seeds in accuracies.items()
        for seed, own in enumerate(seeds)
        for block, value in enumerate(own)
    ]  # fmt: skip
    return pl.DataFrame(rows)


def test_a_reference_is_beaten_in_the_mean_of_some_blocks_and_not_by_a_lucky_one() -> None:
    level, lucky = [0.5] * 10, [0.4] * 10
    lucky[2] = 0.55
    late = [0.4] * 4 + [0.6] * 6
    found = summary_of(curves({"l": [lucky, late], "tvfs": [level, level]}), "l", "tvfs")
    above = next(n for n in range(LASTING, 11) if np.mean(late[n - LASTING : n]) > 0.5)
    assert found.beaten_after == [None, 100 * above]
    assert found.more == pytest.approx((-0.1 + 0.1) / 2)
    assert found.more_low == pytest.approx(-0.1) and found.more_high == pytest.approx(0.1)


def test_a_run_of_learners_makes_its_curves_and_the_page(cli: Cli, tmp_path: Path) -> None:
    ran = cli("run", "--controller", "learn:q_table", "--controller", "tvfs", "--seeds", "2",
              "--frames", "1200", "--output", tmp_path / "run")  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    found = learning_curves(tmp_path / "run")
    assert found.equals(pl.read_parquet(tmp_path / "run" / "learning.parquet"))
    assert found.height == 2 * 2 * BLOCKS and (found["frames"] == 20 * (found["block"] + 1)).all()
    episodes = pl.read_parquet(tmp_path / "run" / "episodes" / "*.parquet")
    by_hand = found.group_by("controller", "seed").agg(pl.col("reliable_accuracy").mean())
    both = by_hand.join(episodes, on=["controller", "seed"], suffix="_of_episode")
    assert both["reliable_accuracy"].to_numpy() == pytest.approx(
        both["reliable_accuracy_of_episode"].to_numpy()
    )
    (tmp_path / "README.md").write_text("")
    (tmp_path / "docs").mkdir()
    done = cli("dev", "publish", "online-learning", tmp_path / "run", "--checkout", tmp_path)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "docs" / "online_learning.md").read_text()
    assert "| `learn:q_table` |" in page and "1,200 frames, 2 seeds" in page
    assert (tmp_path / "docs" / "figures" / "online_learning.png").is_file()


def test_a_run_without_a_learner_has_no_curve(cli: Cli, tmp_path: Path) -> None:
    ran = cli("run", "--controller", "powersave", "--frames", "20", "--output", tmp_path / "run")
    assert ran.returncode == 0 and not (tmp_path / "run" / "learning.parquet").exists()
    (tmp_path / "README.md").write_text("")
    done = cli("dev", "publish", "online-learning", tmp_path / "run", "--checkout", tmp_path)
    assert done.returncode == 2 and "learns as it runs" in done.stderr
