"""Reading sensors: one system call a time, and no reading that cannot be one."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tvfs_gym.envs.boards.linux import guardian
from tvfs_gym.envs.boards.linux.capabilities import Capabilities, Channel
from tvfs_gym.envs.errors import BoardError, InputError, unknown

LOWEST_C, HIGHEST_C = -40.0, 150.0
"""Temperatures at which silicon computes; a broken sensor reads 0 K, 255 degC and the like."""

JUMP_C = 50.0
"""More than a chip changes at once: an XU3 under full load changes by 7.3 K/W * 7 W =
51 K in all, with a time constant of 0.5 s (fitted to the traces of ARMPM_BUILDMODEL)."""

JUMP_WITHIN_S = 10.0
"""Longest gap between readings; after a longer one, any temperature is possible."""

LOST_AFTER = 5
"""Samples in a row that may be missing; one more, and the board is lost."""

STUCK_AFTER_S = 120.0
"""How long a reading may stay the same to the last digit although the load changed."""

STUCK_LOADS = 2.0
"""By what factor the load must have changed for that."""


class Counter:
    """A number in a file that is kept open.

    The descriptor outlives no hot-plugging, so a failed read opens the file anew once.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def read(self) -> int | None:
        """The number; None for a missing sample."""
        for _ in range(2):
            try:
                if self._descriptor is None:
                    self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
                return int(os.pread(self._descriptor, guardian.READ_SIZE, 0))
            except (OSError, ValueError):
                self.close()
        return None

    def close(self) -> None:
        """Closes the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


@dataclass(frozen=True)
class TimedTemperature:
    """A temperature, and when it was measured (of the monotonic clock)."""

    temperature_c: float
    time_s: float


class Thermometer:
    """The hottest of some sensors on the chip.

    A sample that fails, or that no chip can have, is missing; the latest good one stands in its
    place, with its time. Nothing is made up.

    Args:
        files: The sensors' files, millidegrees C.
        stuck_after_s: How long a reading may stay the same although the load changed.
    """

    def __init__(self, files: Sequence[Path], stuck_after_s: float = STUCK_AFTER_S) -> None:
        self._sensors = [Counter(file) for file in files]
        self._stuck_after_s = stuck_after_s
        self._latest: TimedTemperature | None = None
        self._missing = 0
        self._loads = (0.0, 0.0)
        self._suspicious_since_s: float | None = None

    def sample(self, time_s: float, load: float) -> TimedTemperature:
        """The latest good reading, taken now if possible.

        Args:
            time_s: The present, of the monotonic clock.
            load: Heat of the chip now, in any unit; a reading that never changes is
                suspicious only if this did.

        Raises:
            BoardError: The sensor is lost: too many samples are missing, or it is stuck.
        """
        temperature_c = self._read()
        if temperature_c is None or self._jumped(temperature_c, time_s):
            self._missing += 1
            if self._missing > LOST_AFTER or self._latest is None:
                raise BoardError(
                    f"the temperature sensor {self._sensors[0].path} is lost: {self._missing} "
                    f"samples in a row are missing, {self._why(temperature_c)}."
                )
            return self._latest
        self._missing = 0
        self._watch(temperature_c, time_s, load)
        self._latest = TimedTemperature(temperature_c, time_s)
        return self._latest

    def first(self, time_s: float) -> TimedTemperature:
        """The first reading, with some patience.

        Raises:
            BoardError: There is none.
        """
        for _ in range(LOST_AFTER):
            if self._read() is not None:
                break
        return self.sample(time_s, 0.0)

    def _read(self) -> float | None:
        values = [sensor.read() for sensor in self._sensors]
        possible = [
            value / 1e3
            for value in values
            if value is not None and LOWEST_C <= value / 1e3 <= HIGHEST_C
        ]
        return max(possible) if possible else None

    def _jumped(self, temperature_c: float, time_s: float) -> bool:
        latest = self._latest
        return (
            latest is not None
            and time_s - latest.time_s < JUMP_WITHIN_S
            and abs(temperature_c - latest.temperature_c) > JUMP_C
        )

    def _why(self, temperature_c: float | None) -> str:
        if temperature_c is None:
            return f"unreadable or outside {LOWEST_C:.0f}..{HIGHEST_C:.0f} degC"
        return f"{temperature_c:.1f} degC, a jump of more than {JUMP_C:.0f} K"

    def _watch(self, temperature_c: float, time_s: float, load: float) -> None:
        """Looks for a reading that stays the same long after the load has changed."""
        if self._latest is None or temperature_c != self._latest.temperature_c:
            self._loads, self._suspicious_since_s = (load, load), None
            return
        least, most = self._loads = min(self._loads[0], load), max(self._loads[1], load)
        if self._suspicious_since_s is None and most > STUCK_LOADS * least:
            self._suspicious_since_s = time_s
        since_s = time_s if self._suspicious_since_s is None else self._suspicious_since_s
        if time_s - since_s > self._stuck_after_s:
            raise BoardError(
                f"the temperature sensor {self._sensors[0].path} is stuck at "
                f"{temperature_c:.1f} degC, {time_s - since_s:.0f} s after the load changed."
            )

    def close(self) -> None:
        """Closes the files."""
        for sensor in self._sensors:
            sensor.close()


class PowerMeter:
    """Energy since it was made, from energy counters or from samples of power.

    Args:
        sensors: All counters, or all power sensors; they add up.
    """

    def __init__(self, sensors: Sequence[Channel]) -> None:
        self._counters = [(Counter(sensor.path), sensor.unit) for sensor in sensors]
        self._counts = bool(sensors) and sensors[0].quantity == "energy"
        self._before: tuple[float, float] | None = None
        self.energy_j = 0.0

    def sample(self, time_s: float) -> None:
        """Adds the energy since the previous sample; a missing sample adds to the next one.

        A counter that ran over or was reset costs one interval: nothing is added for it.
        """
        values = [counter.read() for counter, _ in self._counters]
        if not values or any(value is None for value in values):
            return
        value = sum((v or 0) * unit for v, (_, unit) in zip(values, self._counters, strict=True))
        if self._before is not None:
            before_s, before = self._before
            if self._counts:
                self.energy_j += max(value - before, 0.0)
            else:
                self.energy_j += 0.5 * (value + before) * (time_s - before_s)
        self._before = time_s, value

    def close(self) -> None:
        """Closes the files."""
        for counter, _ in self._counters:
            counter.close()


def thermometer_files(capabilities: Capabilities, zone: str | None) -> list[Path]:
    """The files of the chip's temperature.

    Args:
        capabilities: The board's.
        zone: Type of a thermal zone, or name of a hwmon sensor; None to look for the chip's.

    Raises:
        InputError: There is no such zone or sensor.
    """
    if zone is not None:
        by_name = {zone.type: zone.path / "temp" for zone in capabilities.zones}
        by_name |= {sensor.name: sensor.path for sensor in capabilities.sensors_of("temperature")}
        if zone not in by_name:
            raise unknown("temperature sensor", zone, by_name)
        return [by_name[zone]]
    zones = [zone.path / "temp" for zone in capabilities.chip_zones]
    return zones or [sensor.path for sensor in capabilities.chip_sensors]


def power_sensors(capabilities: Capabilities, names: Sequence[str] | None) -> list[Channel]:
    """The sensors of the chip's power.

    Args:
        capabilities: The board's.
        names: Names of sensors that add up; None for RAPL's packages, or else the board's only one.

    Raises:
        InputError: There is no such sensor, or counters and power sensors are mixed.
    """
    every = (*capabilities.sensors_of("energy"), *capabilities.sensors_of("power"))
    if names is None:
        packages = [sensor for sensor in every if sensor.name.startswith("rapl/package")]
        return packages or (list(every) if len(every) == 1 else [])
    by_name = {sensor.name: sensor for sensor in every}
    for name in names:
        if name not in by_name:
            raise unknown("power sensor", name, by_name)
    chosen = [by_name[name] for name in names]
    if len({sensor.quantity for sensor in chosen}) > 1:
        raise InputError("energy counters and power sensors do not add up: name one kind only.")
    return chosen
