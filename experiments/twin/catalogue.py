"""Catalogue of the shipped profiles' fitted coolings and the traces that they rest on."""

import math
from importlib.resources import files

from pydantic import Field

from tvfs_gym.envs.tables import Table, read_toml

CATALOGUE = files("tvfs_gym.experiments.twin") / "fidelity.toml"


class Source(Table):
    """Where a folder of traces comes from."""

    folder: str
    source: str
    licence: str


class HeldOut(Table):
    """Runs that a cooling was not fitted to.

    Attributes:
        title: Title of the section.
        traces: Patterns of files.
        from_s: Only what lies behind this time counts, and what lies before it is known.
    """

    title: str
    traces: tuple[str, ...]
    from_s: float | None = None


class Fit(Table):
    """A cooling of a shipped profile, and what it is fitted to.

    Attributes:
        board: Profile.
        cooling: Its name in the profile.
        note: Note on the measurement.
        traces: Patterns of files.
        until_s: Only what lies before this time is used.
        full_load_w: Heat at a load of 1, for runs without power and clock.
        held_out: Runs that show how good it is.
    """

    board: str
    cooling: str
    note: str
    traces: tuple[str, ...]
    until_s: float = math.inf
    full_load_w: float | None = None
    held_out: tuple[HeldOut, ...]


class Adaptation(Table):
    """A cooling of a shipped profile whose network is another one's, its resistance fitted to logs.

    Attributes:
        board: Profile.
        cooling: Its name in the profile.
        origin: Fitted cooling of the same profile whose network is taken over.
        note: Note on the logs.
        traces: Files, one log each.
    """

    board: str
    cooling: str
    origin: str
    note: str
    traces: tuple[str, ...] = Field(min_length=2)


class Transfer(Table):
    """A run of another board or cooling, predicted by a fitted network from its heat alone."""

    title: str
    board: str
    cooling: str
    traces: tuple[str, ...]
    full_load_w: float | None = None


class Catalogue(Table):
    """The whole of it."""

    sources: tuple[Source, ...]
    fits: tuple[Fit, ...]
    adaptations: tuple[Adaptation, ...]
    transfers: tuple[Transfer, ...]


def load_catalogue() -> Catalogue:
    """The catalogue that ships with the package."""
    return read_toml(CATALOGUE, Catalogue)
