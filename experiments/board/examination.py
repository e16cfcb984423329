"""Report on a machine, in words for a terminal and as data for a program."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tvfs_gym.envs.boards.linux.capabilities import ClockDomain, Zone, cpus_text
from tvfs_gym.envs.boards.linux.plan import BoardPlan
from tvfs_gym.envs.boards.linux.thermometers import WHY, ThermalSensor

ACTUATORS = {
    "speed": "scaling_setspeed under the governor userspace",
    "limits": "scaling_min_freq = scaling_max_freq",
    "none": "none: read only",
}

MOST_CANDIDATES = 6
"""Thermometers that are shown without details."""


def summary(plan: BoardPlan) -> Iterator[tuple[str, str]]:
    """Name and value of what a run would do with a machine, and why."""
    model = plan.capabilities.model
    yield "sysfs", str(plan.capabilities.root) + (f", {model}" if model else "")
    yield "inference on", _cpus(plan)
    yield "VF levels", _levels(plan)
    yield "temperature", _temperature(plan)
    others = [s for s in plan.thermometer.candidates if s not in plan.thermometer.sensors]
    if others:
        more = len(others) - MOST_CANDIDATES
        shown = ", ".join(sensor.words for sensor in others[:MOST_CANDIDATES])
        yield "not read", shown + (f", and {more} more (--details)" if more > 0 else "")
    yield "hard limit", f"{plan.limit.limit_c:.0f} degC ({plan.limit.why})"
    meters = ", ".join(f"{meter.name} ({meter.alias})" for meter in plan.power.meters)
    yield "energy", f"{meters}: {plan.power.why}" if meters else "not measured: NaN"


def details(plan: BoardPlan) -> Iterator[tuple[str, str]]:
    """Name and value of everything that was found."""
    capabilities = plan.capabilities
    for policy in capabilities.policies:
        yield policy.name, _policy(policy)
    for zone in capabilities.zones:
        yield zone.path.name, _zone(zone)
    for device in capabilities.cooling_devices:
        yield device.path.name, f"{device.type}, state {device.state} of {device.max_state}"
    for sensor in plan.thermometer.candidates:
        yield sensor.alias, f"{sensor.words}: {WHY[sensor.trust]}"
    for channel in capabilities.sensors:
        if channel.quantity != "temperature":
            value = "no reading" if channel.value is None else f"{channel.value:g}"
            yield channel.quantity, f"{channel.name} ({channel.path}): {value}"


def as_data(plan: BoardPlan, missing: list[str], computer: dict[str, Any]) -> dict[str, Any]:
    """The report as values that JSON holds."""
    capabilities, cluster = plan.capabilities, plan.cluster
    chosen = plan.thermometer.sensors
    return {
        "in_full": plan.in_full and not missing,
        "missing": missing,
        "doubts": list(plan.doubts),
        "notes": list(plan.notes),
        "cpus": sorted(cpu for policy in cluster.policies for cpu in policy.cpus),
        "cpus_of_machine": sorted(cpu for p in capabilities.policies for cpu in p.cpus),
        "policies_chosen": [policy.name for policy in cluster.policies],
        "clusters_left_out": [
            {"cpus": other.cpus, "option": other.option} for other in cluster.others
        ],
        "actuator": plan.actuator,
        "levels_khz": plan.levels_khz,
        "temperature": [sensor.name for sensor in chosen],
        "temperature_why": None if not chosen else WHY[chosen[0].trust],
        "temperature_c": plan.thermometer.hottest_c,
        "thermometers": [_thermometer(sensor) for sensor in plan.thermometer.candidates],
        "limit_c": plan.limit.limit_c,
        "limit_why": plan.limit.why,
        "energy": [meter.name for meter in plan.power.meters],
        "computer": computer,
        "capabilities": _plain(asdict(capabilities)),
    }


def _thermometer(sensor: ThermalSensor) -> dict[str, Any]:
    return {**_plain(asdict(sensor)), "trust": sensor.trust.name, "why": WHY[sensor.trust]}


def _plain(value: Any) -> Any:
    """Paths as text, in whatever they lie."""
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return str(value) if isinstance(value, Path) else value


def _cpus(plan: BoardPlan) -> str:
    policies = plan.cluster.policies
    if not policies:
        return "any CPU: no cpufreq policy"
    cpus = sorted({cpu for policy in policies for cpu in policy.cpus})
    every = {cpu for policy in plan.capabilities.policies for cpu in policy.cpus}
    names = ", ".join(policy.name for policy in policies)
    levels = f"{max(len(plan.levels_khz), 1)} VF levels, by {ACTUATORS[plan.actuator]}"
    kind = [p for p in plan.capabilities.policies if p.part is not None]
    same = {cpu for p in kind if p.part == policies[0].part for cpu in p.cpus}
    of_kind = f", {len(cpus)} of {len(same)} cores of this type" if len(same) > len(cpus) else ""
    return f"{names}, {levels}; {cpus_text(cpus)}, {len(cpus)} of {len(every)} cores{of_kind}"


def _levels(plan: BoardPlan) -> str:
    driver = "".join(f" ({policy.driver})" for policy in plan.cluster.policies[:1])
    if not plan.levels_khz:
        return f"the kernel's choice alone{driver}"
    return " ".join(f"{khz / 1e3:g}" for khz in plan.levels_khz) + f" MHz{driver}"


def _temperature(plan: BoardPlan) -> str:
    chosen = plan.thermometer.sensors
    if not chosen:
        return "no sensor"
    why = "named" if plan.thermometer.named else WHY[chosen[0].trust]
    hottest = "the hottest of " if len(chosen) > 1 else ""
    in_degrees = any(sensor.counts_per_c == 1 for sensor in chosen)
    unit = "; its file is in whole degrees, not millidegrees" if in_degrees else ""
    return f"{hottest}{', '.join(sensor.words for sensor in chosen)}: {why}{unit}"


def _policy(policy: ClockDomain) -> str:
    table = " ".join(f"{khz / 1e3:g}" for khz in policy.frequencies_khz) or "none"
    least, most = (khz / 1e3 for khz in policy.limits_khz)
    power = "" if policy.capacity is None else f", capacity {policy.capacity}"
    return (
        f"{policy.driver}, {cpus_text(policy.cpus)}{power}, governor {policy.governor} (of "
        f"{' '.join(policy.governors)}), table {table} MHz, limits {least:g} to {most:g} MHz"
    )


def _zone(zone: Zone) -> str:
    reading = "no reading" if zone.temperature_c is None else f"{zone.temperature_c:.1f} degC"
    trips = ", ".join(f"{trip.type} {trip.temperature_c:g}" for trip in zone.trips) or "none"
    cooling = ", ".join(zone.cools_with) or "nothing"
    return f"{zone.type}, {reading}, {zone.policy}, trips {trips}, cools with {cooling}"
