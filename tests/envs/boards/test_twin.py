"""The twin as a Board: what its sensors say."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tvfs_gym.envs.boards.board import Board, Configuration
from tvfs_gym.envs.boards.profile import PROFILES, load_profile
from tvfs_gym.envs.boards.twin.arrays import S
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.boards.window import W
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.topology import load_family
from tvfs_gym.envs.scenario import Scenario


@pytest.fixture
def board() -> TwinBoard:
    return TwinBoard(load_profile("odroid_xu4"), load_family("recorded"))


def test_it_is_a_board(board: TwinBoard) -> None:
    as_board: Board = board
    assert as_board.views == 10
    assert as_board.nominal_latency_s == pytest.approx(0.0332 * 1.9473, rel=0.001)


def test_telemetry_agrees_with_the_window(board: TwinBoard) -> None:
    board.apply(Configuration(4, 18))
    window, _ = board.infer(500)
    said = board.telemetry()
    assert said.time_s == window[W.TIME_S]
    assert said.temperature_c == window[W.TEMPERATURE_C]
    assert said.frequency_hz == pytest.approx(window[W.FREQUENCY_HZ])
    assert (said.vf_level, said.cap_level) == (
        window[W.VF_LEVEL],
        window[W.CAP_LEVEL],
    )


def test_a_sensor_reads_whole_degrees(board: TwinBoard) -> None:
    board.apply(Configuration(4, 18))
    readings = {board.infer(5)[0][W.TEMPERATURE_C] for _ in range(50)}
    assert len(readings) > 10 and all(reading == round(reading) for reading in readings)


def test_a_board_without_a_power_sensor_reports_none(board: TwinBoard) -> None:
    board.infer(10)
    assert board.telemetry().power_w is None


def test_a_power_sensor_reports_the_mean_since_the_last_reading(tmp_path: Path) -> None:
    text = (PROFILES / "odroid_xu4.toml").read_text()
    (tmp_path / "sensing.toml").write_text(
        text.replace("measures_power = false", "measures_power = true")
    )
    board = TwinBoard(load_profile(str(tmp_path / "sensing.toml")), load_family("recorded"))
    for level in (0, 18):
        board.apply(Configuration(6, level))
        window, _ = board.infer(20)
        expected_w = window[W.ENERGY_J] / window[W.DURATION_S]
        assert board.telemetry().power_w == pytest.approx(expected_w)
    assert expected_w > 6.0


def test_an_idle_board_is_settled_at_the_start(board: TwinBoard) -> None:
    """At the slowest clock nothing changes while frames are awaited."""
    start = board.reset(Scenario(arrival_period_s=5.0, ambient_c=30.0), (1, 2))
    board.apply(Configuration(0, 0))
    window, _ = board.infer(20)
    assert window[W.TEMPERATURE_MEAN_C] == pytest.approx(start.temperature_c, abs=1.0)


@pytest.mark.parametrize("wanted", [(7, 0), (-1, 0), (0, 19), (0, 0, 0)])
def test_a_configuration_the_board_does_not_have_is_refused(
    board: TwinBoard, wanted: tuple[int, ...]
) -> None:
    with pytest.raises(InputError, match="is not among 7 topologies and 19 VF levels"):
        board.apply(Configuration(*wanted))


def test_no_frames_at_all_are_refused(board: TwinBoard) -> None:
    with pytest.raises(InputError, match="must be at least 1, not 0"):
        board.infer(0)


def test_a_uniform_start_is_the_temperature_asked_for(board: TwinBoard) -> None:
    assert board.reset(Scenario(start_temperature_c=63.0), (1, 2)).temperature_c == 63.0


def test_energy_is_power_times_time(board: TwinBoard) -> None:
    """Two ways to the same number: at a settled temperature, P = C V^2 f + leakage + rest."""
    board.reset(Scenario(t_max_c=119.0), (1, 2))
    board.apply(Configuration(6, 10))
    for _ in range(40):
        window, _ = board.infer(50)
    power_w = window[W.ENERGY_J] / window[W.DURATION_S]
    network = board.profile.cooling_named(None).networks[0]
    rise_k = window[W.TEMPERATURE_MEAN_C] - 25.0
    assert rise_k == pytest.approx(power_w * network.total_resistance_k_w, rel=0.002)


def test_heat_brought_up_to_date_at_polls_is_as_good_as_ten_times_as_often(tmp_path: Path) -> None:
    """Where no trip is in the way, the period of polling changes nothing but rounding and how often
    the leakage follows the temperature, even from cold to full clock.
    """
    courses = []
    for poll in ("0.25", "0.025"):
        text = (
            (PROFILES / "odroid_xu4.toml").read_text().replace("poll_s = 0.25", f"poll_s = {poll}")
        )
        (tmp_path / "polled.toml").write_text(text)
        board = TwinBoard(load_profile(str(tmp_path / "polled.toml")), load_family("recorded"))
        board.reset(Scenario(t_max_c=119.0), (1, 2))
        windows = []
        for level in (18, 0, 18):
            board.apply(Configuration(4, level))
            windows += [board.infer(20)[0] for _ in range(10)]
        courses.append(np.array(windows))
    coarse, fine = courses
    assert fine[:, W.TEMPERATURE_MAX_C].max() > 70
    for field, most in (
        (W.TEMPERATURE_MEAN_C, 0.1),
        (W.TEMPERATURE_MAX_C, 0.1),
        (W.TIME_S, 1e-9),
    ):
        assert np.abs(coarse[:, field] - fine[:, field]).max() < most
    assert coarse[:, W.ENERGY_J] == pytest.approx(fine[:, W.ENERGY_J], rel=0.005)


def settled_c(board: TwinBoard, scenario: Scenario, level: int, topology: int = 4) -> float:
    """Mean temperature after four minutes of continuous inference."""
    board.reset(scenario, (1, 2))
    board.apply(Configuration(topology, level))
    while board.telemetry().time_s < 240:
        window, _ = board.infer(100)
    return float(window[W.TEMPERATURE_MEAN_C])


def test_the_fan_follows_its_trips_and_cools(board: TwinBoard) -> None:
    """Below 50 degC it is off, as with the failed fan; at full load it is on, as with the fan."""
    stepped, failed, steady = (Scenario(cooling=name, throttling="mainline_step_wise")
                               for name in ("fan_steps", "fan_failed", "fan"))  # fmt: skip
    assert settled_c(board, stepped, 2) == pytest.approx(settled_c(board, failed, 2), abs=0.01)
    assert board.arrays.state[S.FAN_STATE] == 0
    hot_c = settled_c(board, stepped, 12)
    assert board.arrays.state[S.FAN_STATE] >= 1
    assert settled_c(board, steady, 12) - 0.1 <= hot_c < settled_c(board, failed, 12) - 3


def test_a_fan_that_fails_in_an_episode_no_longer_cools(board: TwinBoard) -> None:
    fails = {"cooling": "fan_steps", "changes": [{"at_s": 20.0, "cooling": "fan_failed"}]}
    failing_c = settled_c(board, Scenario.model_validate(fails), 8)
    assert failing_c == pytest.approx(settled_c(board, Scenario(cooling="fan_failed"), 8), abs=0.2)


def test_a_cooling_with_another_fan_cannot_come_in_an_episode(board: TwinBoard) -> None:
    changes = {"changes": [{"at_s": 20.0, "cooling": "fan_steps"}]}
    with pytest.raises(InputError, match="cannot change to 'fan_steps'"):
        board.reset(Scenario.model_validate(changes), (0, 0))


def test_the_raspberry_pi_s_firmware_holds_it_near_80_degrees() -> None:
    """sbc-bench 4hOP: a Pi 3B under four-core load hovers at 80 to 85 degC, well below 1.2 GHz."""
    board = TwinBoard(load_profile("raspberry_pi_3b"), load_family("recorded"))
    hot = {"cooling": "solid_top", "ambient_c": 30.0, "t_max_c": 85.0}
    for _ in range(4):
        warm_c = settled_c(board, Scenario.model_validate(hot), 6)
    assert 80 < warm_c < 85
    assert board.telemetry().frequency_hz < 1.2e9
    free = settled_c(board, Scenario.model_validate({**hot, "throttling": "none"}), 6)
    assert free > warm_c + 2


@pytest.mark.parametrize(
    ("unit", "warmer", "slower"),
    [
        ({"resistance": 1.3}, True, False),
        ({"switching": 1.15}, True, False),
        ({"leakage": 3.0}, True, False),
        ({"latency": 1.1}, False, True),
    ],
)
def test_another_unit_is_warmer_or_slower(
    board: TwinBoard, unit: dict[str, float], warmer: bool, slower: bool
) -> None:
    nominal_c = settled_c(board, Scenario(), 10)
    nominal_s = board.infer(100)[0][W.LATENCY_MEAN_S]
    other_c = settled_c(board, Scenario.model_validate({"unit": unit}), 10)
    other_s = board.infer(100)[0][W.LATENCY_MEAN_S]
    assert (other_c > nominal_c + 0.3) == warmer
    assert (other_s > 1.05 * nominal_s) == slower


def test_another_unit_s_capacitance_is_a_matter_of_time_alone(board: TwinBoard) -> None:
    heavy = Scenario.model_validate({"unit": {"capacitance": 2.0}})
    assert settled_c(board, heavy, 10) == pytest.approx(settled_c(board, Scenario(), 10), abs=0.5)
    rises = []
    for scenario in (Scenario(), heavy):
        start_c = board.reset(scenario, (1, 2)).temperature_c
        board.apply(Configuration(4, 10))
        rises.append(board.infer(100)[0][W.TEMPERATURE_MEAN_C] - start_c)
    assert rises[1] < rises[0] - 1


def test_a_board_too_hot_to_idle_is_refused() -> None:
    board = TwinBoard(load_profile("raspberry_pi_3b"), load_family("recorded"))
    with pytest.raises(InputError, match=r"an idle board would settle at or above its critical 90"):
        board.reset(Scenario(cooling="solid_top", ambient_c=80.0), (0, 0))


@pytest.mark.slow
def test_the_first_compilation_is_announced_at_a_terminal(tmp_path: Path) -> None:
    make = "from tvfs_gym.envs import TwinEnv; TwinEnv()"
    code = f"import pty; pty.spawn([{sys.executable!r}, '-c', {make!r}])"
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", code]
    first, second = (
        subprocess.run(command, env=environment, capture_output=True, text=True) for _ in range(2)
    )
    assert first.stdout.count("compiling once") == 1
    assert second.stdout == ""
