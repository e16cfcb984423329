"""The errors: a user's mistake, with its most common wording, and a board's failure."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the board's sysfs layer runs where there is no pydantic
    from pydantic import ValidationError


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
    names = sorted(known)
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"choose one of {', '.join(names)}."
    return InputError(f"unknown {kind} '{name}': {hint}")


def invalid(what: str, error: ValidationError) -> InputError:
    """Builds the error for data that does not fit its model, naming the first wrong field."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = "unknown key"
    more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return InputError(f"{what}: {field + ': ' if field else ''}{message}{more}")


def at_least(name: str, number: int, least: int) -> int:
    """Returns a number that is at least so much.

    Raises:
        InputError: It is less.
    """
    if number < least:
        raise InputError(f"{name} must be at least {least}, not {number}.")
    return number
