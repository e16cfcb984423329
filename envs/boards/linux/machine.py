"""The machine under control: its clock, its sensors and the hard limit, restored at the end.

Like everything below it, it needs the standard library alone.
"""

import contextlib
import logging
import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tvfs_gym.envs.boards.linux.capabilities import ClockDomain
from tvfs_gym.envs.boards.linux.fan import PwmOutputs
from tvfs_gym.envs.boards.linux.firmware import read_firmware
from tvfs_gym.envs.boards.linux.frequency import Actuator, Clock, slowed_by_others, states_of
from tvfs_gym.envs.boards.linux.levels import SAME_CLOCK
from tvfs_gym.envs.boards.linux.liveness import STUCK_AFTER_S
from tvfs_gym.envs.boards.linux.plan import BoardPlan, plan_of
from tvfs_gym.envs.boards.linux.power import PowerMeter
from tvfs_gym.envs.boards.linux.probe import probe
from tvfs_gym.envs.boards.linux.safety import HardLimit
from tvfs_gym.envs.boards.linux.sensors import Thermometer
from tvfs_gym.envs.boards.linux.session import Session
from tvfs_gym.envs.boards.linux.wishes import Wishes, names_of
from tvfs_gym.envs.errors import BoardError, InputError

LOGGER = logging.getLogger(__name__)

UNCAP_LIMIT_S = 120.0
"""How long a throttled board may take at the beginning until its own limits can be read."""

READY_LIMIT_S = 5.0
"""How long a thermometer that is there may take until it has a reading."""

LOOK_S = 0.5
"""Time between two looks at a board that cools down."""

PROVEN_WITHIN_S = 0.06
"""How long a clock may take to be what was asked for, on CPUs that compute."""


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
        plan: CPUs, VF levels, sensors and limit.
        levels_khz: Its VF levels, slowest first; empty if the clock cannot be set, which is one
            level then.
        limit: The hard limit.
        requested: The VF level asked for last.
        recovered: True if settings were restored that a killed run had left.
        measures_power: True if samples have an energy.

    Args:
        root: The sysfs tree.
        policies: Names of the policies on whose CPUs inference runs; None for the fastest.
        levels: Number of VF levels, or their clocks in MHz; None for all of the table.
        boost: Offer clocks that only boost reaches.
        temperature: Names of the thermometers, the hottest of which counts; None for the most
            trusted.
        power: Names of power sensors that add up; None for the most trusted.
        limit_c: The hard limit; None for a little below the lowest critical temperature.
        fan: Share of the full duty, 0..1, at which to hold the fans; None to leave them alone.
        allow_single_level: Go on with one VF level where the clock cannot be set.
        allow_no_sensor: Go on without a temperature.
        stuck_after_s: How long a reading may stay the same although it must have changed.
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
        policies: str | Sequence[str] | None = None,
        levels: int | Sequence[float] | None = None,
        boost: bool = False,
        temperature: str | Sequence[str] | None = None,
        power: str | Sequence[str] | None = None,
        limit_c: float | None = None,
        fan: float | None = None,
        allow_single_level: bool = False,
        allow_no_sensor: bool = False,
        stuck_after_s: float = STUCK_AFTER_S,
        state_folder: Path | None = None,
    ) -> None:
        self._end = contextlib.ExitStack()
        self._root, self._state_folder = root.absolute(), state_folder
        self._session = self._new_session()
        self.recovered = self._session.recovered
        try:
            wishes = Wishes(
                names_of(policies), levels, boost, names_of(temperature), names_of(power), limit_c
            )
            self.plan = plan = settled_plan(self._root, wishes)
            for line in (*plan.cluster.notes, *plan.doubts):
                LOGGER.warning(line)
            _check_complete(plan, allow_single_level, allow_no_sensor)
            self.levels_khz = plan.levels_khz
            self._clock = self._clock_by(plan.actuator)
            self._open_sensors(stuck_after_s)
            self.limit = HardLimit(plan.limit.limit_c)
            self.requested = 0
            self._low_clocks = self._level_under_load = 0
            duties = plan.capabilities.sensors_of("pwm")
            self._fan = None if fan is None else PwmOutputs(duties, fan)
            self._take()
            self._run_on_cluster()
            self._prove_clock()
            self.request(0)
            if self._thermometer is not None:
                self._thermometer.first(time.monotonic())
        except BaseException:
            self.close()
            raise

    def _new_session(self) -> Session:
        session = Session(self._root, self._state_folder)
        self._end.callback(session.close)
        return session

    def _clock_by(self, actuator: Actuator) -> Clock:
        policies, capabilities = self.policies, self.plan.capabilities
        states = states_of(capabilities.cooling_devices, policies, capabilities.policies)
        clock = Clock(policies, self.levels_khz, actuator, states)
        self._end.callback(clock.close)
        return clock

    def _open_sensors(self, stuck_after_s: float) -> None:
        chosen = self.plan.thermometer
        self._thermometer = None
        if chosen.ready:
            witnesses = chosen.witnesses[:1]
            self._thermometer = Thermometer(chosen.sensors, stuck_after_s, witnesses)
            self._end.callback(self._thermometer.close)
        self.measures_power = bool(self.plan.power.meters)
        self._power = PowerMeter(self.plan.power.meters)
        self._end.callback(self._power.close)

    def _take(self) -> None:
        """Saves what is found, and takes clock and fans over.

        A kernel may let the governor be opened for writing, and refuse the write: then the clock is
        set by its limits.
        """
        fans = self._fan.found() if self._fan else []
        found = self._clock.found() + fans
        if found:
            self._session.protect(found)
        try:
            self._clock.take()
        except BoardError as error:
            if not all(policy.sets_limits for policy in self.policies):
                raise
            LOGGER.warning("%s The clock is set by scaling_min_freq and scaling_max_freq.", error)
            self._session.close()
            self._session = self._new_session()
            self._clock = self._clock_by("limits")
            self._session.protect(self._clock.found() + fans)
        if self._fan is not None:
            self._fan.hold()

    def _run_on_cluster(self) -> None:
        """Keeps this thread, and those started from it, on the cluster's CPUs."""
        allowed = os.sched_getaffinity(0)
        cpus = allowed.intersection(cpu for policy in self.policies for cpu in policy.cpus)
        if cpus and cpus != allowed:
            os.sched_setaffinity(0, cpus)
            self._end.callback(os.sched_setaffinity, 0, allowed)

    def _prove_clock(self) -> None:
        """Tells of a clock that reads the same whether the highest or the lowest is asked for."""
        if len(self.levels_khz) < 2:
            return
        readings = [self._clock_under_load(level) for level in (len(self.levels_khz) - 1, 0)]
        high, low = readings
        if high is not None and low is not None and abs(high - low) <= SAME_CLOCK * high:
            names = ", ".join(policy.name for policy in self.policies)
            LOGGER.warning(
                "The clock of %s reads %g MHz at the highest and at the lowest level: its driver "
                "or its firmware does not do what is asked, or does not tell.",
                names,
                high / 1e3,
            )

    def _clock_under_load(self, level: int) -> int | None:
        self.request(level)
        until_s = time.perf_counter() + PROVEN_WITHIN_S
        while True:  # this loop is the load
            clock_khz = self._clock.read_khz()
            asked_khz = self.levels_khz[level]
            if clock_khz is None or abs(clock_khz - asked_khz) <= SAME_CLOCK * asked_khz:
                return clock_khz
            if time.perf_counter() >= until_s:
                return clock_khz

    @property
    def policies(self) -> tuple[ClockDomain, ...]:
        """Policies whose clock is set."""
        return self.plan.cluster.policies

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
            if self._fan is not None:
                self._fan.check()
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
        level, cap = self._levels(clock_khz, busy)
        return Sample(
            time_s=now_s,
            temperature_c=temperature_c,
            age_s=age_s,
            frequency_hz=math.nan if clock_khz is None else 1e3 * clock_khz,
            vf_level=level,
            cap_level=cap,
            energy_j=self._power.energy_j if self.measures_power else math.nan,
        )

    def _levels(self, clock_khz: int | None, busy: bool) -> tuple[int, int]:
        """The VF level of the clock, and the cap.

        Throttling by firmware shows in no limit: a clock that stays below what was asked for and
        allowed, for more than one sample of CPUs that compute, is a cap as well. A Raspberry Pi's
        firmware that says so leaves one level less, at least.
        """
        cap = 0 if self.limit.engaged or not self.levels_khz else self._clock.cap()
        granted = min(self.requested, cap)
        if not self.levels_khz or clock_khz is None:
            return granted, cap
        if busy:
            level = self._clock.level_of(clock_khz)
            low = clock_khz < self.levels_khz[granted] * (1 - SAME_CLOCK) and level < granted
            self._low_clocks = self._low_clocks + 1 if low else 0
            self._level_under_load = level
        level = min(self._level_under_load, granted) if self._low_clocks else granted
        word = read_firmware(self.plan.capabilities.firmware)
        if word is not None and word.slows_cpu and level == granted:
            level = max(granted - 1, 0)
            return level, level
        return level, level if self._low_clocks > 1 else cap

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


def check_clock(root: Path, wishes: Wishes) -> None:
    """Refuses a machine whose clock nothing sets, at once: waiting for it would not help.

    Raises:
        InputError: Nothing sets it, or a wish cannot be had.
    """
    plan = plan_of(probe(root), wishes)
    if plan.actuator == "none":
        _check_complete(plan, allow_single_level=False, allow_no_sensor=True)


def _check_complete(plan: BoardPlan, allow_single_level: bool, allow_no_sensor: bool) -> None:
    controlled = plan.actuator != "none" or allow_single_level
    if not controlled or not (plan.thermometer.ready or allow_no_sensor):
        raise InputError(
            f"this machine cannot be controlled: {' '.join(plan.missing)} tvfs-gym doctor "
            f"tells more; the options allow_single_level and allow_no_sensor go on without."
        )


def settled_plan(root: Path, wishes: Wishes) -> BoardPlan:
    """Plans a run while the kernel does not throttle the board, and its thermometer has a reading.

    A throttled board shows its cap in place of its own upper limit; restoring that would keep it
    slow for ever. A thermometer whose driver still starts is not replaced by another.

    Raises:
        InputError: See `plan_of`.
        BoardError: It is throttled for too long.
    """
    began_s = time.monotonic()
    told = False
    while True:
        plan = plan_of(probe(root), wishes)
        waited_s = time.monotonic() - began_s
        throttle = _throttle(plan)
        awaited = plan.thermometer.awaited or plan.thermometer.sensors
        unready = awaited and all(sensor.reading_c is None for sensor in awaited)
        if not throttle and not (unready and waited_s <= READY_LIMIT_S):
            return plan
        if not told:
            told = True
            LOGGER.warning(
                f"The kernel throttles the board ({throttle}): waiting up to {UNCAP_LIMIT_S:.0f} s "
                f"for it to cool, since its own limits cannot be read before."
                if throttle
                else f"Waiting up to {READY_LIMIT_S:.0f} s for a reading of {awaited[0].name}."
            )
        if throttle and waited_s > UNCAP_LIMIT_S:
            raise BoardError(
                f"the kernel still throttles the board after {UNCAP_LIMIT_S:.0f} s "
                f"({throttle}), so its own limits cannot be read: let it cool down first."
            )
        time.sleep(LOOK_S)


def _throttle(plan: BoardPlan) -> str:
    """The cooling device that slows the plan's CPUs down now, in words; empty if none does."""
    policies, every = plan.cluster.policies, plan.capabilities.policies
    for device in plan.capabilities.cooling_devices:
        others = slowed_by_others(device, policies, every)
        if device.slows_cpu and device.state > 0 and not others:
            return f"{device.type} is at state {device.state}"
    return ""
