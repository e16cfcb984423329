"""Setting the clock and reading it back, by what cpufreq really does with what is written.

The rules are those measured on Linux 6.12 with cpufreq-dt and acpi-cpufreq: a speed above the cap
is accepted and cut short in silence, the kernel remembers it and sets it when the cap lifts; the
upper limit shows the cap as well; off-table speeds are rounded, so only table entries are written.
"""

import re
import time
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from tvfs_gym.envs.boards.linux import guardian
from tvfs_gym.envs.boards.linux.capabilities import ClockDomain, CoolingDevice
from tvfs_gym.envs.boards.linux.clusters import offline_words
from tvfs_gym.envs.boards.linux.guardian import Setting
from tvfs_gym.envs.boards.linux.levels import SAME_CLOCK
from tvfs_gym.envs.boards.linux.sensors import Counter
from tvfs_gym.envs.boards.linux.sysfs import number
from tvfs_gym.envs.errors import BoardError

Actuator = Literal["speed", "limits", "none"]
"""``scaling_setspeed`` under the governor ``userspace``; ``scaling_min_freq`` =
``scaling_max_freq``; or nothing that can be written."""

SET_WITHIN_S = 0.5
"""How long limits may stay above what was written: the kernel carries them out later, in a work
queue (cpufreq_notifier_max in its drivers/cpufreq/cpufreq.c)."""

CAPPED_AFTER_S = 0.02
"""The same below it, which in the end is a cap."""

POLL_S = 0.001

NAMED_AFTER_CPU = re.compile(r"(?:thermal-)?cpufreq-cpu(\d+)$")
COUNTED = re.compile(r"thermal-cpufreq-(\d+)$")


def actuator_of(policies: Sequence[ClockDomain]) -> Actuator:
    """The best actuator that all of some policies offer."""
    if policies and all(policy.sets_speed for policy in policies):
        return "speed"
    if policies and all(policy.sets_limits for policy in policies):
        return "limits"
    return "none"


def states_of(
    devices: Sequence[CoolingDevice],
    policies: Sequence[ClockDomain],
    every: Sequence[ClockDomain],
) -> list[tuple[CoolingDevice, ClockDomain]]:
    """Cooling devices whose states are entries of a policy's table, each with its policy.

    ``cpufreq-cpu2`` names a CPU; ``thermal-cpufreq-1`` counts the policies, in the order in which
    they registered; others belong to a policy only if it is the machine's only one. A state is
    then a table entry less, if there are as many states as entries (cpufreq_cooling). ACPI's
    processors have states of their own.

    Args:
        devices: The machine's.
        policies: Those that run inference.
        every: All of the machine's.
    """
    ordered = sorted(every, key=lambda policy: policy.cpus)
    counted = [device for device in devices if COUNTED.match(device.type)]
    found = []
    for device in devices:
        owner = None
        if match := NAMED_AFTER_CPU.match(device.type):
            owner = next((p for p in ordered if int(match[1]) in p.cpus), None)
        elif (match := COUNTED.match(device.type)) and len(counted) == len(ordered):
            owner = ordered[int(match[1])] if int(match[1]) < len(ordered) else None
        elif len(ordered) == 1 and not device.type.lower().startswith("processor"):
            owner = ordered[0]
        if owner is None or owner not in policies or not device.slows_cpu:
            continue
        if device.max_state == len(owner.frequencies_khz) - 1 > 0:
            found.append((device, owner))
    return found


def slowed_by_others(
    device: CoolingDevice, policies: Sequence[ClockDomain], every: Sequence[ClockDomain]
) -> bool:
    """Tells whether a cooling device is known to slow other policies down, not these."""
    match = NAMED_AFTER_CPU.match(device.type)
    cpu = -1 if match is None else int(match[1])
    elsewhere = any(cpu in policy.cpus for policy in every)
    return elsewhere and not any(cpu in policy.cpus for policy in policies)


class Clock:
    """The clocks of one cluster, set as one.

    Attributes:
        levels_khz: Its VF levels, slowest first.
        requested: The VF level asked for last; None before the first.
    """

    def __init__(
        self,
        policies: Sequence[ClockDomain],
        levels_khz: Sequence[int],
        actuator: Actuator,
        states: Sequence[tuple[CoolingDevice, ClockDomain]] = (),
    ) -> None:
        """Opens the files; writes nothing.

        Args:
            policies: Its policies.
            levels_khz: Its VF levels, slowest first.
            actuator: Files that are written.
            states: Cooling devices and their policies; they tell the cap where the limit does not.
        """
        self.levels_khz = tuple(levels_khz)
        self.requested: int | None = None
        self._policies = tuple(policies)
        self._actuator = actuator
        self._clocks = [Counter(_clock_file(policy)) for policy in policies]
        self._maxima = [Counter(policy.path / "scaling_max_freq") for policy in policies]
        self._states = [
            (Counter(device.path / "cur_state"), policy.frequencies_khz)
            for device, policy in states
        ]

    def found(self) -> list[Setting]:
        """Settings to save before `take`, in the order in which they are restored.

        Raises:
            BoardError: It cannot be read.
        """
        settings = []
        for policy in self._policies if self._actuator != "none" else ():
            files = {"limits": ["scaling_min_freq", "scaling_max_freq"]}.get(self._actuator, [])
            if self._actuator == "speed":
                governor = _read(policy, "scaling_governor")
                path = str(policy.path / "scaling_governor")
                settings.append(Setting(path, governor, ours="userspace"))
                files = ["scaling_setspeed"] if governor == "userspace" else []
            settings += [
                Setting(str(policy.path / file), _read(policy, file), may_read_lower=True)
                for file in files
            ]
        return settings

    def take(self) -> None:
        """Takes the clock over from the governor.

        Raises:
            BoardError: The kernel refuses.
        """
        if self._actuator == "speed":
            for policy in self._policies:
                _write(policy, "scaling_governor", "userspace")

    def set(self, level: int) -> None:
        """Asks for a VF level; a cap may grant less.

        What was asked for last is not written again: the kernel remembers it through a cap.

        Raises:
            BoardError: The kernel refuses, or somebody else sets this clock too.
        """
        if self._actuator == "none" or level == self.requested:
            return
        asked = self.levels_khz[level]
        for policy in self._policies:
            if self._actuator == "speed":
                _write(policy, "scaling_setspeed", str(asked))
                self._check(policy, "scaling_setspeed", asked)
            else:
                rising = self.requested is None or level > self.requested
                ends = ("max", "min") if rising else ("min", "max")
                for end in ends:
                    _write(policy, f"scaling_{end}_freq", str(asked))
                _await_limits(policy, asked)
                self._check(policy, "scaling_max_freq", asked)
        self.requested = level

    @staticmethod
    def _check(policy: ClockDomain, file: str, asked: int) -> None:
        granted = _read(policy, file)
        if not granted.isdecimal():
            raise BoardError(
                f"{policy.name} was taken over by the governor {_read(policy, 'scaling_governor')}"
                f": stop what sets it, e.g. a power daemon, and start again."
            )
        if int(granted) > asked * (1 + SAME_CLOCK):
            raise BoardError(
                f"{policy.name} was asked for {asked} kHz and runs at {granted} kHz: somebody "
                f"raised its lower limit meanwhile."
            )

    def read_khz(self) -> int | None:
        """The clock: that of the fastest policy; None if none can be read.

        Where every CPU has a policy, those that idle read low, whatever was asked for.
        """
        clocks = [value for clock in self._clocks if (value := clock.read()) is not None]
        return max(clocks, default=None)

    def level_of(self, clock_khz: int) -> int:
        """The VF level nearest to a clock."""
        distances = [abs(level - clock_khz) for level in self.levels_khz]
        return distances.index(min(distances))

    def cap(self) -> int:
        """The highest VF level that throttling allows.

        From the upper limit, which under ``limits`` tells a cap only where it is below what was
        asked for, and from the cooling states. Read one after the other, they may disagree for a
        moment; the lowest counts.
        """
        highest = len(self.levels_khz) - 1
        caps = [highest]
        for maximum in self._maxima:
            allowed = maximum.read()
            if allowed is not None and not (self._actuator == "limits" and self._pinned(allowed)):
                caps.append(self._level_within(allowed))
        for cooling, table in self._states:
            state = cooling.read()
            if state is not None and 0 <= state < len(table):
                caps.append(self._level_within(table[-1 - state]))
        return max(min(caps), 0)

    def _level_within(self, allowed_khz: int) -> int:
        return bisect_right(self.levels_khz, allowed_khz * (1 + SAME_CLOCK)) - 1

    def _pinned(self, allowed: int) -> bool:
        if self.requested is None:
            return False
        return allowed >= self.levels_khz[self.requested] * (1 - SAME_CLOCK)

    def close(self) -> None:
        """Closes the files."""
        for counter in (*self._clocks, *self._maxima, *(state for state, _ in self._states)):
            counter.close()


def _clock_file(policy: ClockDomain) -> Path:
    """The hardware's clock where this user may read it, else that of cpufreq."""
    hardware = policy.path / "cpuinfo_cur_freq"
    return policy.path / "scaling_cur_freq" if number(hardware) is None else hardware


def _read(policy: ClockDomain, file: str) -> str:
    try:
        return guardian.persistently(guardian.read, str(policy.path / file))
    except OSError as error:
        _check_online(policy)
        raise BoardError(f"{policy.path / file} cannot be read: {error.strerror}.") from error


def _write(policy: ClockDomain, file: str, value: str) -> None:
    path = policy.path / file
    try:
        guardian.persistently(guardian.write, str(path), value)
    except OSError as error:
        _check_online(policy)
        raise BoardError(f"writing {value} to {path} failed: {error.strerror}.") from error


def _await_limits(policy: ClockDomain, asked: int) -> None:
    """Waits until the kernel has carried out limits that were written, or does not grant them."""
    began_s = time.monotonic()
    while True:
        limits = [_read(policy, f"scaling_{end}_freq") for end in ("min", "max")]
        granted = [int(limit) for limit in limits if limit.isdecimal()]
        high = any(khz > asked * (1 + SAME_CLOCK) for khz in granted)
        low = any(khz < asked * (1 - SAME_CLOCK) for khz in granted)
        patience_s = SET_WITHIN_S if high else CAPPED_AFTER_S if low else 0.0
        if time.monotonic() - began_s >= patience_s:
            return
        time.sleep(POLL_S)


def _check_online(policy: ClockDomain) -> None:
    if guardian.is_offline(str(policy.path)):
        raise BoardError(offline_words(policy.name, policy.cpus))
