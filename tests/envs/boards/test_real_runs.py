"""How the driver holds the boards that people have: clocks, throttling, fans, CPUs that go away."""

import errno
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.envs.boards import real_boards as boards
from tests.envs.boards.conftest import Opened
from tests.envs.boards.fake_sysfs import put, settings
from tests.envs.boards.real_boards import CPUS, Builder, Tree
from tvfs_gym.envs.boards.linux import fan, guardian
from tvfs_gym.envs.boards.linux import machine as machines
from tvfs_gym.envs.boards.linux.machine import Machine
from tvfs_gym.envs.boards.linux.options import LinuxOptions, options_of
from tvfs_gym.envs.boards.linux.session import session_files
from tvfs_gym.envs.errors import BoardError, InputError
from tvfs_gym.envs.scenario import Scenario, scenario_of

Clock = Callable[[str, int], int]
"""The real clock of a policy that was asked for one, kHz."""

CPUFREQ = f"{CPUS}/cpufreq"


class Plant:
    """A kernel behind a tree: clocks follow what is written, as the hardware lets them."""

    def __init__(self, root: Path, clock: Clock) -> None:
        self.root, self.clock = root, clock
        self.refused: set[str] = set()
        self._write = guardian.write

    def write(self, path: str, value: str) -> None:
        file = Path(path)
        if file.name in self.refused:
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        self._write(path, value)
        if file.name in ("scaling_setspeed", "scaling_max_freq"):
            khz = self.clock(file.parent.name, int(value))
            put(file.parent, {"scaling_cur_freq": str(khz)})
            if (file.parent / "cpuinfo_cur_freq").exists():
                put(file.parent, {"cpuinfo_cur_freq": str(khz)})


def as_asked(policy: str, khz: int) -> int:
    return khz


@pytest.fixture
def hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    """Opens machines over a board of people, with a plant behind it."""
    opened: list[Machine] = []

    def make(builder: Builder, clock: Clock = as_asked, **options: Any) -> tuple[Machine, Plant]:
        root = tmp_path / "sys"
        if not root.exists():
            builder(Tree(root))
        plant = Plant(root, clock)
        monkeypatch.setattr(guardian, "write", plant.write)
        opened.append(Machine(root, state_folder=tmp_path / "state", **options))
        return opened[-1], plant

    yield make
    for one in opened:
        one.close()


def test_idle_cpus_of_a_pc_are_no_throttling(hold: Opened) -> None:
    """AdnanHodzic/auto-cpufreq#288: those that idle read 800 MHz."""
    idle = ("policy2", "policy3")
    held, _ = hold(boards.msi, lambda policy, khz: 800000 if policy in idle else khz)
    held.request(5)
    for _ in range(4):
        sample = held.look(busy=True)
        assert (sample.vf_level, sample.cap_level, sample.frequency_hz) == (5, 5, 4e9)


def test_a_pause_between_frames_is_no_throttling(hold: Opened) -> None:
    held, _ = hold(boards.msi)
    held.request(5)
    assert held.look(busy=True).cap_level == 5
    for policy in held.policies:
        put(policy.path, {"scaling_cur_freq": "800000"})
    for _ in range(4):
        assert held.look().cap_level == 5


def test_a_clock_within_a_percent_is_reached(hold: Opened) -> None:
    """APERF gives 2394 MHz under load for the 2400 that were asked for."""
    held, _ = hold(boards.turbo_2401, lambda _, khz: round(0.9971 * khz))
    held.request(6)
    for _ in range(3):
        sample = held.look(busy=True)
        assert (sample.vf_level, sample.cap_level) == (6, 6)


def test_a_speed_that_reads_a_little_high_is_nobody_elses(hold: Opened) -> None:
    """cpufreq takes the hardware's clock over when it is read."""
    held, plant = hold(boards.pi4)
    write = plant.write

    def resynchronised(path: str, value: str) -> None:
        write(path, value)
        if path.endswith("scaling_setspeed"):
            put(Path(path).parent, {"scaling_setspeed": str(int(value) + 4000)})

    guardian.write = resynchronised  # undone with the fixture's
    held.request(3)
    assert held.look(busy=True).vf_level == 3


def test_the_firmwares_own_word_is_a_cap(hold: Opened, tmp_path: Path) -> None:
    held, _ = hold(boards.pi5)
    held.request(9)
    sample = held.look(busy=True)
    assert sample.frequency_hz == 2.4e9 and (sample.vf_level, sample.cap_level) == (8, 8)
    (word,) = (tmp_path / "sys").rglob("get_throttled")
    word.write_text("e0000")  # it was, and is no more
    assert held.look(busy=True).cap_level == 9


def test_a_clock_that_never_moves_is_told(hold: Opened, caplog: pytest.LogCaptureFixture) -> None:
    held, _ = hold(boards.a733, lambda _, khz: 416000)
    assert "policy6 reads 416 MHz at the highest and at the lowest level" in caplog.text
    held.close()
    caplog.clear()
    hold(boards.a733)
    assert "at the highest and at the lowest" not in caplog.text


def test_another_clusters_throttling_is_not_mine(hold: Opened, tmp_path: Path) -> None:
    """Both tables of the ODROID-N2 have eleven entries."""
    device = tmp_path / "sys/class/thermal/cooling_device0"
    held, _ = hold(boards.odroid_n2)
    held.request(10)
    put(device, {"cur_state": "4"})
    assert held.look(busy=True).cap_level == 10
    put(device.with_name("cooling_device1"), {"cur_state": "4"})
    assert held.look(busy=True).cap_level == 6


def test_fans_and_other_clusters_delay_no_opening(hold: Opened, tmp_path: Path) -> None:
    def busy(tree: Tree) -> None:
        boards.odroid_n2(tree)
        tree.cooling("cpu-fan", 3, state=2)
        put(tree.root / "class/thermal/cooling_device0", {"cur_state": "4"})

    assert hold(busy)[0].level_count == 11


def test_what_is_waited_for_is_told_at_once(
    hold: Opened, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """armbian/build#992: boards that idle above their first passive trip."""
    monkeypatch.setattr(machines, "UNCAP_LIMIT_S", 0.02)
    monkeypatch.setattr(machines, "LOOK_S", 0.01)

    def warm(tree: Tree) -> None:
        boards.pi4(tree)
        tree.cooling("cpufreq-cpu0", 12, state=1)

    with pytest.raises(BoardError, match="still throttles the board"):
        hold(warm)
    assert "throttles the board (cpufreq-cpu0 is at state 1): waiting up to" in caplog.text


def test_a_sensor_that_starts_is_waited_for(
    hold: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not replaced by the GPU's for the whole run."""
    zone = tmp_path / "sys/class/thermal/thermal_zone1"

    def starting(tree: Tree) -> None:
        boards.tinker_board(tree)
        (zone / "temp").unlink()
        (zone / "temp").mkdir()

    def start(s: float) -> None:
        if (zone / "temp").is_dir():
            (zone / "temp").rmdir()
            put(zone, {"temp": "57727"})

    monkeypatch.setattr(time, "sleep", start)
    held, _ = hold(starting)
    assert [sensor.name for sensor in held.plan.thermometer.sensors] == ["cpu_thermal"]
    assert held.look().temperature_c == 57.727


def test_whole_degrees_engage_the_hard_limit(hold: Opened, tmp_path: Path) -> None:
    held, _ = hold(boards.nanopi_neo)
    held.request(5)
    assert held.look().temperature_c == 65.0
    put(tmp_path / "sys/class/thermal/thermal_zone0", {"temp": "104"})
    assert held.look().temperature_c == 104.0 and held.limit.engaged


def test_a_governor_that_refuses_leaves_the_limits(hold: Opened, tmp_path: Path) -> None:
    """SELinux and vendors' kernels let a file be opened, and refuse the write."""
    root = tmp_path / "sys"
    boards.pi4(Tree(root))
    before = settings(root / CPUFREQ / "policy0")
    refuse = guardian.write

    def refusing(path: str, value: str) -> None:
        if path.endswith("scaling_governor"):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        refuse(path, value)

    guardian.write = refusing
    try:
        held = Machine(root, state_folder=tmp_path / "state")
        held.request(4)
        assert settings(root / CPUFREQ / "policy0")["scaling_max_freq"] == "1000000"
    finally:
        guardian.write = refuse
    held.close()
    assert settings(root / CPUFREQ / "policy0") == before


def test_a_setting_that_holds_need_not_be_writable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who could not change it need not restore it."""
    root = tmp_path / "sys"
    boards.pi4(Tree(root))
    file = str(root / CPUFREQ / "policy0/scaling_governor")

    def refuse(path: str, value: str) -> None:
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(guardian, "write", refuse)
    assert guardian.restore([guardian.Setting(file, "ondemand")]) == []
    monkeypatch.setattr(guardian, "ROUNDS", 2)
    (problem, _) = guardian.restore([guardian.Setting(file, "schedutil")])
    assert "Permission denied" in problem


def test_a_fan_is_held_against_the_kernel(
    hold: Opened, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """raspberrypi/linux#7556: the thermal governor sets a pwm-fan whatever its mode is."""
    held, _ = hold(boards.pi5, fan=1.0)
    (duty,) = (tmp_path / "sys").rglob("pwm1")
    assert duty.read_text() == "255"
    duty.write_text("75")
    held.look()
    assert duty.read_text() == "255" and "disable the zone" in caplog.text
    with pytest.raises(BoardError, match="set to 75 again and again by others"):
        for _ in range(fan.TAKEN_BACK + 2):
            duty.write_text("75")
            held.look()
    held.close()
    assert duty.read_text().strip() == "125"


def test_a_fan_without_a_mode_is_told(hold: Opened) -> None:
    with pytest.raises(InputError, match=r"the mode of pwmfan/pwm1 \(hwmon0/pwm1\) cannot be set"):
        hold(boards.xu4, fan=1.0)


@pytest.mark.parametrize("removed", [True, False])
def test_cpus_that_go_offline_during_a_run(
    hold: Opened, tmp_path: Path, caplog: pytest.LogCaptureFixture, removed: bool
) -> None:
    """vagnum08/cpupower-gui#100; newer kernels keep the policy's folder, older ones remove it."""
    boards.gigabyte_am4(Tree(tmp_path / "sys"))
    root = tmp_path / "sys" / CPUFREQ
    before = settings(root / "policy0")
    held, _ = hold(boards.gigabyte_am4)
    held.request(2)
    gone, aside = root / "policy3", tmp_path / "aside"
    if removed:
        gone.rename(aside)
    else:
        put(gone, {"affected_cpus": ""})
        (gone / "scaling_setspeed").rename(aside)
        (gone / "scaling_setspeed").mkdir()
    with pytest.raises(BoardError, match=r"policy3 is offline \(CPU 3\): switch its CPUs on"):
        held.request(1)
    with pytest.raises(BoardError, match="policy3 cannot be restored while its CPUs are offline"):
        held.close()
    assert settings(root / "policy0") == before
    if not removed:  # as the kernel shows a policy that has no clock
        (gone / "scaling_driver").unlink()

    again, _ = hold(boards.gigabyte_am4)  # the next run goes on with the others
    assert len(again.policies) == 3 and "policy3 cannot be restored" in caplog.text
    again.request(1)
    again.close()
    assert session_files(tmp_path / "sys", tmp_path / "state")[1].exists()

    if removed:
        aside.rename(gone)
    else:
        (gone / "scaling_setspeed").rmdir()
        aside.rename(gone / "scaling_setspeed")
        put(gone, {"affected_cpus": "3", "scaling_driver": "acpi-cpufreq"})
    last, _ = hold(boards.gigabyte_am4)
    assert last.recovered and len(last.policies) == 4
    last.close()
    assert settings(gone) == before


def test_t_max_follows_the_hard_limit(board: Opened, root: Path, cli: Cli, tmp_path: Path) -> None:
    """raspberrypi/linux#3351: a Raspberry Pi 3 whose critical trip is 80 degC."""
    put(root / "class/thermal/thermal_zone0", {"trip_point_1_temp": "80000"})
    held = board(nominal_latency_s=0.01)
    assert held.suited(Scenario()).t_max_c == 75.0
    assert held.suited(scenario_of({"t_max_c": 60.0})).t_max_c == 60.0
    with pytest.raises(InputError, match=r"give --t-max-c 75 or less, or another limit with"):
        held.suited(scenario_of({"t_max_c": 85.0}))


def test_options_are_taken_as_people_type_them() -> None:
    options = options_of({"policies": "policy4,policy6", "temperature": "k10temp/Tctl"})
    assert options.policies == ("policy4", "policy6")
    assert options.temperature == ("k10temp/Tctl",)
    assert options_of({"policies": "policy2"}).policies == ("policy2",)
    assert options_of({"policies": ["policy2"]}).policies == ("policy2",)
    assert options_of({"levels": 8}).levels == 8
    assert options_of({"levels": "800,1600"}).levels == (800.0, 1600.0)
    with pytest.raises(InputError, match="levels"):
        options_of({"levels": 0})


def test_doctor_takes_options_and_snapshots(tmp_path: Path, cli: Cli) -> None:
    root = tmp_path / "sys"
    boards.odroid_n2(Tree(root))
    common = ("--state-folder", tmp_path / "state")
    file = tmp_path / "board.json"
    told = cli("doctor", "--root", root, "--snapshot", file, *common)
    assert told.returncode == 0 and "policies=policy0" in told.stdout
    lines = [line for line in told.stdout.splitlines() if str(tmp_path) not in line]
    assert max(map(len, lines)) <= 80 and len(lines) < 30
    told = cli("doctor", "--root", file, "--json", "--board-option", "policies=policy0", *common)
    report = json.loads(told.stdout)
    assert report["policies_chosen"] == ["policy0"] and report["limit_c"] == 90.0
    assert [each["why"] for each in report["thermometers"]] == [
        "the zone by which the kernel throttles the CPU",
        "a zone that is not known to measure the CPU",
    ]
    told = cli("doctor", "--root", file, "--details", *common, COLUMNS="300")
    assert "cpu-thermal, 38.9 degC, step_wise, trips active 65, passive 85, hot 95" in told.stdout
    refused = cli("doctor", "--root", tmp_path / "nothing.json", *common)
    assert refused.returncode == 2 and "there is no folder" in refused.stderr
    refused = cli("doctor", "--root", root, "--board-option", "policies=policy9", *common)
    assert refused.returncode == 2 and "unknown cpufreq policy 'policy9'" in refused.stderr


def test_the_page_lists_every_option() -> None:
    page = (Path(__file__).parents[3] / "docs/board.md").read_text()
    for name in LinuxOptions.model_fields:
        assert re.search(rf"^\| .*`{name}`.* \| `{name}=", page, re.MULTILINE) or name == "settle_c"
