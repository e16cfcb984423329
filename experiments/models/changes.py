"""The cost of a change between resident networks, measured for ``tvfs-gym models add``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import process_time

import numpy as np

REPETITIONS = 120
"""Changes to every network, from each of the others in turn."""

STEADY_PASSES = 4
"""Passes after the first one that it is compared with, but for the one that follows it at once."""


@dataclass(frozen=True)
class ChangeShare:
    """Time that the first pass after a change takes longer, relative to a steady pass.

    Attributes:
        median: Of all changes, not below 0.
        quartiles: Lower and upper one.
    """

    median: float
    quartiles: tuple[float, float]

    def __str__(self) -> str:
        low, high = self.quartiles
        return f"{self.median:.3f} (quartiles {low:.3f} to {high:.3f} of {REPETITIONS} changes)"


def change_shares(passes: Sequence[Callable[[], object]]) -> list[ChangeShare]:
    """Measures the changes to each of several resident networks, in CPU time, interleaved.

    Args:
        passes: One function per network that runs a pass; at least two, else nothing changes.
    """
    if len(passes) < 2:
        return [ChangeShare(0.0, (0.0, 0.0)) for _ in passes]
    for run in passes:
        run()
    shares = np.empty((REPETITIONS, len(passes)))
    for repetition in range(REPETITIONS):
        for i, run in enumerate(passes):
            other = passes[(i + 1 + repetition % (len(passes) - 1)) % len(passes)]
            for _ in range(2):
                other()
            first_s, _, *steady_s = [_cpu_s(run) for _ in range(2 + STEADY_PASSES)]
            shares[repetition, i] = first_s / np.median(steady_s) - 1.0
    quartiles = np.quantile(shares, (0.25, 0.5, 0.75), axis=0).T.tolist()
    return [ChangeShare(max(median, 0.0), (low, high)) for low, median, high in quartiles]


def _cpu_s(run: Callable[[], object]) -> float:
    start_s = process_time()
    run()
    return process_time() - start_s
