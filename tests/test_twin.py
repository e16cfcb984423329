"""The twin as a Board: what its sensors say."""

from pathlib import Path

import pytest

from tvfs_gym.envs.boards.board import Board, Configuration
from tvfs_gym.envs.boards.profile import PROFILES, load_profile
from tvfs_gym.envs.boards.twin import TwinBoard
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.topology import load_family
from tvfs_gym.envs.physics import kernel
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
    assert said.time_s == window[kernel.W_TIME_S]
    assert said.temperature_c == window[kernel.W_TEMPERATURE_C]
    assert said.frequency_hz == pytest.approx(window[kernel.W_FREQUENCY_HZ])
    assert (said.vf_level, said.cap_level) == (
        window[kernel.W_VF_LEVEL],
        window[kernel.W_CAP_LEVEL],
    )


def test_a_sensor_reads_whole_degrees(board: TwinBoard) -> None:
    board.apply(Configuration(4, 18))
    readings = {board.infer(5)[0][kernel.W_TEMPERATURE_C] for _ in range(50)}
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
        expected_w = window[kernel.W_ENERGY_J] / window[kernel.W_DURATION_S]
        assert board.telemetry().power_w == pytest.approx(expected_w)
    assert expected_w > 6.0


def test_an_idle_board_is_settled_at_the_start(board: TwinBoard) -> None:
    """At the slowest clock nothing changes while frames are awaited."""
    start = board.reset(Scenario(arrival_period_s=5.0, ambient_c=30.0), (1, 2))
    board.apply(Configuration(0, 0))
    window, _ = board.infer(20)
    assert window[kernel.W_TEMPERATURE_MEAN_C] == pytest.approx(start.temperature_c, abs=1.0)


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
    power_w = window[kernel.W_ENERGY_J] / window[kernel.W_DURATION_S]
    network = board.profile.cooling_named(None).network
    rise_k = window[kernel.W_TEMPERATURE_MEAN_C] - 25.0
    assert rise_k == pytest.approx(power_w * network.total_resistance_k_w, rel=0.002)
