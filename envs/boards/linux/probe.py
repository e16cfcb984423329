"""Looking for everything that a board can; changes nothing.

Capabilities are looked for, not platforms: a folder proves nothing, a readable file does.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from tvfs_gym.envs.boards.linux.capabilities import (
    Capabilities,
    Channel,
    ClockDomain,
    CoolingDevice,
    OfflinePolicy,
    TripPoint,
    Zone,
)
from tvfs_gym.envs.boards.linux.sysfs import Sysfs, cpu_list

CPUS = "devices/system/cpu"
CPUFREQ = f"{CPUS}/cpufreq"

SWITCHES = (
    "cpufreq/boost",
    "intel_pstate/no_turbo",
    "intel_pstate/status",
    "amd_pstate/status",
)
"""Files under `CPUS` that switch boost, and who sets the clock."""

MODEL = "firmware/devicetree/base/model"

FIRMWARE = "devices/platform/soc*/soc*firmware*/get_throttled"
"""The Raspberry Pi's firmware on its throttling (the kernel's drivers/firmware/raspberrypi.c)."""

DEGREES_UP_TO = 150
"""Counts up to which a temperature is in degrees: in millidegrees it would be below 0.15 degC."""


def probe(root: Path = Path("/sys")) -> Capabilities:
    """Looks at a sysfs tree."""
    return examine(Sysfs(root))


def examine(sysfs: Sysfs) -> Capabilities:
    """Looks at a sysfs tree whose reader keeps a record."""
    root = sysfs.root
    devices = tuple(_cooling_devices(sysfs))
    policies = tuple(_policies(sysfs))
    firmware = sorted(root.glob(FIRMWARE))
    switches = {root / CPUS / name: sysfs.text(root / CPUS / name) for name in SWITCHES}
    return Capabilities(
        root=root,
        model=(sysfs.text(root / MODEL) or "").strip("\0") or None,
        policies=tuple(policy for policy in policies if isinstance(policy, ClockDomain)),
        offline=tuple(policy for policy in policies if isinstance(policy, OfflinePolicy)),
        offline_cpus=cpu_list(sysfs.text(root / CPUS / "offline") or ""),
        zones=tuple(_zones(sysfs, {device.path.name: device for device in devices})),
        cooling_devices=devices,
        sensors=(*_hwmon(sysfs), *_energy_counters(sysfs)),
        firmware=firmware[0] if firmware and sysfs.text(firmware[0]) is not None else None,
        switches={path: content for path, content in switches.items() if content is not None},
    )


def _policies(sysfs: Sysfs) -> Iterator[ClockDomain | OfflinePolicy]:
    """Old kernels have them under the CPUs, once per CPU."""
    folders = sysfs.numbered(CPUFREQ, "policy")
    if not folders:
        folders = [
            cpu / "cpufreq" for cpu in sysfs.numbered(CPUS, "cpu") if (cpu / "cpufreq").is_dir()
        ]
    parts = sysfs.cpu_parts()
    seen: set[tuple[int, ...]] = set()
    for folder in folders:
        cpus, related = (
            cpu_list(sysfs.text(folder / f"{which}_cpus") or "")
            for which in ("affected", "related")
        )
        if related and not cpus:
            yield OfflinePolicy(folder, related)
            continue
        policy = _policy(sysfs, folder, cpus, related, parts)
        if policy is None or cpus in seen:
            continue
        seen.add(cpus)
        yield policy


def _policy(
    sysfs: Sysfs,
    folder: Path,
    cpus: tuple[int, ...],
    related: tuple[int, ...],
    parts: dict[int, tuple[int, int]],
) -> ClockDomain | None:
    driver = sysfs.text(folder / "scaling_driver")
    lowest, highest = (sysfs.number(folder / f"cpuinfo_{end}_freq") for end in ("min", "max"))
    if driver is None or lowest is None or highest is None or highest <= 0:
        return None
    governors = tuple((sysfs.text(folder / "scaling_available_governors") or "").split())
    least, most = (sysfs.number(folder / f"scaling_{end}_freq") for end in ("min", "max"))
    sysfs.text(folder / "scaling_cur_freq")  # for the record: it is read while a board runs
    sysfs.text(folder / "cpuinfo_cur_freq")
    sysfs.text(folder / "scaling_setspeed")
    cpu = sysfs.root / CPUS / f"cpu{cpus[0] if cpus else 0}"
    return ClockDomain(
        path=folder,
        driver=driver,
        governor=sysfs.text(folder / "scaling_governor") or "",
        governors=governors,
        frequencies_khz=_table(sysfs, folder),
        boost_khz=_frequencies(sysfs.text(folder / "scaling_boost_frequencies")),
        boosts=_boosts(sysfs, folder),
        base_khz=_base(sysfs, folder, cpu),
        range_khz=(lowest, highest),
        limits_khz=(least or lowest, most or highest),
        cpus=cpus,
        offline_cpus=tuple(sorted(set(related) - set(cpus))),
        capacity=sysfs.number(cpu / "cpu_capacity"),
        part=_part(sysfs, cpu) or parts.get(cpus[0] if cpus else 0),
        sets_speed="userspace" in governors
        and sysfs.writable(folder / "scaling_governor")
        and sysfs.writable(folder / "scaling_setspeed"),
        sets_limits=sysfs.writable(folder / "scaling_min_freq")
        and sysfs.writable(folder / "scaling_max_freq"),
    )


def _table(sysfs: Sysfs, folder: Path) -> tuple[int, ...]:
    """Ascending; cpufreq-dt lists it so, acpi-cpufreq the other way round, some not at all."""
    listed = sysfs.text(folder / "scaling_available_frequencies")
    if not listed:
        lines = (sysfs.text(folder / "stats/time_in_state") or "").splitlines()
        listed = " ".join(line.split()[0] for line in lines if line.split())
    return _frequencies(listed)


def _frequencies(listed: str | None) -> tuple[int, ...]:
    return tuple(sorted({int(word) for word in (listed or "").split() if word.isdecimal()}))


def _boosts(sysfs: Sysfs, folder: Path) -> bool:
    own, general = (
        sysfs.text(path) for path in (folder / "boost", sysfs.root / CPUS / "cpufreq/boost")
    )
    return sysfs.text(sysfs.root / CPUS / "intel_pstate/no_turbo") == "0" or (
        (general if own is None else own) == "1"
    )


def _base(sysfs: Sysfs, folder: Path, cpu: Path) -> int | None:
    """From intel_pstate in kHz, else from ACPI's CPPC in MHz."""
    base_khz = sysfs.number(folder / "base_frequency")
    nominal_mhz = sysfs.number(cpu / "acpi_cppc/nominal_freq")
    return base_khz or (1000 * nominal_mhz if nominal_mhz else None)


def _part(sysfs: Sysfs, cpu: Path) -> tuple[int, int] | None:
    """Implementer and part from the register MIDR_EL1 (Arm Architecture Reference Manual)."""
    try:
        midr = int(sysfs.text(cpu / "regs/identification/midr_el1") or "", 16)
    except ValueError:
        return None
    return midr >> 24 & 0xFF, midr >> 4 & 0xFFF


def _cooling_devices(sysfs: Sysfs) -> Iterator[CoolingDevice]:
    for folder in sysfs.numbered("class/thermal", "cooling_device"):
        most = sysfs.number(folder / "max_state")
        if most is not None:
            state = sysfs.number(folder / "cur_state") or 0
            yield CoolingDevice(folder, sysfs.text(folder / "type") or "", state, most)


def _zones(sysfs: Sysfs, devices: dict[str, CoolingDevice]) -> Iterator[Zone]:
    for folder in sysfs.numbered("class/thermal", "thermal_zone"):
        zone_type = sysfs.text(folder / "type")
        if zone_type is None:
            continue
        reading = sysfs.number(folder / "temp")
        trips = list(_trips(sysfs, folder))
        counts = [reading] if reading else [count for _, count in trips]
        counts_per_c = counts_per_degree(counts)
        targets = [sysfs.target(link) for link in sysfs.numbered(folder, "cdev")]
        bound = [devices[name] for name in targets if name in devices]
        yield Zone(
            path=folder,
            type=zone_type,
            temperature_c=None if reading is None else reading / counts_per_c,
            counts_per_c=counts_per_c,
            policy=sysfs.text(folder / "policy") or "",
            enabled=sysfs.text(folder / "mode") != "disabled",
            trips=tuple(TripPoint(kind, _degrees(count)) for kind, count in trips),
            cools_with=tuple(device.type for device in bound),
            slows_cpu=any(device.slows_cpu for device in bound),
        )


def counts_per_degree(counts: list[int]) -> int:
    """Counts of a file per degree, told from some that belong together."""
    return 1 if 0 < max(counts, default=0) <= DEGREES_UP_TO else 1000


def _degrees(count: int) -> float:
    return count / counts_per_degree([count])


def _trips(sysfs: Sysfs, folder: Path) -> Iterator[tuple[str, int]]:
    files = folder.glob("trip_point_*_type")
    for file in sorted(files, key=lambda one: int(one.name.split("_")[2])):
        reading = sysfs.number(file.with_name(file.name.replace("_type", "_temp")))
        if reading is not None:
            yield sysfs.text(file) or "", reading


HWMON = (
    ("temp*_input", "temperature", 1e-3),
    ("power*_input", "power", 1e-6),
    ("power*_average", "power", 1e-6),
    ("energy*_input", "energy", 1e-6),
    ("fan*_input", "fan", 1.0),
    ("pwm[0-9]", "pwm", 1.0),
)
"""Files, quantity and unit of hwmon (the kernel's Documentation/hwmon/sysfs-interface)."""


def _hwmon(sysfs: Sysfs) -> Iterator[Channel]:
    for folder in sysfs.numbered("class/hwmon", "hwmon"):
        chip = sysfs.text(folder / "name") or folder.name
        for pattern, quantity, unit in HWMON:
            for file in sorted(folder.glob(pattern)):
                if file.name.endswith("_average") and _present(file).exists():
                    continue
                yield _channel(sysfs, chip, file, quantity, unit)
        if chip.startswith("ina") and not list(folder.glob("power*_input")):
            yield from _rails(sysfs, chip, folder)
        for duty in sysfs.numbered(folder, "pwm"):
            sysfs.text(folder / f"{duty.name}_enable")
            sysfs.text(folder / "automatic")


def _present(average: Path) -> Path:
    """The file of the present power beside that of its mean, which some chips give alone."""
    return average.with_name(average.name.replace("_average", "_input"))


def _channel(sysfs: Sysfs, chip: str, file: Path, quantity: str, unit: float) -> Channel:
    stem = file.name.removesuffix("_input").removesuffix("_average")
    label = sysfs.text(file.with_name(f"{stem}_label")) or stem
    count = sysfs.number(file)
    critical = None
    if quantity == "temperature":
        critical = sysfs.number(file.with_name(f"{stem}_crit"))
        unit = 1 / counts_per_degree([count or 0])
    return Channel(
        path=file,
        name=f"{chip}/{label}",
        quantity=quantity,
        unit=unit,
        value=None if count is None else count / round(1 / unit),
        critical_c=None if critical is None else _degrees(critical),
    )


def _rails(sysfs: Sysfs, chip: str, folder: Path) -> Iterator[Channel]:
    """Rails of which a chip gives voltage (mV) and current (mA) alone, as INA3221 does."""
    for current in sorted(folder.glob("curr*_input")):
        number = current.name.removeprefix("curr").removesuffix("_input")
        voltage = folder / f"in{number}_input"
        readings = sysfs.number(voltage), sysfs.number(current)
        if readings[0] is None or readings[1] is None:
            continue
        label = sysfs.text(folder / f"in{number}_label") or f"in{number}"
        power_w = 1e-6 * readings[0] * readings[1]
        yield Channel(voltage, f"{chip}/{label}", "power", 1e-6, power_w, times=current)


def _energy_counters(sysfs: Sysfs) -> Iterator[Channel]:
    """Whole packages only: their sub-domains are within them (intel_rapl)."""
    for folder in sorted((sysfs.root / "class/powercap").glob("intel-rapl:[0-9]*")):
        count = sysfs.number(folder / "energy_uj") if folder.name.count(":") == 1 else None
        if count is not None:
            name = sysfs.text(folder / "name") or folder.name
            yield Channel(folder / "energy_uj", f"rapl/{name}", "energy", 1e-6, 1e-6 * count)


def forbidden_cpus() -> frozenset[int]:
    """CPUs of this machine that this process may not run on: cpuset, isolcpus or taskset."""
    return frozenset(range(os.sysconf("SC_NPROCESSORS_CONF"))) - os.sched_getaffinity(0)
