"""Random numbers: the published known answers, and the standard library as an oracle."""

from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tvfs_gym.envs.physics.randomness import standard_normal, threefry_2x32, unit

WORDS = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize(
    ("key", "counter", "answer"),
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 2, (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_known_answers_of_random123(
    key: tuple[int, int], counter: tuple[int, int], answer: tuple[int, int]
) -> None:
    assert threefry_2x32(*key, *counter) == answer


@given(WORDS)
def test_normals_are_those_of_the_standard_library(word: int) -> None:
    assert standard_normal(word) == pytest.approx(NormalDist().inv_cdf(unit(word)), rel=1e-14)


@given(WORDS)
def test_unit_never_reaches_its_ends(word: int) -> None:
    assert 0.0 < unit(word) < 1.0
