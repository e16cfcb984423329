"""The exponential in plain arithmetic: the same bits everywhere, and cheap within a compiled loop.

A C library's ``exp`` may differ in its last bit from another's, and cannot be inlined.
"""

import math

import numpy as np

from tvfs_gym.envs.jit import jit

_STEPS = 64
_LAST = 64.0
_WHOLE = np.array([math.exp(-i) for i in range(int(_LAST) + 1)])
_FRACTION = np.array([math.exp(-i / _STEPS) for i in range(_STEPS)])


@jit
def decay(x: float) -> float:
    """exp(-x), with a relative error under 1e-12; 0 beyond x = 64, where it is under 2e-28.

    x is split into whole numbers, 64ths and a rest r within +-1/128; the first two are looked up,
    and exp(r) is its Taylor polynomial of degree 4, whose error is |r|^5 / 120 < 3e-13.

    Args:
        x: Not negative.
    """
    if not -1.0 <= x <= _LAST:  # nor is it a number: what is looked up must be in the tables
        return 0.0
    nearest = int(x * _STEPS + 0.5)
    r = nearest * (1.0 / _STEPS) - x
    taylor = 1.0 + r * (1.0 + r * (1.0 / 2.0 + r * (1.0 / 6.0 + r * (1.0 / 24.0))))
    return float(_WHOLE[nearest // _STEPS] * _FRACTION[nearest % _STEPS] * taylor)
