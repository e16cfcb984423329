"""Reading sensors: one system call a time, and no reading that cannot be one."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tvfs_gym.envs.boards.linux import guardian
from tvfs_gym.envs.boards.linux.liveness import STUCK_AFTER_S, Liveness
from tvfs_gym.envs.boards.linux.thermometers import ThermalSensor
from tvfs_gym.envs.errors import BoardError

LOWEST_C, HIGHEST_C = -40.0, 150.0
"""Temperatures at which silicon computes; a broken sensor reads 0 K, 255 degC and the like."""

JUMP_C = 50.0
"""More than a chip changes at once: an XU3 under full load changes by 7.3 K/W * 7 W =
51 K in all, with a time constant of 0.5 s (fitted to the traces of ARMPM_BUILDMODEL)."""

NEAR_ZERO_C = 10.0
"""Above it, a reading of exactly 0 is a sensor that has stopped, not a chip in the frost."""

JUMP_WITHIN_S = 10.0
"""Longest gap between readings; after a longer one, any temperature is possible."""

LOST_AFTER = 5
"""Samples in a row that may be missing; one more, and the board is lost."""


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
        sensors: The sensors.
        stuck_after_s: How long a reading may stay the same although it must have changed.
        witnesses: Other sensors of the chip: a reading that stays while theirs move is stuck.
    """

    def __init__(
        self,
        sensors: Sequence[ThermalSensor],
        stuck_after_s: float = STUCK_AFTER_S,
        witnesses: Sequence[ThermalSensor] = (),
    ) -> None:
        self._sensors = [(Counter(sensor.path), sensor.counts_per_c) for sensor in sensors]
        self._witnesses = [(Counter(s.path), s.counts_per_c) for s in witnesses]
        self._liveness = Liveness(stuck_after_s)
        self._latest: TimedTemperature | None = None
        self._hottest = sensors[0].path
        self._missing = 0

    def sample(self, time_s: float, load: float) -> TimedTemperature:
        """The latest good reading, taken now if possible.

        Args:
            time_s: The present, of the monotonic clock.
            load: Heat of the chip now, in any unit; a reading that never changes is
                suspicious only if this did, or if a witness moves.

        Raises:
            BoardError: The sensor is lost: too many samples are missing, or it is stuck.
        """
        temperature_c = self._read()
        if temperature_c is None or self._jumped(temperature_c, time_s):
            self._missing += 1
            if self._missing > LOST_AFTER or self._latest is None:
                raise BoardError(
                    f"the temperature sensor {self._hottest} is lost: {self._missing} "
                    f"samples in a row are missing, {self._why(temperature_c)}."
                )
            return self._latest
        self._missing = 0
        witness_c = _highest(self._witnesses)[0] if self._witnesses else None
        due_s = self._liveness.stuck_for_s(
            time_s, temperature_c, load, math.nan if witness_c is None else witness_c
        )
        if due_s is not None:
            raise BoardError(
                f"the temperature sensor {self._hottest} is stuck at {temperature_c:.1f} degC, "
                f"{due_s:.0f} s after it must have changed."
            )
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
        temperature_c, path = _highest(self._sensors)
        self._hottest = path or self._hottest
        return temperature_c

    def _jumped(self, temperature_c: float, time_s: float) -> bool:
        latest = self._latest
        if latest is None or time_s - latest.time_s >= JUMP_WITHIN_S:
            return False
        dropped_to_zero = temperature_c == 0.0 and latest.temperature_c > NEAR_ZERO_C
        return dropped_to_zero or abs(temperature_c - latest.temperature_c) > JUMP_C

    def _why(self, temperature_c: float | None) -> str:
        if temperature_c is None:
            return f"unreadable or outside {LOWEST_C:.0f}..{HIGHEST_C:.0f} degC"
        return f"{temperature_c:.1f} degC is a jump that no chip makes"

    def close(self) -> None:
        """Closes the files."""
        for counter, _ in (*self._sensors, *self._witnesses):
            counter.close()


def _highest(sensors: Sequence[tuple[Counter, float]]) -> tuple[float | None, Path | None]:
    """Highest possible reading of some sensors, and the file that holds it."""
    possible = []
    for counter, counts_per_c in sensors:
        count = counter.read()
        if count is not None and LOWEST_C <= count / counts_per_c <= HIGHEST_C:
            possible.append((count / counts_per_c, counter.path))
    return max(possible, default=(None, None))
