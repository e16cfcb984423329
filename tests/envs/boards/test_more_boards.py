"""Siblings of people's boards by other makers, and cases that need a process or time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.envs.boards import more_boards as boards
from tests.envs.boards.real_boards import Builder, Tree, z8300
from tests.envs.boards.test_real_boards import Expected, built, check
from tvfs_gym.envs.boards.linux.plan import plan_of
from tvfs_gym.envs.boards.linux.probe import probe
from tvfs_gym.envs.boards.linux.sensors import Thermometer
from tvfs_gym.envs.boards.linux.snapshot import rebuild, write_snapshot

SIBLINGS: dict[Builder, Expected] = {
    boards.orange_pi_3: Expected("policy0", 10, "cpu-thermal", 85, hottest_c=52.6),
    boards.orange_pi_zero_3: Expected("policy0", 7, "cpu-thermal", 105, hottest_c=47.1),
    boards.odroid_c4: Expected("policy0", 8, "cpu-thermal", 90),
    boards.genio_1200: Expected(
        "policy4", 4, " ".join(f"cpu{core}-thermal" for core in range(8)), 95,
        ("policies=policy0",), hottest_c=58.007,
    ),
    boards.dragonboard_410c: Expected(
        "policy0", 8, "cpu0-1-thermal cpu2-3-thermal", 105, hottest_c=56
    ),
    boards.imx8m_plus: Expected("policy0", 3, "cpu-thermal soc-thermal", 90, hottest_c=53),
    boards.imx8qm: Expected(
        "policy4", 4, "cpu0-thermal cpu1-thermal", 122, ("policies=policy0",), hottest_c=49
    ),
    boards.visionfive_2: Expected("policy0", 4, "cpu-thermal", 95),
    boards.n100: Expected(
        "policy0 policy1 policy2 policy3", 2, "x86_pkg_temp", 100,
        ("the levels are 2 from 700 to 800 MHz", "3400 MHz left out.*boost=true"),
    ),
    boards.ryzen_v1605b: Expected(
        " ".join(f"policy{cpu}" for cpu in range(8)), 3, "k10temp/Tctl", 90,
        ("Power sensors that are not read: amdgpu/power1",),
    ),
    boards.apple_m1: Expected(
        "policy4", 5, "", 90, ("temperature=NAME, of macsmc_hwmon/", "policies=policy0"),
        in_full=False,
    ),
    boards.virtual_machine: Expected(
        "", 0, "", 90, ("no cpufreq driver for it, as in a virtual machine",), in_full=False
    ),
    boards.masked_container: Expected(
        "policy0", 4, "", 90, ("a container must be shown the host's /sys/class/thermal",),
        in_full=False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("builder", SIBLINGS, ids=lambda builder: builder.__name__)
def test_a_sibling_is_understood_and_so_is_its_snapshot(builder: Builder, tmp_path: Path) -> None:
    root = built(builder, tmp_path)
    check(plan_of(probe(root)), SIBLINGS[builder])
    write_snapshot(root, tmp_path / "board.json")
    check(plan_of(probe(rebuild(tmp_path / "board.json", tmp_path / "again"))), SIBLINGS[builder])


def test_a_meter_that_gives_its_mean_alone_is_one(tmp_path: Path) -> None:
    """ACPI's power_meter has power1_average alone; where there is power1_input, that is read."""
    root = built(boards.visionfive_2, tmp_path)
    Tree(root).hwmon("power_meter", power1_average=9_500_000)
    (meter,) = plan_of(probe(root)).power.meters
    assert (meter.name, meter.alias, meter.value) == ("power_meter/power1", "hwmon0/power1", 9.5)
    (meter.path.parent / "power1_input").write_text("9000000")
    (meter,) = plan_of(probe(root)).power.meters
    assert meter.value == 9.0


def two_cpus(tree: Tree) -> None:
    """A Rock 4C+ with one CPU per cluster, which any machine of two CPUs can play."""
    tree.policy("policy0", (408, 600, 816, 1008), "0")
    tree.policy("policy4", (408, 600, 816, 1008, 1200, 1416, 1500), "1")
    tree.zone("cpu-thermal", 45000, (("passive", 70), ("critical", 95)))


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity") or not {0, 1} <= os.sched_getaffinity(0),
    reason="this process may not run on CPUs 0 and 1",
)
def test_a_process_that_is_bound_to_little_cores_takes_them(tmp_path: Path) -> None:
    """tensorflow/tensorflow#44965, moby/moby#31086: as under `taskset -c 0`."""
    root = built(two_cpus, tmp_path)
    command = [sys.executable, "-m", "tvfs_gym.experiments.cli", "doctor", "--root", str(root)]
    command += ["--state-folder", str(tmp_path / "state")]

    def bound(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *options],
            capture_output=True,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {0}),
            check=False,
        )

    found = bound("--json")
    assert json.loads(found.stdout)["policies_chosen"] == ["policy0"], found.stderr
    assert "may not run on the faster CPU 1 (" in found.stdout
    refused = bound("--board-option", "policies=policy4")
    assert refused.returncode == 2
    assert "may not run on CPU 1 of policy4 (cpuset, isolcpus" in " ".join(refused.stderr.split())


def test_a_steady_reading_under_a_steady_load_is_no_stuck_sensor(tmp_path: Path) -> None:
    """sbc-bench results/1lgD: 64.0 degC for 248 s, in the sensor that is chosen of that board."""
    chosen = plan_of(probe(built(z8300, tmp_path))).thermometer
    assert [sensor.name for sensor in chosen.sensors] == ["coretemp/Core 0"]
    thermometer = Thermometer(chosen.sensors, stuck_after_s=120.0)
    for step in range(2480):
        thermometer.sample(0.1 * step, 0.0 if step % 200 == 0 else 1.0)
    assert thermometer.sample(248.0, 1.0).temperature_c == 64.0
