"""Results of a benchmark or a run as JSON, for machines."""

import json
import math
from typing import Any

import polars as pl

from tvfs_gym.experiments.results.comparison import Comparison


def print_json(comparison: Comparison) -> None:
    """Prints one JSON object; its keys stay, and new ones may come."""
    print(json.dumps(as_json(comparison), indent=2, allow_nan=False))


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Results as JSON can hold them.

    Returns:
        Keys: folder; report; controllers, in the order of the command; ranking, a row per
        controller, best first, as from `tvfs_gym.experiments.results.aggregate.aggregate`, empty
        without bounds; scenarios, a row per scenario and controller with every metric and its
        interval, METRIC_low and METRIC_high; differences, from the first controller of a run;
        rewards, the ranking under each reward asked for. Units are those of the Parquet files:
        shares of 1, s, J, degC. What was not measured is null.
    """
    return {
        "folder": str(comparison.folder),
        "report": str(comparison.report),
        "controllers": comparison.config["controllers"],
        "ranking": _rows(comparison.ranking),
        "scenarios": _rows(comparison.summary),
        "differences": _rows(comparison.differences),
        "rewards": _rows(comparison.by_reward),
    }


def _rows(table: pl.DataFrame | None) -> list[dict[str, Any]]:
    rows = [] if table is None else table.to_dicts()
    return [{name: _plain(value) for name, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
