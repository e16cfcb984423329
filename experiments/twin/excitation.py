"""Excitation: whether a run's heat shows a steady gain at all.

A chip on a heat sink has time constants from seconds to many minutes. A run whose heat changes only
once shows the slow ones only if it lasts until the temperature has settled; before, any fit takes
what was reached for all there is.
"""

from collections.abc import Sequence

import numpy as np

from tvfs_gym.experiments.twin.identification import Trace

LOW, HIGH = 0.4, 0.6
"""Shares of the span of the heat that it must cross, one after the other, to count as a change."""

HOLD_S = 45.0
"""Time for which a new level must hold to count: in a shorter pause no heat sink shows."""

SPIKE = 3
"""Samples over which a median hides what is no change of the work."""

SETTLING_S = 900.0
"""Time after a change in which a heat sink may still warm up unseen; the slowest cooling of the
shipped profiles takes some 300 s, a third of it."""

STILL_RISING = 0.02
"""Share of the rise that the temperature may gain in the last third of a run that has settled."""


def changes_of_heat(trace: Trace) -> list[int]:
    """Samples at which the heat has gone from low to high, or back, and stayed there."""
    from scipy.ndimage import median_filter  # which takes a fifth of a second

    heat = trace.heat_at(trace.temperature_c)
    heat = heat + sum(trace.workloads.values())
    steady = median_filter(heat, SPIKE)
    low, high = float(steady.min()), float(steady.max())
    share = (heat - low) / max(high - low, np.finfo(float).tiny)
    high_at, level = [], False
    for value in share:
        level = True if value > HIGH else False if value < LOW else level
        high_at.append(level)
    turns = [0, *(np.flatnonzero(np.diff(high_at)) + 1).tolist()]
    ends_s = [*trace.time_s[turns[1:]], trace.time_s[-1]]
    held = [
        turn
        for turn, end_s in zip(turns, ends_s, strict=True)
        if turn == 0 or end_s - trace.time_s[turn] >= HOLD_S
    ]
    return [
        turn
        for turn, before in zip(held[1:], held, strict=False)
        if high_at[turn] != high_at[before]
    ]


def reached_gain(traces: Sequence[Trace]) -> float | None:
    """Lower bound of the steady gain, if the runs have not settled after a single change of heat.

    Returns:
        None if any run has several changes of heat, or has settled after its only one.
    """
    reached = []
    for trace in traces:
        changes = changes_of_heat(trace)
        if len(changes) > 1:
            return None
        gain = _gain_of_step(trace, changes[0] if changes else 0)
        if gain is None:
            return None
        reached.append(gain)
    return max(reached)


def _gain_of_step(trace: Trace, start: int) -> float | None:
    """Rise per change of heat since a step; None if the temperature has settled."""
    after = trace.time_s[-1] - trace.time_s[start]
    temperature_c = trace.temperature_c[start:]
    parts = np.array_split(temperature_c, 6)
    ends_c = [float(part.mean()) for part in parts]
    first_c = float(np.median(trace.temperature_c[: max(start, 1)]))
    rise_c = ends_c[-1] - first_c
    still_c = ends_c[-1] - ends_c[-3]
    if after >= SETTLING_S and abs(still_c) <= STILL_RISING * abs(rise_c):
        return None
    heat = trace.heat_at(trace.temperature_c) + sum(trace.workloads.values())
    # The run may have begun cold, so the rise belongs to all of the heat, not to its change alone.
    return abs(rise_c) / max(float(heat[start:].mean()), np.finfo(float).tiny)
