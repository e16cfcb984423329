"""Typed, frozen data read from TOML files."""

import sys
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from tvfs_gym.envs.errors import InputError, invalid
from tvfs_gym.envs.toml import tomllib

if sys.version_info >= (3, 11):
    from importlib.resources.abc import Traversable as Traversable
else:
    from importlib.abc import Traversable as Traversable


class Table(BaseModel):
    """A frozen record that refuses keys it does not know, and numbers that are none."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


TableT = TypeVar("TableT", bound=Table)


def read_toml(path: Path | Traversable, model: type[TableT]) -> TableT:
    """Reads one TOML file into its model.

    Raises:
        InputError: The file is missing, is not TOML, or does not fit the model.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid TOML: {error}.") from error
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise invalid(str(path), error) from error
