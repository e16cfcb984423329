"""What stock kernels' cpufreq and thermal sysfs really do: what the driver builds on."""

from collections.abc import Iterator

import pytest

from tests.kernel.plant import Hardware
from tests.kernel.sysfs import (
    POLICY,
    ZONE,
    cool,
    hardware_khz,
    heat,
    khz,
    khz_of,
    policy,
    wait_for,
    zone_c,
)

pytestmark = pytest.mark.kernel


@pytest.fixture
def userspace(board: Hardware) -> Iterator[Hardware]:
    """A board whose speed user space sets; left with the governor it had."""
    before = board.guest.read(f"{POLICY}/scaling_governor")
    assert policy(board, "scaling_governor", "userspace")
    yield board
    cool(board)
    policy(board, "scaling_max_freq", khz_of(board.levels_hz[-1]))
    policy(board, "scaling_governor", before)


def set_speed(board: Hardware, wanted_khz: float) -> int:
    """Asks for a speed; returns the one that the kernel then has, after a look at the hardware."""
    assert policy(board, "scaling_setspeed", int(wanted_khz))
    got = khz(board, "scaling_cur_freq")
    assert khz(board, "scaling_setspeed") == got == hardware_khz(board)
    return got


def test_the_kernel_lists_the_levels_of_the_hardware(board: Hardware) -> None:
    text = board.guest.read(f"{POLICY}/scaling_available_frequencies")
    assert sorted(map(int, text.split())) == [khz_of(level) for level in board.levels_hz]


def test_every_level_reaches_the_hardware(userspace: Hardware) -> None:
    for level in userspace.levels_hz:
        assert set_speed(userspace, level / 1e3) == khz_of(level)


def test_speed_off_the_table_is_rounded_up_and_clamped(userspace: Hardware) -> None:
    slowest, second, *_, fastest = (khz_of(level) for level in userspace.levels_hz)
    assert set_speed(userspace, slowest + 1000) == second
    assert set_speed(userspace, 99) == slowest
    assert set_speed(userspace, 99_999_999) == fastest


def test_nonsense_is_refused_and_changes_nothing(userspace: Hardware) -> None:
    before = set_speed(userspace, userspace.levels_hz[1] / 1e3)
    assert not policy(userspace, "scaling_setspeed", "junk")
    assert not policy(userspace, "scaling_governor", "bogus")
    assert khz(userspace, "scaling_setspeed") == before == hardware_khz(userspace)


def test_speed_is_refused_under_another_governor(board: Hardware) -> None:
    assert not policy(board, "scaling_setspeed", khz_of(board.levels_hz[0]))
    assert board.guest.read(f"{POLICY}/scaling_setspeed") == ("<unsupported>")


def test_upper_limit_is_rounded_down_and_clamped(userspace: Hardware) -> None:
    slowest, second, *_, fastest = (khz_of(level) for level in userspace.levels_hz)
    assert policy(userspace, "scaling_max_freq", second - 1000)
    assert khz(userspace, "scaling_max_freq") == slowest
    assert policy(userspace, "scaling_max_freq", 99_999_999)
    assert khz(userspace, "scaling_max_freq") == fastest


def test_request_above_a_limit_is_cut_in_silence_and_remembered(userspace: Hardware) -> None:
    levels = [khz_of(level) for level in userspace.levels_hz]
    assert policy(userspace, "scaling_max_freq", levels[2])
    assert set_speed(userspace, levels[5]) == levels[2]
    assert policy(userspace, "scaling_max_freq", levels[-1])
    assert khz(userspace, "scaling_cur_freq") == levels[5]


def test_heat_caps_the_clock_and_coolness_releases_it(userspace: Hardware) -> None:
    fastest = khz_of(userspace.levels_hz[-1])
    assert set_speed(userspace, fastest) == fastest
    assert heat(userspace) < fastest
    assert zone_c(userspace) > 70.0
    assert hardware_khz(userspace) < fastest
    cool(userspace)
    wait_for("the request again", lambda: hardware_khz(userspace) == fastest)
    assert khz(userspace, "scaling_setspeed") == fastest


def test_governor_away_and_back_forgets_the_speed(userspace: Hardware) -> None:
    slowest, *_, fastest = (khz_of(level) for level in userspace.levels_hz)
    set_speed(userspace, slowest)
    policy(userspace, "scaling_governor", "performance")
    policy(userspace, "scaling_governor", "userspace")
    assert khz(userspace, "scaling_setspeed") == fastest


def test_temperature_cannot_be_emulated(board: Hardware) -> None:
    assert board.guest.attempt(f"test -e {ZONE}/emul_temp")[0] != 0
