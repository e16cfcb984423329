"""Machines as people's reports show them, as trees of files; each names its report.

What a report leaves out is filled in with what is usual.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from tests.envs.boards.fake_sysfs import put

CPUS = "devices/system/cpu"
GOVERNORS = "conservative ondemand userspace powersave performance schedutil"
Trips = Sequence[tuple[str, int]]
"""Type and degC of the trips of a zone."""


class Tree:
    """A tree under construction: cooling devices before the zones that use them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.zones = self.devices = self.chips = 0

    def policy(
        self,
        name: str,
        mhz: Sequence[float],
        cpus: str,
        *,
        driver: str = "cpufreq-dt",
        governors: str = GOVERNORS,
        governor: str = "schedutil",
        table: bool = True,
        **files: object,
    ) -> None:
        khz = [round(1e3 * clock) for clock in mhz]
        content = {
            "scaling_driver": driver,
            "scaling_governor": governor,
            "scaling_available_governors": f"{governors} ",
            "scaling_setspeed": str(max(khz)) if governor == "userspace" else "<unsupported>",
            "scaling_cur_freq": str(max(khz)),
            "scaling_min_freq": str(min(khz)),
            "scaling_max_freq": str(max(khz)),
            "cpuinfo_min_freq": str(min(khz)),
            "cpuinfo_max_freq": str(max(khz)),
            "affected_cpus": cpus,
            "related_cpus": cpus,
        }
        if table:
            content["scaling_available_frequencies"] = " ".join(map(str, khz)) + " "
        content |= {key: str(value) for key, value in files.items()}
        put(self.root / CPUS / "cpufreq" / name, content)

    def policies(self, count: int, mhz: Sequence[float], **files: object) -> None:
        """A PC's: one per CPU."""
        for cpu in range(count):
            self.policy(f"policy{cpu}", mhz, str(cpu), **files)  # type: ignore[arg-type]

    def intel(self, count: int, mhz: Sequence[float], first: int = 0, **files: object) -> None:
        """Under intel_pstate, which sets the clock itself."""
        for cpu in range(first, first + count):
            self.policy(
                f"policy{cpu}", mhz, str(cpu), driver="intel_pstate", table=False,
                governors="performance powersave", governor="powersave", **files,
            )  # fmt: skip

    def cpus(self, numbers: Sequence[int], **files: object) -> None:
        for cpu in numbers:
            put(self.root / CPUS / f"cpu{cpu}", {key: str(file) for key, file in files.items()})

    def cooling(self, kind: str, most: int, state: int = 0) -> int:
        folder = self.root / f"class/thermal/cooling_device{self.devices}"
        put(folder, {"type": kind, "max_state": str(most), "cur_state": str(state)})
        self.devices += 1
        return self.devices - 1

    def zone(
        self,
        kind: str,
        temp: object,
        trips: Trips = (),
        cools: Sequence[int] = (),
        unit: int = 1000,
    ) -> Path:
        """A zone; without a `temp` its file cannot be read."""
        folder = self.root / f"class/thermal/thermal_zone{self.zones}"
        put(folder, {"type": kind, "mode": "enabled", "policy": "step_wise"})
        if temp is None:
            (folder / "temp").mkdir()
        else:
            put(folder, {"temp": str(temp)})
        for number, (trip, degrees) in enumerate(trips):
            put(folder, {
                f"trip_point_{number}_type": trip,
                f"trip_point_{number}_temp": str(degrees * unit),
            })  # fmt: skip
        for number, device in enumerate(cools):
            (folder / f"cdev{number}").symlink_to(f"../cooling_device{device}")
        self.zones += 1
        return folder

    def hwmon(self, chip: str, **files: object) -> Path:
        folder = self.root / f"class/hwmon/hwmon{self.chips}"
        put(folder, {"name": chip, **{key: str(value) for key, value in files.items()}})
        self.chips += 1
        return folder


Builder = Callable[[Tree], None]

N2_MHZ = (100, 250, 500, 667, 1000, 1200, 1398, 1512, 1608, 1704)
RK3588_MHZ = (1200, 1416, 1608, 1800, 2016, 2208)


def odroid_n2(tree: Tree) -> None:
    """MichaIng/DietPi#4188: the little cores have the higher clock."""
    tree.policy("policy0", (*N2_MHZ, 1896), "0 1", governor="performance")
    tree.policy("policy2", (*N2_MHZ, 1800), "2 3 4 5", governor="performance")
    tree.cpus((0, 1), cpu_capacity=592)
    tree.cpus((2, 3, 4, 5), cpu_capacity=1024)
    cools = [tree.cooling(f"cpufreq-cpu{cpu}", 10) for cpu in (0, 2)]
    trips = (("active", 65), ("passive", 85), ("hot", 95), ("critical", 110))
    tree.zone("cpu-thermal", 38900, trips, (*cools, tree.cooling("pwm-fan", 3)))
    tree.zone("ddr-thermal", 37500, (("passive", 85), ("critical", 110)))


def i9_13900(tree: Tree) -> None:
    """FeralInteractive/gamemode#498: favoured cores, other big cores, small cores."""
    tree.intel(4, (800, 5500))
    tree.intel(2, (800, 5800), first=4)
    tree.intel(2, (800, 4300), first=6)
    for _ in range(8):
        tree.cooling("Processor", 0)
    tree.zone("acpitz", 27800, (("critical", 105),))
    tree.zone("x86_pkg_temp", 44000, (("passive", 0), ("passive", 0)))
    tree.hwmon(
        "coretemp", temp1_input=44000, temp1_label="Package id 0", temp1_crit=100000,
        temp2_input=41000, temp2_label="Core 0",
    )  # fmt: skip


def ryzen_3950x(tree: Tree) -> None:
    """apache/tvm#8370: cpuinfo_max_freq differs from core to core, the limits do not."""
    for cpu, most in enumerate((4761230, 4761230, 4648437, 4646000, 4501000, 4463000, 4350000)):
        tree.policy(
            f"policy{cpu}", (2200, 2800, 3500), str(cpu), driver="acpi-cpufreq",
            governor="userspace", cpuinfo_max_freq=most,
        )  # fmt: skip
    put(tree.root / CPUS / "cpufreq", {"boost": "1"})
    tree.hwmon(
        "k10temp", temp1_input=51000, temp1_label="Tctl", temp2_input=51000, temp2_label="Tdie"
    )


def qcs6490(tree: Tree) -> None:
    """ThomasKaiser/sbc-bench#116: a prime core."""
    tree.policy("policy0", (300, 691.2, 1190.4, 1516.8, 1804.8, 1958.4), "0 1 2 3")
    tree.policy("policy4", (691.2, 1228.8, 1555.2, 1900.8, 2131.2, 2400), "4 5 6")
    tree.policy("policy7", (806.4, 1401.6, 1766.4, 2092.8, 2400, 2707.2), "7")
    cools = [tree.cooling(f"cpufreq-cpu{cpu}", 5) for cpu in (0, 4, 7)]
    trips = (("passive", 90), ("critical", 110))
    for cpu in range(4):
        tree.zone(f"cpu{cpu}-thermal", 52000 + 100 * cpu, trips, cools[:1])
    tree.zone("cpu4-thermal", 55000, trips, cools[1:2])
    tree.zone("cpu7-thermal", 56000, trips, cools[2:])
    tree.zone("xo-therm", 47000)
    tree.zone("pm7325-thermal", 37000, (("critical", 115),))


def orion_o6(tree: Tree) -> None:
    """ThomasKaiser/sbc-bench#115: ACPI, no tables, three zones of one name."""
    for cpus, mhz in (("0", 2600), ("1 2", 2300), ("3 4", 2200), ("5 6 7 8", 1800),
                      ("9 10", 2400), ("11", 2600)):  # fmt: skip
        tree.policy(
            f"policy{cpus.split()[0]}", (800, mhz), cpus, driver="cppc_cpufreq", table=False
        )
    for reading in (41000, 46000, 39000):
        tree.zone("acpitz", reading, (("critical", 105),))


def rk3588(tree: Tree) -> None:
    """armbian/linux-rockchip#360, radxa/kernel#33: big pairs with different tables."""
    tree.policy("policy0", (1008, 1200, 1416, 1608, 1800), "0 1 2 3")
    tree.policy("policy4", (*RK3588_MHZ, 2352), "4 5")
    tree.policy("policy6", (*RK3588_MHZ, 2400), "6 7")
    cools = [tree.cooling(f"thermal-cpufreq-{n}", most) for n, most in enumerate((4, 6, 6))]
    critical = ("critical", 115)
    tree.zone("package-thermal", 41600, (critical,))
    for name, cool in (("bigcore0", 1), ("bigcore2", 2), ("littlecore", 0)):
        tree.zone(f"{name}-thermal", 41600, (("passive", 85), critical), (cools[cool],))
    for name in ("center", "gpu", "npu"):
        tree.zone(f"{name}-thermal", 40700, (critical,))


def xu4(tree: Tree) -> None:
    """f1vefour/odroid-xu4-fan-control#5, sbc-bench results/1iLy."""
    tree.policy("policy0", range(200, 1401, 100), "0 1 2 3")
    tree.policy("policy4", range(200, 2001, 100), "4 5 6 7")
    cools = [tree.cooling("pwm-fan", 3), tree.cooling("cpufreq-cpu0", 12)]
    cools.append(tree.cooling("cpufreq-cpu4", 18))
    trips = (("active", 50), ("active", 70), ("critical", 120), ("passive", 70), ("passive", 85))
    for cpu, reading in enumerate((51000, 49000, 54000, 50000)):
        tree.zone(f"cpu{cpu}-thermal", reading, trips, cools)
    tree.zone("gpu-thermal", 45000, (("critical", 120),))
    tree.hwmon("pwmfan", pwm1=121)


def xu3_power(tree: Tree) -> None:
    """Four INA231."""
    xu4(tree)
    for name, power in (("arm", 1500000), ("mem", 120000), ("g3d", 80000), ("kfc", 300000)):
        tree.hwmon("ina231", power1_input=power, power1_label=f"sensor_{name}")


def rock4c(tree: Tree) -> None:
    """radxa/kernel#21: RK3399-T."""
    tree.policy("policy0", (408, 600, 816, 1008), "0 1 2 3")
    tree.policy("policy4", (408, 600, 816, 1008, 1200, 1416, 1500), "4 5")
    cools = [tree.cooling("thermal-cpufreq-0", 3), tree.cooling("thermal-cpufreq-1", 6)]
    tree.zone("cpu-thermal", 45000, (("passive", 70), ("passive", 75), ("critical", 95)), cools)
    tree.zone("gpu-thermal", 44000, (("critical", 95),))


def gigabyte_am4(tree: Tree) -> None:
    """0ry0n/Resource_Monitor#21: acpitz 16.8 degC for ever, critical 20.8."""
    tree.policies(4, (2200, 2800, 3700), driver="acpi-cpufreq", governor="userspace")
    put(tree.zone("acpitz", 16800, (("critical", 0),)), {"trip_point_0_temp": "20800"})
    tree.hwmon("acpitz", temp1_input=16800, temp1_crit=20800)
    tree.hwmon(
        "k10temp", temp1_input=42500, temp1_label="Tctl", temp3_input=40250, temp3_label="Tccd1"
    )


def two_acpitz(tree: Tree) -> None:
    """IceWhaleTech/CasaOS#727: two acpitz and a wireless card."""
    tree.policies(4, (1600, 2100, 3300), driver="acpi-cpufreq", governor="userspace")
    for _ in range(2):
        put(tree.zone("acpitz", 16800, (("critical", 0),)), {"trip_point_0_temp": "20800"})
    tree.zone("iwlwifi_1", 43000)
    tree.hwmon("k10temp", temp1_input=61000, temp1_label="Tctl")


def tuxedo_amd(tree: Tree) -> None:
    """tuxedocomputers/tuxedo-control-center#471, linrunner/TLP#764."""
    tree.policies(
        4, (624, 5090.91), driver="amd-pstate-epp", table=False,
        governors="performance powersave", governor="powersave",
    )  # fmt: skip
    tree.zone("acpitz", 32000, (("critical", 110),))
    tree.hwmon("acpitz", temp1_input=32000)
    tree.hwmon("k10temp", temp1_input=71250, temp1_label="Tctl")


def tuxedo_held(tree: Tree) -> None:
    """linrunner/TLP#764: 624 to 624 MHz."""
    tuxedo_amd(tree)
    for cpu in range(4):
        put(tree.root / CPUS / f"cpufreq/policy{cpu}", {"scaling_max_freq": "624000"})


def atom_n2800(tree: Tree) -> None:
    """sbc-bench results/4nt8: acpitz stays at 26.8 degC."""
    tree.policies(2, (533, 1333, 1460), driver="acpi-cpufreq", governor="userspace")
    tree.zone("acpitz", 26800, (("critical", 100),))
    tree.hwmon("acpitz", temp1_input=26800, temp1_crit=100000)
    tree.hwmon(
        "coretemp", temp2_input=71000, temp2_label="Core 0", temp2_crit=100000,
        temp3_input=70000, temp3_label="Core 1",
    )  # fmt: skip


def minnowboard(tree: Tree) -> None:
    """sbc-bench results/44pd: acpitz critical at 200 degC, coretemp at 110."""
    atom_n2800(tree)
    zone = tree.root / "class/thermal/thermal_zone0"
    put(zone, {"temp": "48000", "trip_point_0_temp": "200000"})
    put(
        tree.root / "class/hwmon/hwmon1",
        {"temp2_crit": "110000", "temp2_input": "47000", "temp3_input": "46000"},
    )


def msi(tree: Tree) -> None:
    """intel/thermal_daemon#201: an acpitz that cools with the processors, and x86_pkg_temp."""
    tree.intel(4, (800, 4000))
    processors = [tree.cooling("Processor", 3) for _ in range(4)]
    tree.cooling("intel_powerclamp", 50, -1)
    tree.zone("acpitz", 27800, (("critical", 119), ("passive", 110)), processors)
    tree.zone("x86_pkg_temp", 83000, (("passive", 0), ("passive", 0)))


def tcpu(tree: Tree) -> None:
    """intel/thermal_daemon#266: critical at -273 degC."""
    msi(tree)
    tree.zone("TCPU", 83050, (("passive", 0), ("critical", -273), ("hot", -273)))


def battery(tree: Tree) -> None:
    """The only power sensor is the battery's."""
    msi(tree)
    tree.hwmon("BAT0", in0_input=11900, power1_input=9100000, curr1_input=760)


def nanopi_neo(tree: Tree) -> None:
    """MichaIng/DietPi#909, longsleep/build-pine64-image#21: whole degrees, no trips."""
    mhz = (480, 624, 816, 1008, 1104, 1152)
    tree.policy("policy0", mhz, "0 1 2 3", driver="sunxi-cpufreq", governor="interactive")
    tree.zone("cpu_thermal_zone", 65)


def nanopi_neo_trips(tree: Tree) -> None:
    """The same with trips in whole degrees."""
    tree.policy("policy0", (480, 624, 816, 1008), "0 1 2 3", driver="sunxi-cpufreq")
    tree.zone("cpu_thermal_zone", 65, (("passive", 75), ("critical", 105)), unit=1)


def khadas_vim(tree: Tree) -> None:
    """sbc-bench results/3QLN: scpi_sensors alone."""
    tree.policy("policy0", (504, 1000, 1200, 1512), "0 1 2 3", driver="scpi-cpufreq")
    tree.hwmon("scpi_sensors", temp1_input=55000, temp1_label="aml_thermal")


def zenpower(tree: Tree) -> None:
    """cosmic-utils/minimon-applet#83."""
    tree.policies(4, (2200, 2800, 3600), driver="acpi-cpufreq", governor="userspace")
    tree.hwmon(
        "zenpower", temp1_input=41600, temp1_label="Tdie", temp2_input=41600, temp2_label="Tctl",
        temp3_input=49200, temp3_label="Tccd1", power1_input=16960000, power1_label="SVI2_P_Core",
        power2_input=10510000, power2_label="SVI2_P_SoC",
    )  # fmt: skip
    tree.hwmon("nvme", temp1_input=32900, temp1_label="Composite")


def ryzen_2700x(tree: Tree) -> None:
    """LibreHardwareMonitor#42: Tctl is Tdie and 10 K."""
    tree.policies(2, (2200, 3200, 3700), driver="acpi-cpufreq", governor="userspace")
    tree.hwmon(
        "k10temp", temp1_input=71000, temp1_label="Tctl", temp2_input=61000, temp2_label="Tdie"
    )


def cherry_trail(tree: Tree) -> None:
    """pi-hole/pi-hole#2807: acpitz 0 degC, soc_dts1, coretemp critical at 90."""
    tree.intel(4, (480, 1920))
    tree.zone("acpitz", 0, (("critical", 100),))
    tree.zone("soc_dts1", 43000, (("passive", 0), ("passive", 0)))
    tree.hwmon("coretemp", temp2_input=44000, temp2_label="Core 0", temp2_crit=90000)


def jetson_nano(tree: Tree) -> None:
    """MartinMatta/Jetson-Nano-temperature#2, balena-os/balena-jetson#142."""
    mhz = (102, 204, 307.2, 403.2, 518.4, 614.4, 710.4, 825.6, 921.6, 1036.8, 1224, 1479)
    tree.policy("policy0", mhz, "0 1", driver="tegra-cpufreq", scaling_max_freq=921600)
    put(tree.root / CPUS, {"offline": "2-3"})
    cools = [tree.cooling("cpu-balanced", 109), tree.cooling("gpu-balanced", 109)]
    fan = tree.cooling("pwm-fan", 9)
    tree.zone("AO-therm", 41500, (("critical", 102),))
    tree.zone("CPU-therm", 36000, (("passive", 97), ("critical", 103)), cools[:1])
    tree.zone("GPU-therm", 34500, (("passive", 98), ("critical", 103)), cools[1:])
    tree.zone("PLL-therm", 34000)
    tree.zone("PMIC-Die", 100000, (("active", 105), ("critical", 130)))
    tree.zone("thermal-fan-est", 35250, (("active", 51), ("critical", 140)), (fan,))


def orin_nano(tree: Tree) -> None:
    """prometheus/node_exporter#3071, sbc-bench results/4vy7: cv0 to cv2 cannot be read."""
    mhz = (115.2, 268.8, 499.2, 729.6, 960, 1190.4, 1344, 1497.6, 1510.4)
    tree.policy("policy0", mhz, "0 1 2 3", driver="tegra194")
    tree.policy("policy4", mhz, "4 5", driver="tegra194")
    alert = tree.cooling("cpu-throttle-alert", 1, state=1)
    cools = [tree.cooling(f"cpufreq-cpu{cpu}", 8) for cpu in (0, 4)]
    critical = ("critical", 104)
    tree.zone("cpu-thermal", 48500, (("passive", 99), critical), (*cools, alert))
    tree.zone("gpu-thermal", 47000, (("passive", 99), critical))
    for number in range(3):
        tree.zone(f"cv{number}-thermal", None, (critical,))
        tree.zone(f"soc{number}-thermal", 48000, (critical,))
    tree.zone("tj-thermal", 48500, (("active", 50), critical), (tree.cooling("pwm-fan", 10),))
    tree.hwmon(
        "ina3221", in1_input=5064, in1_label="VDD_IN", curr1_input=792,
        in2_input=5064, in2_label="VDD_CPU_GPU_CV", curr2_input=88,
    )  # fmt: skip


def tinker_board(tree: Tree) -> None:
    """OpenCCU/OpenCCU#1159: the first zone cannot be read."""
    mhz = (126, 216, 408, 600, 696, 816, 1008, 1200, 1416, 1512, 1608, 1704, 1800)
    tree.policy("policy0", mhz, "0 1 2 3")
    cool = tree.cooling("thermal-cpufreq-0", 12)
    tree.zone("reserve_thermal", None)
    tree.zone("cpu_thermal", 57727, (("passive", 70), ("critical", 90)), (cool,))
    tree.zone("gpu_thermal", 56363, (("critical", 90),))


def rdk_x5(tree: Tree) -> None:
    """D-Robotics' manual: the first zone is the memory's."""
    tree.policy("policy0", (300, 600, 1200, 1500), "0 1 2 3 4 5 6 7")
    cools = [tree.cooling(kind, 4) for kind in ("cpu", "bpu", "gpu", "ddr")]
    trips = (("passive", 95), ("critical", 105))
    tree.zone("ddr-thermal", 46643, trips, cools[3:])
    tree.zone("cpu-thermal", 51200, trips, cools[:3])


def pi3(tree: Tree) -> None:
    """raspberrypi/linux#3351: critical at 80 degC."""
    tree.policy("policy0", (600, 1200), "0 1 2 3", driver="bcm2835-cpufreq", governor="ondemand")
    tree.zone("cpu-thermal", 60700, (("critical", 80),))


def pi4(tree: Tree) -> None:
    """A Raspberry Pi 4."""
    tree.policy(
        "policy0", range(600, 1801, 100), "0 1 2 3", governor="ondemand", cpuinfo_cur_freq=1800000
    )
    tree.zone("cpu-thermal", 59900, (("critical", 110),))


def pi5(tree: Tree) -> None:
    """raspberrypi/linux#5874, #2986, #5820: the firmware throttles, and both clocks hide it."""
    tree.policy(
        "policy0", range(1500, 2401, 100), "0 1 2 3", governor="ondemand", cpuinfo_cur_freq=2400000
    )
    trips = (("critical", 110), ("active", 50), ("active", 60), ("active", 75))
    tree.zone("cpu-thermal", 84800, trips, (tree.cooling("pwm-fan", 4, 2),))
    tree.hwmon("cpu_thermal", temp1_input=84800)
    tree.hwmon("rp1_adc", temp1_input=57000)
    tree.hwmon("pwmfan", pwm1=125, pwm1_enable=1, fan1_input=5200)
    soc = tree.root / "devices/platform/soc@107c000000"
    put(soc / "soc@107c000000:firmware", {"get_throttled": "e0008"})


def turbo_2401(tree: Tree) -> None:
    """A Xeon E5-2665 from a forum: acpi-cpufreq's entry for turbo."""
    mhz = (2401, 2400, 2200, 2000, 1800, 1600, 1400, 1200)
    tree.policies(2, mhz, driver="acpi-cpufreq", governor="userspace")
    tree.zone("x86_pkg_temp", 60000, (("passive", 0),))


def ssd202d(tree: Tree) -> None:
    """ThomasKaiser/sbc-bench#37: boost clocks beyond the table."""
    tree.policy(
        "policy0", (240, 400, 600, 800, 1008, 1080, 1188, 1296), "0 1",
        governors="ondemand performance", governor="performance", cpuinfo_max_freq=1700000,
        scaling_max_freq=1700000, scaling_boost_frequencies="1350000 1512000 1700000",
    )  # fmt: skip


def ssd202d_pinned(tree: Tree) -> None:
    """The same, held at a boost clock."""
    ssd202d(tree)
    put(tree.root / CPUS / "cpufreq/policy0", {"scaling_min_freq": "1700000"})


def a733(tree: Tree) -> None:
    """radxa-build/radxa-a733#18: a clock that takes every speed and stays at 416 MHz."""
    mhz = (416, 780, 1014, 1196, 1404, 1508, 1612, 1716, 1794)
    tree.policy("policy0", mhz, "0 1 2 3 4 5")
    tree.policy("policy6", (*mhz, 1898, 1950, 2002), "6 7", scaling_cur_freq=416000)
    for name in ("cpul", "cpub"):
        tree.zone(f"{name}_thermal_zone", 45000, (("critical", 110),))
    tree.zone("gpu_thermal_zone", 44000)


def offline_cluster(tree: Tree) -> None:
    """ThomasKaiser/sbc-bench#139: a policy whose CPUs are offline."""
    tree.policy("policy0", (408, 600, 816, 1008, 1200, 1416), "0 1 2 3")
    big = tree.root / CPUS / "cpufreq/policy4"
    put(big, {"affected_cpus": "", "related_cpus": "4 5", "cpuinfo_max_freq": "1800000"})
    (big / "scaling_driver").mkdir()
    cool = tree.cooling("thermal-cpufreq-0", 5)
    tree.zone("cpu-thermal", 45000, (("passive", 70), ("critical", 95)), (cool,))


def unknown_clock(tree: Tree) -> None:
    """cpufreq's <unknown>."""
    pi4(tree)
    names = ("scaling_cur_freq", "cpuinfo_cur_freq")
    put(tree.root / CPUS / "cpufreq/policy0", dict.fromkeys(names, "<unknown>"))


def z8300(tree: Tree) -> None:
    """sbc-bench results/1lgD: 64 degC for 248 s at full load, in steps of 1 K."""
    mhz = (480, 600, 720, 840, 960, 1080, 1200, 1320, 1440)
    tree.policies(2, mhz, driver="acpi-cpufreq", governor="userspace")
    tree.zone("acpitz", 0, (("critical", 100),))
    tree.zone("soc_dts0", 64000)
    tree.hwmon("coretemp", temp2_input=64000, temp2_label="Core 0", temp2_crit=90000)
