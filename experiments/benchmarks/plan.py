"""What a benchmark is to run: checked before what reads and writes results is loaded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tvfs_gym.agents.pretrained import pretrained_names
from tvfs_gym.baselines import CONTROLLERS, HINDSIGHT
from tvfs_gym.baselines.characterisation import file as characterisation_file
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.boards.twin.board import check_possible
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.topology import load_family
from tvfs_gym.experiments.benchmarks.suite import Case, Suite, load_suite
from tvfs_gym.experiments.controllers import check_name

DEFAULT_BOARD = "odroid_xu4"
"""The board of conditions that name none."""


@dataclass(frozen=True)
class BenchmarkPlan:
    """Controllers times scenarios times seeds.

    Attributes:
        suite: Name or TOML file of the suite.
        controllers: As `tvfs_gym.experiments.controllers` names them; if empty, all baselines and
            the policies that ship with the package.
        seeds: Episodes per controller and scenario, with the seeds 0, 1, ...
        board: Board profile, name or TOML file, whose conditions alone are run, and those that name
            none; None for all boards of the suite.
        family: Topology family, name or TOML file; None for the suite's.
        overrides: Values of the scenario that hold throughout.
        characterisation: Output of ``tvfs-gym characterise``, from which all controllers are
            built; None to measure each scenario's twin.

    Raises:
        InputError: A name is unknown, a scenario impossible, or the characterisation unusable.
    """

    suite: str
    controllers: Sequence[str]
    seeds: int
    board: str | None = None
    family: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    characterisation: Path | None = None

    def __post_init__(self) -> None:
        if len(set(self.controllers)) < len(self.controllers):
            raise InputError("every --controller must be named once.")
        for name in self.controllers:
            check_name(name)
        if self.seeds < 1:
            raise InputError(f"the number of seeds must be at least 1, not {self.seeds}.")
        for case in self.cases.values():
            check_possible(load_profile(case.board), case.scenario)
        load_family(self.networks)
        if self.characterisation is not None:
            characterisation_file.read(self.characterisation)

    @property
    def names(self) -> list[str]:
        """Names of the controllers."""
        return list(self.controllers) or [*CONTROLLERS, *pretrained_names(), *HINDSIGHT]

    @property
    def networks(self) -> str:
        """The family, by name or file."""
        return self.family or self._suite.family

    @cached_property
    def _suite(self) -> Suite:
        return load_suite(self.suite).on_board(self.board)

    @cached_property
    def cases(self) -> dict[str, Case]:
        """The scenarios and their boards, by name."""
        return self._suite.cases(self.board or DEFAULT_BOARD, dict(self.overrides))

    @property
    def config(self) -> dict[str, Any]:
        """What a folder of results says that it is of."""
        family = load_family(self.networks)
        given = self.characterisation
        return {
            "suite": self.suite,
            "boards": {
                name: load_profile(name).model_dump()
                for name in sorted({case.board for case in self.cases.values()})
            },
            "family": family.name,
            "topologies": family.names,
            "controllers": self.names,
            "seeds": list(range(self.seeds)),
            "scenarios": {name: case.description() for name, case in self.cases.items()},
            **({} if given is None else {"characterisation": str(given)}),
        }
