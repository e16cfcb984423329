"""Controllers on a board: what a run logs, compares, survives and refuses."""

import signal
import time
from pathlib import Path

import polars as pl
import pytest

from tests import command_line
from tests.conftest import Cli
from tvfs_gym.envs.boards.window import Window
from tvfs_gym.experiments.board.schedule import Schedule
from tvfs_gym.experiments.results.cells import EPISODES, read_cells, read_episodes
from tvfs_gym.experiments.results.folder import read_json
from tvfs_gym.experiments.results.statistics import METRICS, paired_differences

QUICK = (
    "run", "--controller", "tvfs", "--controller", "efficientnet_lite0@1400",
    "--controller", "performance", "--seeds", "2", "--frames", "200", "--ambient-c", "40",
)  # fmt: skip


def cells(folder: Path, kind: str) -> pl.DataFrame:
    config = read_json(folder, "config.json")
    return read_episodes(folder, config) if kind == EPISODES else read_cells(folder, kind, config)


@pytest.fixture(scope="module")
def ran(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder and the output of a short comparison on a twin."""
    folder = tmp_path_factory.mktemp("run") / "run"
    done = cli(*QUICK, "--output", folder, "--full")
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_every_round_has_an_episode_of_each_controller_in_a_new_order() -> None:
    runs = Schedule(["a@1", "b@1", "c@1"], 20, "randomised", 7).runs()
    rounds = [runs[3 * i : 3 * i + 3] for i in range(20)]
    for number, turn in enumerate(rounds):
        assert {name for name, _ in turn} == {"a@1", "b@1", "c@1"}
        assert {seed for _, seed in turn} == {7 + number}
    assert len({tuple(name for name, _ in turn) for turn in rounds}) == 6
    assert runs == Schedule(["a@1", "b@1", "c@1"], 20, "randomised", 7).runs()
    ordered = Schedule(["b@1", "a@1"], 2, "interleaved", 0).runs()
    assert ordered == [("b@1", 0), ("a@1", 0), ("b@1", 1), ("a@1", 1)]


def test_a_run_logs_what_a_benchmark_does_and_what_was_asked_for(ran: tuple[Path, str]) -> None:
    folder, _ = ran
    steps, episodes = cells(folder, "steps"), cells(folder, "episodes")
    keys = {"scenario", "controller", "seed"}
    told = {"reward", "requested_level", "requested_passes", "load", "control_s"}
    assert set(steps.columns) == keys | told | set(Window.fields)
    assert steps.height == 3 * 2 * 20 and episodes.height == 3 * 2
    assert set(METRICS) < set(episodes.columns)
    fixed = steps.filter(pl.col("controller") == "efficientnet_lite0@1400")
    assert fixed["requested_level"].unique().to_list() == [12]
    assert fixed["topology"].unique().to_list() == [5]
    assert fixed["requested_passes"].unique().to_list() == [10]  # all views
    assert (steps["load"] > 0.99).all()
    throttled = steps.filter(pl.col("controller") == "performance", pl.col("throttled_s") > 0)
    assert throttled.height > 0 and (throttled["requested_level"] == 18).all()
    assert (episodes["start_temperature_c"] > 40).all()
    assert (folder / "report.html").read_text().count("digital twin of Odroid-XU4") == 1


def test_controllers_are_compared_in_pairs_of_the_same_round(ran: tuple[Path, str]) -> None:
    folder, printed = ran
    assert "difference from tvfs" in printed
    episodes = cells(folder, "episodes")
    by_hand = {
        name: episodes.filter(pl.col("controller") == name).sort("seed")["late_share"].to_numpy()
        for name in ("tvfs", "performance")
    }
    found = paired_differences(episodes, "tvfs").filter(pl.col("controller") == "performance")
    expected = (by_hand["performance"] - by_hand["tvfs"]).mean()
    assert found["late_share"].item() == pytest.approx(expected)
    assert found["late_share_low"].item() <= expected <= found["late_share_high"].item()
    assert "Difference from tvfs" in (folder / "report.html").read_text()


def test_a_run_is_resumed(ran: tuple[Path, str], cli: Cli, tmp_path: Path) -> None:
    folder, _ = ran
    lost, kept = sorted((folder / "episodes").iterdir())[:2]
    before, content = kept.stat().st_mtime_ns, pl.read_parquet(lost)
    lost.unlink()
    again = cli(*QUICK, "--output", folder)
    assert again.returncode == 0 and again.stderr.count("episode ") == 1
    assert kept.stat().st_mtime_ns == before and pl.read_parquet(lost).equals(content)
    other = cli(*QUICK, "--seed", "5", "--output", folder)
    assert other.returncode == 2 and "results of another configuration" in other.stderr


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_broken_off_keeps_what_it_ran(
    tmp_path: Path, sent: signal.Signals, status: int
) -> None:
    arguments = "run --controller powersave --seeds 1000 --frames 20000 --output r"
    running = command_line.start(tmp_path, arguments.split())
    while not any((tmp_path / "r").glob("episodes/*.parquet")):
        time.sleep(0.05)
        assert running.poll() is None
    running.send_signal(sent)
    _, said = running.communicate(timeout=60)
    assert running.returncode == status and "Traceback" not in said
    assert "stopped: " in said and "resumes" in said
    steps, episodes = cells(tmp_path / "r", "steps"), cells(tmp_path / "r", "episodes")
    assert 1 <= episodes.height < 1000
    assert 2000 * episodes.height <= steps.height < 2000 * (episodes.height + 1)
    report = command_line.run(tmp_path, ["report", "r"])
    assert report.returncode == 0, report.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--controller tvsf", "unknown controller 'tvsf': did you mean tvfs"),
        ("--controller efficientnet_lite0@1450", "there is no VF level of '1450' MHz: choose one"),
        ("--controller efficientnet@1400", "unknown topology 'efficientnet': did you mean"),
        ("--controller tvfs --controller tvfs", "every --controller must be named once"),
        ("--controller tvfs --seeds 0", "the number of episodes must be at least 1, not 0"),
        ("--controller tvfs --order sorted", "unknown order 'sorted': choose one of interleaved"),
        ("--controller tvfs --board odroid_xu5", "unknown board 'odroid_xu5'"),
        ("--controller tvfs --latency-ms 1", "no configuration meets a latency constraint of 1 ms"),
        ("--controller tvfs --characterisation none.toml", "none.toml: No such file"),
        ("--controller tvfs --board-option settle_s=1", "mean nothing to a twin: leave them out"),
        ("--controller tvfs --board linux --board-option settle", "is NAME=VALUE, not 'settle'"),
    ],
)
def test_a_mistake_is_one_sentence(cli: Cli, arguments: str, message: str) -> None:
    done = cli("run", *arguments.split())
    assert done.returncode == 2
    assert message in done.stderr and "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1 and done.stdout == ""
