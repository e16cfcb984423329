"""Machines of further makers, from their device trees and drivers: siblings of people's boards.

Each names where its names, trips and clocks come from; readings are made up.
"""

from tests.envs.boards.fake_sysfs import put
from tests.envs.boards.real_boards import CPUS, Tree


def orange_pi_3(tree: Tree) -> None:
    """Allwinner H6 (sun50i-h6.dtsi): the GPU's zone is the hotter one, and not the CPU's."""
    tree.policy("policy0", (480, 720, 816, 888, 1080, 1320, 1488, 1608, 1704, 1800), "0 1 2 3")
    cools = [tree.cooling("cpufreq-cpu0", 9)]
    tree.zone("cpu-thermal", 52600, (("passive", 75), ("hot", 90), ("critical", 105)), cools)
    tree.zone("gpu-thermal", 54200, (("critical", 105),))


def orange_pi_zero_3(tree: Tree) -> None:
    """Allwinner H618 (sun50i-h616.dtsi): four zones, memory's and video's among them."""
    tree.policy("policy0", (480, 600, 792, 1008, 1200, 1416, 1512), "0 1 2 3")
    cools = [tree.cooling("cpufreq-cpu0", 6)]
    for kind, reading in (("cpu", 47100), ("gpu", 48800), ("ve", 47600), ("ddr", 61000)):
        trips = (("passive", 60), ("passive", 70), ("critical", 110))
        tree.zone(f"{kind}-thermal", reading, trips, cools if kind == "cpu" else ())


def odroid_c4(tree: Tree) -> None:
    """Amlogic S905X3 (meson-sm1, meson-g12-common.dtsi): the hot trip is below the critical."""
    tree.policy("policy0", (1000, 1200, 1404, 1500, 1608, 1704, 1800, 1908), "0 1 2 3")
    cools = [tree.cooling("cpufreq-cpu0", 7)]
    trips = (("passive", 85), ("hot", 95), ("critical", 110))
    tree.zone("cpu-thermal", 41200, trips, cools)
    tree.zone("ddr-thermal", 42000, (("passive", 85), ("critical", 110)))


def genio_1200(tree: Tree) -> None:
    """MediaTek MT8395 (mt8195.dtsi): a zone for each core, others for vision and video."""
    tree.policy("policy0", (500, 1000, 1500, 2000), "0 1 2 3", driver="mtk-cpufreq-hw")
    tree.policy("policy4", (400, 1000, 1800, 2200), "4 5 6 7", driver="mtk-cpufreq-hw")
    tree.cpus(range(4), cpu_capacity=308)
    tree.cpus(range(4, 8), cpu_capacity=1024)
    trips = (("passive", 85), ("critical", 100))
    for core in range(4):
        tree.zone(f"cpu{core}-thermal", 50000 + core, trips)
    for core in range(4, 8):
        tree.zone(f"cpu{core}-thermal", 58000 + core, trips)
    for kind in ("vpu0", "vpu1", "gpu0", "vdec", "img", "infra", "cam0", "cam1"):
        tree.zone(f"{kind}-thermal", 64000, trips)


def dragonboard_410c(tree: Tree) -> None:
    """Snapdragon 410 (msm8916.dtsi): two zones for pairs of cores; modem and camera warmer."""
    tree.policy("policy0", (200, 400, 533, 800, 998, 1094, 1152, 1209), "0 1 2 3")
    cools = [tree.cooling("cpufreq-cpu0", 7)]
    tree.zone("camera-thermal", 66000, (("hot", 75),))
    tree.zone("cpu0-1-thermal", 55000, (("passive", 75), ("critical", 110)), cools)
    tree.zone("cpu2-3-thermal", 56000, (("passive", 75), ("critical", 110)), cools)
    tree.zone("gpu-thermal", 60000, (("passive", 75), ("critical", 95)))
    tree.zone("modem-thermal", 70000, (("hot", 85),))
    tree.hwmon("pm8916_thermal", temp1_input=37000)


def imx8m_plus(tree: Tree) -> None:
    """NXP i.MX8M Plus (imx8mp.dtsi): passive 85, critical 95 degC in both zones."""
    tree.policy("policy0", (1200, 1600, 1800), "0 1 2 3", driver="imx-cpufreq-dt")
    cools = [tree.cooling("cpufreq-cpu0", 2)]
    for kind, reading in (("cpu", 51000), ("soc", 53000)):
        tree.zone(f"{kind}-thermal", reading, (("passive", 85), ("critical", 95)), cools)


def imx8qm(tree: Tree) -> None:
    """NXP i.MX8QM (imx8qm.dtsi): A53s before A72s, a zone for each cluster, GPUs and memory."""
    tree.policy("policy0", (600, 896, 1104, 1200), "0 1 2 3", driver="cpufreq-dt")
    tree.policy("policy4", (600, 1056, 1296, 1596), "4 5", driver="cpufreq-dt")
    tree.cpus(range(4), cpu_capacity=398)
    tree.cpus((4, 5), cpu_capacity=1024)
    little, big = (tree.cooling(f"cpufreq-cpu{cpu}", 3) for cpu in (0, 4))
    trips = (("passive", 107), ("critical", 127))
    tree.zone("cpu0-thermal", 44000, trips, [little])
    tree.zone("cpu1-thermal", 49000, trips, [big])
    for kind in ("gpu0", "gpu1", "drc0"):
        tree.zone(f"{kind}-thermal", 58000, trips)
    tree.zone("pmic-thermal", 40000, (("passive", 110), ("critical", 125)))


def visionfive_2(tree: Tree) -> None:
    """StarFive JH7110 (jh7110.dtsi), RISC-V: no part, no capacity; the sensor is a hwmon, too."""
    tree.policy("policy0", (375, 500, 750, 1500), "0 1 2 3")
    cools = [tree.cooling("cpufreq-cpu0", 3)]
    tree.zone("cpu-thermal", 48900, (("passive", 85), ("critical", 100)), cools)
    tree.hwmon("120e0000.temperature_sensor", temp1_input=48900)
    cores = "\n\n".join(f"processor\t: {n}\nhart\t\t: {n + 1}\nuarch\t\t: sifive,u74-mc"
                        for n in range(4))  # fmt: skip
    put(tree.root.parent / "proc", {"cpuinfo": cores})


def n100(tree: Tree) -> None:
    """Intel N100: one kind of core under intel_pstate; zones of drivers and a wireless card."""
    tree.intel(4, (700, 3400), base_frequency=800000)
    put(tree.root / CPUS / "intel_pstate", {"no_turbo": "0", "status": "active"})
    tree.zone("acpitz", 27800, (("critical", 110),))
    tree.zone("INT3400 Thermal", 20000)
    tree.zone("TCPU", 51000, (("passive", 100), ("critical", 105)))
    tree.zone("x86_pkg_temp", 51000, (("passive", 0), ("passive", 0)))
    tree.zone("iwlwifi_1", 44000)
    tree.hwmon("acpitz", temp1_input=27800)
    tree.hwmon("nvme", temp1_input=41850, temp1_label="Composite", temp1_crit=84850)
    tree.hwmon("coretemp", temp1_input=51000, temp1_label="Package id 0", temp1_crit=105000)


def ryzen_v1605b(tree: Tree) -> None:
    """AMD Ryzen Embedded V1605B: the graphics' power is the whole package's, and not taken."""
    tree.policies(8, (1600, 1700, 2000), driver="acpi-cpufreq")
    tree.hwmon("k10temp", temp1_input=47500, temp1_label="Tctl")
    tree.hwmon("amdgpu", temp1_input=47000, temp1_label="edge", power1_average=6000000)
    tree.hwmon("nct6779", temp7_input=32000, temp7_label="SYSTIN", temp8_input=127000)


def apple_m1(tree: Tree) -> None:
    """Apple M1 under Linux: small cores first, no thermal zone, one chip nobody vouches for."""
    tree.policy("policy0", (600, 972, 1332, 1704, 2064), "0 1 2 3", driver="apple-cpufreq")
    tree.policy("policy4", (600, 1284, 1956, 2988, 3204), "4 5 6 7", driver="apple-cpufreq")
    tree.cpus(range(4), cpu_capacity=459)
    tree.cpus(range(4, 8), cpu_capacity=1024)
    tree.hwmon("macsmc_hwmon", temp1_input=31000, temp1_label="Battery Hotspot Temp")
    tree.hwmon("nvme", temp1_input=35000, temp1_label="Composite")


def virtual_machine(tree: Tree) -> None:
    """A guest of a cloud: processors without cpufreq, no zone, a disk with a temperature."""
    tree.cpus(range(2), online="1")
    (tree.root / CPUS / "cpufreq").mkdir(parents=True)
    tree.cooling("Processor", 0)
    tree.hwmon("nvme", temp1_input=35000, temp1_label="Composite")


def masked_container(tree: Tree) -> None:
    """A container whose runtime hides thermal and powercap behind empty folders."""
    tree.policy("policy0", (600, 1000, 1500, 1800), "0 1 2 3", governor="ondemand")
    for hidden in ("class/thermal", "class/hwmon", "class/powercap"):
        (tree.root / hidden).mkdir(parents=True, exist_ok=True)
