"""Typed, frozen data read from TOML files."""

import sys
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from tvfs_gym.envs.errors import InputError, invalid
from tvfs_gym.envs.toml import tomllib

if sys.version_info >= (3, 11):
    from importlib.resources.abc import Traversable as Traversable
else:
    from importlib.abc import Traversable as Traversable


MOST_BYTES = 8 << 20
"""Longest TOML file that can be meant."""

LONGEST_NAME = 200


def _name(text: str) -> str:
    if not text or len(text) > LONGEST_NAME or not text.isprintable():
        raise ValueError(
            f"a name has 1 to {LONGEST_NAME} characters, all printable, and is not {text!a}"
        )
    return text


Name = Annotated[str, AfterValidator(_name)]
"""A name that terminals, tables and figures show: a control character would be obeyed there."""


def _file_name(text: str) -> str:
    if text.startswith(".") or set(text) & set("/\\:"):
        raise ValueError(f"a file's name, without folders, was expected, not {text!a}")
    return text


FileName = Annotated[Name, AfterValidator(_file_name)]
"""A name that cannot lead out of its folder."""


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
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}.") from error
    if len(content) > MOST_BYTES:
        raise InputError(
            f"{path} is longer than {MOST_BYTES >> 20} MiB: no such table can be meant."
        )
    try:
        data = tomllib.loads(content.decode())
    except RecursionError as error:
        raise InputError(f"{path} is not valid TOML: it is nested too deeply.") from error
    except ValueError as error:  # of TOML, UTF-8, or a number of thousands of digits
        raise InputError(f"{path} is not valid TOML: {error}.") from error
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise invalid(str(path), error, model) from error
