"""The files of the kernel that the driver lives on, seen from the guest's shell."""

import time
from collections.abc import Callable

from tests.kernel.plant import Hardware

POLICY = "/sys/devices/system/cpu/cpufreq/policy0"
ZONE = "/sys/class/thermal/thermal_zone0"
HOT_C, RELEASED_C = 78.0, 60.0
"""Above the boards' trip at 70 degC, and well below it."""

PATIENCE_S = 60.0
"""For what the kernel does within a second on an idle host."""


def khz(board: Hardware, name: str) -> int:
    """A number in a file of the policy."""
    return int(board.guest.read(f"{POLICY}/{name}"))


def khz_of(hz: float) -> int:
    """As the kernel writes a frequency."""
    return round(hz / 1e3)


def policy(board: Hardware, name: str, value: object) -> bool:
    """Writes a file of the policy; returns whether the kernel accepted it."""
    return board.guest.write(f"{POLICY}/{name}", str(value))


def hardware_khz(board: Hardware) -> int:
    """The clock as the hardware has it, kHz."""
    clock = khz_of(board.frequency_hz())
    board.guest.note(f"the host reads the clock's register: {clock} kHz")
    return clock


def drive(board: Hardware, temperature_c: float) -> None:
    """Sets the sensor's temperature from the host."""
    board.guest.note(f"the host sets the sensor to {temperature_c} degC")
    board.set_temperature_c(temperature_c)


def zone_c(board: Hardware) -> float:
    """What the thermal zone reads."""
    return int(board.guest.read(f"{ZONE}/temp")) / 1e3


def wait_for(what: str, true: Callable[[], bool]) -> None:
    """Waits until something holds; fails after `PATIENCE_S`."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline_s, f"not within {PATIENCE_S} s: {what}"
        time.sleep(0.2)


def heat(board: Hardware) -> int:
    """Drives the sensor above the trip; returns the cap that the kernel sets, kHz."""
    highest = khz_of(board.levels_hz[-1])
    drive(board, HOT_C)
    wait_for("a cap", lambda: khz(board, "scaling_max_freq") < highest)
    return khz(board, "scaling_max_freq")


def cool(board: Hardware) -> None:
    """Drives the sensor well below the trip, until the kernel has lifted its cap."""
    highest = khz_of(board.levels_hz[-1])
    drive(board, RELEASED_C)
    wait_for("no cap", lambda: khz(board, "scaling_max_freq") == highest)
