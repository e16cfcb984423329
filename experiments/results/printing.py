"""Prints results as their user wants them: briefly, in full, for machines, or not."""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any

from tvfs_gym.experiments.options import Printing

if TYPE_CHECKING:
    from tvfs_gym.experiments.results.comparison import Comparison  # and with it all of polars


def print_comparison(comparison: "Comparison", printing: Printing) -> None:
    """Prints results on standard output.

    Args:
        comparison: The results.
        printing: Options of the command.
    """
    from tvfs_gym.experiments.results.brief import print_brief
    from tvfs_gym.experiments.results.full import print_full
    from tvfs_gym.experiments.results.machine import print_json

    if printing.json:
        print_json(comparison)
    elif not printing.quiet:
        if printing.full:
            print_full(comparison)
        print_brief(comparison)


@contextmanager
def words(printing: Printing) -> Iterator[None]:
    """Lets a command print what people read, unless JSON or nothing is wanted.

    Args:
        printing: Options of the command.
    """
    if printing.json or printing.quiet:
        with redirect_stdout(StringIO()):
            yield
    else:
        yield


def print_findings(findings: Mapping[str, Any], printing: Printing) -> None:
    """Prints what a command has found as one JSON object, if that is wanted.

    Args:
        findings: Keys that stay, and values that JSON can hold; what is not finite becomes null.
        printing: Options of the command.
    """
    if printing.json:
        print(json.dumps(finite(findings), indent=2, allow_nan=False))


def finite(value: Any) -> Any:
    """A value with null in place of every number that is not finite."""
    if isinstance(value, Mapping):
        return {str(key): finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
