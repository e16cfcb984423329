"""The exponential in plain arithmetic, against the C library's."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tvfs_gym.envs.physics.exponential import decay


@given(st.floats(0.0, 64.0))
def test_it_is_the_exponential(x: float) -> None:
    assert decay(x) == pytest.approx(math.exp(-x), rel=1e-12, abs=0.0)


@given(st.floats(64.0, allow_nan=False))
def test_far_out_nothing_is_left(x: float) -> None:
    assert 0.0 <= decay(x) <= 2e-28


@given(st.integers(0, 64 * 64 - 1))
def test_it_does_not_jump_where_its_pieces_meet(piece: int) -> None:
    edge = (piece + 0.5) / 64.0
    left, right = decay(math.nextafter(edge, 0.0)), decay(math.nextafter(edge, 65.0))
    assert left == pytest.approx(right, rel=1e-12, abs=0.0)


def test_it_is_one_at_nothing() -> None:
    assert decay(0.0) == 1.0


def test_what_is_no_number_is_not_looked_up() -> None:
    """Compiled, an index beyond the tables would end the process."""
    assert decay(math.nan) == 0.0
