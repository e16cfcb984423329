"""Counter-based random numbers: a draw depends on its key and counter alone, never on history.

So every controller sees the same frames under the same seed, and one board or thousands in one
call draw the same numbers. 32-bit words are kept in Python integers or numba's int64, masked, so
that both give the same bits.
"""

import math

from tvfs_gym.envs.jit import jit

_WORD = 0xFFFFFFFF
_PARITY = 0x1BD11BDA


@jit
def _rotate_left(word: int, bits: int) -> int:
    return ((word << bits) | (word >> (32 - bits))) & _WORD


@jit
def threefry_2x32(key_0: int, key_1: int, counter_0: int, counter_1: int) -> tuple[int, int]:
    """Two random 32-bit words of the Threefry-2x32 generator with 20 rounds.

    Source: J. K. Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011, and the
    known answers of the authors' Random123 library.
    """
    key_2 = _PARITY ^ key_0 ^ key_1
    x = (counter_0 + key_0) & _WORD
    y = (counter_1 + key_1) & _WORD
    for group in range(5):
        even = group % 2 == 0
        for position in range(4):
            if position == 0:
                bits = 13 if even else 17
            elif position == 1:
                bits = 15 if even else 29
            elif position == 2:
                bits = 26 if even else 16
            else:
                bits = 6 if even else 24
            x = (x + y) & _WORD
            y = _rotate_left(y, bits) ^ x
        turn = group % 3
        if turn == 0:
            x, y = x + key_1, y + key_2
        elif turn == 1:
            x, y = x + key_2, y + key_0
        else:
            x, y = x + key_0, y + key_1
        x &= _WORD
        y = (y + group + 1) & _WORD
    return x, y


@jit
def unit(word: int) -> float:
    """A number strictly between 0 and 1 from a 32-bit word."""
    return (word + 0.5) / 4294967296.0


@jit
def standard_normal(word: int) -> float:
    """A standard normal draw from a 32-bit word, by inversion.

    Source: M. J. Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution",
    Applied Statistics 37(3), 1988, routine PPND16; the branch for probabilities under 1e-11 is left
    out, because a 32-bit word does not reach it.
    """
    p = unit(word)
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        numerator = (
            ((((((2.5090809287301226727e3 * r + 3.3430575583588128105e4) * r
            + 6.7265770927008700853e4) * r + 4.5921953931549871457e4) * r
            + 1.3731693765509461125e4) * r + 1.9715909503065514427e3) * r
            + 1.3314166789178437745e2) * r + 3.3871328727963666080
        )  # fmt: skip
        denominator = (
            ((((((5.2264952788528545610e3 * r + 2.8729085735721942674e4) * r
            + 3.9307895800092710610e4) * r + 2.1213794301586595867e4) * r
            + 5.3941960214247511077e3) * r + 6.8718700749205790830e2) * r
            + 4.2313330701600911252e1) * r + 1.0
        )  # fmt: skip
        return numerator * q / denominator
    r = math.sqrt(-math.log(p if q <= 0.0 else 1.0 - p)) - 1.6
    numerator = (
        ((((((7.74545014278341407640e-4 * r + 2.27238449892691845833e-2) * r
        + 2.41780725177450611770e-1) * r + 1.27045825245236838258) * r
        + 3.64784832476320460504) * r + 5.76949722146069140550) * r
        + 4.63033784615654529590) * r + 1.42343711074968357734
    )  # fmt: skip
    denominator = (
        ((((((1.05075007164441684324e-9 * r + 5.47593808499534494600e-4) * r
        + 1.51986665636164571966e-2) * r + 1.48103976427480074590e-1) * r
        + 6.89767334985100004550e-1) * r + 1.67638483018380384940) * r
        + 2.05319162663775882187) * r + 1.0
    )  # fmt: skip
    magnitude = numerator / denominator
    return -magnitude if q < 0.0 else magnitude
