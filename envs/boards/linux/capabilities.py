"""Capabilities of a board: clocks, thermal zones, cooling devices and sensors, from sysfs.

Capabilities are looked for, not platforms: a folder proves nothing, a readable file does.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tvfs_gym.envs.boards.linux import guardian

CPUFREQ = "devices/system/cpu/cpufreq"
CPU_COOLING = ("cpufreq", "processor", "cpu")
"""How the types of cooling devices that slow the CPU down begin: ``thermal-cpufreq-0`` and
``cpufreq-cpu0`` on ARM, ``Processor`` under ACPI."""

CPU_ZONES = ("cpu", "soc", "x86_pkg", "acpitz", "big", "package")
"""Words in the types of zones on the chip, for boards that bind no cooling device to them."""

CPU_CHIPS = ("coretemp", "k10temp", "cpu_thermal", "soc_thermal", "acpitz")
"""Names of hwmon chips on or in the CPU, for boards without thermal zones."""


@dataclass(frozen=True)
class ClockDomain:
    """A clock that some CPUs share; frequencies in kHz, as the kernel writes them.

    Attributes:
        path: Its folder.
        driver: Driver of the clock.
        governor: That is at work.
        governors: That are loaded.
        frequencies_khz: Its table, slowest first; empty if the driver shows none.
        range_khz: Slowest and fastest of the hardware.
        limits_khz: Slowest and fastest that is allowed now.
        cpus: That share it.
        sets_speed: True if ``userspace`` is loaded, and it and the speed can be written.
        sets_limits: True if the limits can be written.
    """

    path: Path
    driver: str
    governor: str
    governors: tuple[str, ...]
    frequencies_khz: tuple[int, ...]
    range_khz: tuple[int, int]
    limits_khz: tuple[int, int]
    cpus: tuple[int, ...]
    sets_speed: bool
    sets_limits: bool

    @property
    def name(self) -> str:
        """E.g. ``policy0``."""
        return self.path.name if self.path.name != "cpufreq" else self.path.parent.name


@dataclass(frozen=True)
class TripPoint:
    """A trip of a zone, degC."""

    type: str
    temperature_c: float


@dataclass(frozen=True)
class CoolingDevice:
    """Something that the kernel cools with: the CPU's clock, a fan.

    Attributes:
        path: Its folder.
        type: Its kind.
        state: 0 for no cooling.
        max_state: Its strongest state.
    """

    path: Path
    type: str
    state: int
    max_state: int

    @property
    def slows_cpu(self) -> bool:
        """Tells whether it is a CPU's clock."""
        return self.type.lower().removeprefix("thermal-").startswith(CPU_COOLING)


@dataclass(frozen=True)
class Zone:
    """A thermal zone.

    Attributes:
        path: Its folder.
        type: Its name.
        temperature_c: Its sensor's reading; None if that failed.
        policy: The kernel's thermal governor.
        enabled: True if the kernel watches it.
        trips: In the kernel's order.
        cools_with: Types of the cooling devices bound to it.
        slows_cpu: True if one of them is a CPU's clock.
    """

    path: Path
    type: str
    temperature_c: float | None
    policy: str
    enabled: bool
    trips: tuple[TripPoint, ...]
    cools_with: tuple[str, ...]
    slows_cpu: bool

    @property
    def critical_c(self) -> float | None:
        """Where the kernel switches the board off."""
        critical = [trip.temperature_c for trip in self.trips if trip.type == "critical"]
        return min(critical) if critical else None


@dataclass(frozen=True)
class Channel:
    """A sensor of hwmon, or an energy counter of powercap.

    Attributes:
        path: The file that holds its value.
        name: Chip and label, e.g. ``ina231/VDD_ARM``.
        quantity: ``temperature``, ``power``, ``energy``, ``fan`` or ``pwm``.
        unit: Size of a count of the file in degC, W, J, rpm or 1.
    """

    path: Path
    name: str
    quantity: str
    unit: float


@dataclass(frozen=True)
class Capabilities:
    """All of a board's.

    Attributes:
        root: The sysfs tree.
        policies: Clocks.
        zones: Thermal zones.
        cooling_devices: Cooling devices of the kernel's throttling.
        sensors: Sensors of hwmon and powercap.
    """

    root: Path
    policies: tuple[ClockDomain, ...]
    zones: tuple[Zone, ...]
    cooling_devices: tuple[CoolingDevice, ...]
    sensors: tuple[Channel, ...]

    def sensors_of(self, quantity: str) -> tuple[Channel, ...]:
        """Its sensors of one quantity."""
        return tuple(sensor for sensor in self.sensors if sensor.quantity == quantity)

    @property
    def fastest_policies(self) -> tuple[ClockDomain, ...]:
        """Those of the fastest cluster: the highest clock, and one table.

        big.LITTLE has a policy per cluster; a PC has one per CPU, all alike.
        """
        if not self.policies:
            return ()
        fastest = max(self.policies, key=lambda one: one.range_khz[1])
        kind = (fastest.driver, fastest.range_khz, fastest.frequencies_khz)
        return tuple(
            policy
            for policy in self.policies
            if (policy.driver, policy.range_khz, policy.frequencies_khz) == kind
        )

    @property
    def chip_zones(self) -> tuple[Zone, ...]:
        """The zones of the chip that computes.

        Those that slow the CPU down; else those named like it; else all that have a reading.
        """
        read = [zone for zone in self.zones if zone.temperature_c is not None]
        cooling = [zone for zone in read if zone.slows_cpu]
        named = [zone for zone in read if any(part in zone.type.lower() for part in CPU_ZONES)]
        return tuple(cooling or named or read)

    @property
    def chip_sensors(self) -> tuple[Channel, ...]:
        """Temperature sensors of hwmon in the CPU, where there are no zones."""
        return tuple(
            sensor
            for sensor in self.sensors_of("temperature")
            if sensor.name.partition("/")[0].startswith(CPU_CHIPS)
        )

    @property
    def critical_c(self) -> float | None:
        """The lowest temperature at which a zone of the chip switches the board off."""
        critical = [zone.critical_c for zone in self.chip_zones if zone.critical_c is not None]
        return min(critical) if critical else None


def probe(root: Path = Path("/sys")) -> Capabilities:
    """Looks for everything that a board can; changes nothing."""
    devices = tuple(_cooling_devices(root))
    return Capabilities(
        root=root,
        policies=tuple(_policies(root)),
        zones=tuple(_zones(root, {device.path.name: device for device in devices})),
        cooling_devices=devices,
        sensors=(*_hwmon(root), *_energy_counters(root)),
    )


def text(path: Path) -> str | None:
    """Content of a file; None if it cannot be read, even at a second attempt."""
    try:
        return guardian.persistently(guardian.read, str(path))
    except OSError:
        return None


def number(path: Path) -> int | None:
    """The number that a file holds; None if it cannot be read or holds none."""
    try:
        return int(text(path) or "")
    except ValueError:
        return None


def cpu_list(line: str) -> tuple[int, ...]:
    """CPUs as the kernel lists them: ``0 1 2`` or ``0-2,5``."""
    cpus: list[int] = []
    for part in line.replace(",", " ").split():
        first, _, last = part.partition("-")
        cpus += range(int(first), int(last or first) + 1)
    return tuple(cpus)


def _numbered(folder: Path, name: str) -> list[Path]:
    """Entries of a folder called ``name`` and a number, by the number."""
    found = {
        int(entry.name.removeprefix(name)): entry
        for entry in folder.glob(f"{name}*")
        if entry.name.removeprefix(name).isdecimal()
    }
    return [found[key] for key in sorted(found)]


def _policies(root: Path) -> Iterator[ClockDomain]:
    """Old kernels have them under the CPUs, once per CPU."""
    folders = _numbered(root / CPUFREQ, "policy")
    if not folders:
        folders = [cpu / "cpufreq" for cpu in _numbered(root / "devices/system/cpu", "cpu")]
    seen: set[tuple[int, ...]] = set()
    for folder in folders:
        driver = text(folder / "scaling_driver")
        lowest, highest = (number(folder / f"cpuinfo_{end}_freq") for end in ("min", "max"))
        if driver is None or lowest is None or highest is None or highest <= 0:
            continue
        cpus = cpu_list(text(folder / "affected_cpus") or "")
        if cpus in seen:
            continue
        seen.add(cpus)
        governors = tuple((text(folder / "scaling_available_governors") or "").split())
        least, most = (number(folder / f"scaling_{end}_freq") for end in ("min", "max"))
        yield ClockDomain(
            path=folder,
            driver=driver,
            governor=text(folder / "scaling_governor") or "",
            governors=governors,
            frequencies_khz=_table(folder),
            range_khz=(lowest, highest),
            limits_khz=(least or lowest, most or highest),
            cpus=cpus,
            sets_speed="userspace" in governors
            and _writable(folder / "scaling_governor")
            and _writable(folder / "scaling_setspeed"),
            sets_limits=_writable(folder / "scaling_min_freq")
            and _writable(folder / "scaling_max_freq"),
        )


def _table(folder: Path) -> tuple[int, ...]:
    """Ascending; cpufreq-dt lists it so, acpi-cpufreq the other way round, some not at all."""
    listed = (text(folder / "scaling_available_frequencies") or "").split()
    if not listed:
        lines = (text(folder / "stats/time_in_state") or "").splitlines()
        listed = [line.split()[0] for line in lines if line.split()]
    return tuple(sorted({int(word) for word in listed if word.isdecimal()}))


def _writable(path: Path) -> bool:
    return os.access(path, os.W_OK)


def _cooling_devices(root: Path) -> Iterator[CoolingDevice]:
    for folder in _numbered(root / "class/thermal", "cooling_device"):
        most = number(folder / "max_state")
        if most is not None:
            state = number(folder / "cur_state") or 0
            yield CoolingDevice(folder, text(folder / "type") or "", state, most)


def _zones(root: Path, devices: dict[str, CoolingDevice]) -> Iterator[Zone]:
    for folder in _numbered(root / "class/thermal", "thermal_zone"):
        zone_type = text(folder / "type")
        if zone_type is None:
            continue
        reading = number(folder / "temp")
        bound = [
            devices[link.resolve().name]
            for link in _numbered(folder, "cdev")
            if link.resolve().name in devices
        ]
        yield Zone(
            path=folder,
            type=zone_type,
            temperature_c=None if reading is None else reading / 1e3,
            policy=text(folder / "policy") or "",
            enabled=text(folder / "mode") != "disabled",
            trips=tuple(_trips(folder)),
            cools_with=tuple(device.type for device in bound),
            slows_cpu=any(device.slows_cpu for device in bound),
        )


def _trips(folder: Path) -> Iterator[TripPoint]:
    files = folder.glob("trip_point_*_type")
    for file in sorted(files, key=lambda one: int(one.name.split("_")[2])):
        reading = number(file.with_name(file.name.replace("_type", "_temp")))
        if reading is not None:
            yield TripPoint(text(file) or "", reading / 1e3)


HWMON = (
    ("temp*_input", "temperature", 1e-3),
    ("power*_input", "power", 1e-6),
    ("energy*_input", "energy", 1e-6),
    ("fan*_input", "fan", 1.0),
    ("pwm[0-9]", "pwm", 1.0),
)
"""Files, quantity and unit of hwmon (the kernel's Documentation/hwmon/sysfs-interface)."""


def _hwmon(root: Path) -> Iterator[Channel]:
    for folder in _numbered(root / "class/hwmon", "hwmon"):
        chip = text(folder / "name") or folder.name
        for pattern, quantity, unit in HWMON:
            for file in sorted(folder.glob(pattern)):
                stem = file.name.removesuffix("_input")
                label = text(folder / f"{stem}_label") or stem
                yield Channel(file, f"{chip}/{label}", quantity, unit)


def _energy_counters(root: Path) -> Iterator[Channel]:
    """Whole packages only: their sub-domains are within them (intel_rapl)."""
    for folder in sorted((root / "class/powercap").glob("intel-rapl:[0-9]*")):
        if folder.name.count(":") == 1 and number(folder / "energy_uj") is not None:
            name = text(folder / "name") or folder.name
            yield Channel(folder / "energy_uj", f"rapl/{name}", "energy", 1e-6)
