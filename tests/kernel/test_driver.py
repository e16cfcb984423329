"""The board driver on stock kernels: every level, real heat, real inference, and restoration."""

from functools import partial

import pytest

from tests.kernel.pilot import START_S, Pilot
from tests.kernel.plant import Hardware, Plant
from tests.kernel.sysfs import (
    HOT_C,
    POLICY,
    RELEASED_C,
    cool,
    drive,
    hardware_khz,
    khz_of,
    policy,
    wait_for,
)
from tests.kernel.transcript import tell
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.inference.outcomes import outcome_tables
from tvfs_gym.envs.inference.topology import load_family

pytestmark = pytest.mark.kernel

FRAMES = 20
"""Frames in a step."""

ARGUMENTS = {
    "frames_per_step": FRAMES,
    # Emulated CPUs keep no deadline; what is late is not the point here.
    "scenario": {"latency_constraint_s": 10.0, "t_max_c": 90.0, "policy": "1C"},
    "options": {"settle_s": 0.0, "nominal_latency_s": 1.0},
}
SETTINGS = ("scaling_governor", "scaling_min_freq", "scaling_max_freq", "scaling_setspeed")


def settings(board: Hardware) -> list[str]:
    """What a run may change."""
    files = " ".join(f"{POLICY}/{name}" for name in SETTINGS)
    return board.guest.run(f"cat {files}").splitlines()


@pytest.fixture(scope="module")
def found(machine: Hardware) -> list[str]:
    """The settings before any run."""
    return settings(machine)


def test_doctor_finds_nothing_missing(board: Hardware) -> None:
    told = board.guest.run(f"{board.python} -m tvfs_gym.experiments.cli doctor", START_S)
    driver = board.guest.read(f"{POLICY}/scaling_driver")
    assert driver in told
    assert "tvfs_gym/LinuxBoard-v1 can control this machine in full." in told


@pytest.fixture(scope="module")
def pilot(machine: Hardware, found: list[str]) -> Pilot:
    """A run that holds the board for several tests; the last of them kills it."""
    return Pilot(machine, **ARGUMENTS)


def test_the_driver_finds_the_board(board: Hardware, pilot: Pilot) -> None:
    assert pilot.about["levels_khz"] == [khz_of(level) for level in board.levels_hz]
    assert 90.0 <= pilot.about["limit_c"] < 110.0


def test_the_driver_sets_and_reads_back_every_level(board: Hardware, pilot: Pilot) -> None:
    for level, frequency_hz in enumerate(board.levels_hz):
        sample = pilot.ask("request", level)
        assert hardware_khz(board) == khz_of(frequency_hz)
        assert sample["frequency_hz"] == frequency_hz
        assert sample["vf_level"] == level


def test_the_driver_sees_throttling_as_a_cap(board: Hardware, pilot: Pilot) -> None:
    top = len(board.levels_hz) - 1
    assert pilot.ask("request", top)["cap_level"] == top
    drive(board, HOT_C)
    wait_for("a cap", lambda: pilot.ask("look")["cap_level"] < top)
    capped = pilot.ask("look")
    assert capped["temperature_c"] == pytest.approx(HOT_C, abs=0.1)
    assert capped["frequency_hz"] < board.levels_hz[top]
    assert hardware_khz(board) < khz_of(board.levels_hz[top])
    drive(board, RELEASED_C)
    wait_for("no cap", lambda: pilot.ask("look")["cap_level"] == top)
    wait_for("the request again", lambda: pilot.ask("look")["vf_level"] == top)
    assert hardware_khz(board) == khz_of(board.levels_hz[top])


def test_steps_answer_real_frames_with_real_networks(board: Hardware, pilot: Pilot) -> None:
    """As many right answers as recorded for these networks, within three standard deviations."""
    accuracies = outcome_tables(load_family("digits")).run.correct[:, :, 0].mean(axis=1)
    pilot.ask("reset", 0)
    for topology, level in ((0, 1), (len(accuracies) - 1, len(board.levels_hz) - 1)):
        told = pilot.ask("step", [topology, level])
        right = accuracies[topology]
        assert told["inside"]
        assert told["frames"] == FRAMES and told["passes_mean"] == 1.0
        deviation = (FRAMES * right * (1 - right)) ** 0.5
        assert told["correct_frames"] == pytest.approx(FRAMES * right, abs=3 * deviation)
        assert told["frequency_hz"] == board.levels_hz[level]
        assert told["latency_mean_s"] > 0


def test_the_heat_of_inference_throttles_the_clock(board: Hardware, pilot: Pilot) -> None:
    """The whole loop: clock and load heat the twin of a Raspberry Pi 3B, its heat the sensor."""
    best, top = len(pilot.about["topologies"]) - 1, len(board.levels_hz) - 1
    steps = []
    with Plant(board, load_profile("raspberry_pi_3b"), "bare", ambient_c=45.0, speed=20) as plant:
        for _ in range(20):
            steps.append(pilot.ask("step", [best, top]))
            if steps[-1]["throttled_s"] > 0:
                break
    tell(board, plant)
    assert steps[-1]["throttled_s"] > 0
    assert steps[-1]["temperature_max_c"] > 70.0
    assert min(sample.frequency_hz for sample in plant.samples) < board.levels_hz[top]
    cool(board)


def test_kill_9_in_the_middle_leaves_the_board_as_found(
    board: Hardware, pilot: Pilot, found: list[str]
) -> None:
    pilot.ask("request", 1)
    assert settings(board) != found
    pilot.kill()
    wait_for("restoration", lambda: settings(board) == found)
    assert hardware_khz(board) == khz_of(board.levels_hz[-1])


def test_a_users_own_limits_and_speed_are_restored(board: Hardware, found: list[str]) -> None:
    levels = [khz_of(level) for level in board.levels_hz]
    policy(board, "scaling_min_freq", levels[1])
    policy(board, "scaling_max_freq", levels[4])
    policy(board, "scaling_governor", "userspace")
    policy(board, "scaling_setspeed", levels[3])
    own = settings(board)
    pilot = Pilot(board, **ARGUMENTS)
    assert pilot.about["levels_khz"] == levels[1:5]
    assert pilot.ask("request", 0)["frequency_hz"] == board.levels_hz[1]
    pilot.kill()
    wait_for("restoration", lambda: settings(board) == own)
    assert hardware_khz(board) == levels[3]
    policy(board, "scaling_min_freq", levels[0])
    policy(board, "scaling_max_freq", levels[-1])
    policy(board, "scaling_governor", found[0])
    assert settings(board) == found


def runs_at(board: Hardware, wanted_khz: int) -> bool:
    """Tells whether the hardware has a clock."""
    return hardware_khz(board) == wanted_khz


@pytest.mark.slow
def test_a_refused_governor_leaves_the_limits_to_set_the_clock(
    board: Hardware, found: list[str]
) -> None:
    """The file is read-only to the kernel, which access(2) does not tell root."""
    governor, top = f"{POLICY}/scaling_governor", len(board.levels_hz) - 1
    board.guest.run(f"chmod a-w {governor}")
    pilot = Pilot(board, **ARGUMENTS)
    for level, frequency_hz in enumerate(board.levels_hz):
        pilot.ask("request", level)
        # The kernel carries limits out later, and an emulated one on a busy host much later.
        wait_for("the level", partial(runs_at, board, khz_of(frequency_hz)))
        assert pilot.ask("look")["frequency_hz"] == frequency_hz
    assert settings(board)[:3] == [found[0], *2 * [str(khz_of(board.levels_hz[top]))]]
    drive(board, HOT_C)
    wait_for("a cap", lambda: pilot.ask("look")["cap_level"] < top)
    drive(board, RELEASED_C)
    wait_for("no cap", lambda: pilot.ask("look")["cap_level"] == top)
    pilot.ask("request", 1)
    pilot.kill()
    wait_for("restoration", lambda: settings(board) == found)
    board.guest.run(f"chmod u+w {governor}")
