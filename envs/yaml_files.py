"""YAML files that may be damaged, or made to do harm."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tvfs_gym.envs.errors import InputError

MOST_BYTES = 1 << 20
"""Longest file that can be meant: rl-zoo's have some ten thousand bytes."""

MOST_NODES = 100_000
"""Values of a file, those that it refers back to counted each time."""


def read_yaml(path: Path) -> dict[str, Any]:
    """Reads keys and values; objects are never made of them.

    Raises:
        InputError: The file is missing, no YAML, holds no keys, or too much.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1).decode()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}.") from error
    except ValueError as error:  # of UTF-8
        raise InputError(f"{path} is no YAML file: {error}.") from error
    return yaml_in(text, str(path))


def yaml_in(text: str, source: str) -> dict[str, Any]:
    """Reads the text of a YAML file; see `read_yaml`.

    Args:
        text: What it says.
        source: Name of the file, for errors.

    Raises:
        InputError: As for `read_yaml`.
    """
    if len(text) > MOST_BYTES:
        raise InputError(f"{source} is longer than {MOST_BYTES >> 20} MiB: no such can be meant.")
    try:
        content = yaml.safe_load(text)
        nodes = _nodes(content, {})
    except RecursionError as error:
        raise InputError(f"{source} is no YAML file: it is nested too deeply.") from error
    except (yaml.YAMLError, ValueError, TypeError) as error:  # dates, numbers, keys
        reason = " ".join(str(error).split())
        raise InputError(f"{source} is no YAML file: {reason}.") from error
    if nodes > MOST_NODES:
        raise InputError(f"{source} says more than {MOST_NODES} things: no such can be meant.")
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise InputError(f"expected keys and values in {source}, as in 'name: value'.")
    return content


def _nodes(content: Any, known: dict[int, int]) -> int:
    """Values of a document, those within it included."""
    if not isinstance(content, list | Mapping):
        return 1
    if id(content) not in known:
        parts = content.values() if isinstance(content, Mapping) else content
        known[id(content)] = 1 + sum(_nodes(part, known) for part in parts)
    return known[id(content)]
