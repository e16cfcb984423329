"""Resuming a run: its folder is compared with the command, and what is damaged is mended.

A power cut, a full disk or a careless copy may leave a file empty or cut short. Such a cell is
named and removed, so that the run computes it anew; a damaged configuration is written anew if all
cells bear the digest of this one.
"""

import json
from pathlib import Path
from typing import Any

import polars as pl

from tvfs_gym.envs.errors import InputError
from tvfs_gym.experiments.progress import LOGGER
from tvfs_gym.experiments.results.cells import (
    BOUNDS,
    DIGEST,
    EPISODES,
    STEPS,
    cell_files,
    is_readable,
)
from tvfs_gym.experiments.results.folder import (
    COMMAND,
    CONFIG,
    config_digest,
    free_folder,
    read_json,
    this_command,
)
from tvfs_gym.experiments.results.unfinished import unfinished_folder

KINDS = (STEPS, EPISODES, BOUNDS)


def resumed_folder(output: Path | None, name: str, config: dict[str, Any]) -> Path:
    """Finds the folder of a run, which resumes an earlier one of the same configuration.

    Args:
        output: Where the user wants it; None for what the same command did not finish, or else the
            next free ``results/NAME_N``.
        name: Name of the experiment.
        config: Anything that JSON can hold; an earlier run with the same is resumed.

    Raises:
        InputError: The wanted folder holds something else, or is a file.
    """
    stopped = unfinished_folder(name, COMMAND, this_command()) if output is None else None
    if stopped and _config_of(stopped) == json.loads(json.dumps(config)):
        LOGGER.info(f"resuming {stopped}, which was stopped")
        output = stopped
    if output is None or not any((output / file).is_file() for file in (COMMAND, CONFIG)):
        return free_folder(output, name)
    config = json.loads(json.dumps(config))
    earlier, damaged = _config_of(output), _damaged_cells(output)
    if earlier is None and set(_foreign_cells(output, config)) - set(damaged):
        raise InputError(
            f"{output / CONFIG} is damaged, and the cells are of another configuration: give the "
            "command that wrote them, or name another folder."
        )
    if earlier is not None and earlier != config:
        either = {**earlier, **config}
        differing = sorted(key for key in either if earlier.get(key) != config.get(key))
        raise InputError(
            f"{output} already holds results of another configuration, which differs in "
            f"{', '.join(differing)}: name another folder or remove it."
        )
    if earlier is None:
        LOGGER.warning(f"{output / CONFIG} is damaged or missing: written anew.")
    for file in damaged:
        LOGGER.warning(f"{file} is damaged, or lacks its steps: computed anew.")
        file.unlink()
    return output


def nominal_latency_of(folder: Path | None) -> float | None:
    """The nominal latency of the run that a folder holds; None if it holds none.

    A real board measures it anew, a little differently, whenever it is opened.
    """
    config = None if folder is None else _config_of(folder)
    found = None if config is None else config.get("nominal_latency_s")
    return found if isinstance(found, float) else None


def _config_of(folder: Path) -> dict[str, Any] | None:
    """The configuration of a run; None if its file is damaged or missing."""
    try:
        return read_json(folder, CONFIG)
    except InputError:
        return None


def _damaged_cells(folder: Path) -> list[Path]:
    """Cells that cannot be read, and episodes without steps: neither is a finished cell."""
    found = [file for kind in KINDS for file in cell_files(folder, kind)]
    damaged = [file for file in found if not is_readable(file)]
    whole = {file.name for file in found if file.parent.name == STEPS} - {
        file.name for file in damaged if file.parent.name == STEPS
    }
    lone = [f for f in found if f.parent.name == EPISODES and f.name not in whole]
    return list(dict.fromkeys([*damaged, *lone]))


def _foreign_cells(folder: Path, config: dict[str, Any]) -> list[Path]:
    """Readable cells that do not say that they were computed under a configuration."""
    digest = config_digest(config)
    readable = (f for kind in KINDS for f in cell_files(folder, kind) if is_readable(f))
    return [file for file in readable if pl.read_parquet_metadata(file).get(DIGEST) != digest]
