"""Boards whose numbers came out differently."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tvfs_gym.envs.boards.profile import load_profile, profile_names
from tvfs_gym.envs.boards.variation import Variation, variation_of
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.twin_env import TwinEnv


@pytest.mark.parametrize("board", profile_names())
def test_factors_scale_latency_and_resistance_of_every_cooling(board: str) -> None:
    plain, varied = load_profile(board), load_profile(f"{board}?latency=1.2&resistance=0.8")
    assert varied.name == plain.name
    assert varied.latency.clock_gcycles == pytest.approx(1.2 * plain.latency.clock_gcycles)
    assert varied.latency.memory_s == pytest.approx(1.2 * plain.latency.memory_s)
    for name, cooling in varied.cooling.items():
        for own, before in zip(cooling.networks, plain.cooling[name].networks, strict=True):
            assert own.total_resistance_k_w == pytest.approx(0.8 * before.total_resistance_k_w)


def test_vf_low_is_moved_to_a_clock_and_a_hysteresis() -> None:
    varied = load_profile("odroid_xu4?vf_low_hz=1.6e9&vf_low_hysteresis_c=5")
    (trip,) = varied.throttling["vf_low"].trips
    held = varied.operating_points[len(varied.operating_points) - 1 - trip.lower]
    assert held.frequency_hz == 1.6e9 and trip.lower == trip.upper
    assert trip.hysteresis_c == 5.0


def test_a_varied_board_is_a_board_of_every_environment() -> None:
    slow, plain = TwinEnv("odroid_xu4?latency=2"), TwinEnv("odroid_xu4")
    assert slow.board.nominal_latency_s == pytest.approx(2 * plain.board.nominal_latency_s)


@given(st.builds(Variation, latency=st.floats(1e-3, 1e3), vf_low_hz=st.floats(1e6, 1e30)))
def test_its_text_is_read_back(variation: Variation) -> None:
    assert variation_of(variation.query) == variation
    assert Variation().query == ""


@pytest.mark.parametrize(
    ("board", "message"),
    [
        ("odroid_xu4?speed=2", "speed"),
        ("odroid_xu4?latency=0", "latency"),
        ("odroid_xu4?latency", "expected a variation such as"),
        ("odroid_xu4?vf_low_hz=123", "expected a clock of odroid_xu4"),
        ("raspberry_pi_4b?vf_low_hz=6e8", "no throttling preset vf_low"),
    ],
)
def test_an_impossible_variation_is_refused_in_a_sentence(board: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_profile(board)
