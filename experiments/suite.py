"""Benchmark suites: which conditions and latency constraints the controllers face."""

from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import Field

from tvfs_gym.envs.errors import unknown
from tvfs_gym.envs.scenario import Scenario, scenario_of
from tvfs_gym.envs.tables import Table, read_toml

SUITES = files("tvfs_gym.experiments") / "suites"


class Suite(Table):
    """Conditions times latency constraints.

    Attributes:
        family: Topology family.
        latency_constraints_s: L_c of the scenarios, s.
        conditions: Values of `tvfs_gym.envs.scenario.Scenario` by name of the condition.
    """

    family: str
    latency_constraints_s: tuple[float, ...] = Field(min_length=1)
    conditions: dict[str, dict[str, Any]] = Field(min_length=1)

    def scenarios(self, overrides: dict[str, Any]) -> dict[str, Scenario]:
        """The scenarios by name, e.g. ``nominal, 40 ms``.

        Args:
            overrides: Values that hold in all of them.

        Raises:
            InputError: A scenario is impossible.
        """
        return {
            f"{name}, {1e3 * constraint_s:g} ms": scenario_of(
                {"latency_constraint_s": constraint_s, **values, **overrides}
            )
            for name, values in self.conditions.items()
            for constraint_s in self.latency_constraints_s
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
