"""The host's side of the emulated boards, without a kernel: heat, clock registers, transcripts."""

import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.kernel import arm, transcript, x86
from tests.kernel.guest import Guest
from tests.kernel.plant import Hardware, LoadMeter, Plant
from tvfs_gym.envs.boards.profile import load_profile

PROFILE = load_profile("raspberry_pi_3b")


class Board:
    """A board whose guest is this very thread."""

    name = "fake"
    levels_hz: tuple[float, ...] = (600e6, 1200e6)
    scripts = Path()
    python = "/usr/bin/python3"

    def __init__(self) -> None:
        threads = [{"thread-id": threading.get_native_id()}]
        process = SimpleNamespace(pid=os.getpid())
        fake: Any = SimpleNamespace(monitor=lambda _: threads, process=process, journal=[])
        self.guest = cast(Guest, fake)
        self.readings_c: list[float] = []

    def set_temperature_c(self, temperature_c: float) -> None:
        self.readings_c.append(temperature_c)

    def frequency_hz(self) -> float:
        return 1200e6


def test_load_is_the_busy_share_of_time() -> None:
    meter = LoadMeter(Board().guest)
    time.sleep(0.5)
    assert meter.read() < 0.2
    busy_until_s = time.monotonic() + 0.5
    while time.monotonic() < busy_until_s:
        pass
    assert meter.read() > 0.8  # running, or waiting for a busy host's CPU


def test_a_plant_settles_where_the_profile_says() -> None:
    """Steady state: T = ambient + R P(T)."""
    board = Board()
    clocks: list[float] = []
    plant = Plant(board, PROFILE, "bare", ambient_c=30.0, speed=1e5, on_clock=clocks.append)
    with plant:
        time.sleep(1.0)
    last = plant.samples[-1]
    network = PROFILE.cooling_named("bare").networks[0]
    power_w = plant.power_w(1200e6, last.load, last.temperature_c)
    assert last.power_w == pytest.approx(power_w, rel=1e-3)
    assert last.temperature_c == pytest.approx(
        30.0 + network.total_resistance_k_w * last.power_w, rel=1e-3
    )
    assert board.readings_c[-1] == pytest.approx(
        last.temperature_c, abs=PROFILE.sensor.resolution_c / 2 + 1e-9
    )
    assert set(clocks) == {1.0}


def test_full_load_is_the_profiles_full_load() -> None:
    plant = Plant(Board(), PROFILE, "bare")
    heat_w = plant.power_w(1200e6, 1.0, 25.0) - plant.power_w(1200e6, 0.0, 25.0)
    assert heat_w == pytest.approx(PROFILE.full_load_w)


def test_a_fault_of_the_plant_is_told() -> None:
    class Broken(Board):
        def frequency_hz(self) -> float:
            raise OSError("no register")

    with pytest.raises(OSError, match="no register"), Plant(Broken(), PROFILE, "bare"):
        time.sleep(0.3)


@pytest.mark.parametrize(
    ("register", "mhz"),
    [(0x90001410, 1008), (0x90001010, 816), (0x90001A00, 648), (0x90001A10, 1296)],
)
def test_the_clock_register_of_the_h3(register: int, mhz: int) -> None:
    assert arm.pll_cpux_hz(register) == mhz * 1e6


def test_the_x86_board_has_the_profiles_levels() -> None:
    levels = tuple(point.frequency_hz for point in PROFILE.operating_points)
    assert x86.X86Board.levels_hz == levels
    source = (x86.HERE / "board.asl").read_text()
    rows = [line.split() for line in source.splitlines() if line.strip().startswith("Package () {")]
    table = [int(row[3].rstrip(",")) for row in rows if len(row) > 8]
    assert tuple(table) == x86.LEVELS_MHZ


def test_a_transcript_shows_what_was_awaited_once() -> None:
    board = Board()
    journal = ["# cat temp\n45000", "# cat temp\n78000", "-- the host waits", "# true"]
    text = transcript.section(cast(Hardware, board), "heat", journal)
    assert "# cat temp   [2 times]\n78000\n-- the host waits\n# true" in text
    assert "45000" not in text
