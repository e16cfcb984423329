"""The machine under control: its clock, its sensors and the hard limit, restored at the end.

Like everything below it, it needs the standard library alone.
"""

import contextlib
import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tvfs_gym.envs.boards.linux.capabilities import Capabilities, ClockDomain, probe
from tvfs_gym.envs.boards.linux.fan import PwmOutputs
from tvfs_gym.envs.boards.linux.frequency import Clock, actuator_of, levels_of
from tvfs_gym.envs.boards.linux.safety import HardLimit, limit_below
from tvfs_gym.envs.boards.linux.sensors import (
    STUCK_AFTER_S,
    PowerMeter,
    Thermometer,
    power_sensors,
    thermometer_files,
)
from tvfs_gym.envs.boards.linux.session import Session
from tvfs_gym.envs.errors import BoardError, InputError, unknown

UNCAP_LIMIT_S = 120.0
"""How long a throttled board may take at the beginning until its own limits can be read."""

LOOK_S = 0.5
"""Time between two looks at a board that cools down."""


@dataclass(frozen=True)
class Sample:
    """Readings of all sensors at one time.

    Attributes:
        time_s: When, of the monotonic clock.
        temperature_c: Latest reading; NaN without a sensor.
        age_s: How old it is.
        frequency_hz: The clock; NaN if it cannot be read.
        vf_level: The VF level it is at.
        cap_level: The highest that throttling or the hard limit allows.
        energy_j: Spent since the board was opened; NaN without a power sensor.
    """

    time_s: float
    temperature_c: float
    age_s: float
    frequency_hz: float
    vf_level: int
    cap_level: int
    energy_j: float


class Machine:
    """A cluster of CPUs whose clock is set, and the chip's sensors.

    What it found is restored at `close`, and when its process ends in whatever way. Everything
    else (trips, thermal policy, and the fan if it is not to be held) is left to the kernel.

    Attributes:
        capabilities: Capabilities of the machine.
        policies: Those of the cluster.
        levels_khz: Its VF levels, slowest first; empty if the clock cannot be set, which is one
            level then.
        limit: The hard limit.
        requested: The VF level asked for last.
        recovered: True if settings were restored that a killed run had left.
        measures_power: True if samples have an energy.

    Args:
        root: The sysfs tree.
        policies: Names of the cluster's policies; None for the fastest cluster's.
        temperature: Thermal zone or hwmon sensor to read; None for the chip's.
        power: Names of sensors that add up; None for the board's obvious one.
        limit_c: The hard limit; None for a little below the critical trip.
        fan: Share of the full duty, 0..1, at which to hold the fans; None to leave them alone.
        allow_single_level: Go on with one VF level where the clock cannot be set.
        allow_no_sensor: Go on without a temperature.
        stuck_after_s: How long a reading may stay the same after the load has changed.
        state_folder: Where lock and saved settings are kept; None for the usual place.

    Raises:
        InputError: Something named is not there; or the machine lacks what must not be missing,
            and then the message says how to repair it.
        BoardError: Another process controls it, or it fails.
    """

    def __init__(
        self,
        root: Path = Path("/sys"),
        *,
        policies: Sequence[str] | None = None,
        temperature: str | None = None,
        power: Sequence[str] | None = None,
        limit_c: float | None = None,
        fan: float | None = None,
        allow_single_level: bool = False,
        allow_no_sensor: bool = False,
        stuck_after_s: float = STUCK_AFTER_S,
        state_folder: Path | None = None,
    ) -> None:
        self._end = contextlib.ExitStack()
        self._session = Session(root, state_folder)
        self._end.callback(self._session.close)
        self.recovered = self._session.recovered
        try:
            self.capabilities = capabilities = uncapped(root)
            self.policies = policies_of(capabilities, policies)
            actuator = actuator_of(self.policies)
            files = thermometer_files(capabilities, temperature)
            controlled = actuator != "none" or allow_single_level
            if not controlled or not (files or allow_no_sensor):
                raise InputError(
                    "this machine cannot be controlled: "
                    f"{' '.join(missing_of(capabilities, self.policies, files))} "
                    "tvfs-gym doctor tells more; the options allow_single_level and "
                    "allow_no_sensor go on without."
                )
            self.levels_khz = levels_of(self.policies) if actuator != "none" else ()
            slowing = [device for device in capabilities.cooling_devices if device.slows_cpu]
            self._clock = Clock(self.policies, self.levels_khz, actuator, slowing)
            self._end.callback(self._clock.close)
            self._thermometer = Thermometer(files, stuck_after_s) if files else None
            if self._thermometer is not None:
                self._end.callback(self._thermometer.close)
            meters = power_sensors(capabilities, power)
            self.measures_power = bool(meters)
            self._power = PowerMeter(meters)
            self._end.callback(self._power.close)
            self.limit = self._hard_limit(limit_c)
            self.requested = 0
            self._short = 0
            self._fan = None if fan is None else PwmOutputs(capabilities.sensors_of("pwm"), fan)
            found = self._clock.found() + (self._fan.found() if self._fan else [])
            if found:
                self._session.protect(found)
                self._clock.take()
            if self._fan is not None:
                self._fan.hold()
            self._run_on_cluster()
            self.request(0)
            if self._thermometer is not None:
                self._thermometer.first(time.monotonic())
        except BaseException:
            self.close()
            raise

    def _hard_limit(self, limit_c: float | None) -> HardLimit:
        critical_c = self.capabilities.critical_c
        if limit_c is None:
            return HardLimit(limit_below(critical_c))
        if critical_c is not None and limit_c >= critical_c:
            raise InputError(
                f"limit_c = {limit_c} must lie below the board's critical {critical_c} degC."
            )
        return HardLimit(limit_c)

    def _run_on_cluster(self) -> None:
        """Keeps this thread, and those started from it, on the cluster's CPUs."""
        allowed = os.sched_getaffinity(0)
        cpus = allowed.intersection(cpu for policy in self.policies for cpu in policy.cpus)
        if cpus and cpus != allowed:
            os.sched_setaffinity(0, cpus)
            self._end.callback(os.sched_setaffinity, 0, allowed)

    @property
    def level_count(self) -> int:
        """Number of VF levels, one at least."""
        return max(len(self.levels_khz), 1)

    def request(self, level: int) -> None:
        """Asks for a VF level; while the hard limit is engaged, it is only remembered.

        Raises:
            BoardError: The kernel refuses.
        """
        self.requested = level
        self._session.check()
        self._clock.set(0 if self.limit.engaged else level)

    def look(self, busy: bool = False) -> Sample:
        """Reads the sensors, and lets the hard limit act.

        Args:
            busy: True if the cluster computes now.

        Raises:
            BoardError: The machine is lost; it was set to its slowest VF level if it still obeys.
        """
        try:
            sample = self._sample(busy)
            engaged = self.limit.engaged
            if self.limit.update(sample.temperature_c) != engaged:
                self._clock.set(0 if self.limit.engaged else self.requested)
                if self._fan is not None:
                    self._fan.hold(full=self.limit.engaged)
        except BoardError:
            with contextlib.suppress(BoardError):  # the first error is the one to tell
                self._clock.set(0)
            raise
        return sample

    def _sample(self, busy: bool) -> Sample:
        now_s = time.monotonic()
        clock_khz = self._clock.read_khz()
        temperature_c = age_s = math.nan
        if self._thermometer is not None:
            load = float(clock_khz or 1) if busy else 0.0
            reading = self._thermometer.sample(now_s, load)
            temperature_c, age_s = reading.temperature_c, now_s - reading.time_s
        self._power.sample(now_s)
        level, cap = self._levels(clock_khz)
        return Sample(
            time_s=now_s,
            temperature_c=temperature_c,
            age_s=age_s,
            frequency_hz=math.nan if clock_khz is None else 1e3 * clock_khz,
            vf_level=level,
            cap_level=cap,
            energy_j=self._power.energy_j if self.measures_power else math.nan,
        )

    def _levels(self, clock_khz: int | None) -> tuple[int, int]:
        """The VF level of the clock, and the cap.

        Throttling by firmware shows in no limit: a clock that stays below what was asked for and
        allowed, for more than one sample, is a cap as well.
        """
        cap = 0 if self.limit.engaged or not self.levels_khz else self._clock.cap()
        granted = min(self.requested, cap)
        if not self.levels_khz or clock_khz is None:
            return granted, cap
        level = self._clock.level_of(clock_khz)
        self._short = self._short + 1 if level < granted else 0
        return level, level if self._short > 1 else cap

    def cool_down(
        self, start_c: float | None, limit_s: float, settle_s: float, settle_c: float
    ) -> None:
        """Waits, idle at the slowest VF level, for a temperature, or for one that has settled.

        Args:
            start_c: Wanted; None to let the temperature settle.
            limit_s: How long to wait at most.
            settle_s: How long it must stay within `settle_c` to have settled.
            settle_c: See there.

        Raises:
            BoardError: It takes too long, or the machine is lost.
        """
        self.request(0)
        if self._thermometer is None:
            return
        began_s = time.monotonic()
        history: list[Sample] = []
        while True:
            now = self.look()
            history = [sample for sample in history if sample.time_s > now.time_s - settle_s] + [
                now
            ]
            readings_c = [sample.temperature_c for sample in history]
            waited_s = now.time_s - began_s
            settled = waited_s >= settle_s and max(readings_c) - min(readings_c) <= settle_c
            reached = settled if start_c is None else now.temperature_c <= start_c
            if reached and not self.limit.engaged:
                return
            if waited_s >= limit_s:
                goal = "settle" if start_c is None else f"cool down to {start_c:.1f} degC"
                raise BoardError(
                    f"the board did not {goal} within {waited_s:.0f} s, it is at "
                    f"{now.temperature_c:.1f} degC: stop other work on it, cool it better, or "
                    f"raise start_temperature_c or cooldown_limit_s."
                )
            time.sleep(min(LOOK_S, max(limit_s - waited_s, 1e-3)))

    def close(self) -> None:
        """Has everything restored; a second time does nothing.

        Raises:
            BoardError: Something could not be restored.
        """
        self._end.close()


def uncapped(root: Path) -> Capabilities:
    """Probes a board while the kernel does not throttle it.

    A throttled board shows its cap in place of its own upper limit; restoring that would keep it
    slow for ever.

    Raises:
        BoardError: It is throttled for too long.
    """
    began_s = time.monotonic()
    while True:
        found = probe(root)
        active = [
            device for device in found.cooling_devices if device.slows_cpu and device.state > 0
        ]
        if not active:
            return found
        if time.monotonic() - began_s > UNCAP_LIMIT_S:
            raise BoardError(
                f"the kernel still throttles the board after {UNCAP_LIMIT_S:.0f} s "
                f"({active[0].type} is at state {active[0].state}), so its own limits cannot be "
                f"read: let it cool down first."
            )
        time.sleep(LOOK_S)


def policies_of(capabilities: Capabilities, names: Sequence[str] | None) -> tuple[ClockDomain, ...]:
    """The policies that run inference.

    Raises:
        InputError: There is no such policy, or their tables differ.
    """
    if names is None:
        return capabilities.fastest_policies
    by_name = {policy.name: policy for policy in capabilities.policies}
    for name in names:
        if name not in by_name:
            raise unknown("cpufreq policy", name, by_name)
    chosen = tuple(by_name[name] for name in names)
    if len({policy.frequencies_khz for policy in chosen}) > 1:
        raise InputError(f"{', '.join(names)} have different tables: name those of one cluster.")
    return chosen


def missing_of(
    capabilities: Capabilities, policies: Sequence[ClockDomain], thermometer: Sequence[Path]
) -> list[str]:
    """Obstacles to controlling a machine, and their remedies: one sentence each."""
    missing = []
    if not capabilities.policies:
        missing.append(
            "The kernel has no cpufreq driver for it, as in a virtual machine: load or build the "
            "driver of its clock."
        )
    elif actuator_of(policies) == "none" and os.geteuid() != 0:
        missing.append("Its clock cannot be written by this user: run as root.")
    elif actuator_of(policies) == "none":
        missing.append(
            "Its clock cannot be written, even by root: mount /sys writable, or run outside the "
            "container."
        )
    if not thermometer:
        missing.append(
            "It has no readable temperature sensor: load the driver of its thermal sensor."
        )
    return missing
