"""Benchmark suites: which boards, conditions and latency constraints the controllers face."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.boards.variation import Variation
from tvfs_gym.envs.errors import InputError, unknown
from tvfs_gym.envs.lengths import frames_per_step
from tvfs_gym.envs.randomisation import DomainRandomisation, Episodes
from tvfs_gym.envs.scenario import Scenario, scenario_of
from tvfs_gym.envs.tables import Name, Table, read_toml

SUITES = files("tvfs_gym.experiments.benchmarks") / "suites"


@dataclass(frozen=True)
class Case:
    """A case of a comparison: a scenario on a board.

    Attributes:
        board: Board profile: name or TOML file.
        scenario: The conditions.
        units: True if every seed has a unit and a room of its own.
        rooms_c: Coolest and warmest of these rooms, degC; None for the profile's range.
        variation: Name of the suite's variation of the board; None for the board as it is.
    """

    board: str
    scenario: Scenario
    units: bool = False
    rooms_c: tuple[float, float] | None = None
    variation: str | None = None

    @property
    def frames_per_step(self) -> int:
        """Frames of a step: see `frames_per_step`."""
        return frames_per_step(self.scenario.latency_constraint_s)

    def scenarios(self, seeds: Sequence[int]) -> list[Scenario]:
        """Scenarios of the episodes with some seeds, the same for all controllers.

        Raises:
            InputError: The board's profile does not say how units differ.
        """
        if not self.units:
            return [self.scenario] * len(seeds)
        randomisation = DomainRandomisation(load_profile(self.board), rooms_c=self.rooms_c)
        return [
            randomisation.draw(self.scenario, Episodes.seeded(seed).next_key()) for seed in seeds
        ]

    def description(self) -> dict[str, Any]:
        """Everything that defines the case, as JSON can hold it."""
        return {
            "board": self.board,
            "units": self.units,
            "rooms_c": self.rooms_c,
            "variation": self.variation,
            "frames_per_step": self.frames_per_step,
            **self.scenario.model_dump(mode="json"),
        }


class Condition(Table):
    """Conditions of a suite.

    Attributes:
        board: Board profile; None for the benchmark's.
        latency_constraints_s: L_c of its scenarios, s; None for the suite's.
        units: True if every seed has a unit and a room of its own: the same for all controllers,
            drawn as `tvfs_gym.envs.randomisation.DomainRandomisation` does.
        rooms_c: Coolest and warmest of these rooms, degC; None for the profile's range.
        scenario: Values of `tvfs_gym.envs.scenario.Scenario`.
    """

    board: str | None = None
    latency_constraints_s: tuple[float, ...] | None = Field(default=None, min_length=1)
    units: bool = False
    rooms_c: tuple[float, float] | None = None
    scenario: dict[str, Any] = Field(default={})

    @model_validator(mode="after")
    def _rooms_of_units(self) -> "Condition":
        if self.rooms_c is not None and not self.units:
            raise ValueError("rooms_c needs units = true: without, the scenario's ambient_c holds")
        if self.rooms_c is not None and self.rooms_c[0] > self.rooms_c[1]:
            raise ValueError(f"rooms_c = {self.rooms_c} must ascend")
        return self


class Suite(Table):
    """Conditions times latency constraints.

    Attributes:
        family: Topology family.
        latency_constraints_s: L_c of the scenarios, s, of conditions that have none of their own.
        conditions: By name.
        variations: Variations of the boards, by name, in each of which the suite is run; none for
            the boards as they are.
    """

    family: str
    latency_constraints_s: tuple[float, ...] = ()
    conditions: dict[Name, Condition] = Field(min_length=1)
    variations: dict[Name, Variation] = Field(default={})

    @model_validator(mode="after")
    def _constrained(self) -> "Suite":
        for name, condition in self.conditions.items():
            if not (condition.latency_constraints_s or self.latency_constraints_s):
                raise ValueError(
                    f"conditions.{name} needs latency_constraints_s, or the suite does"
                )
        return self

    def on_board(self, board: str | None) -> "Suite":
        """The conditions of a board, and those that name none.

        Args:
            board: Board profile, name or TOML file; None for all boards.

        Raises:
            InputError: There is no such board, or no condition for it.
        """
        if board is None:
            return self
        load_profile(board)
        conditions = {
            name: condition
            for name, condition in self.conditions.items()
            if condition.board in (None, board)
        }
        if not conditions:
            raise InputError(
                f"this suite has no scenario on {board}: name one that has, such as any_board."
            )
        return self.model_copy(update={"conditions": conditions})

    def cases(self, board: str, overrides: dict[str, Any]) -> dict[str, Case]:
        """The cases by name, e.g. ``nominal, 40 ms``, or ``nominal, 40 ms, jitter x 2``.

        Args:
            board: Board profile of the conditions that name none.
            overrides: Values of the scenario that hold in all of them.

        Raises:
            InputError: A scenario is impossible, or two have the same name.
        """
        cases: dict[str, Case] = {}
        for variation, varied in (self.variations or {"": Variation()}).items():
            for name, condition in self.conditions.items():
                for constraint_s in condition.latency_constraints_s or self.latency_constraints_s:
                    named = f"{name}, {1e3 * constraint_s:g} ms"
                    named += f", {variation}" if variation else ""
                    if named in cases:
                        raise InputError(
                            f"two scenarios of the suite are called '{named}': leave one out, or "
                            "give L_c that differ by more."
                        )
                    cases[named] = _case(
                        condition, constraint_s, board, varied.query, variation, overrides
                    )
        return cases


def _case(
    condition: Condition,
    constraint_s: float,
    board: str,
    query: str,
    variation: str,
    overrides: dict[str, Any],
) -> Case:
    room_c = overrides.get("ambient_c")
    name = condition.board or board
    return Case(
        f"{name}?{query}" if query else name,
        scenario_of({"latency_constraint_s": constraint_s, **condition.scenario, **overrides}),
        condition.units,
        condition.rooms_c if room_c is None else (room_c, room_c),
        variation or None,
    )


def suite_names() -> tuple[str, ...]:
    """Lists the suites that ship with the package."""
    return tuple(sorted(file.name.removesuffix(".toml") for file in SUITES.iterdir()))


def suite_for(board: str | None) -> str:
    """Names the default suite: main, or any_board on a board that main has no scenario on."""
    main = load_suite("main").conditions.values()
    return (
        "main" if board is None or any(one.board in (None, board) for one in main) else "any_board"
    )


def load_suite(suite: str) -> Suite:
    """Loads a suite.

    Args:
        suite: A name from `suite_names`, or the path of a TOML file.

    Raises:
        InputError: There is no such suite, or it does not fit the model.
    """
    if suite.endswith(".toml"):
        return read_toml(Path(suite), Suite)
    if suite not in suite_names():
        raise unknown("suite", suite, suite_names())
    return read_toml(SUITES / f"{suite}.toml", Suite)
