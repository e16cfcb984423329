"""The heat of an emulated board: the twin's physics, driven by the guest's real clock and load."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Protocol

import numpy as np

from tests.kernel.guest import Guest
from tvfs_gym.envs.boards.profile import BoardProfile
from tvfs_gym.envs.physics.thermal import die_temperature_c, propagate, sensor_reading_c

PERIOD_S = 0.05


class Hardware(Protocol):
    """An emulated board.

    Attributes:
        name: ``x86`` or ``arm``.
        levels_hz: Clocks that its hardware has, slowest first.
        scripts: Where the guest finds the folder ``guest`` of these tests.
        python: Command that starts Python in the guest.
        guest: Its shell and monitor.
    """

    name: str
    levels_hz: tuple[float, ...]
    scripts: Path
    python: str
    guest: Guest

    def set_temperature_c(self, temperature_c: float) -> None:
        """Sets what the sensor shall read."""

    def frequency_hz(self) -> float:
        """The clock that the kernel has set, as the hardware has it."""


@dataclass(frozen=True)
class Sample:
    """One step of a plant.

    Attributes:
        time_s: Since its start, of the host.
        frequency_hz: The clock.
        load: Mean load of the guest's CPUs, 0..1.
        power_w: Heat into the die.
        temperature_c: Of the die.
    """

    time_s: float
    frequency_hz: float
    load: float
    power_w: float
    temperature_c: float


class LoadMeter:
    """How busy the guest's CPUs are: QEMU runs each of them as a thread.

    A thread that waits for a busy host's CPU counts as running: the guest has work for it.
    """

    def __init__(self, guest: Guest) -> None:
        self._threads = [
            Path(f"/proc/{guest.process.pid}/task/{cpu['thread-id']}/schedstat")
            for cpu in guest.monitor("query-cpus-fast")
        ]
        self._before = time.monotonic(), self._busy_s()

    def _busy_s(self) -> list[float]:
        """Time running and time waiting to run, s."""
        counts = (thread.read_text().split() for thread in self._threads)
        return [(int(running) + int(waiting)) / 1e9 for running, waiting, _ in counts]

    def read(self) -> float:
        """Mean load since the last reading."""
        (then_s, before), now_s, busy = self._before, time.monotonic(), self._busy_s()
        self._before = now_s, busy
        elapsed_s = max(now_s - then_s, 1e-6)
        loads = [min((b - a) / elapsed_s, 1.0) for a, b in zip(before, busy, strict=True)]
        return sum(loads) / len(loads)


class Plant:
    """Closes the loop from a guest's clock and load to its sensor, as a context.

    Power and heat are the twin's equations with a board profile's numbers; all CPUs of the guest
    busy stand for all threads of the profile busy.

    Attributes:
        samples: Every step, oldest first.
    """

    def __init__(
        self,
        board: Hardware,
        profile: BoardProfile,
        cooling: str,
        ambient_c: float = 25.0,
        speed: float = 1.0,
        on_clock: Callable[[float], None] = lambda fraction: None,
    ) -> None:
        """Prepares it, in equilibrium with an idle board.

        Args:
            board: The emulated board.
            profile: The board whose power and heat it shall have.
            cooling: Name of the profile's thermal network.
            ambient_c: Ambient temperature.
            speed: How much faster than real time heat shall move.
            on_clock: Called every step with the clock, as a fraction of the highest.
        """
        self._board, self._profile = board, profile
        self._ambient_c, self._speed = ambient_c, speed
        self._on_clock = on_clock
        network = profile.cooling_named(cooling).networks[0]
        self._network = network.modes
        self._modes = network.modes_of(network.steady_nodes_c(ambient_c, profile.power.rest_w))
        self._load = LoadMeter(board.guest)
        self._end = Event()
        self._thread = Thread(target=self._run, name="plant")
        self._error: Exception | None = None
        self.samples: list[Sample] = []

    def power_w(self, frequency_hz: float, load: float, temperature_c: float) -> float:
        """Heat into the die."""
        power = self._profile.power
        voltage_v = float(self._profile.voltages_v(np.array(frequency_hz / 1e9)))
        threads = load * self._profile.threads
        return (
            power.rest_w
            + power.switching_w(frequency_hz / 1e9, voltage_v, threads)
            + self._profile.leakage_w(voltage_v, temperature_c)
        )

    def _step(self, time_s: float, duration_s: float) -> None:
        frequency_hz, load = self._board.frequency_hz(), self._load.read()
        self._on_clock(frequency_hz / self._board.levels_hz[-1])
        power_w = self.power_w(frequency_hz, load, die_temperature_c(self._modes))
        propagate(self._modes, self._network, self._ambient_c, power_w, duration_s * self._speed)
        temperature_c = die_temperature_c(self._modes)
        self._board.set_temperature_c(
            sensor_reading_c(temperature_c, self._profile.sensor.resolution_c)
        )
        self.samples.append(Sample(time_s, frequency_hz, load, power_w, temperature_c))

    def _run(self) -> None:
        start_s = before_s = time.monotonic()
        try:
            while not self._end.wait(PERIOD_S):
                now_s = time.monotonic()
                self._step(now_s - start_s, now_s - before_s)
                before_s = now_s
        except Exception as error:  # told at the end, in the test's own thread
            self._error = error

    def __enter__(self) -> "Plant":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        if self._error is not None:
            raise self._error
