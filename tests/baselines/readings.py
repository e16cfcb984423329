"""Readings by hand, for controllers whose rule is tested without an environment."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tvfs_gym.envs.observation import Reading

LEVELS = ("vf_level", "cap_level", "topology")


def readings(**fields: ArrayLike) -> Reading:
    """A batch of readings with these fields, broadcast to one another; the others are zero.

    L_c is 75 ms and T_max 85 degC unless told otherwise.
    """
    given = {"latency_constraint_s": 0.075, "t_max_c": 85.0, **fields}
    names = Reading._fields
    columns = np.broadcast_arrays(*(np.atleast_1d(given.get(name, 0.0)) for name in names))
    typed: list[Any] = [
        column.astype(np.int64 if name in LEVELS else np.float64)
        for name, column in zip(names, columns, strict=True)
    ]
    return Reading(*typed)
