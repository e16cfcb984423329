"""Cells from elsewhere: their columns, and values that no run can have measured."""

from collections.abc import Iterator

import polars as pl

from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.errors import InputError
from tvfs_gym.experiments.results.statistics import METRICS

TEXT, WHOLE, COUNTS = "text", "whole numbers", "lists of numbers"

HOLD = {
    "scenario": TEXT,
    "controller": TEXT,
    "seed": WHOLE,
    "objective": TEXT,
    "training_seed": WHOLE,
    "unanswered_frames": WHOLE,
    "photograph_frames": COUNTS,
    "photograph_reliable": COUNTS,
}
"""What columns hold that are not measured; they may be empty."""

COLDEST_C, HOTTEST_C = -100.0, 500.0
"""Of what a damaged sensor can read, or a twin that runs away."""

ANY = (-1e18, 1e18)
SHARE = (0.0, 1.0 + 1e-6)
LATENCY_S = (0.0, 1e6)
TEMPERATURE_C = (COLDEST_C, HOTTEST_C)

STEP_RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(Window.fields[: Window.fields.index("cost_temperature")], ANY),
    "time_s": (0.0, 1e9),
    "duration_s": (1e-9, 1e8),
    "temperature_c": TEMPERATURE_C,
    "temperature_mean_c": TEMPERATURE_C,
    "temperature_max_c": TEMPERATURE_C,
    "frequency_hz": (0.0, 1e12),
    "vf_level": (-1.0, 1e3),
    "topology": (0.0, 1e4),
    "frames": (0.0, 1e7),
    "latency_mean_s": LATENCY_S,
    "energy_j": (0.0, 1e9),
    "confidence_mean": (0.0, 1.01),
}
"""Columns of steps, and their least and greatest values; NaN is what was not measured."""

EPISODE_RANGES: dict[str, tuple[float, float]] = {
    **{name: ANY for name in METRICS if name != "regret"},
    "reliable_accuracy": SHARE,
    "on_time_accuracy": SHARE,
    "accuracy": SHARE,
    "late_share": SHARE,
    "above_t_max_share": SHARE,
    "throttled_share": SHARE,
    "latency_s_p50": LATENCY_S,
    "latency_s_p99": LATENCY_S,
    "temperature_c_mean": TEMPERATURE_C,
    "temperature_c_max": TEMPERATURE_C,
    "energy_j_per_frame": (0.0, 1e6),
}
"""The same of episodes."""

BOUND_RANGES = {"bound": (0.0, 1.01)}
"""The same of bounds."""


def check_plausible(
    cells: pl.DataFrame, ranges: dict[str, tuple[float, float]], where: str
) -> None:
    """Checks that cells have the columns of a run, and values that one can have.

    Args:
        cells: Rows of cells.
        ranges: Least and greatest value by column.
        where: The folder or the file, for the error.

    Raises:
        InputError: They are not those of a run.
    """
    problem = next(_problems(cells, ranges), None)
    if problem is not None:
        raise InputError(
            f"{where} holds no results of a benchmark or run: {problem}; remove the file, and the "
            "command that wrote it makes it anew."
        )


def _problems(cells: pl.DataFrame, ranges: dict[str, tuple[float, float]]) -> Iterator[str]:
    if cells.is_empty():
        yield "there is no row"
    for name in ranges:
        if name not in cells.columns:
            yield f"the column {name} is missing"
        elif not cells[name].dtype.is_numeric():
            yield f"the column {name} holds no numbers"
    for name, kind in HOLD.items():
        if name in cells.columns and not _holds_kind(cells[name].dtype, kind):
            yield f"the column {name} does not hold {kind}"
    for name, (least, most) in ranges.items():
        values = cells[name].cast(pl.Float64)
        wrong = values.filter(~(values.is_nan() | values.is_between(least, most)))
        if len(wrong):
            yield f"{name} = {wrong[0]:g} lies outside {least:g} to {most:g}"


def _holds_kind(dtype: pl.DataType, kind: str) -> bool:
    """Tells whether a column's type is of a kind, or of nothing."""
    if isinstance(dtype, pl.Null):
        return kind != COUNTS
    if kind == TEXT:
        return isinstance(dtype, pl.String)
    if kind == WHOLE:
        return dtype.is_integer()
    return (
        isinstance(dtype, pl.List)
        and isinstance(dtype.inner, pl.DataType)
        and (dtype.inner.is_integer())
    )
