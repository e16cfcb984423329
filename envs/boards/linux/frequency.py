"""Setting the clock and reading it back, by what cpufreq really does with what is written.

The rules are those measured on Linux 6.12 with cpufreq-dt and acpi-cpufreq: a speed above the cap
is accepted and cut short in silence, the kernel remembers it and sets it when the cap lifts; the
upper limit shows the cap as well; off-table speeds are rounded, so only table entries are written.
"""

from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from tvfs_gym.envs.boards.linux import guardian
from tvfs_gym.envs.boards.linux.capabilities import ClockDomain, CoolingDevice, number
from tvfs_gym.envs.boards.linux.guardian import Setting
from tvfs_gym.envs.boards.linux.sensors import Counter
from tvfs_gym.envs.errors import BoardError

Actuator = Literal["speed", "limits", "none"]
"""``scaling_setspeed`` under the governor ``userspace``; ``scaling_min_freq`` =
``scaling_max_freq``; or nothing that can be written."""


def actuator_of(policies: Sequence[ClockDomain]) -> Actuator:
    """The best actuator that all of some policies offer."""
    if policies and all(policy.sets_speed for policy in policies):
        return "speed"
    if policies and all(policy.sets_limits for policy in policies):
        return "limits"
    return "none"


def levels_of(policies: Sequence[ClockDomain]) -> tuple[int, ...]:
    """The VF levels of policies that share a table, kHz, slowest first.

    They lie within the limits that were found, which the user or the distribution chose. A driver
    without a table gives the two ends of its range.
    """
    least = max(policy.limits_khz[0] for policy in policies)
    most = min(policy.limits_khz[1] for policy in policies)
    table = policies[0].frequencies_khz or tuple(sorted({least, most}))
    return tuple(level for level in table if least <= level <= most)


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
        cooling_devices: Sequence[CoolingDevice] = (),
    ) -> None:
        """Opens the files; writes nothing.

        Args:
            policies: Its policies, all with the same table.
            levels_khz: Its VF levels, slowest first.
            actuator: Files that are written.
            cooling_devices: Those that slow it down; they tell the cap where the limit does not.
        """
        self.levels_khz = tuple(levels_khz)
        self.requested: int | None = None
        self._policies = tuple(policies)
        self._actuator = actuator
        self._clocks = [Counter(_clock_file(policy)) for policy in policies]
        self._maxima = [Counter(policy.path / "scaling_max_freq") for policy in policies]
        # A state is a table entry less where there are as many states as entries (cpufreq_cooling).
        self._table = policies[0].frequencies_khz if policies else ()
        fitting = [
            device for device in cooling_devices if device.max_state == len(self._table) - 1 > 0
        ]
        self._states = [Counter(device.path / "cur_state") for device in fitting]

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
        if int(granted) > asked:
            raise BoardError(
                f"{policy.name} was asked for {asked} kHz and runs at {granted} kHz: somebody "
                f"raised its lower limit meanwhile."
            )

    def read_khz(self) -> int | None:
        """The clock: that of the slowest policy; None if none can be read."""
        clocks = [value for clock in self._clocks if (value := clock.read()) is not None]
        return min(clocks) if clocks else None

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
        for cooling in self._states:
            state = cooling.read()
            if state is not None and 0 <= state < len(self._table):
                caps.append(self._level_within(self._table[-1 - state]))
        return max(min(caps), 0)

    def _level_within(self, allowed_khz: int) -> int:
        return bisect_right(self.levels_khz, allowed_khz) - 1

    def _pinned(self, allowed: int) -> bool:
        return self.requested is not None and allowed >= self.levels_khz[self.requested]

    def close(self) -> None:
        """Closes the files."""
        for setting in (*self._clocks, *self._maxima, *self._states):
            setting.close()


def _clock_file(policy: ClockDomain) -> Path:
    """The hardware's clock where this user may read it, else that of cpufreq."""
    hardware = policy.path / "cpuinfo_cur_freq"
    return policy.path / "scaling_cur_freq" if number(hardware) is None else hardware


def _read(policy: ClockDomain, file: str) -> str:
    try:
        return guardian.persistently(guardian.read, str(policy.path / file))
    except OSError as error:
        raise BoardError(f"{policy.path / file} cannot be read: {error.strerror}.") from error


def _write(policy: ClockDomain, file: str, value: str) -> None:
    path = policy.path / file
    try:
        guardian.persistently(guardian.write, str(path), value)
    except OSError as error:
        raise BoardError(f"writing {value} to {path} failed: {error.strerror}.") from error
