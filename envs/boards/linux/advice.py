"""Notes on a machine: what is left aside and how to take it, and what would serve it better."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tvfs_gym.envs.boards.linux.capabilities import Capabilities, ClockDomain, cpus_text
from tvfs_gym.envs.boards.linux.clusters import ALIKE, ClusterChoice, offline_words
from tvfs_gym.envs.boards.linux.firmware import read_firmware
from tvfs_gym.envs.boards.linux.frequency import Actuator
from tvfs_gym.envs.boards.linux.levels import boost_left_out, narrowed
from tvfs_gym.envs.boards.linux.power import PowerChoice
from tvfs_gym.envs.boards.linux.wishes import Wishes

OWN_GOVERNORS = {"intel_pstate": "intel_pstate", "amd-pstate-epp": "amd_pstate"}
"""Drivers that set the clock themselves while they are active, and the folders of their switch."""

BOOST_OFF = {"boost": "0", "no_turbo": "1"}
"""Content of the files that switch boost, when it is off."""

RASPBERRY_PI = ("raspberrypi", "bcm2835")


def notes_on(
    capabilities: Capabilities,
    cluster: ClusterChoice,
    actuator: Actuator,
    power: PowerChoice,
    wishes: Wishes,
    levels_khz: Sequence[int],
) -> Iterator[str]:
    """Notes on a plan, one sentence each."""
    yield from cluster.notes
    yield from _other_cpus(capabilities, cluster)
    if wishes.levels is None:
        yield from _levels(cluster.policies, levels_khz)
    yield from _limits(cluster.policies)
    yield from _boost(capabilities, cluster.policies, wishes.boost)
    if actuator == "limits":
        yield from _governor(cluster.policies)
    yield from _throttling(capabilities)
    yield from _power(power)


def _other_cpus(capabilities: Capabilities, cluster: ClusterChoice) -> Iterator[str]:
    chosen = cluster.policies
    for other in cluster.others:
        option = other.option
        if chosen and all(_may_join(p, q) for p in other.policies for q in chosen):
            names = sorted({*(p.name for p in chosen), *(p.name for p in other.policies)})
            option += f" (or with the others, at clocks that all have: policies={','.join(names)})"
        yield f"Left out: {other.words}. To take it: --board-option {option}"
    for offline in capabilities.offline:
        yield offline_words(offline.name, offline.cpus)
    told = {cpu for offline in capabilities.offline for cpu in offline.cpus}
    single = {cpu for policy in capabilities.policies for cpu in policy.offline_cpus}
    if missing := (single | set(capabilities.offline_cpus)) - told:
        yield f"{cpus_text(sorted(missing))} offline."


def _may_join(one: ClockDomain, other: ClockDomain) -> bool:
    """Tells whether two policies may be of one kind of core, though their clocks differ."""
    known = one.capacity, other.capacity
    ratio = one.range_khz[1] / other.range_khz[1]
    if known[0] is not None and known[1] is not None:
        ratio = known[0] / known[1]
    return one.part == other.part and min(ratio, 1 / ratio) >= 1 - 2 * ALIKE


def _levels(policies: tuple[ClockDomain, ...], levels_khz: Sequence[int]) -> Iterator[str]:
    if levels_khz and not any(policy.frequencies_khz for policy in policies):
        yield (
            f"{policies[0].driver} lists no clocks: the levels are {len(levels_khz)} from "
            f"{levels_khz[0] / 1e3:g} to {levels_khz[-1] / 1e3:g} MHz. Others: "
            f"--board-option levels=8, or levels=800,1600,2400 (MHz)"
        )
    elif len({policy.frequencies_khz for policy in policies}) > 1:
        yield "The policies have different tables: the levels are the clocks that are in all."


def _limits(policies: tuple[ClockDomain, ...]) -> Iterator[str]:
    for policy in narrowed(policies):
        least, most = (khz / 1e3 for khz in policy.limits_khz)
        yield (
            f"{policy.name} is limited to {least:g} to {most:g} MHz, by its user or by "
            f"throttling; VF levels outside are not offered."
        )


def _boost(
    capabilities: Capabilities, policies: tuple[ClockDomain, ...], boost: bool
) -> Iterator[str]:
    left_out = () if boost else boost_left_out(policies)
    if left_out:
        clocks = " ".join(f"{khz / 1e3:g}" for khz in left_out)
        yield (
            f"Boost is no VF level, since it is not always granted: {clocks} MHz left out; "
            f"--board-option boost=true takes it in{_switch_on(capabilities, policies)}."
        )
    for switch, content in capabilities.switches.items():
        off = BOOST_OFF.get(switch.name)
        tops = not left_out or any(policy.frequencies_khz for policy in policies)
        if off is not None and content != off and policies and tops:
            yield (
                f"Boost is on, so at the highest level the clock may be higher than asked: "
                f"echo {off} > {switch} switches it off."
            )


def _switch_on(capabilities: Capabilities, policies: tuple[ClockDomain, ...]) -> str:
    """The way to boost that is switched off."""
    if not any(policy.boost_khz and not policy.boosts for policy in policies):
        return ""
    file = capabilities.root / "devices/system/cpu/cpufreq/boost"
    return f", once it is switched on (echo 1 > {file})"


def _governor(policies: tuple[ClockDomain, ...]) -> Iterator[str]:
    """Ways to a clock that is set by its speed, where there is one."""
    driver = policies[0].driver
    if driver in OWN_GOVERNORS:
        status = Path("/sys/devices/system/cpu") / OWN_GOVERNORS[driver] / "status"
        yield (
            f"{driver} chooses the clock itself, within limits that are set here; the governor "
            f"userspace would set it more directly: echo passive > {status}"
        )
    elif all("userspace" in policy.governors for policy in policies):
        yield (
            "The governor userspace, which is loaded, would set the clock more directly: give "
            "write access to scaling_governor and scaling_setspeed."
        )
    else:
        yield (
            "The governor userspace would set the clock more directly: modprobe cpufreq_userspace."
        )


def _throttling(capabilities: Capabilities) -> Iterator[str]:
    for device in capabilities.cooling_devices:
        if device.slows_cpu and device.state > 0:
            yield (
                f"The kernel throttles it now: {device.type} is at state {device.state} of "
                f"{device.max_state}; a run waits until that is over."
            )
    for zone in capabilities.zones:
        if not zone.enabled or zone.policy == "user_space":
            yield (
                f"The kernel does not throttle {zone.type} (mode disabled or policy user_space); "
                f"only the hard limit protects it."
            )
    word = read_firmware(capabilities.firmware)
    if word is not None:
        yield f"The firmware says: {word.words}."
    elif _is_raspberry_pi(capabilities):
        yield (
            "Throttling by the firmware cannot be seen: this kernel has no get_throttled in sysfs, "
            "and the clock that it shows may be what was asked for."
        )


def _is_raspberry_pi(capabilities: Capabilities) -> bool:
    drivers = any(policy.driver.startswith(RASPBERRY_PI) for policy in capabilities.policies)
    return drivers or (capabilities.model or "").startswith("Raspberry Pi")


def _power(power: PowerChoice) -> Iterator[str]:
    others = [sensor for sensor in power.candidates if sensor not in power.meters]
    if others:
        many = len({sensor.name for sensor in others}) < len(others)
        names = ", ".join(sensor.alias if many else sensor.name for sensor in others)
        told = "" if power.meters else "Energy is not measured. "
        yield (
            f"{told}Power sensors that are not read: {names}; --board-option power=NAME takes "
            f"one, several separated by commas add up."
        )
