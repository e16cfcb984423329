"""How far the twins of a comparison are from the boards that they stand for."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

ERRORS = files("tvfs_gym.experiments.twin") / "twin_errors.csv"
"""Errors of the shipped coolings on measured runs that they were not fitted to; ``tvfs-gym dev
fidelity`` writes it."""


@dataclass(frozen=True)
class TwinError:
    """Error of a twin's temperature on runs of the real board.

    Attributes:
        board: Name of the profile.
        cooling: Name of its cooling.
        scenarios: How many scenarios use it.
        held_out: What it was not fitted to; None if no measured run is known.
        rmse_c: Root mean square error of a free-running prediction, degC.
        worst_c: Its largest error, degC.
        constant_rmse_c: Error of the mean temperature as the prediction, degC; None if unknown.
    """

    board: str
    cooling: str
    scenarios: int
    held_out: str | None = None
    rmse_c: float | None = None
    worst_c: float | None = None
    constant_rmse_c: float | None = None


def twin_errors(config: Mapping[str, Any]) -> list[TwinError]:
    """The errors of all twins of a comparison, a row per board, cooling and measurement.

    Args:
        config: Configuration of a benchmark or a run; one on a real board has no twins.
    """
    if config.get("real"):
        return []
    measured: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in csv.DictReader(ERRORS.read_text(encoding="utf-8").splitlines()):
        measured.setdefault((row["board"], row["cooling"]), []).append(row)
    found = []
    for (board, cooling), count in sorted(_used(config).items()):
        rows = measured.get((board, cooling), [])
        found += [_error(board, cooling, count, row) for row in rows]
        if not rows:
            found.append(TwinError(board, cooling, count))
    return found


def _error(board: str, cooling: str, count: int, row: Mapping[str, str]) -> TwinError:
    numbers = (row[f"{name}_c"] for name in ("model_rmse", "model_worst", "constant_rmse"))
    values = (float(number) if number else None for number in numbers)
    return TwinError(board, cooling, count, f"{row['held_out']} ({row['session']})", *values)


def _used(config: Mapping[str, Any]) -> dict[tuple[str, str], int]:
    """Boards and coolings, with the number of scenarios in which they occur."""
    used: dict[tuple[str, str], int] = {}
    for scenario in config["scenarios"].values():
        profile = config["boards"].get(scenario["board"]) or {}
        for cooling in dict.fromkeys(_coolings(scenario, profile)):
            key = str(profile.get("name", scenario["board"])), cooling
            used[key] = used.get(key, 0) + 1
    return used


def _coolings(scenario: Mapping[str, Any], profile: Mapping[str, Any]) -> Iterator[str]:
    yield scenario.get("cooling") or next(iter(profile.get("cooling", {})), "its own")
    for change in scenario["changes"]:
        if change.get("cooling"):
            yield change["cooling"]
