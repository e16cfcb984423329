"""Counter-based random numbers: a draw depends on its key and counter alone, never on history.

So every controller sees the same frames under the same seed, and one board or thousands in one
call draw the same numbers. 32-bit words are kept in Python integers or numba's int64, masked, so
that both give the same bits.
"""

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.jit import jit, jit_apart
from tvfs_gym.envs.physics.latency import jitter_factor

_WORD = 0xFFFFFFFF
_PARITY = 0x1BD11BDA

JITTER_BITS = 10
"""Bits that choose the jitter of a pass among so many quantiles."""

JITTERS_WITH_IMAGE = 4
JITTERS_ALONE = 6
"""Passes whose jitter a frame's first block of 64 bits holds, and any of its later ones."""

AT_FRAMES, AT_POLLS = 0xFFFFFFFE, 0xFFFFFFFF
"""Streams of noise, by what a look at the sensor is counted with: blocks that no frame reaches."""

_NOISE_BITS = 12
_NORMAL = np.array(
    [NormalDist().inv_cdf((i + 0.5) / (1 << _NOISE_BITS)) for i in range(1 << _NOISE_BITS)]
)
_IMAGE_BITS = 22
_QUANTILE = (1 << JITTER_BITS) - 1
_THREE_QUANTILES = (1 << 3 * JITTER_BITS) - 1


@jit
def _rotate_left(word: int, bits: int) -> int:
    return ((word << bits) | (word >> (32 - bits))) & _WORD


@jit
def _mix(x: int, y: int, bits: int) -> tuple[int, int]:
    x = (x + y) & _WORD
    return x, _rotate_left(y, bits) ^ x


@jit
def _mix_four(x: int, y: int, bits: tuple[int, int, int, int]) -> tuple[int, int]:
    x, y = _mix(x, y, bits[0])
    x, y = _mix(x, y, bits[1])
    x, y = _mix(x, y, bits[2])
    return _mix(x, y, bits[3])


@jit
def _inject(x: int, y: int, key_x: int, key_y: int) -> tuple[int, int]:
    return (x + key_x) & _WORD, (y + key_y) & _WORD


@jit
def threefry_2x32(key_0: int, key_1: int, counter_0: int, counter_1: int) -> tuple[int, int]:
    """Two random 32-bit words of the Threefry-2x32 generator with 13 rounds.

    Source: J. K. Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011, who found
    13 rounds to be the fewest that pass all tests of BigCrush, and the known answers of the
    authors' Random123 library.
    """
    key_2 = _PARITY ^ key_0 ^ key_1
    x, y = _inject(counter_0, counter_1, key_0, key_1)
    x, y = _mix_four(x, y, (13, 15, 26, 6))
    x, y = _inject(x, y, key_1, key_2 + 1)
    x, y = _mix_four(x, y, (17, 29, 16, 24))
    x, y = _inject(x, y, key_2, key_0 + 2)
    x, y = _mix_four(x, y, (13, 15, 26, 6))
    x, y = _inject(x, y, key_0, key_1 + 3)
    return _mix(x, y, 17)


@jit
def image_and_jitters(key_0: int, key_1: int, frame: int, images: int) -> tuple[int, int]:
    """A frame's first block: which image it is, and the bits of its first jitters.

    The image's share of 22 bits favours none by more than images / 2^22.

    Args:
        key_0: The episode's stream.
        key_1: Second word of the key.
        frame: Since the episode's start.
        images: How many there are.
    """
    x, y = threefry_2x32(key_0, key_1, frame, 0)
    image = ((x >> JITTER_BITS) * images) >> _IMAGE_BITS
    return image, (x & _QUANTILE) | ((y & _THREE_QUANTILES) << JITTER_BITS)


@jit
def more_jitters(key_0: int, key_1: int, frame: int, block: int) -> int:
    """The bits of the jitters in one of a frame's later blocks, 1, 2, ..."""
    x, y = threefry_2x32(key_0, key_1, frame, block)
    return (x & _THREE_QUANTILES) | ((y & _THREE_QUANTILES) << 3 * JITTER_BITS)


@jit
def first_jitter(bits: int) -> int:
    """The next pass's quantile; the bits behind it stand `JITTER_BITS` higher."""
    return bits & _QUANTILE


@jit_apart
def standard_normal(key_0: int, key_1: int, look: int, stream: int) -> float:
    """A quantile of the standard normal distribution, at the middle of equally likely parts.

    Args:
        key_0: The episode's stream.
        key_1: Second word of the key.
        look: Number of the frame or poll.
        stream: `AT_FRAMES` or `AT_POLLS`.
    """
    word, _ = threefry_2x32(key_0, key_1, look, stream)
    return float(_NORMAL[word >> (32 - _NOISE_BITS)])


def jitter_table(log_sigma: float) -> NDArray[np.float64]:
    """Quantiles of the factor, at the middles of equally likely parts: what the twin draws from."""
    count = 1 << JITTER_BITS
    return np.array([jitter_factor(log_sigma, (i + 0.5) / count) for i in range(count)])
