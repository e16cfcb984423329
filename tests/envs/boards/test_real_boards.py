"""What is made of the boards that people have: CPUs, levels, thermometer, limit, power, advice."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.envs.boards import real_boards as boards
from tests.envs.boards.fake_sysfs import put
from tests.envs.boards.real_boards import CPUS, Builder, Tree
from tvfs_gym.envs.boards.linux import plan as plans
from tvfs_gym.envs.boards.linux.plan import BoardPlan, plan_of
from tvfs_gym.envs.boards.linux.probe import probe
from tvfs_gym.envs.boards.linux.snapshot import rebuild, write_snapshot
from tvfs_gym.envs.boards.linux.wishes import Wishes
from tvfs_gym.envs.errors import InputError


@dataclass(frozen=True)
class Expected:
    """What a plan must say; None for what a case does not ask.

    Attributes:
        policies: Those that run inference.
        levels: Number of VF levels.
        sensors: Names of the thermometers that are read.
        limit_c: The hard limit.
        told: Patterns of sentences that must be there.
        in_full: True if control is in full.
        meters: Names of the power sensors.
        hottest_c: Highest reading.
    """

    policies: str
    levels: int
    sensors: str
    limit_c: float
    told: tuple[str, ...] = ()
    in_full: bool = True
    meters: tuple[str, ...] = ()
    hottest_c: float | None = None


CASES: dict[Builder, Expected] = {
    boards.odroid_n2: Expected("policy2", 11, "cpu-thermal", 90, ("policies=policy0",)),
    boards.i9_13900: Expected(
        "policy0 policy1 policy2 policy3 policy4 policy5", 6, "x86_pkg_temp", 95,
        ("policies=policy6,policy7", "echo passive > .*intel_pstate/status", "levels=8"),
    ),
    boards.ryzen_3950x: Expected(
        " ".join(f"policy{cpu}" for cpu in range(7)), 3, "k10temp/Tdie", 90,
        (r"Boost is on.*echo 0 > .*cpufreq/boost",),
    ),
    boards.qcs6490: Expected(
        "policy7", 6, "cpu0-thermal cpu1-thermal cpu2-thermal cpu3-thermal cpu4-thermal "
        "cpu7-thermal", 105, ("policies=policy4 .*policies=policy4,policy7",), hottest_c=56,
    ),
    boards.orion_o6: Expected(
        "policy0 policy9 policy11", 6, "acpitz acpitz acpitz", 100,
        ("policies=policy1,policy3", "cppc_cpufreq lists no clocks"), in_full=False, hottest_c=46,
    ),
    boards.rk3588: Expected(
        "policy6", 7, "bigcore0-thermal bigcore2-thermal littlecore-thermal", 110,
        ("policies=policy4,policy6",),
    ),
    boards.xu4: Expected(
        "policy4", 19, "cpu0-thermal cpu1-thermal cpu2-thermal cpu3-thermal", 115,
        ("No cpu_capacity",), hottest_c=54,
    ),
    boards.xu3_power: Expected(
        "policy4", 19, "cpu0-thermal cpu1-thermal cpu2-thermal cpu3-thermal", 115,
        ("ina231/sensor_mem, .*power=NAME",), meters=("ina231/sensor_arm",),
    ),
    boards.rock4c: Expected("policy4", 7, "cpu-thermal", 90),
    boards.gigabyte_am4: Expected(
        "policy0 policy1 policy2 policy3", 3, "k10temp/Tctl", 90, hottest_c=42.5
    ),
    boards.two_acpitz: Expected("policy0 policy1 policy2 policy3", 3, "k10temp/Tctl", 90),
    boards.tuxedo_amd: Expected(
        "policy0 policy1 policy2 policy3", 6, "k10temp/Tctl", 90, ("amd_pstate/status",)
    ),
    boards.tuxedo_held: Expected(
        "policy0 policy1 policy2 policy3", 1, "k10temp/Tctl", 90,
        ("single VF level, 624 MHz: lift",), in_full=False,
    ),
    boards.atom_n2800: Expected("policy0 policy1", 3, "coretemp/Core 0 coretemp/Core 1", 95),
    boards.minnowboard: Expected("policy0 policy1", 3, "coretemp/Core 0 coretemp/Core 1", 105),
    boards.msi: Expected(
        "policy0 policy1 policy2 policy3", 6, "x86_pkg_temp", 90, hottest_c=83
    ),
    boards.tcpu: Expected("policy0 policy1 policy2 policy3", 6, "x86_pkg_temp", 90),
    boards.battery: Expected(
        "policy0 policy1 policy2 policy3", 6, "x86_pkg_temp", 90, ("not read: BAT0/power1",)
    ),
    boards.nanopi_neo: Expected("policy0", 6, "cpu_thermal_zone", 90, hottest_c=65),
    boards.nanopi_neo_trips: Expected("policy0", 4, "cpu_thermal_zone", 100, hottest_c=65),
    boards.khadas_vim: Expected("policy0", 4, "scpi_sensors/aml_thermal", 90, hottest_c=55),
    boards.zenpower: Expected(
        "policy0 policy1 policy2 policy3", 3, "zenpower/Tdie", 90, ("SVI2_P_SoC.*power=NAME",),
        meters=("zenpower/SVI2_P_Core",),
    ),
    boards.ryzen_2700x: Expected("policy0 policy1", 3, "k10temp/Tdie", 90, hottest_c=61),
    boards.cherry_trail: Expected("policy0 policy1 policy2 policy3", 6, "coretemp/Core 0", 85),
    boards.jetson_nano: Expected(
        "policy0", 9, "CPU-therm", 98, ("limited to 102 to 921.6 MHz", "CPUs 2 3 offline")
    ),
    boards.orin_nano: Expected(
        "policy0 policy4", 8, "cpu-thermal", 99, meters=("ina3221/VDD_CPU_GPU_CV",)
    ),
    boards.tinker_board: Expected("policy0", 13, "cpu_thermal", 85),
    boards.rdk_x5: Expected("policy0", 4, "cpu-thermal", 100, hottest_c=51.2),
    boards.pi3: Expected("policy0", 2, "cpu-thermal", 75, ("firmware cannot be seen",)),
    boards.pi4: Expected("policy0", 13, "cpu-thermal", 105),
    boards.pi5: Expected(
        "policy0", 10, "cpu-thermal", 105, ("firmware says: now the soft temperature limit",)
    ),
    boards.turbo_2401: Expected(
        "policy0 policy1", 7, "x86_pkg_temp", 90, ("2401 MHz left out.*boost=true",)
    ),
    boards.ssd202d: Expected(
        "policy0", 8, "", 90, ("1350 1512 1700 MHz left out", "no readable temp"), in_full=False
    ),
    boards.ssd202d_pinned: Expected(
        "policy0", 0, "", 90, ("limits 1700 to 1700 MHz: lift them",), in_full=False
    ),
    boards.a733: Expected("policy6", 12, "cpul_thermal_zone cpub_thermal_zone", 105),
    boards.offline_cluster: Expected(
        "policy0", 6, "cpu-thermal", 90, (r"policy4 is offline \(CPUs 4 5\)",)
    ),
    boards.unknown_clock: Expected("policy0", 13, "cpu-thermal", 105),
    boards.z8300: Expected("policy0 policy1", 9, "coretemp/Core 0", 85),
}  # fmt: skip


def built(builder: Builder, folder: Path) -> Path:
    root = folder / "sys"
    builder(Tree(root))
    return root


def check(plan: BoardPlan, expected: Expected) -> None:
    assert [policy.name for policy in plan.cluster.policies] == expected.policies.split()
    assert len(plan.levels_khz) == expected.levels
    assert " ".join(sensor.name for sensor in plan.thermometer.sensors) == expected.sensors
    assert plan.limit.limit_c == expected.limit_c
    assert plan.in_full == expected.in_full, plan.missing + plan.doubts
    assert tuple(meter.name for meter in plan.power.meters) == expected.meters
    if expected.hottest_c is not None:
        assert plan.thermometer.hottest_c == expected.hottest_c
    said = "\n".join((*plan.missing, *plan.doubts, *plan.notes))
    for pattern in expected.told:
        assert re.search(pattern, said), said


@pytest.mark.parametrize("builder", CASES, ids=lambda builder: builder.__name__)
def test_a_board_is_understood_and_so_is_its_snapshot(builder: Builder, tmp_path: Path) -> None:
    root = built(builder, tmp_path)
    plan = plan_of(probe(root))
    check(plan, CASES[builder])
    write_snapshot(root, tmp_path / "board.json")
    again = plan_of(probe(rebuild(tmp_path / "board.json", tmp_path / "again")))
    check(again, CASES[builder])
    assert again.notes == tuple(
        n.replace(str(root), str(tmp_path / "again/sys")) for n in plan.notes
    )


def midr(tree: Tree, cpus: range, part: int, implementer: int = 0x41) -> None:
    for cpu in cpus:
        folder = tree.root / CPUS / f"cpu{cpu}/regs/identification"
        put(folder, {"midr_el1": f"{implementer << 24 | 0xF << 16 | part << 4:#018x}"})


def n2_with_parts(tree: Tree) -> None:
    """As on kernels without capacities."""
    boards.odroid_n2(tree)
    for cpu in range(6):
        (tree.root / CPUS / f"cpu{cpu}/cpu_capacity").unlink()
    midr(tree, range(2), 0xD03)
    midr(tree, range(2, 6), 0xD09)


def n2_with_cpuinfo(tree: Tree) -> None:
    """As on 32-bit kernels, which show no registers."""
    boards.odroid_n2(tree)
    for cpu in range(6):
        (tree.root / CPUS / f"cpu{cpu}/cpu_capacity").unlink()
    cores = [
        f"processor\t: {cpu}\nCPU implementer\t: 0x41\nCPU part\t: {part}"
        for cpu, part in enumerate(("0xd03",) * 2 + ("0xd09",) * 4)
    ]
    put(tree.root.parent / "proc", {"cpuinfo": "\n\n".join([*cores, "Serial\t\t: 1000deadbeef"])})


def rk3588_with_capacities(tree: Tree) -> None:
    """Both pairs are Cortex-A76: their levels are the clocks that both have."""
    boards.rk3588(tree)
    tree.cpus(range(4), cpu_capacity=414)
    tree.cpus((4, 5), cpu_capacity=1003)
    tree.cpus((6, 7), cpu_capacity=1024)


def kirin_970(tree: Tree) -> None:
    """No capacity, no part, clocks far apart."""
    tree.policy("policy0", (509, 1018, 1402, 1844), "0 1 2 3")
    tree.policy("policy4", (682, 1364, 1863, 2362), "4 5 6 7")
    tree.zone("soc_thermal", 50000, (("critical", 115),), [tree.cooling("thermal-cpufreq-1", 3)])


def alder_lake_base(tree: Tree) -> None:
    """Base frequencies tell the kinds apart, and boost lies above them."""
    tree.intel(4, (800, 4700), base_frequency=2100000)
    tree.intel(4, (800, 3500), first=4, base_frequency=1500000)
    put(tree.root / CPUS / "intel_pstate", {"no_turbo": "0", "status": "active"})
    tree.hwmon("coretemp", temp1_input=44000, temp1_label="Package id 0", temp1_crit=100000)


def mediatek(tree: Tree) -> None:
    """Zones of a vendor's kernel, in millidegrees, the battery's and the PMIC's first."""
    tree.policy("policy0", (500, 1000, 1500), "0 1 2 3")
    for kind, reading in (("mtktsbattery", 30000), ("mtktspmic", 90000), ("mtktscpu", 61000),
                          ("mtktswmt", 45000)):  # fmt: skip
        tree.zone(kind, reading, (("critical", 117),))


def laptop_zones(tree: Tree) -> None:
    """A PC whose zones are a wireless card, a chipset and a battery: hwmon must do."""
    tree.policies(2, (800, 1600, 2400), driver="acpi-cpufreq")
    for kind in ("iwlwifi_1", "pch_skylake", "BAT0"):
        tree.zone(kind, 50000)
    tree.hwmon("drivetemp", temp1_input=40000)
    tree.hwmon("k10temp", temp1_input=55000)


def unknown_chip(tree: Tree) -> None:
    """A hwmon chip that nobody knows: it must be named."""
    tree.policy("policy0", (500, 1000), "0 1")
    tree.hwmon("lm75", temp1_input=41000)
    tree.hwmon("w1_slave_temp", temp1_input=22000)


def starting_sensor(tree: Tree) -> None:
    """The CPU's zone has no reading yet; the GPU's has."""
    tree.policy("policy0", (500, 1000), "0 1")
    tree.zone("cpu-thermal", None, (("critical", 95),))
    tree.zone("gpu-thermal", 44000, (("critical", 95),))


def two_packages(tree: Tree) -> None:
    """Two sockets: both packages' drivers have the same names."""
    tree.policies(2, (1200, 2400), driver="acpi-cpufreq")
    for package, reading in enumerate((50000, 57000)):
        tree.hwmon(
            "coretemp", temp1_input=reading, temp1_label=f"Package id {package}", temp1_crit=90000
        )


def hot_limit(tree: Tree) -> None:
    """The chip is already hotter than the credible critical trip less the margin."""
    tree.policy("policy0", (500, 1000), "0 1")
    tree.zone("cpu-thermal", 74000, (("critical", 75),))


def rapl_and_rails(tree: Tree) -> None:
    """RAPL's package before everything else."""
    boards.atom_n2800(tree)
    tree.hwmon("power_meter", power1_input=30000000)
    powercap = tree.root / "class/powercap"
    put(powercap / "intel-rapl:0", {"name": "package-0", "energy_uj": "1000"})
    put(powercap / "intel-rapl:1", {"name": "psys", "energy_uj": "1000"})


SIBLINGS: dict[Builder, Expected] = {
    n2_with_parts: Expected("policy2", 11, "cpu-thermal", 90, ("policies=policy0",)),
    n2_with_cpuinfo: Expected("policy2", 11, "cpu-thermal", 90, ("policies=policy0",)),
    rk3588_with_capacities: Expected(
        "policy4 policy6", 6, "bigcore0-thermal bigcore2-thermal littlecore-thermal", 110,
        ("different tables: the levels are the clocks that are in all", "policies=policy0"),
    ),
    kirin_970: Expected("policy4", 4, "soc_thermal", 110, ("may be the small ones",)),
    alder_lake_base: Expected(
        "policy0 policy1 policy2 policy3", 6, "coretemp/Package id 0", 95,
        ("4700 MHz left out", "policies=policy4,policy5,policy6,policy7"),
    ),
    mediatek: Expected("policy0", 3, "mtktscpu", 112, hottest_c=61),
    laptop_zones: Expected("policy0 policy1", 3, "k10temp/temp1", 90),
    unknown_chip: Expected(
        "policy0", 2, "", 90, ("temperature=NAME, of lm75/temp1, w1_slave_temp/temp1",),
        in_full=False,
    ),
    starting_sensor: Expected(
        "policy0", 2, "cpu-thermal", 90, ("cannot be read now, cpu-thermal .*=gpu-thermal takes",),
        in_full=False,
    ),
    two_packages: Expected(
        "policy0 policy1", 2, "coretemp/Package id 0 coretemp/Package id 1", 85, hottest_c=57
    ),
    hot_limit: Expected(
        "policy0", 2, "cpu-thermal", 70, ("74.0 degC is not below the hard limit",), in_full=False
    ),
    rapl_and_rails: Expected(
        "policy0 policy1", 3, "coretemp/Core 0 coretemp/Core 1", 95,
        ("rapl/psys, power_meter/power1|power_meter/power1",), meters=("rapl/package-0",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("builder", SIBLINGS, ids=lambda builder: builder.__name__)
def test_other_boards_of_the_same_kinds(builder: Builder, tmp_path: Path) -> None:
    check(plan_of(probe(built(builder, tmp_path))), SIBLINGS[builder])


def test_a_snapshot_holds_no_serial_number(tmp_path: Path) -> None:
    root = built(n2_with_cpuinfo, tmp_path)
    write_snapshot(root, tmp_path / "board.json")
    assert "deadbeef" not in (tmp_path / "board.json").read_text()
    again = plan_of(probe(rebuild(tmp_path / "board.json", tmp_path / "again")))
    check(again, SIBLINGS[n2_with_cpuinfo])


@pytest.mark.parametrize(
    "content", ["", "[]", '{"format": "another"}', '{"format": "tvfs-gym board snapshot 1"}',
                '{"format": "tvfs-gym board snapshot 1", "files": {"../x": "1"}}'],
)  # fmt: skip
def test_another_file_is_no_snapshot(tmp_path: Path, content: str) -> None:
    file = tmp_path / "board.json"
    file.write_text(content)
    with pytest.raises(InputError, match="is no snapshot that tvfs-gym doctor --snapshot wrote"):
        rebuild(file, tmp_path / "again")
    assert not (tmp_path / "x").exists()


def test_cpus_that_this_process_may_not_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cpuset, isolcpus or taskset leaves the little cores."""
    found = probe(built(boards.rock4c, tmp_path))
    monkeypatch.setattr(plans, "forbidden_cpus", lambda: frozenset({4, 5}))
    plan = plan_of(found)
    assert [policy.name for policy in plan.cluster.policies] == ["policy0"]
    assert "may not run on the faster CPUs 4 5" in plan.notes[0]
    with pytest.raises(InputError, match=r"may not run on CPUs 4 5 of policy4 \(cpuset, isolcpus"):
        plan_of(found, Wishes(policies=("policy4",)))
    monkeypatch.setattr(plans, "forbidden_cpus", lambda: frozenset(range(6)))
    with pytest.raises(InputError, match="this process may not run on"):
        plan_of(found)


@pytest.mark.parametrize(
    ("builder", "wishes", "expected"),
    [
        (boards.odroid_n2, Wishes(policies=("policy0",)), {"levels": 11}),
        (boards.rk3588, Wishes(policies=("policy4", "policy6")), {"levels": 6}),
        (boards.orion_o6, Wishes(levels=8), {"levels": 8}),
        (boards.orion_o6, Wishes(levels=(800, 1600, 2400)), {"khz": (800000, 1600000, 2400000)}),
        (boards.orion_o6, Wishes(temperature=("thermal_zone1",)), {"c": 46.0, "sensors": 1}),
        (boards.orion_o6, Wishes(temperature=("acpitz",)), {"c": 46.0, "sensors": 3}),
        (boards.pi4, Wishes(levels=4), {"khz": (600000, 1000000, 1400000, 1800000)}),
        (boards.turbo_2401, Wishes(boost=True), {"levels": 7, "top": 2401000}),
        (alder_lake_base, Wishes(boost=True), {"levels": 6, "top": 4700000}),
        (boards.gigabyte_am4, Wishes(limit_c=85.0), {"limit": 85.0}),
        (boards.gigabyte_am4, Wishes(temperature=("acpitz",)), {"limit": 90.0, "c": 16.8}),
        (boards.minnowboard, Wishes(temperature=("hwmon1/temp3",)), {"limit": 90.0, "c": 46.0}),
        (boards.zenpower, Wishes(power=("hwmon0/power2",)), {"meters": ["zenpower/SVI2_P_SoC"]}),
    ],
)  # fmt: skip
def test_what_is_wished_for(
    tmp_path: Path, builder: Builder, wishes: Wishes, expected: dict[str, object]
) -> None:
    plan = plan_of(probe(built(builder, tmp_path)), wishes)
    found = {
        "levels": len(plan.levels_khz),
        "khz": plan.levels_khz,
        "top": plan.levels_khz[-1],
        "c": plan.thermometer.hottest_c,
        "sensors": len(plan.thermometer.sensors),
        "limit": plan.limit.limit_c,
        "meters": [meter.name for meter in plan.power.meters],
    }
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("builder", "wishes", "message"),
    [
        (boards.offline_cluster, Wishes(policies=("policy4",)), r"policy4 is offline \(CPUs 4 5\)"),
        (boards.rk3588, Wishes(levels=(1000,)), "1000 MHz is not among 1200 1416"),
        (boards.orion_o6, Wishes(levels=(3000,)), "3000 MHz does not lie within 800 to 2400 MHz"),
        (boards.pi4, Wishes(limit_c=110.0), "must lie below the board's critical 110.0 degC"),
        (boards.khadas_vim, Wishes(limit_c=200.0), "protects no chip: give 130 degC at most"),
        (boards.ssd202d, Wishes(temperature=("cpu",)), "this machine has none"),
    ],
)  # fmt: skip
def test_what_cannot_be_wished_for(
    tmp_path: Path, builder: Builder, wishes: Wishes, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        plan_of(probe(built(builder, tmp_path)), wishes)


def test_advice_fits_what_may_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits of a loaded governor's clock are this user's, its speed is not."""
    monkeypatch.setattr("os.access", lambda path, _: str(path).endswith(("min_freq", "max_freq")))
    plan = plan_of(probe(built(boards.pi4, tmp_path)))
    assert plan.actuator == "limits"
    assert any("give write access to scaling_governor" in note for note in plan.notes)


def test_throttling_now_is_told(tmp_path: Path) -> None:
    root = built(boards.odroid_n2, tmp_path)
    put(root / "class/thermal/cooling_device1", {"cur_state": "3"})
    notes = plan_of(probe(root)).notes
    assert any("throttles it now: cpufreq-cpu2 is at state 3 of 10" in note for note in notes)


def test_docker_and_a_user_without_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = built(boards.pi4, tmp_path)
    monkeypatch.setattr("os.access", lambda *_: False)
    for user, told in ((0, "even by root: mount /sys writable"), (1000, "run as root")):
        monkeypatch.setattr("os.geteuid", lambda user=user: user)
        assert any(told in line for line in plan_of(probe(root)).missing)
