"""What a run would do with a machine: CPUs, VF levels, sensors and limit, and what is in the way.

`tvfs-gym doctor` shows it, and `tvfs_gym.envs.boards.linux.machine.Machine` carries it out.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tvfs_gym.envs.boards.linux.advice import notes_on
from tvfs_gym.envs.boards.linux.capabilities import Capabilities, ClockDomain
from tvfs_gym.envs.boards.linux.clusters import ClusterChoice, choose_cluster
from tvfs_gym.envs.boards.linux.frequency import Actuator, actuator_of
from tvfs_gym.envs.boards.linux.levels import levels_of
from tvfs_gym.envs.boards.linux.power import PowerChoice, choose_power
from tvfs_gym.envs.boards.linux.probe import forbidden_cpus
from tvfs_gym.envs.boards.linux.safety import LimitChoice, choose_limit
from tvfs_gym.envs.boards.linux.thermometers import WHY, ThermometerChoice, choose_thermometer
from tvfs_gym.envs.boards.linux.wishes import Wishes
from tvfs_gym.envs.errors import InputError


@dataclass(frozen=True)
class BoardPlan:
    """What a run would do with a machine.

    Attributes:
        capabilities: The machine's.
        cluster: CPUs that run inference.
        actuator: Files that set their clock; ``none`` if there is no choice of it.
        levels_khz: VF levels, slowest first; empty if there is no choice.
        thermometer: Sensors of temperature that are read.
        limit: The hard limit.
        power: Sensors of power that are read.
        missing: Obstacles, and their remedies: one sentence each.
        doubts: Reasons why control is not in full.
        notes: Sentences on what else is worth knowing.
    """

    capabilities: Capabilities
    cluster: ClusterChoice
    actuator: Actuator
    levels_khz: tuple[int, ...]
    thermometer: ThermometerChoice
    limit: LimitChoice
    power: PowerChoice
    missing: tuple[str, ...]
    doubts: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def in_full(self) -> bool:
        """Tells whether clock and temperature are controlled without a doubt."""
        return not self.missing and not self.doubts


def plan_of(capabilities: Capabilities, wishes: Wishes | None = None) -> BoardPlan:
    """Plans a run.

    Raises:
        InputError: What is wished for is not there, or not possible.
    """
    wishes = wishes or Wishes()
    cluster = choose_cluster(capabilities, wishes.policies, forbidden_cpus())
    actuator = actuator_of(cluster.policies)
    levels_khz, obstacle = _levels(cluster.policies, actuator, wishes)
    thermometer = choose_thermometer(capabilities, wishes.temperature)
    limit = choose_limit(thermometer.protecting, wishes.limit_c)
    power = choose_power(capabilities, wishes.power)
    missing = [*_clock_missing(capabilities, actuator), *([obstacle] if obstacle else [])]
    missing += _thermometer_missing(thermometer)
    return BoardPlan(
        capabilities=capabilities,
        cluster=cluster,
        actuator=actuator if levels_khz else "none",
        levels_khz=levels_khz,
        thermometer=thermometer,
        limit=limit,
        power=power,
        missing=tuple(missing),
        doubts=tuple(_doubts(levels_khz, thermometer, limit)),
        notes=tuple(notes_on(capabilities, cluster, actuator, power, wishes, levels_khz)),
    )


def _levels(
    policies: Sequence[ClockDomain], actuator: Actuator, wishes: Wishes
) -> tuple[tuple[int, ...], str | None]:
    if actuator == "none":
        return (), None
    try:
        return levels_of(policies, wishes.levels, wishes.boost), None
    except InputError as error:
        if wishes.levels is not None or wishes.policies is not None:
            raise
        return (), f"{error}"


def _clock_missing(capabilities: Capabilities, actuator: Actuator) -> Iterator[str]:
    if not capabilities.policies:
        yield (
            "The kernel has no cpufreq driver for it, as in a virtual machine: load or build the "
            "driver of its clock."
        )
    elif actuator == "none" and os.geteuid() != 0:
        yield "Its clock cannot be written by this user: run as root."
    elif actuator == "none":
        yield (
            "Its clock cannot be written, even by root: mount /sys writable, or run outside the "
            "container."
        )


def _thermometer_missing(thermometer: ThermometerChoice) -> Iterator[str]:
    if thermometer.sensors and not thermometer.ready:
        names = ", ".join(sensor.name for sensor in thermometer.sensors)
        others = [s.name for s in thermometer.candidates if s.reading_c is not None]
        choice = f"; --board-option temperature={others[0]} takes another" if others else ""
        yield (
            f"Its temperature cannot be read now, {names} gives none: wait for its driver, or look "
            f"for its error with dmesg{choice}."
        )
    elif not thermometer.sensors and thermometer.candidates:
        names = ", ".join(dict.fromkeys(sensor.name for sensor in thermometer.candidates))
        yield (
            f"None of its temperature sensors is known to measure the CPU: choose one with "
            f"--board-option temperature=NAME, of {names}."
        )
    elif not thermometer.sensors:
        yield (
            "It has no readable temperature sensor: load the driver of its thermal sensor; a "
            "container must be shown the host's /sys/class/thermal and /sys/class/hwmon."
        )


def _doubts(
    levels_khz: Sequence[int], thermometer: ThermometerChoice, limit: LimitChoice
) -> Iterator[str]:
    if len(levels_khz) == 1:
        yield (
            f"The limits leave a single VF level, {levels_khz[0] / 1e3:g} MHz: lift "
            f"scaling_min_freq or scaling_max_freq, or whatever holds them (e.g. TLP, a power "
            f"profile)."
        )
    if thermometer.sensors and not thermometer.trusted:
        first = thermometer.sensors[0]
        names = ", ".join(dict.fromkeys(s.name for s in thermometer.candidates))
        yield (
            f"{first.name}, {WHY[first.trust]}: see whether it follows the load, and name it or "
            f"another with --board-option temperature=NAME, of {names}."
        )
    if thermometer.awaited:
        names = ", ".join(sensor.name for sensor in thermometer.awaited)
        yield f"{names}, which would be better known, has no reading now."
    hottest_c = thermometer.hottest_c
    if hottest_c is not None and hottest_c >= limit.limit_c:
        yield (
            f"The reading of {hottest_c:.1f} degC is not below the hard limit of "
            f"{limit.limit_c:.0f} degC, which would hold the slowest level for ever: name another "
            f"sensor (temperature=NAME), or a limit (limit_c=DEGREES)."
        )
