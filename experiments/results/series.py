"""Time series of a scenario's first episodes, thin enough for a page: the report draws them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tvfs_gym.experiments.results.figures import ARGUMENT

POINTS = 110
"""Points of a curve."""

MOST_CURVES = 6
"""Controllers of a scenario that a page has room for: those of the argument, and the best."""

CURVES = {
    "temperature_c": ("temperature_c_highest", 1, True),
    "latency_ms": ("latency_ms_highest", 1, True),
    "clock_ghz": ("frequency_ghz", 2, False),
    "network": ("topology", 1, False),
}
"""Column of the drawable steps, decimals, and whether a point is the highest of its time, or else
the mean: of networks that take turns this shows the share of each."""


def series_of(steps: pl.DataFrame, best: Sequence[str]) -> dict[str, Any]:
    """Curves of a scenario.

    Args:
        steps: Its steps of one seed, as `tvfs_gym.experiments.results.figures.drawable` makes them.
        best: Its controllers, best first.

    Returns:
        end_s, the time of the last point, s; t_max_c and constraint_ms, each POINTS values; and
        controllers, name to the curves of `CURVES`. Where nothing happened stands None.
    """
    ran = set(steps["controller"].unique())
    named = [name for name in ARGUMENT if name in ran]
    shown = [*named, *(name for name in best if name in ran and name not in named)][:MOST_CURVES]
    steps = steps.filter(pl.col("controller").is_in(shown))
    last = steps.row(int(steps["time_s"].arg_max() or 0), named=True)
    end_s = float(last["time_s"])
    limits = steps.filter(pl.col("controller") == last["controller"])
    return {
        "end_s": round(end_s, 1),
        "t_max_c": _binned(limits, "t_max_c", 1, True, end_s),
        "constraint_ms": _binned(limits, "constraint_ms", 1, True, end_s),
        "controllers": {
            name: {
                curve: _binned(steps.filter(pl.col("controller") == name), *how, end_s)
                for curve, how in CURVES.items()
            }
            for name in shown
        },
    }


def _binned(
    steps: pl.DataFrame, column: str, decimals: int, highest: bool, end_s: float
) -> list[float | None]:
    """The highest or mean value of each of `POINTS` equal times, held where there is none."""
    bins = np.minimum((steps["time_s"].to_numpy() / end_s * POINTS).astype(int), POINTS - 1)
    values = steps[column].cast(pl.Float64).to_numpy()
    found: NDArray[np.float64] = np.full(POINTS, np.nan)
    for number in np.unique(bins):
        here = values[bins == number]
        found[number] = here.max() if highest else here.mean()
    known = np.flatnonzero(~np.isnan(found))
    until = bins.max() if len(bins) else -1
    held = pl.Series(found).fill_nan(None).fill_null(strategy="forward").to_list()
    first = known[0] if len(known) else POINTS
    return [
        round(float(value), decimals) if value is not None and first <= number <= until else None
        for number, value in enumerate(held)
    ]
