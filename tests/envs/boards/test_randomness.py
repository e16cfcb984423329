"""Random numbers: the published known answers, and draws that share words without ties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tvfs_gym.envs.boards.twin.randomness import (
    JITTER_BITS,
    JITTERS_ALONE,
    JITTERS_WITH_IMAGE,
    first_jitter,
    image_and_jitters,
    more_jitters,
    threefry_2x32,
)

WORDS = st.integers(0, 2**32 - 1)
KEY = (0x243F6A88, 0x85A308D3)
FRAMES = 20_000


@pytest.mark.parametrize(
    ("key", "counter", "answer"),
    [
        ((0, 0), (0, 0), (0x9D1C5EC6, 0x8BD50731)),
        ((0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 2, (0xFD36D048, 0x2D17272C)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xBA3E4725, 0xF27D669E)),
    ],
)
def test_known_answers_of_random123(
    key: tuple[int, int], counter: tuple[int, int], answer: tuple[int, int]
) -> None:
    """Of its kat_vectors: threefry2x32 with 13 rounds."""
    assert threefry_2x32(*key, *counter) == answer


def quantiles(bits: int, count: int) -> list[int]:
    """The draws of so many passes, one after the other."""
    return [first_jitter(bits >> JITTER_BITS * i) for i in range(count)]


@given(WORDS, WORDS, WORDS, st.integers(1, 2**22))
def test_a_block_holds_as_many_draws_as_it_says(
    key_0: int, key_1: int, frame: int, images: int
) -> None:
    image, bits = image_and_jitters(key_0, key_1, frame, images)
    assert 0 <= image < images
    assert bits >> JITTER_BITS * JITTERS_WITH_IMAGE == 0
    assert more_jitters(key_0, key_1, frame, 1) >> JITTER_BITS * JITTERS_ALONE == 0


def test_draws_are_uniform_and_do_not_know_of_each_other() -> None:
    """Image and all ten jitters of 20 000 frames: within four standard errors."""
    draws = []
    for frame in range(FRAMES):
        image, bits = image_and_jitters(*KEY, frame, 1000)
        more = more_jitters(*KEY, frame, 1)
        draws.append([image, *quantiles(bits, 4), *quantiles(more, 6)])
    columns = (np.array(draws) + 0.5) / np.array([1000] + 10 * [1024])
    assert columns.mean(axis=0) == pytest.approx(0.5, abs=4 / np.sqrt(12 * FRAMES))
    assert columns.var(axis=0) == pytest.approx(1 / 12, abs=4 / np.sqrt(180 * FRAMES))
    correlations = np.corrcoef(columns.T) - np.eye(11)
    assert np.abs(correlations).max() < 4.5 / np.sqrt(FRAMES)
