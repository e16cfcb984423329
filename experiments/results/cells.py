"""Cells of a comparison: the steps and episodes of one controller in one scenario, as Parquet.

Every cell is a file of its own: finished cells stay when a run is stopped, and a resumed run
computes only the missing ones. Every cell bears the digest of its run's configuration, so that it
is known even where the file of the configuration is not.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
from polars._typing import PolarsDataType

from tvfs_gym.baselines.oracle import Bounds
from tvfs_gym.envs.errors import InputError
from tvfs_gym.experiments.episodes import Columns, Row
from tvfs_gym.experiments.results.folder import CONFIG, config_digest, read_json
from tvfs_gym.experiments.results.frames import write_parquet
from tvfs_gym.experiments.results.plausible import (
    BOUND_RANGES,
    EPISODE_RANGES,
    STEP_RANGES,
    check_plausible,
)

STEPS, EPISODES, BOUNDS = "steps", "episodes", "bounds"
"""Folders of a run: a row per step, a row per episode, a row per scenario and seed."""

SCHEMA: dict[str, PolarsDataType] = {
    "objective": pl.String,
    "training_seed": pl.Int64,
    "photograph_frames": pl.List(pl.UInt32),
    "photograph_reliable": pl.List(pl.UInt32),
}
"""Columns of the episodes whose type their values may not tell."""

BOUND_SCHEMA: dict[str, PolarsDataType] = {
    "scenario": pl.String,
    "seed": pl.Int64,
    "bound": pl.Float64,
    "grid_error": pl.Float64,
}
"""Columns of the bounds."""


SHIELDED = "shield_"
"""Beginning of the file name's part that names a controller behind a shield."""

MOST_READABLE = 150
"""Bytes of a cell's readable name: file systems take 255 in all."""

RANGES = {STEPS: STEP_RANGES, EPISODES: EPISODE_RANGES, BOUNDS: BOUND_RANGES}
"""Columns of cells that are read, and what they can hold."""

DIGEST = "tvfs_gym_config"
"""Key of the configuration's digest in the metadata of a cell."""


def cell_name(*parts: object) -> str:
    """A file name for a cell, from the names of scenario, controller, ...

    It is readable, and a hash of the very names keeps those apart that read alike in a file name.
    """
    readable = "--".join(re.sub(r"[^\w.]+", "_", str(part)).strip("_.") for part in parts)
    digest = sha256("\0".join(map(str, parts)).encode()).hexdigest()
    return f"{readable.encode()[:MOST_READABLE].decode(errors='ignore')}-{digest[:8]}"


def is_written(folder: Path, name: str, kind: str = EPISODES) -> bool:
    """Tells whether a cell is there."""
    return (folder / kind / f"{name}.parquet").is_file()


def write_cell(
    folder: Path,
    name: str,
    keys: Mapping[str, Any],
    seeds: Sequence[int],
    episodes: Sequence[tuple[Columns, Row]],
    training: Mapping[str, Any] | None = None,
) -> None:
    """Writes a cell, its episodes last: a cell whose episodes are there is whole.

    Args:
        folder: The run's folder.
        name: As from `cell_name`.
        keys: Columns that are the same in all rows: scenario, controller, ...
        seeds: Seeds of the episodes.
        episodes: As from `tvfs_gym.experiments.episodes.run_episodes`.
        training: Columns of the episodes that say how their policy was trained.
    """
    steps = pl.concat(
        _steps(keys, seed, columns) for seed, (columns, _) in zip(seeds, episodes, strict=True)
    )
    keys = {**keys, **(training or {})}
    rows = [{**keys, "seed": seed, **row} for seed, (_, row) in zip(seeds, episodes, strict=True)]
    _write(folder, STEPS, name, steps)
    _write(folder, EPISODES, name, pl.DataFrame(rows, schema_overrides=SCHEMA))


def write_unfinished(
    folder: Path, name: str, keys: Mapping[str, Any], seed: int, columns: Columns
) -> None:
    """Writes the steps of a cell's only episode, which was stopped: the cell is not whole."""
    _write(folder, STEPS, name, _steps(keys, seed, columns))


def _steps(keys: Mapping[str, Any], seed: int, columns: Columns) -> pl.DataFrame:
    same = (pl.lit(value).alias(key) for key, value in {**keys, "seed": seed}.items())
    return pl.DataFrame(columns).select(*same, pl.all())


def write_bounds(
    folder: Path, name: str, scenario: str, seeds: Sequence[int], bounds: Sequence[Bounds]
) -> None:
    """Writes what no controller can exceed in the episodes of a scenario.

    Args:
        folder: The run's folder.
        name: As from `cell_name`.
        scenario: Name of the scenario.
        seeds: Seeds of the episodes.
        bounds: One per seed.
    """
    rows = [
        {
            "scenario": scenario,
            "seed": seed,
            "bound": bound.finite_horizon,
            "grid_error": bound.grid_error,
        }
        for seed, bound in zip(seeds, bounds, strict=True)
    ]
    _write(folder, BOUNDS, name, pl.DataFrame(rows))


def _write(folder: Path, kind: str, name: str, frame: pl.DataFrame) -> None:
    write_parquet(folder / kind / f"{name}.parquet", frame, _digest_of_run(folder))


def _digest_of_run(folder: Path) -> dict[str, str]:
    return {DIGEST: config_digest(read_json(folder, CONFIG))}


def cell_files(folder: Path, kind: str) -> list[Path]:
    """The cells of a kind; the folder's own name is taken as it is, not as a pattern."""
    return sorted((folder / kind).glob("*.parquet"))


def is_readable(file: Path) -> bool:
    """Tells whether a cell can be read to its end."""
    try:
        pl.read_parquet(file, glob=False)
    except (OSError, pl.exceptions.PolarsError):
        return False
    return True


def step_cells(folder: Path) -> Iterator[pl.DataFrame]:
    """The steps of a run, a cell at a time: all of them may not fit into memory.

    Raises:
        InputError: The folder holds no usable ones.
    """
    files = cell_files(folder, STEPS)
    if not files:
        raise _none_usable(folder, f"{STEPS}/*.parquet")
    for file in files:
        try:
            steps = pl.read_parquet(file, glob=False)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise _damaged(file) from error
        check_plausible(steps, RANGES[STEPS], str(file))
        yield steps


def read_cells(folder: Path, kind: str, config: Mapping[str, Any]) -> pl.DataFrame:
    """All steps or episodes, scenarios and controllers in the order of the configuration.

    Args:
        folder: The run's folder.
        kind: `STEPS` or `EPISODES`.
        config: The run's configuration.

    Raises:
        InputError: The folder holds no usable ones.
    """
    return _sorted(_read(folder, kind), config)


def read_first_steps(folder: Path, config: Mapping[str, Any]) -> pl.DataFrame:
    """The steps of the first seed alone, which a long benchmark's memory has room for.

    Raises:
        InputError: The folder holds no usable ones.
    """
    return _sorted(_read(folder, STEPS, pl.col("seed") == min(config["seeds"])), config)


def read_episodes(folder: Path, config: Mapping[str, Any]) -> pl.DataFrame:
    """All episodes, with their bound and their regret: the bound less reliable accuracy.

    Where there is no bound, as on a real board, both are null.

    Raises:
        InputError: The folder holds no usable ones.
    """
    bounds = read_bounds(folder).select("scenario", "seed", "bound")
    episodes = read_cells(folder, EPISODES, config)
    bounded = episodes.join(bounds, on=["scenario", "seed"], how="left", maintain_order="left")
    return bounded.with_columns(regret=pl.col("bound") - pl.col("reliable_accuracy"))


def read_bounds(folder: Path) -> pl.DataFrame:
    """Bounds of the episodes: a row per scenario and seed; none on a real board.

    Returns:
        Columns: scenario; seed; bound, the reliable accuracy that no controller can exceed;
        grid_error, how exactly it is known (see `tvfs_gym.baselines.oracle.Bounds`).
    """
    if not (folder / BOUNDS).is_dir():
        return pl.DataFrame(schema=BOUND_SCHEMA)
    return _read(folder, BOUNDS)


def _sorted(cells: pl.DataFrame, config: Mapping[str, Any]) -> pl.DataFrame:
    scenario, controller = (
        pl.col(key).cast(pl.Enum(list(config[f"{key}s"]))) for key in ("scenario", "controller")
    )
    try:
        return cells.sort(scenario, controller, "seed", maintain_order=True)
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"the cells are not those of {CONFIG}: a scenario, controller or seed is not in it."
        ) from error


def _joined(files: list[Path]) -> pl.LazyFrame:
    """The rows of all cells; those of controllers without a shield have no vetoes."""
    shielded = [file for file in files if f"--{SHIELDED}" in file.name]
    if not shielded:
        return pl.scan_parquet(files, glob=False)
    others = [file for file in files if file not in set(shielded)]
    parts = [pl.scan_parquet(part, glob=False) for part in (others, shielded) if part]
    return pl.concat(parts, how="diagonal")


def _read(folder: Path, kind: str, rows: pl.Expr | bool = True) -> pl.DataFrame:
    files = cell_files(folder, kind)
    if not files:
        raise _none_usable(folder, f"{kind}/*.parquet")
    try:
        found = _joined(files).filter(rows).collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        damaged = next((file for file in files if not is_readable(file)), None)
        if damaged is not None:
            raise _damaged(damaged) from error
        raise _none_usable(folder, f"{kind}/*.parquet") from error
    check_plausible(found, RANGES[kind], str(folder / kind))
    return found


def _damaged(file: Path) -> InputError:
    return InputError(f"{file} is damaged: give the command that wrote it again, to make it anew.")


def _none_usable(folder: Path, what: str) -> InputError:
    return InputError(f"{folder} holds no results: no usable {what}.")
