"""The errors: a user's mistake, with its most common wording, and a board's failure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, get_args

if TYPE_CHECKING:  # the board's sysfs layer runs where there is no pydantic
    from pydantic import BaseModel, ValidationError


class InputError(ValueError):
    """Something the user gave cannot be used; the message says what was expected, came, and helps.

    The command line prints the message alone and exits with status 2.
    """


class BoardError(RuntimeError):
    """The board failed, cannot be trusted, or is in use; the message says what happened and helps.

    The command line prints the message alone and exits with status 3.
    """


def unknown(kind: str, name: str, known: Iterable[str]) -> InputError:
    """Builds the error for a name that is not among the known ones, nearest names first.

    Args:
        kind: Noun for the name, e.g. ``"controller"``.
        name: The name that came.
        known: Every name that would have been right.
    """
    return InputError(f"unknown {kind} '{name}': {_hint(name, known)}")


def _hint(name: str, known: Iterable[str]) -> str:
    """The nearest names, whatever their case, or all of them."""
    names = {each.lower(): each for each in sorted(known)}
    near = [names[each] for each in get_close_matches(name.lower(), names, n=3, cutoff=0.5)]
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"choose one of {', '.join(names.values())}."


def invalid(what: str, error: ValidationError, model: type[BaseModel] | None = None) -> InputError:
    """Builds the error for data that does not fit its model, naming the first wrong field.

    Args:
        what: What the data is.
        error: The model's own error.
        model: The model, whose keys are named where one is unknown.
    """
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        keys = () if model is None else _keys(model, first["loc"][:-1])
        message = f"unknown key: {_hint(str(first['loc'][-1]), keys)}" if keys else "unknown key"
    more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return InputError(f"{what}: {field + ': ' if field else ''}{message}{more}")


def _keys(model: type[BaseModel], place: tuple[int | str, ...]) -> Iterable[str]:
    """Keys of the part of a model that stands at a place; none if it cannot be told."""
    for part in place:
        if isinstance(part, str) and part in model.model_fields:
            parts = list(_models(model.model_fields[part].annotation))
            if len(parts) != 1:
                return ()
            model = parts[0]
    return list(model.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Models in an annotation."""
    if hasattr(annotation, "model_fields"):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def at_least(name: str, number: int, least: int) -> int:
    """Returns a number that is at least so much.

    Raises:
        InputError: It is less.
    """
    if number < least:
        raise InputError(f"{name} must be at least {least}, not {number}.")
    return number
