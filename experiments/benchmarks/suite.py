"""Benchmark suites: which boards, conditions and latency constraints the controllers face."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import Field

from tvfs_gym.envs.errors import unknown
from tvfs_gym.envs.scenario import Scenario, scenario_of
from tvfs_gym.envs.tables import Table, read_toml

SUITES = files("tvfs_gym.experiments.benchmarks") / "suites"


@dataclass(frozen=True)
class Case:
    """A case of a comparison: a scenario on a board.

    Attributes:
        board: Board profile: name or TOML file.
        scenario: The conditions.
    """

    board: str
    scenario: Scenario


class Condition(Table):
    """Conditions of a suite.

    Attributes:
        board: Board profile; None for the benchmark's.
        latency_constraints_s: L_c of its scenarios, s; None for the suite's.
        scenario: Values of `tvfs_gym.envs.scenario.Scenario`.
    """

    board: str | None = None
    latency_constraints_s: tuple[float, ...] | None = Field(default=None, min_length=1)
    scenario: dict[str, Any] = Field(default={})


class Suite(Table):
    """Conditions times latency constraints.

    Attributes:
        family: Topology family.
        latency_constraints_s: L_c of the scenarios, s.
        conditions: By name.
    """

    family: str
    latency_constraints_s: tuple[float, ...] = Field(min_length=1)
    conditions: dict[str, Condition] = Field(min_length=1)

    def cases(self, board: str, overrides: dict[str, Any]) -> dict[str, Case]:
        """The cases by name, e.g. ``nominal, 40 ms``.

        Args:
            board: Board profile of the conditions that name none.
            overrides: Values of the scenario that hold in all of them.

        Raises:
            InputError: A scenario is impossible.
        """
        return {
            f"{name}, {1e3 * constraint_s:g} ms": Case(
                condition.board or board,
                scenario_of(
                    {"latency_constraint_s": constraint_s, **condition.scenario, **overrides}
                ),
            )
            for name, condition in self.conditions.items()
            for constraint_s in condition.latency_constraints_s or self.latency_constraints_s
        }


def suite_names() -> tuple[str, ...]:
    """Lists the suites that ship with the package."""
    return tuple(sorted(file.name.removesuffix(".toml") for file in SUITES.iterdir()))


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
