"""Catalogue of the shipped profiles' fitted coolings and the traces that they rest on."""

import math
from importlib.resources import files

from pydantic import Field

from tvfs_gym.envs.boards.profile import BoardProfile, load_profile, profile_names
from tvfs_gym.envs.tables import Table, read_toml

CATALOGUE = files("tvfs_gym.experiments.twin") / "fidelity.toml"
DRAFTS = files("tvfs_gym.experiments.twin") / "drafts"
"""Profiles of boards that do not ship, with no cooling fitted."""

SAME_SESSION, ANOTHER_SESSION = "same session", "another session"


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
        with_the_fit: True if they were recorded in the same session as what was fitted; so was
            what lies behind a time.
    """

    title: str
    traces: tuple[str, ...]
    from_s: float | None = None
    with_the_fit: bool = False

    @property
    def session(self) -> str:
        """Whether it is that of what was fitted: the same room, the same day."""
        same = self.with_the_fit or self.from_s is not None
        return SAME_SESSION if same else ANOTHER_SESSION


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


class Untried(Table):
    """A board whose traces let nothing be fitted or held out, and why."""

    board: str
    reason: str


class Catalogue(Table):
    """The whole of it.

    Attributes:
        sources: Where the traces come from.
        fits: Coolings of boards whose profiles shipped before there was a rule for it.
        candidates: Coolings of further boards: see `tvfs_gym.experiments.twin.admission`.
        untried: Boards that could not even be tried.
        adaptations: Coolings taken over from another board.
        transfers: Runs predicted by another board's network.
    """

    sources: tuple[Source, ...]
    fits: tuple[Fit, ...]
    candidates: tuple[Fit, ...]
    untried: tuple[Untried, ...]
    adaptations: tuple[Adaptation, ...]
    transfers: tuple[Transfer, ...]


def profile_to_fit(board: str) -> BoardProfile:
    """The profile of a board of the catalogue: the one that ships, else its draft."""
    if board in profile_names():
        return load_profile(board)
    return read_toml(DRAFTS / f"{board}.toml", BoardProfile)


def load_catalogue() -> Catalogue:
    """The catalogue that ships with the package."""
    return read_toml(CATALOGUE, Catalogue)
