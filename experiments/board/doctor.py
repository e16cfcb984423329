"""``tvfs-gym doctor``: what this machine can do as a board, what it lacks, the repair."""

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from tvfs_gym.envs.boards.linux import guardian
from tvfs_gym.envs.boards.linux.capabilities import Capabilities, ClockDomain, Zone, probe
from tvfs_gym.envs.boards.linux.frequency import actuator_of, levels_of
from tvfs_gym.envs.boards.linux.machine import missing_of
from tvfs_gym.envs.boards.linux.safety import limit_below
from tvfs_gym.envs.boards.linux.sensors import power_sensors, thermometer_files
from tvfs_gym.envs.boards.linux.session import board_locks, holder_of, session_files
from tvfs_gym.envs.errors import BoardError, InputError
from tvfs_gym.envs.inference.runtime import runtime

ACTUATORS = {
    "speed": "scaling_setspeed under the governor userspace",
    "limits": "scaling_min_freq = scaling_max_freq",
    "none": "none: read only",
}
BUSY_PERCENT = 10.0
"""Share of a CPU: a process that uses more is named, for it heats the board and takes time."""

LOOK_S = 0.2
"""For how long the processes are watched."""


def run(root: Path, restore: bool, state_folder: Path | None) -> int:
    """Examines a machine, or restores what killed runs have left.

    Args:
        root: The sysfs tree.
        restore: Restore instead of examine.
        state_folder: Where runs keep their state; None for the usual place.

    Returns:
        The exit status: 0 if the board can be controlled in full, 1 if something is missing.

    Raises:
        BoardError: A run controls the board now, or what was left cannot be restored.
    """
    if restore:
        print(restored(root, state_folder))
        return 0
    capabilities = probe(root)
    console = Console(highlight=False, soft_wrap=True)
    console.print(_table(capabilities))
    for line in _advice(capabilities, *session_files(root, state_folder)):
        console.print(f"- {line}", markup=False)
    missing = _missing(capabilities)
    for line in missing:
        console.print(f"- Missing: {line}", markup=False)
    console.print(_verdict(capabilities, bool(missing)), markup=False)
    return 1 if missing else 0


def restored(root: Path, state_folder: Path | None) -> str:
    """Restores what a killed run has left; says what was done.

    Raises:
        BoardError: A run controls the board now, or something cannot be restored.
    """
    lock_path, state = session_files(root, state_folder)
    locks = board_locks(root, lock_path)
    try:
        if not state.exists():
            return "Nothing to restore: the last run left everything as it found it."
        problems = guardian.restore_state(state, root)
    finally:
        for lock in locks:
            os.close(lock)
    if problems:
        raise BoardError(
            f"not everything could be restored: {' '.join(problems)} Put it right by hand, then "
            f"remove {state}."
        )
    return "Restored what a killed run had left."


def _missing(capabilities: Capabilities) -> list[str]:
    files = thermometer_files(capabilities, None)
    missing = missing_of(capabilities, capabilities.fastest_policies, files)
    try:
        runtime()
    except InputError as error:
        missing.append(f"{error}")
    return missing


def _verdict(capabilities: Capabilities, something_missing: bool) -> str:
    if not something_missing:
        return "tvfs_gym/LinuxBoard-v1 can control this machine in full."
    options = []
    if actuator_of(capabilities.fastest_policies) == "none":
        options.append("'allow_single_level': True")
    if not thermometer_files(capabilities, None):
        options.append("'allow_no_sensor': True")
    what = f"options={{{', '.join(options)}}}"
    return (
        "What still works: the digital twins in full, and tvfs_gym/LinuxBoard-v1 with "
        f"{what}: real networks, real latencies and accuracy, choice of topology and passes."
    )


def _table(capabilities: Capabilities) -> Table:
    table = Table(show_header=False, box=None)
    for name, value in _facts(capabilities):
        table.add_row(name, value)
    return table


def _facts(capabilities: Capabilities) -> Iterator[tuple[str, str]]:
    """Name and value of everything that is worth showing."""
    yield "sysfs", str(capabilities.root)
    for policy in capabilities.policies:
        yield policy.name, _policy(policy)
    if not capabilities.policies:
        yield "clock", "no cpufreq policy"
    fastest = capabilities.fastest_policies
    if fastest:
        names = ", ".join(policy.name for policy in fastest)
        actuator = actuator_of(fastest)
        count = len(levels_of(fastest)) if actuator != "none" else 1
        yield "inference on", f"{names}, {count} VF levels, by {ACTUATORS[actuator]}"
    for zone in capabilities.zones:
        yield zone.path.name, _zone(zone)
    files = thermometer_files(capabilities, None)
    yield "temperature", ", ".join(str(file) for file in files) or "no sensor"
    critical_c = capabilities.critical_c
    known = "assumed" if critical_c is None else f"critical {critical_c:.0f} degC"
    yield "hard limit", f"{limit_below(critical_c):.0f} degC ({known})"
    for device in capabilities.cooling_devices:
        yield device.path.name, f"{device.type}, state {device.state} of {device.max_state}"
    for sensor in capabilities.sensors:
        yield sensor.quantity, f"{sensor.name} ({sensor.path})"
    meters = power_sensors(capabilities, None)
    yield "energy", ", ".join(meter.name for meter in meters) or "not measured: NaN"
    try:
        yield "TFLite", runtime()
    except InputError:
        yield "TFLite", "none"
    yield from _computer()


def _policy(policy: ClockDomain) -> str:
    table = " ".join(f"{khz / 1e3:g}" for khz in policy.frequencies_khz) or "none"
    least, most = (khz / 1e3 for khz in policy.limits_khz)
    return (
        f"{policy.driver}, CPUs {' '.join(map(str, policy.cpus))}, governor {policy.governor} "
        f"(of {' '.join(policy.governors)}), table {table} MHz, limits {least:g} to {most:g} MHz"
    )


def _zone(zone: Zone) -> str:
    reading = "no reading" if zone.temperature_c is None else f"{zone.temperature_c:.1f} degC"
    trips = ", ".join(f"{trip.type} {trip.temperature_c:g}" for trip in zone.trips) or "none"
    cooling = ", ".join(zone.cools_with) or "nothing"
    return f"{zone.type}, {reading}, {zone.policy}, trips {trips}, cools with {cooling}"


def _computer() -> Iterator[tuple[str, str]]:
    """Load and memory, and who else computes."""
    memory = psutil.virtual_memory()
    yield "CPUs", f"{psutil.cpu_count()}, load {psutil.getloadavg()[0]:.2f}"
    yield "memory", f"{memory.available / 2**20:.0f} of {memory.total / 2**20:.0f} MiB free"
    processes = list(psutil.process_iter(["name"]))
    for process in processes:
        _cpu_percent(process)
    psutil.cpu_percent(LOOK_S)
    for process in processes:
        used = _cpu_percent(process)
        if used > BUSY_PERCENT and process.pid != os.getpid():
            yield "busy process", f"{process.info['name']} ({process.pid}): {used:.0f} % of a CPU"


def _cpu_percent(process: psutil.Process) -> float:
    try:
        return float(process.cpu_percent())
    except psutil.Error:  # it has just ended
        return 0.0


def _advice(capabilities: Capabilities, lock: Path, state: Path) -> Iterator[str]:
    """Notes on what works with restrictions."""
    holder = holder_of(lock)
    if holder is not None:
        yield f"Process {holder} controls this board now."
    elif state.exists():
        yield f"A killed run has left its settings ({state}): run tvfs-gym doctor --restore."
    fastest = capabilities.fastest_policies
    if fastest and actuator_of(fastest) == "limits":
        yield (
            "The governor userspace would set the clock more directly: modprobe cpufreq_userspace."
        )
    for zone in capabilities.zones:
        if not zone.enabled or zone.policy == "user_space":
            yield (
                f"The kernel does not throttle {zone.type} (mode disabled or policy user_space); "
                f"only the hard limit protects it."
            )
    for policy in fastest:
        if policy.limits_khz != policy.range_khz:
            least, most = (khz / 1e3 for khz in policy.limits_khz)
            yield (
                f"{policy.name} is limited to {least:g} to {most:g} MHz, by its user or by "
                f"throttling; VF levels outside are not offered."
            )
