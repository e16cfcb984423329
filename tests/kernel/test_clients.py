"""Programs that know nothing of this project read the same clock and temperature."""

import json

import pytest

from tests.kernel.plant import Hardware
from tests.kernel.sysfs import POLICY, RELEASED_C, drive, hardware_khz, khz_of, wait_for, zone_c

pytestmark = pytest.mark.kernel

PSUTIL = """
import json, psutil
readings = [r.current for chip in psutil.sensors_temperatures().values() for r in chip]
clock = psutil.cpu_freq()
print(json.dumps([readings, clock.current, clock.min, clock.max]))
"""


@pytest.fixture
def warm(board: Hardware) -> Hardware:
    drive(board, RELEASED_C)
    wait_for("the new temperature", lambda: zone_c(board) == pytest.approx(RELEASED_C, abs=0.1))
    return board


def test_psutil(warm: Hardware) -> None:
    script = PSUTIL.strip().replace("\n", "; ")
    readings, current, lowest, highest = json.loads(warm.guest.run(f"{warm.python} -c '{script}'"))
    assert readings == pytest.approx([RELEASED_C], abs=0.1)
    assert current == pytest.approx(hardware_khz(warm) / 1e3, abs=1)
    assert [lowest, highest] == [warm.levels_hz[0] / 1e6, warm.levels_hz[-1] / 1e6]


def test_lm_sensors(warm: Hardware) -> None:
    assert f"temp1:        +{RELEASED_C:.1f} C" in warm.guest.run("sensors")


def test_cpupower_reads_and_sets(warm: Hardware) -> None:
    level = warm.levels_hz[2]
    before = warm.guest.read(f"{POLICY}/scaling_governor")
    told = warm.guest.run("cpupower frequency-info --hwlimits 2>/dev/null").splitlines()[-1]
    assert [int(n) for n in told.split()] == [khz_of(warm.levels_hz[i]) for i in (0, -1)]
    warm.guest.run("cpupower frequency-set --governor userspace 2>/dev/null")
    warm.guest.run(f"cpupower frequency-set --freq {khz_of(level)} 2>/dev/null")
    assert hardware_khz(warm) == khz_of(level)
    warm.guest.run(f"cpupower frequency-set --governor {before} 2>/dev/null")
    assert hardware_khz(warm) == khz_of(warm.levels_hz[-1])
