"""Which power sensors to trust, in one documented order, and energy from their readings."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tvfs_gym.envs.boards.linux.capabilities import Capabilities, Channel
from tvfs_gym.envs.boards.linux.sensors import Counter
from tvfs_gym.envs.errors import InputError, unknown

ORDER = (
    (re.compile(r"rapl/package"), "RAPL's packages"),
    (re.compile(r"amd_energy/esocket", re.IGNORECASE), "the sockets' counters"),
    (re.compile(r"fam15h_power/"), "the CPU's own meter"),
    (
        re.compile(r".*(cpu|arm|core(?!_?soc)|big|vdd_a\d\d)", re.IGNORECASE),
        "rail of the CPU",
    ),
    (
        re.compile(
            r".*(vdd_in|vin|pom_5v_in|input|total|5v|12v|board)|power_meter/", re.IGNORECASE
        ),
        "supply of the board",
    ),
)
"""Names of power sensors by trust, the best first; of rails of one kind, the first counts."""

ELSEWHERE = re.compile(
    r"(bat|ucsi|usb|amdgpu|radeon|nouveau|nvme|iwl|ac\d|adp|rapl/(?!package))", re.IGNORECASE
)
"""Sensors of a battery, a graphics card, or of parts of a package: taken only if named."""


@dataclass(frozen=True)
class PowerChoice:
    """Power sensors of a machine.

    Attributes:
        meters: Those that add up; empty if energy is not measured.
        candidates: All that there are.
        why: The reason for the choice.
    """

    meters: tuple[Channel, ...]
    candidates: tuple[Channel, ...]
    why: str


def choose_power(capabilities: Capabilities, names: Sequence[str] | None) -> PowerChoice:
    """Chooses the power sensors.

    Args:
        capabilities: The board's.
        names: Names of sensors that add up, by chip and label or by file; None for the most
            trusted.

    Raises:
        InputError: There is no such sensor, a name is that of several, or counters and power
            sensors are mixed.
    """
    every = (*capabilities.sensors_of("energy"), *capabilities.sensors_of("power"))
    if names is not None:
        return PowerChoice(_named(every, names), every, "named")
    taken = [sensor for sensor in every if not ELSEWHERE.match(sensor.name)]
    for pattern, why in ORDER:
        found = [sensor for sensor in taken if pattern.match(sensor.name)]
        if found:
            counters = found[0].quantity == "energy"  # one per package: they add up
            return PowerChoice(tuple(found if counters else found[:1]), every, why)
    if len(taken) == 1:
        return PowerChoice(tuple(taken), every, "the board's only one")
    return PowerChoice((), every, "none is known to be the CPU's" if every else "none")


def _named(every: Sequence[Channel], names: Sequence[str]) -> tuple[Channel, ...]:
    chosen = []
    for name in names:
        found = [s for s in every if s.alias == name] or [s for s in every if s.name == name]
        if not found:
            raise unknown("power sensor", name, {n for s in every for n in (s.name, s.alias)})
        if len(found) > 1:
            aliases = ", ".join(sensor.alias for sensor in found)
            raise InputError(f"'{name}' is the name of several power sensors: take {aliases}.")
        chosen += found
    if len({sensor.quantity for sensor in chosen}) > 1:
        raise InputError("energy counters and power sensors do not add up: name one kind only.")
    return tuple(chosen)


class PowerMeter:
    """Energy since it was made, from energy counters or from samples of power.

    Args:
        sensors: All counters, or all power sensors; they add up.
    """

    def __init__(self, sensors: Sequence[Channel]) -> None:
        self._meters = [(Counter(sensor.path), sensor.unit, _factor(sensor)) for sensor in sensors]
        self._counts = bool(sensors) and sensors[0].quantity == "energy"
        self._before: tuple[float, float] | None = None
        self.energy_j = 0.0

    def sample(self, time_s: float) -> None:
        """Adds the energy since the previous sample; a missing sample adds to the next one.

        A counter that ran over or was reset costs one interval: nothing is added for it.
        """
        if not self._meters:
            return
        value = 0.0
        for counter, unit, factor in self._meters:
            count, times = counter.read(), 1 if factor is None else factor.read()
            if count is None or times is None:
                return
            value += count * times * unit
        if self._before is not None:
            before_s, before = self._before
            if self._counts:
                self.energy_j += max(value - before, 0.0)
            else:
                self.energy_j += 0.5 * (value + before) * (time_s - before_s)
        self._before = time_s, value

    def close(self) -> None:
        """Closes the files."""
        for counter, _, factor in self._meters:
            counter.close()
            if factor is not None:
                factor.close()


def _factor(sensor: Channel) -> Counter | None:
    return None if sensor.times is None else Counter(sensor.times)
