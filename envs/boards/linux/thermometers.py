"""Which thermometer to trust: every sensor of temperature, in one documented order."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from tvfs_gym.envs.boards.linux.capabilities import Capabilities, Channel, TripPoint, Zone
from tvfs_gym.envs.errors import InputError, unknown


class Trust(IntEnum):
    """Order of trust: the lower, the better known it is that the cores are measured."""

    PACKAGE_ZONE = 1
    CPU_DRIVER = 2
    COOLED_ZONE = 3
    CPU_ZONE = 4
    CHIP_ZONE = 5
    CHIP_HWMON = 6
    COOLED_ACPI = 7
    ACPI = 8
    UNKNOWN_ZONE = 9
    UNKNOWN_HWMON = 10
    ELSEWHERE = 11


WHY = {
    Trust.PACKAGE_ZONE: "measures the CPU's package",
    Trust.CPU_DRIVER: "the driver of the CPU's own sensor",
    Trust.COOLED_ZONE: "the zone by which the kernel throttles the CPU",
    Trust.CPU_ZONE: "a zone named after the CPU",
    Trust.CHIP_ZONE: "a zone named after the chip",
    Trust.CHIP_HWMON: "a hwmon sensor named after the chip",
    Trust.COOLED_ACPI: "the ACPI zone by which the kernel throttles the CPU",
    Trust.ACPI: "an ACPI zone, which on many boards measures something else or nothing",
    Trust.UNKNOWN_ZONE: "a zone that is not known to measure the CPU",
    Trust.UNKNOWN_HWMON: "hwmon sensor that is not known to measure the CPU",
    Trust.ELSEWHERE: "measures something else",
}

LEAST_TRUSTED = Trust.COOLED_ACPI
"""The last that is taken without a doubt."""

LEAST_TAKEN = Trust.UNKNOWN_ZONE
"""The last that is taken without being named."""

PACKAGE = re.compile(r"x86_pkg_temp|b0d4$")
ACPI_ZONE = "acpitz"
CPU = re.compile(r"cpu|big|little|package|core|cluster|mpu|a\d\d[-_]?ther|tj-")
CHIP = re.compile(
    r"soc|chip|bcm\d|imx|exynos|sun\d+i|sunxi|mtk|mtkts|armada|rockchip|rk\d|meson|aml|tegra|"
    r"tmu|tsens|ap-?ic|cls\d|main\d"
)
ELSEWHERE = re.compile(
    r"wifi|wlan|wireless|ath\d+k|ath1[12]|mt7\d|rtw|brcm|phy\d|r8169|eth|nvme|drivetemp|scsi|ssd|"
    r"disk|bat|charger|usb|ucsi|pmic|pm\d|pmk|axp|rk8\d\d|max77|xo-|skin|board|ambient|modem|mdm|"
    r"dimm|jc42|spd5118|pch|iio|w1_slave|rp1|fan|quiet|conn|camera|int3400"
)
OTHER_PART = re.compile(r"gpu|g3d|npu|bpu|tpu|ddr|dram|mem|vpu|vde|isp|dsp|cv\d|pll|center|video")

DRIVERS = ("coretemp", "zenpower", "k10temp", "k8temp", "via_cputemp")
"""hwmon drivers of sensors in the cores of PCs."""

CHIP_DRIVERS = re.compile(r"sc[pm]i_sensors|xgene|cpu|soc|big|little|package|core|cluster")
"""hwmon chips that measure a system on chip."""

FIRST_LABELS = (r"tdie|package|cpu|big|aml|soc", r"tctl|core|little|temp1$", "")
"""Labels of one chip, best first: Tctl may be Tdie and an offset of up to 27 K (the kernel's
k10temp driver), a package is as hot as its hottest core."""

CREDIBLE_C = 60.0, 130.0
"""Temperatures at which boards protect themselves; firmware also tells 20.8, 200 or -273.2."""

PROTECTING = ("hot", "critical")
"""Types of trips at which the kernel acts on the whole board."""


@dataclass(frozen=True)
class ThermalSensor:
    """A thermal zone, or a temperature of hwmon.

    Attributes:
        name: Type of the zone, or chip and label; several may have the same.
        alias: Folder of the zone, or of hwmon with the number: no other has it.
        path: File of its reading.
        counts_per_c: Counts of the file per degree.
        reading_c: Its reading; None if that failed.
        trust: Its place in the order.
        label: Its place among the labels of its chip.
        critical: Lowest credible trip at which the board protects itself; None if there is none.
        shutdown_c: Lowest credible temperature at which the board is switched off.
        passive_c: Temperatures at which the kernel begins to throttle by it.
    """

    name: str
    alias: str
    path: Path
    counts_per_c: float
    reading_c: float | None
    trust: Trust
    label: int = 0
    critical: TripPoint | None = None
    shutdown_c: float | None = None
    passive_c: tuple[float, ...] = ()

    @property
    def words(self) -> str:
        """Its name and reading in words."""
        reading = "no reading" if self.reading_c is None else f"{self.reading_c:.1f} degC"
        return f"{self.name} ({self.alias}) {reading}"


@dataclass(frozen=True)
class ThermometerChoice:
    """Thermometers of a machine.

    Attributes:
        sensors: Those that are read, all of one trust; empty if there is none.
        candidates: All that there are, the most trusted first.
        named: True if the user named them.
        awaited: More trusted ones, none of which has a reading now.
    """

    sensors: tuple[ThermalSensor, ...]
    candidates: tuple[ThermalSensor, ...]
    named: bool = False
    awaited: tuple[ThermalSensor, ...] = ()

    @property
    def ready(self) -> tuple[ThermalSensor, ...]:
        """Those that have a reading."""
        return tuple(sensor for sensor in self.sensors if sensor.reading_c is not None)

    @property
    def trusted(self) -> bool:
        """Tells whether they are known to measure the CPU, or were named."""
        return self.named or all(s.trust <= LEAST_TRUSTED for s in self.sensors)

    @property
    def hottest_c(self) -> float | None:
        """Highest reading."""
        return max((s.reading_c for s in self.ready if s.reading_c is not None), default=None)

    @property
    def witnesses(self) -> tuple[ThermalSensor, ...]:
        """Others on the chip, whose readings move when the chip gets hot."""
        return tuple(
            sensor
            for sensor in self.candidates
            if sensor not in self.sensors
            and sensor.trust <= LEAST_TAKEN
            and sensor.reading_c is not None
        )

    @property
    def protecting(self) -> tuple[ThermalSensor, ...]:
        """Sensors whose critical temperatures hold for what is read.

        Its own; and in a PC those of the other sensors in the same cores.
        """
        inside = [s for s in self.candidates if s.trust <= Trust.CPU_DRIVER]
        in_cores = not self.named and any(s in inside for s in self.sensors)
        return tuple(inside) if in_cores else self.sensors


def choose_thermometer(
    capabilities: Capabilities, names: Sequence[str] | None
) -> ThermometerChoice:
    """Chooses the thermometer.

    Args:
        capabilities: The machine's.
        names: Types or folders of zones, names or files of hwmon sensors; several, and a name
            that several have, are read together. None for the most trusted.

    Raises:
        InputError: There is no such sensor.
    """
    candidates = tuple(
        sorted(_sensors(capabilities), key=lambda sensor: (sensor.trust, sensor.label))
    )
    if names is not None:
        chosen = [sensor for name in names for sensor in _named(candidates, name)]
        return ThermometerChoice(tuple(dict.fromkeys(chosen)), candidates, named=True)
    takeable = [sensor for sensor in candidates if sensor.trust <= LEAST_TAKEN]
    trusted = [sensor for sensor in takeable if sensor.trust <= LEAST_TRUSTED]
    readable = [sensor for sensor in trusted if sensor.reading_c is not None]
    # A trusted sensor that has no reading yet stands before a doubtful one that has.
    sensors = _peers(takeable, readable or trusted or takeable)
    best = _peers(takeable, trusted)
    return ThermometerChoice(sensors, candidates, awaited=() if best == sensors else best)


def _peers(
    sensors: Sequence[ThermalSensor], best: Sequence[ThermalSensor]
) -> tuple[ThermalSensor, ...]:
    """Sensors of the same trust as the first of some, the hottest of which counts."""
    return tuple(s for s in sensors for b in best[:1] if (s.trust, s.label) == (b.trust, b.label))


def _named(candidates: Sequence[ThermalSensor], name: str) -> list[ThermalSensor]:
    for key in ("alias", "name"):
        found = [sensor for sensor in candidates if getattr(sensor, key) == name]
        if found:
            return found
    known = {sensor.name for sensor in candidates} | {sensor.alias for sensor in candidates}
    if not known:
        raise InputError(f"unknown temperature sensor '{name}': this machine has none.")
    raise unknown("temperature sensor", name, known)


def _sensors(capabilities: Capabilities) -> Iterator[ThermalSensor]:
    for zone in capabilities.zones:
        yield ThermalSensor(
            name=zone.type,
            alias=zone.path.name,
            path=zone.path / "temp",
            counts_per_c=zone.counts_per_c,
            reading_c=zone.temperature_c,
            trust=_trust_of_zone(zone),
            critical=_lowest_credible(zone.trips, PROTECTING, zone.temperature_c),
            shutdown_c=_degrees_of(_lowest_credible(zone.trips, ("critical",), zone.temperature_c)),
            passive_c=tuple(t.temperature_c for t in zone.trips if t.type == "passive"),
        )
    for channel in capabilities.sensors_of("temperature"):
        trip = [] if channel.critical_c is None else [TripPoint("critical", channel.critical_c)]
        critical = _lowest_credible(trip, PROTECTING, channel.value)
        yield ThermalSensor(
            name=channel.name,
            alias=channel.alias,
            path=channel.path,
            counts_per_c=round(1 / channel.unit),
            reading_c=channel.value,
            trust=_trust_of_hwmon(channel),
            label=_label_rank(channel),
            critical=critical,
            shutdown_c=_degrees_of(critical),
        )


def _lowest_credible(
    trips: Sequence[TripPoint], types: Sequence[str], reading_c: float | None
) -> TripPoint | None:
    """A trip outside `CREDIBLE_C`, or below the present reading, is none."""
    lowest_c, highest_c = CREDIBLE_C
    credible = [
        trip
        for trip in trips
        if trip.type in types
        and max(lowest_c, reading_c or lowest_c) <= trip.temperature_c <= highest_c
    ]
    return min(credible, key=lambda trip: trip.temperature_c, default=None)


def _degrees_of(trip: TripPoint | None) -> float | None:
    return None if trip is None else trip.temperature_c


def _trust_of_zone(zone: Zone) -> Trust:
    kind = zone.type.lower()
    if PACKAGE.match(kind):
        return Trust.PACKAGE_ZONE
    if kind.startswith(ACPI_ZONE):
        return Trust.COOLED_ACPI if zone.slows_cpu else Trust.ACPI
    if CPU.search(kind) and not OTHER_PART.search(kind):
        return Trust.COOLED_ZONE if zone.slows_cpu else Trust.CPU_ZONE
    if ELSEWHERE.search(kind):
        return Trust.ELSEWHERE
    if OTHER_PART.search(kind):
        return Trust.UNKNOWN_ZONE
    if zone.slows_cpu:
        return Trust.COOLED_ZONE
    return Trust.CHIP_ZONE if CHIP.search(kind) else Trust.UNKNOWN_ZONE


def _trust_of_hwmon(channel: Channel) -> Trust:
    chip, _, label = channel.name.lower().partition("/")
    if chip in DRIVERS:
        return Trust.CPU_DRIVER
    if chip.startswith(ACPI_ZONE):
        return Trust.ACPI
    if ELSEWHERE.search(chip) or ELSEWHERE.search(label) or OTHER_PART.search(f"{chip}/{label}"):
        return Trust.ELSEWHERE
    return Trust.CHIP_HWMON if CHIP_DRIVERS.match(chip) else Trust.UNKNOWN_HWMON


def _label_rank(channel: Channel) -> int:
    label = channel.name.lower().partition("/")[2]
    return next(rank for rank, words in enumerate(FIRST_LABELS) if re.match(words, label))
