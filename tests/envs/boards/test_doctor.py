"""``tvfs-gym doctor``, and what runs on a machine that is no board."""

import math
from pathlib import Path

import gymnasium
import pytest

from tests.conftest import Cli
from tests.envs.boards import fake_sysfs
from tests.envs.boards.conftest import Opened
from tvfs_gym.envs.boards.linux.probe import probe
from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.observation import ENTRY
from tvfs_gym.envs.reward import reliable_accuracy

CPUFREQ = "devices/system/cpu/cpufreq/policy0"


def test_a_board_in_order(root: Path, tmp_path: Path, cli: Cli) -> None:
    fake_sysfs.add_power(root)
    told = cli("doctor", "--root", root, "--state-folder", tmp_path / "state", COLUMNS="300")
    assert told.returncode == 0 and not told.stderr
    for part in (
        "480 648 816 1008 1200 MHz",
        "policy0, 5 VF levels, by scaling_setspeed under the governor userspace; CPUs 0 1, 2 of 2",
        "cpu-thermal (thermal_zone0) 45.0 degC: the zone by which the kernel throttles the CPU",
        "95 degC (critical 100 degC, cpu-thermal)",
        "ina231/VDD_ARM (hwmon0/power1): rail of the CPU",
        "can control this machine in full",
    ):
        assert part in told.stdout


def test_what_is_worth_knowing(root: Path, tmp_path: Path, cli: Cli) -> None:
    fake_sysfs.put(
        root / CPUFREQ,
        {"scaling_available_governors": "performance", "scaling_max_freq": "1008000"},
    )
    fake_sysfs.put(root / "class/thermal/thermal_zone0", {"mode": "disabled"})
    told = cli("doctor", "--root", root, "--state-folder", tmp_path / "state", COLUMNS="300")
    assert told.returncode == 0
    for part in (
        "by scaling_min_freq = scaling_max_freq",
        "modprobe cpufreq_userspace",
        "does not throttle cpu-thermal",
        "policy0 is limited to 480 to 1008 MHz",
    ):
        assert part in told.stdout


def test_a_machine_without_clock_and_sensor(tmp_path: Path, cli: Cli) -> None:
    told = cli("doctor", "--root", tmp_path, "--state-folder", tmp_path / "state", COLUMNS="300")
    assert told.returncode == 1
    for part in (
        "Missing: The kernel has no cpufreq driver",
        "Missing: It has no readable temperature sensor",
        "What still works: the digital twins in full, and tvfs_gym/LinuxBoard-v1 with "
        "options={'allow_single_level': True, 'allow_no_sensor': True}",
    ):
        assert part in told.stdout


def test_a_run_in_progress_is_not_disturbed(
    root: Path, tmp_path: Path, cli: Cli, machine: Opened
) -> None:
    machine()
    arguments = ("--root", root, "--state-folder", tmp_path / "state")
    told = cli("doctor", *arguments, COLUMNS="300")
    assert told.returncode == 0 and "controls this board now" in told.stdout
    refused = cli("doctor", "--restore", *arguments)
    assert refused.returncode == 3 and "controls this board" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_this_machine_runs_what_it_can(tmp_path: Path) -> None:
    """With its own sysfs; a virtual machine has neither clock nor sensor to be controlled."""
    if probe().policies or probe().zones:
        pytest.skip("this machine is more of a board than that")
    with pytest.raises(InputError, match="tvfs-gym doctor tells more"):
        gymnasium.make("tvfs_gym/LinuxBoard-v1", options={"state_folder": str(tmp_path)})
    allowed = {"allow_single_level": True, "allow_no_sensor": True}
    env = gymnasium.make(
        "tvfs_gym/LinuxBoard-v1",
        disable_env_checker=True,  # which expects numbers where a temperature is missing
        threads=1,
        reward="on_time_accuracy",
        options={"state_folder": str(tmp_path), **allowed},
    )
    assert env.action_space == gymnasium.spaces.Discrete(12)
    observation, _ = env.reset(seed=0)
    _, reward, _, _, info = env.step(11)
    assert float(reward) > 0.5 and math.isnan(Window(info["window"]).temperature_c)
    assert math.isnan(reliable_accuracy(Window(info["window"])))
    assert math.isnan(observation[ENTRY.TEMPERATURE])
    assert not math.isnan(observation[ENTRY.LATENCY_CONSTRAINT])
    env.close()
