"""What a machine can, how its clock is set, and what protects it."""

import errno
import math
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import tvfs_gym
from tests.envs.boards import fake_sysfs
from tests.envs.boards.conftest import Opened
from tests.envs.boards.fake_sysfs import KHZ, FakeKernel
from tvfs_gym.envs.boards.linux import guardian, sensors
from tvfs_gym.envs.boards.linux.machine import settled_plan
from tvfs_gym.envs.boards.linux.plan import plan_of
from tvfs_gym.envs.boards.linux.power import PowerMeter, choose_power
from tvfs_gym.envs.boards.linux.probe import probe
from tvfs_gym.envs.boards.linux.safety import HardLimit
from tvfs_gym.envs.boards.linux.sensors import Thermometer, TimedTemperature
from tvfs_gym.envs.boards.linux.sysfs import cpu_list
from tvfs_gym.envs.boards.linux.thermometers import ThermalSensor, Trust
from tvfs_gym.envs.boards.linux.wishes import Wishes
from tvfs_gym.envs.errors import BoardError, InputError

CPUFREQ = "devices/system/cpu/cpufreq"
PACKAGE = Path(tvfs_gym.__file__).parent
ZONE = "class/thermal/thermal_zone0"


def test_a_probe_finds_what_is_there(root: Path) -> None:
    fake_sysfs.add_power(root)
    found = probe(root)
    (policy,) = found.policies
    assert (policy.name, policy.driver, policy.governor) == ("policy0", "cpufreq-dt", "schedutil")
    assert policy.frequencies_khz == KHZ and policy.cpus == (0, 1)
    assert policy.sets_speed and policy.sets_limits
    (zone,) = found.zones
    assert (zone.type, zone.temperature_c, zone.policy) == ("cpu-thermal", 45.0, "step_wise")
    assert [trip.temperature_c for trip in zone.trips] == [85.0, 100.0] and zone.slows_cpu
    assert [device.max_state for device in found.cooling_devices] == [4]
    assert [sensor.name for sensor in found.sensors_of("power")] == ["ina231/VDD_ARM"]


def test_a_virtual_machine_has_folders_and_nothing_in_them(tmp_path: Path) -> None:
    for folder in (CPUFREQ, "class/thermal"):
        (tmp_path / folder).mkdir(parents=True)
    found = probe(tmp_path)
    assert not found.policies and not found.zones and not found.sensors
    plan = plan_of(found)
    assert plan.limit.limit_c == 90.0 and plan.cluster.policies == () and len(plan.missing) == 2


@pytest.mark.parametrize("missing", ["scaling_driver", "cpuinfo_max_freq"])
def test_a_folder_without_a_readable_clock_is_no_policy(root: Path, missing: str) -> None:
    (root / CPUFREQ / "policy0" / missing).unlink()
    assert probe(root).policies == ()


def test_a_table_is_sorted_whichever_way_the_driver_lists_it(root: Path) -> None:
    file = root / CPUFREQ / "policy0/scaling_available_frequencies"
    file.write_text(" ".join(map(str, reversed(KHZ))) + " \n")
    assert probe(root).policies[0].frequencies_khz == KHZ
    file.unlink()
    assert probe(root).policies[0].frequencies_khz == ()
    fake_sysfs.put(root / CPUFREQ / "policy0/stats", {"time_in_state": "1200000 10\n480000 5"})
    assert probe(root).policies[0].frequencies_khz == (480000, 1200000)


def test_old_kernels_keep_the_clock_under_the_cpus(root: Path) -> None:
    for cpu in (0, 1):
        folder = root / f"devices/system/cpu/cpu{cpu}"
        folder.mkdir()
        (folder / "cpufreq").symlink_to("../cpufreq/policy0")
    (root / CPUFREQ / "policy0").rename(root / "devices/system/cpu/shared")
    (root / CPUFREQ).rmdir()
    for cpu in (0, 1):
        link = root / f"devices/system/cpu/cpu{cpu}/cpufreq"
        link.unlink()
        link.symlink_to("../shared")
    (policy,) = probe(root).policies
    assert policy.name == "cpu0" and policy.cpus == (0, 1)


@pytest.mark.parametrize(
    ("line", "cpus"), [("0 1 2", (0, 1, 2)), ("0-2,5", (0, 1, 2, 5)), ("", ()), ("7", (7,))]
)
def test_cpu_lists(line: str, cpus: tuple[int, ...]) -> None:
    assert cpu_list(line) == cpus


def test_inference_runs_on_the_big_cores(root: Path, machine: Opened) -> None:
    fake_sysfs.build(root, policy="policy4", khz=(600000, 1800000), cpus="1")
    before = os.sched_getaffinity(0)
    held = machine()
    assert [policy.name for policy in held.policies] == ["policy4"]
    assert held.levels_khz == (600000, 1800000)
    assert os.sched_getaffinity(0) == ({1} & before or before)
    held.close()
    assert os.sched_getaffinity(0) == before
    assert machine(policies=["policy0"]).levels_khz == KHZ


def test_a_pc_has_a_policy_per_cpu_and_they_are_set_as_one(root: Path, machine: Opened) -> None:
    fake_sysfs.build(root, policy="policy1", cpus="1")
    held = machine()
    assert len(held.policies) == 2
    held.request(2)
    for name in ("policy0", "policy1"):
        assert (root / CPUFREQ / name / "scaling_setspeed").read_text().strip() == str(KHZ[2])


def test_vf_levels_lie_within_the_limits_that_were_found(root: Path, machine: Opened) -> None:
    fake_sysfs.put(root / CPUFREQ / "policy0", {"scaling_max_freq": "1008000"})
    assert machine().levels_khz == KHZ[:4]


@pytest.mark.parametrize("governors", [fake_sysfs.GOVERNORS, ("performance", "schedutil")])
def test_every_level_is_reached_and_read_back(
    root: Path, kernel: FakeKernel, machine: Opened, governors: tuple[str, ...]
) -> None:
    fake_sysfs.put(root / CPUFREQ / "policy0", {"scaling_available_governors": " ".join(governors)})
    held = machine()
    for level in (4, 0, 2, 3, 1, 4):
        held.request(level)
        sample = held.look()
        assert (sample.vf_level, sample.cap_level) == (level, 4)
        assert sample.frequency_hz == 1e3 * KHZ[level]


@pytest.mark.parametrize("governors", [fake_sysfs.GOVERNORS, ("performance", "schedutil")])
def test_lower_than_asked_is_a_cap_and_is_not_asked_for_again(
    root: Path, kernel: FakeKernel, machine: Opened, governors: tuple[str, ...]
) -> None:
    fake_sysfs.put(root / CPUFREQ / "policy0", {"scaling_available_governors": " ".join(governors)})
    held = machine()
    kernel.throttle(2)
    held.request(4)
    written = len(kernel.writes)
    for _ in range(3):
        held.request(4)
        sample = held.look()
        assert (sample.vf_level, sample.cap_level) == (2, 2)
    assert len(kernel.writes) == written
    kernel.throttle(0)
    assert held.look().vf_level == 4  # the kernel has remembered it


def test_throttling_by_firmware_shows_in_the_hardwares_clock_alone(
    root: Path, kernel: FakeKernel, machine: Opened
) -> None:
    hardware = root / CPUFREQ / "policy0/cpuinfo_cur_freq"
    hardware.write_text("1200000")
    held = machine()
    held.request(4)
    assert held.look().cap_level == 4
    hardware.write_text("790000")
    assert held.look().cap_level == 4  # CPUs that idle prove nothing
    assert held.look(busy=True).cap_level == 4  # nor does one sample
    sample = held.look(busy=True)
    assert (sample.vf_level, sample.cap_level) == (2, 2)
    hardware.write_text("1196000")
    sample = held.look(busy=True)
    assert (sample.vf_level, sample.cap_level, sample.frequency_hz) == (4, 4, 1.196e9)


def test_its_files_are_closed(root: Path, machine: Opened) -> None:
    fake_sysfs.add_power(root)
    before = len(os.listdir("/proc/self/fd"))
    held = machine()
    held.look()
    assert len(os.listdir("/proc/self/fd")) > before
    held.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_only_table_entries_are_written(kernel: FakeKernel, machine: Opened) -> None:
    held = machine()
    for level in range(held.level_count):
        held.request(level)
    speeds = {int(value) for name, value in kernel.writes if name == "scaling_setspeed"}
    assert speeds == set(KHZ)


def test_somebody_else_at_the_same_clock_is_told(kernel: FakeKernel, machine: Opened) -> None:
    held = machine()
    kernel.write(str(kernel.folder / "scaling_min_freq"), "1008000")
    with pytest.raises(BoardError, match="somebody raised its lower limit"):
        held.request(1)
    kernel.write(str(kernel.folder / "scaling_min_freq"), "480000")
    kernel.write(str(kernel.folder / "scaling_governor"), "performance")
    with pytest.raises(BoardError, match=r"writing 816000 to .* failed: Invalid argument"):
        held.request(2)


@pytest.mark.parametrize(
    ("error", "told"), [(errno.EACCES, "Permission denied"), (errno.EBUSY, "resource busy")]
)
def test_a_refused_write_is_told_and_restored(
    root: Path, machine: Opened, monkeypatch: pytest.MonkeyPatch, error: int, told: str
) -> None:
    found = fake_sysfs.settings(root / CPUFREQ / "policy0")

    def refuse(path: str, value: str) -> None:
        raise OSError(error, os.strerror(error))

    with monkeypatch.context() as patch:
        patch.setattr(guardian, "write", refuse)
        with pytest.raises(BoardError, match=told):
            machine()
    assert fake_sysfs.settings(root / CPUFREQ / "policy0") == found


def test_limits_that_the_kernel_carries_out_later_are_waited_for(
    kernel: FakeKernel, machine: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does so in a work queue: read at once after a write, they may be the former ones."""
    fake_sysfs.put(kernel.folder, {"scaling_available_governors": "performance schedutil"})
    carry_out = kernel._settle
    monkeypatch.setattr(kernel, "_settle", lambda: None)
    monkeypatch.setattr(time, "sleep", lambda s: carry_out())
    held = machine()
    for level in (4, 0, 2):
        held.request(level)
        for limit in ("scaling_min_freq", "scaling_max_freq"):
            assert int((kernel.folder / limit).read_text()) == KHZ[level]


def test_a_throttled_board_is_not_taken_for_a_limited_one(
    root: Path, kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its upper limit reads as the cap; saved and restored, it would stay slow for ever."""
    kernel.throttle(2)
    monkeypatch.setattr(time, "sleep", lambda s: kernel.throttle(0))
    (policy,) = settled_plan(root, Wishes()).cluster.policies
    assert policy.limits_khz == (KHZ[0], KHZ[-1])
    kernel.throttle(1)
    monkeypatch.setattr("tvfs_gym.envs.boards.linux.machine.UNCAP_LIMIT_S", -1.0)
    with pytest.raises(BoardError, match=r"still throttles the board .*let it cool down first"):
        settled_plan(root, Wishes())


def test_the_hard_limit_overrides_everybody(kernel: FakeKernel, machine: Opened) -> None:
    held = machine()
    assert held.limit.limit_c == 95.0  # the critical trip is at 100 degC
    held.request(4)
    kernel.heat(94.9)
    assert held.look().vf_level == 4
    kernel.heat(95.0)
    held.look()
    assert held.limit.engaged
    held.request(3)
    sample = held.look()
    assert (sample.vf_level, sample.cap_level) == (0, 0)
    kernel.heat(90.1)
    assert held.look().vf_level == 0
    kernel.heat(89.9)
    held.look()
    assert not held.limit.engaged and held.limit.engagements == 1
    assert held.look().vf_level == 3


def test_the_hard_limit_lies_below_the_critical_trip(machine: Opened) -> None:
    with pytest.raises(InputError, match=r"limit_c = 100.0 must lie below the board's critical"):
        machine(limit_c=100.0)
    assert machine(limit_c=70.0).limit == HardLimit(70.0)


def test_a_machine_that_lacks_something_says_how_to_repair_it(root: Path, machine: Opened) -> None:
    (root / ZONE / "type").unlink()
    (root / CPUFREQ / "policy0/scaling_driver").unlink()
    with pytest.raises(InputError) as caught:
        machine()
    for part in ("no cpufreq driver", "no readable temperature sensor", "allow_single_level"):
        assert part in str(caught.value)
    with pytest.raises(InputError, match="no readable temperature sensor"):
        machine(allow_single_level=True)
    held = machine(allow_single_level=True, allow_no_sensor=True)
    sample = held.look()
    assert held.level_count == 1 and (sample.vf_level, sample.cap_level) == (0, 0)
    assert math.isnan(sample.temperature_c) and math.isnan(sample.frequency_hz)


def test_a_clock_that_cannot_be_written_has_one_level(
    root: Path, machine: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(InputError, match="Its clock cannot be written"):
        machine()
    held = machine(allow_single_level=True)
    assert held.look().frequency_hz == 1.2e9 and held.level_count == 1
    assert (root / CPUFREQ / "policy0/scaling_governor").read_text().strip() == "schedutil"


def sensor(file: Path) -> ThermalSensor:
    return ThermalSensor("cpu-thermal", "thermal_zone0", file, 1000, None, Trust.CPU_ZONE)


def write_c(file: Path, temperature_c: float) -> None:
    file.write_text(f"{round(1e3 * temperature_c)}\n")


@pytest.mark.parametrize("broken", ["", "junk", "-273150", "255000", "-40001", "150001"])
def test_no_reading_is_made_up(tmp_path: Path, broken: str) -> None:
    """A missing sample leaves the latest good one, with its time; then the sensor is lost."""
    file = tmp_path / "temp"
    write_c(file, 50.0)
    thermometer = Thermometer([sensor(file)])
    assert thermometer.sample(1.0, 0.0) == TimedTemperature(50.0, 1.0)
    file.write_text(broken)
    for time_s in range(2, 2 + sensors.LOST_AFTER):
        assert thermometer.sample(float(time_s), 0.0) == TimedTemperature(50.0, 1.0)
    with pytest.raises(BoardError, match="is lost: 6 samples in a row are missing"):
        thermometer.sample(9.0, 0.0)


def test_a_sensor_that_comes_back_is_forgiven(tmp_path: Path) -> None:
    file = tmp_path / "temp"
    write_c(file, 50.0)
    thermometer = Thermometer([sensor(file)])
    for round_ in range(4):
        thermometer.sample(10.0 * round_, 0.0)
        file.unlink()
        thermometer.close()
        for step in range(1, sensors.LOST_AFTER):
            assert thermometer.sample(10.0 * round_ + step, 0.0).time_s == 10.0 * round_
        write_c(file, 51.0 + round_)
    assert thermometer.sample(40.0, 0.0) == TimedTemperature(54.0, 40.0)


def test_a_sensor_that_never_worked_is_lost_at_once(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match="is lost"):
        Thermometer([sensor(tmp_path / "temp")]).first(0.0)


def test_a_jump_that_no_chip_makes_is_no_reading(tmp_path: Path) -> None:
    file = tmp_path / "temp"
    write_c(file, 50.0)
    thermometer = Thermometer([sensor(file)])
    thermometer.sample(0.0, 0.0)
    write_c(file, 101.0)
    assert thermometer.sample(1.0, 0.0) == TimedTemperature(50.0, 0.0)
    write_c(file, 52.0)
    assert thermometer.sample(2.0, 0.0) == TimedTemperature(52.0, 2.0)
    write_c(file, 105.0)
    late = thermometer.sample(100.0, 0.0)
    assert late == TimedTemperature(105.0, 100.0)  # nobody looked for long


def course(
    thermometer: Thermometer, file: Path, since_s: int, load: float, *readings: float
) -> int:
    """Ten seconds per reading at a load; returns when it ended."""
    for step, temperature_c in enumerate(readings):
        write_c(file, temperature_c)
        thermometer.sample(since_s + 10.0 * step, load)
    return since_s + 10 * len(readings)


def test_a_sensor_is_stuck_if_a_change_of_load_must_show(tmp_path: Path) -> None:
    file = tmp_path / "temp"
    thermometer = Thermometer([sensor(file)], stuck_after_s=60.0)
    now_s = course(thermometer, file, 0, 0.0, *[50.0] * 30)  # a steady load, a steady reading
    rising = [50.0 + 20.0 * (1 - 0.7**step) for step in range(1, 20)]
    now_s = course(thermometer, file, now_s, 1.0, *rising)  # it answers with 20 K
    now_s = course(thermometer, file, now_s, 1.0, *[70.0] * 60)
    with pytest.raises(BoardError, match=r"/temp is stuck at 70.0 degC, 70 s after it must have"):
        course(thermometer, file, now_s, 0.0, *[70.0] * 30)


@pytest.mark.parametrize("load", [1.0, 0.0])
def test_a_plateau_is_no_stuck_sensor(tmp_path: Path, load: float) -> None:
    """64 degC for 248 s under full load, in steps of 1 K, between pauses in which nothing runs."""
    file = tmp_path / "temp"
    write_c(file, 64.0)
    thermometer = Thermometer([sensor(file)], stuck_after_s=5.0)
    for step in range(5000):
        thermometer.sample(0.1 * step, load if step % 10 else 0.0)


def test_a_response_within_the_resolution_need_not_show(tmp_path: Path) -> None:
    file = tmp_path / "temp"
    thermometer = Thermometer([sensor(file)], stuck_after_s=60.0)
    now_s = course(thermometer, file, 0, 0.0, *[40.0] * 20)
    now_s = course(thermometer, file, now_s, 1.0, *[40.0] * 3, *[41.0] * 20, *[42.0] * 20)
    course(thermometer, file, now_s, 0.0, *[42.0] * 60)


def test_another_sensor_of_the_chip_is_a_witness(tmp_path: Path) -> None:
    file, other = tmp_path / "temp", tmp_path / "other"
    write_c(other, 50.0)
    thermometer = Thermometer([sensor(file)], 60.0, witnesses=[sensor(other)])
    now_s = course(thermometer, file, 0, 1.0, *[32.0] * 30)
    write_c(other, 56.0)
    with pytest.raises(BoardError, match=r"is stuck at 32\.0 degC"):
        course(thermometer, file, now_s, 1.0, *[32.0] * 10)


def test_a_change_of_the_last_digit_shows_that_a_sensor_lives(tmp_path: Path) -> None:
    file = tmp_path / "temp"
    write_c(file, 50.0)
    thermometer = Thermometer([sensor(file)], stuck_after_s=60.0)
    for step in range(100):
        write_c(file, 50.0 + 0.001 * (step % 5 == 0))
        thermometer.sample(10.0 * step, float(step % 2 * 4))


def test_a_single_zero_of_a_warm_chip_is_no_reading(tmp_path: Path) -> None:
    file = tmp_path / "temp"
    write_c(file, 45.0)
    thermometer = Thermometer([sensor(file)])
    thermometer.sample(0.0, 0.0)
    write_c(file, 0.0)
    assert thermometer.sample(1.0, 0.0) == TimedTemperature(45.0, 0.0)


def test_the_hottest_of_several_sensors_counts(tmp_path: Path) -> None:
    files = [tmp_path / str(core) for core in range(3)]
    for file, temperature_c in zip(files, (50.0, 60.0, 55.0), strict=True):
        write_c(file, temperature_c)
    thermometer = Thermometer([sensor(file) for file in files])
    assert thermometer.sample(0.0, 0.0).temperature_c == 60.0
    files[1].unlink()
    thermometer.close()
    assert thermometer.sample(1.0, 0.0).temperature_c == 55.0


def test_a_lost_sensor_leaves_the_slowest_level(kernel: FakeKernel, machine: Opened) -> None:
    held = machine()
    held.request(4)
    assert held.look().vf_level == 4
    (kernel.root / ZONE / "temp").write_text("junk")
    with pytest.raises(BoardError, match="is lost"):
        for _ in range(sensors.LOST_AFTER + 1):
            held.look()
    assert (kernel.folder / "scaling_cur_freq").read_text().strip() == str(KHZ[0])


def test_energy_from_power_and_from_counters(tmp_path: Path, root: Path) -> None:
    file = fake_sysfs.add_power(root)
    meter = PowerMeter(choose_power(probe(root), None).meters)
    for time_s, power_w in ((0.0, 2.0), (1.0, 4.0), (3.0, 4.0)):
        file.write_text(f"{round(1e6 * power_w)}\n")
        meter.sample(time_s)
    assert meter.energy_j == pytest.approx(3.0 + 8.0)
    package = root / "class/powercap/intel-rapl:0"
    fake_sysfs.put(package, {"name": "package-0", "energy_uj": "1000000"})
    fake_sysfs.put(root / "class/powercap/intel-rapl:0:0", {"name": "core", "energy_uj": "1"})
    (counter,) = choose_power(probe(root), None).meters
    assert counter.name == "rapl/package-0"
    meter = PowerMeter([counter])
    for value in ("1000000", "3500000", "junk", "4000000", "100", "500100"):
        (package / "energy_uj").write_text(value)
        meter.sample(0.0)
    assert meter.energy_j == pytest.approx(2.5 + 0.5 + 0.5)  # it ran over once


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"policies": ["policy1"]}, "unknown cpufreq policy 'policy1'"),
        ({"temperature": "cpu"}, "unknown temperature sensor 'cpu'"),
        ({"power": ["ina"]}, "unknown power sensor 'ina'"),
    ],
)
def test_what_is_named_must_be_there(
    machine: Opened, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        machine(**options)


def test_cooling_down_takes_patience_and_ends(
    kernel: FakeKernel, machine: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = machine()
    held.request(4)
    clock_s, temperature_c = [0.0], [60.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock_s[0])

    def sleep(s: float) -> None:
        clock_s[0] += s
        temperature_c[0] = 40.0 + (temperature_c[0] - 40.0) * 0.95**s
        kernel.heat(temperature_c[0])

    monkeypatch.setattr(time, "sleep", sleep)
    kernel.heat(60.0)
    held.cool_down(50.0, 100.0, 5.0, 1.0)
    assert clock_s[0] == pytest.approx(13.5, abs=1.0)
    assert (kernel.folder / "scaling_cur_freq").read_text().strip() == str(KHZ[0])
    held.cool_down(None, 100.0, 5.0, 1.0)
    assert 40.0 < temperature_c[0] < 44.0
    with pytest.raises(BoardError, match=r"did not cool down to 39.0 degC within 100 s"):
        held.cool_down(39.0, 100.0, 5.0, 1.0)


def test_the_machine_needs_the_standard_library_alone(root: Path, tmp_path: Path) -> None:
    """So it can be tested on a board that has nothing else: the packages are made by hand."""
    (root / CPUFREQ / "policy0/scaling_cur_freq").unlink()  # a file does not follow the kernel
    script = (
        "import sys, types\n"
        "from pathlib import Path\n"
        "for name in ('', '.envs', '.envs.boards', '.envs.boards.linux'):\n"
        "    package = types.ModuleType('tvfs_gym' + name)\n"
        f"    package.__path__ = [{str(PACKAGE)!r} + name.replace('.', '/')]\n"
        "    sys.modules[package.__name__] = package\n"
        "from tvfs_gym.envs.boards.linux.machine import Machine\n"
        f"machine = Machine(Path({str(root)!r}), state_folder=Path({str(tmp_path / 'state')!r}))\n"
        "machine.request(1)\n"
        "print(machine.look().temperature_c)\n"
        "machine.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("45.0\n", "")
