"""Capabilities of a board: clocks, thermal zones, cooling devices and sensors."""

import re
from dataclasses import dataclass
from pathlib import Path

CPU_COOLING = ("cpufreq", "processor", "cpu")
"""How the types of cooling devices that slow the CPU down begin: ``thermal-cpufreq-0`` and
``cpufreq-cpu0`` on ARM, ``Processor`` under ACPI."""

NO_CLOCK = re.compile("fan|alert|hotplug|idle")
"""Cooling devices with a CPU in their name that leave its clock alone: ``cpu-fan``, and
``cpu-throttle-alert`` of Jetson, which only tells."""


@dataclass(frozen=True)
class ClockDomain:
    """A clock that some CPUs share; frequencies in kHz, as the kernel writes them.

    Attributes:
        path: Its folder.
        driver: Driver of the clock.
        governor: That is at work.
        governors: That are loaded.
        frequencies_khz: Its table, slowest first; empty if the driver shows none.
        boost_khz: Entries beyond the table that the driver calls boost.
        boosts: True if boost is switched on.
        base_khz: Highest clock that is no boost; None if unknown.
        range_khz: Slowest and fastest of the hardware.
        limits_khz: Slowest and fastest that is allowed now.
        cpus: That share it.
        offline_cpus: That would share it if they were online.
        capacity: Computing power of its CPUs, 1024 for the machine's fastest; None if unknown.
        part: Implementer and part of its ARM cores; None if unknown.
        sets_speed: True if ``userspace`` is loaded, and it and the speed can be written.
        sets_limits: True if the limits can be written.
    """

    path: Path
    driver: str
    governor: str
    governors: tuple[str, ...]
    frequencies_khz: tuple[int, ...]
    boost_khz: tuple[int, ...]
    boosts: bool
    base_khz: int | None
    range_khz: tuple[int, int]
    limits_khz: tuple[int, int]
    cpus: tuple[int, ...]
    offline_cpus: tuple[int, ...]
    capacity: int | None
    part: tuple[int, int] | None
    sets_speed: bool
    sets_limits: bool

    @property
    def name(self) -> str:
        """E.g. ``policy0``."""
        return policy_name(self.path)


@dataclass(frozen=True)
class OfflinePolicy:
    """A policy without a clock, since all its CPUs are offline."""

    path: Path
    cpus: tuple[int, ...]

    @property
    def name(self) -> str:
        """E.g. ``policy4``."""
        return policy_name(self.path)


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
        kind = self.type.lower().removeprefix("thermal-")
        return kind.startswith(CPU_COOLING) and not NO_CLOCK.search(kind)


@dataclass(frozen=True)
class Zone:
    """A thermal zone.

    Attributes:
        path: Its folder.
        type: Its name.
        temperature_c: Its sensor's reading; None if that failed.
        counts_per_c: Counts of its file per degree: 1000, or 1 on some vendors' kernels.
        policy: The kernel's thermal governor.
        enabled: True if the kernel watches it.
        trips: In the kernel's order.
        cools_with: Types of the cooling devices bound to it.
        slows_cpu: True if one of them is a CPU's clock.
    """

    path: Path
    type: str
    temperature_c: float | None
    counts_per_c: float
    policy: str
    enabled: bool
    trips: tuple[TripPoint, ...]
    cools_with: tuple[str, ...]
    slows_cpu: bool


@dataclass(frozen=True)
class Channel:
    """A sensor of hwmon, or an energy counter of powercap.

    Attributes:
        path: The file that holds its value.
        name: Chip and label, e.g. ``ina231/VDD_ARM``.
        quantity: ``temperature``, ``power``, ``energy``, ``fan`` or ``pwm``.
        unit: Size of a count of the file in degC, W, J, rpm or 1.
        value: Its reading in that unit; None if that failed.
        critical_c: ``tempN_crit`` of a thermometer; None if it has none.
        times: A second file whose value multiplies the first's, as current does voltage.
    """

    path: Path
    name: str
    quantity: str
    unit: float
    value: float | None = None
    critical_c: float | None = None
    times: Path | None = None

    @property
    def alias(self) -> str:
        """Name that no other sensor has, e.g. ``hwmon2/power1``."""
        stem = self.path.name.removesuffix("_input").removesuffix("_average")
        return f"{self.path.parent.name}/{stem}"


@dataclass(frozen=True)
class Capabilities:
    """All of a board's.

    Attributes:
        root: The sysfs tree.
        model: Name of the board in its device tree; None without one.
        policies: Clocks.
        offline: Policies whose CPUs are all offline.
        offline_cpus: CPUs that are offline.
        zones: Thermal zones.
        cooling_devices: Cooling devices of the kernel's throttling.
        sensors: Sensors of hwmon and powercap.
        firmware: The file in which a Raspberry Pi's firmware tells its throttling; None elsewhere.
        switches: Content of the files that switch boost and the mode of the clock's driver.
    """

    root: Path
    model: str | None
    policies: tuple[ClockDomain, ...]
    offline: tuple[OfflinePolicy, ...]
    offline_cpus: tuple[int, ...]
    zones: tuple[Zone, ...]
    cooling_devices: tuple[CoolingDevice, ...]
    sensors: tuple[Channel, ...]
    firmware: Path | None
    switches: dict[Path, str]

    def sensors_of(self, quantity: str) -> tuple[Channel, ...]:
        """Its sensors of one quantity."""
        return tuple(sensor for sensor in self.sensors if sensor.quantity == quantity)


def policy_name(folder: Path) -> str:
    """Name of a policy's folder; on old kernels, of the CPU that it lies under."""
    return folder.name if folder.name != "cpufreq" else folder.parent.name


def cpus_text(cpus: tuple[int, ...] | list[int]) -> str:
    """CPUs in words: ``CPU 3`` or ``CPUs 4 5``; runs of more than two are shortened."""
    ordered = sorted(cpus)
    runs: list[list[int]] = []
    for cpu in ordered:
        if runs and cpu == runs[-1][-1] + 1:
            runs[-1].append(cpu)
        else:
            runs.append([cpu])
    parts = [f"{run[0]}-{run[-1]}" if len(run) > 2 else " ".join(map(str, run)) for run in runs]
    return f"CPU{'s' if len(ordered) > 1 else ''} {' '.join(parts)}"
