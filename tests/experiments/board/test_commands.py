"""The commands on a board's interface: a sysfs tree of plain files, real networks, real time.

Without a kernel behind the tree the temperature does not move and the clock changes nothing: what
is shown is that the commands work, refuse, log and restore.
"""

import os
from pathlib import Path

import polars as pl
import pytest

from tests.conftest import Cli
from tests.envs.boards import fake_sysfs
from tvfs_gym.envs.boards.linux.session import locked, session_files
from tvfs_gym.experiments.results.folder import read_json

QUICK = ("--frames", "30", "--latency-ms", "500", "--frames-per-step", "5", "--threads", "1")


def options(tmp_path: Path) -> tuple[str, ...]:
    values = f"state_folder={tmp_path / 'state'}", "settle_s=0.0", "nominal_latency_s=0.01"
    return tuple(part for value in values for part in ("--board-option", value))


@pytest.fixture
def board(tmp_path: Path) -> tuple[str | Path, ...]:
    """What tells the commands to use the tree."""
    fake_sysfs.build(tmp_path / "sys", governor="userspace")
    return "--board", "linux", "--root", tmp_path / "sys", *options(tmp_path)


def test_from_a_characterisation_to_a_comparison_and_its_replay(
    cli: Cli, board: tuple[str | Path, ...], tmp_path: Path
) -> None:
    before = fake_sysfs.settings(tmp_path / "sys/devices/system/cpu/cpufreq/policy0")
    measured = cli(
        "characterise", *board, "--output", tmp_path / "mine", "--levels", "2", "--passes", "3",
        "--settling-s", "0.2", "--averaged-s", "0.1", "--threads", "1",
    )  # fmt: skip
    assert measured.returncode == 0, measured.stderr
    ran = cli(
        "run", *board, *QUICK, "--characterisation", tmp_path / "mine", "--controller", "tvfs",
        "--controller", "digits_0.5_48@648", "--seeds", "2", "--output", tmp_path / "run", "--full",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "difference from tvfs" in ran.stdout
    steps = pl.read_parquet(tmp_path / "run" / "steps" / "*.parquet")
    assert steps.height == 2 * 2 * 6 and (steps["temperature_c"] == 45.0).all()
    fixed = steps.filter(pl.col("controller") == "digits_0.5_48@648")
    assert set(fixed["requested_level"]) == {1} and fixed["topology"].n_unique() == 1
    assert read_json(tmp_path / "run", "config.json")["real"] is True
    replayed = cli("replay", tmp_path / "run", "--controller", "tvfs")
    assert replayed.returncode == 0, replayed.stderr
    assert fake_sysfs.settings(tmp_path / "sys/devices/system/cpu/cpufreq/policy0") == before
    lock, _ = session_files(tmp_path / "sys", tmp_path / "state")
    os.close(locked(lock))  # a lock that is held raises an error


def test_a_published_method_learns_on_the_board_if_its_reward_can_be_measured(
    cli: Cli, board: tuple[str | Path, ...], tmp_path: Path
) -> None:
    """It knows nothing beforehand, leaves a policy that runs on, and the board as it was."""
    before = fake_sysfs.settings(tmp_path / "sys/devices/system/cpu/cpufreq/policy0")
    refused = cli("run", *board, *QUICK, "--controller", "learn:ztt", "--output", tmp_path / "run")
    assert refused.returncode == 2 and "ztt cannot learn on this board" in refused.stderr
    ran = cli("run", *board, *QUICK, "--controller", "learn:lotus", "--output", tmp_path / "run")
    assert ran.returncode == 0, ran.stderr
    (learnt,) = (tmp_path / "run" / "policies").iterdir()
    assert cli("policy", "check", learnt).returncode == 0
    curve = pl.read_parquet(tmp_path / "run" / "learning.parquet")
    assert curve["frames"].to_list() == [5, 10, 15, 20, 25, 30] and (curve["lotus"] != 0).all()
    replayed = cli("replay", tmp_path / "run", "--controller", "learn:lotus")
    assert replayed.returncode == 2 and "learns from a board as it runs it" in replayed.stderr
    assert fake_sysfs.settings(tmp_path / "sys/devices/system/cpu/cpufreq/policy0") == before


def test_a_machine_without_clock_and_sensor_is_refused_unless_one_level_will_do(
    cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "sys").mkdir()
    arguments = (
        "run", "--board", "linux", "--root", tmp_path / "sys", *options(tmp_path), *QUICK,
        "--controller", "digits_0.5_48@max", "--output", tmp_path / "run",
    )  # fmt: skip
    refused = cli(*arguments)
    assert refused.returncode == 2 and "Traceback" not in refused.stderr
    assert "this machine cannot be controlled" in refused.stderr
    assert "tvfs-gym doctor tells more" in refused.stderr
    allowed = cli(*arguments, "--single-level", "--no-sensor")
    assert allowed.returncode == 0, allowed.stderr
    steps = pl.read_parquet(tmp_path / "run" / "steps" / "*.parquet")
    assert steps["temperature_c"].is_nan().all() and (steps["latency_mean_s"] > 0).all()


def test_a_board_that_is_lost_ends_the_run_with_status_3_and_keeps_what_ran(
    cli: Cli, board: tuple[str | Path, ...], tmp_path: Path
) -> None:
    """The sensor reads what no chip has from the second episode on."""
    ran = cli(
        "run", *board, *QUICK, "--controller", "digits_0.5_48@648", "--output", tmp_path / "run"
    )
    assert ran.returncode == 0, ran.stderr
    zone = tmp_path / "sys/class/thermal/thermal_zone0"
    (zone / "temp").write_text("999000\n")
    lost = cli(
        "run", *board, *QUICK, "--controller", "digits_0.5_48@648", "--output", tmp_path / "lost"
    )
    assert lost.returncode == 3 and "Traceback" not in lost.stderr
    assert "tvfs-gym: " in lost.stderr
    assert os.listdir(tmp_path / "run" / "episodes")
