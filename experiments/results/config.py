"""The configuration of a benchmark or a run, read with every doubt: it may come from elsewhere."""

from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, ValidationError, model_validator

from tvfs_gym.baselines.characterisation.file import CharacterisationFile
from tvfs_gym.envs.boards.profile import COLDEST_C, HOTTEST_C, MOST_LEVELS, BoardProfile
from tvfs_gym.envs.errors import InputError, invalid
from tvfs_gym.envs.inference.topology import Family
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.tables import Table
from tvfs_gym.experiments.results.folder import CONFIG, read_json

MOST_SEED = 2**63 - 1


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("a terminal would obey what it holds")
    return text


Text = Annotated[str, Field(max_length=4096), AfterValidator(_printable)]
"""A name or a path that a terminal shows."""

Celsius = Annotated[float, Field(ge=COLDEST_C, le=HOTTEST_C)]


class ScenarioOfRun(Scenario):
    """A scenario with what a suite says of it besides.

    Attributes:
        board: Name of its board.
        units: True if every seed has another unit of the board.
        rooms_c: Lowest and highest ambient temperature of its rooms, if each seed has another.
        variation: What a sensitivity suite varies in it.
        frames_per_step: Frames of a step; None where the run tells.
    """

    board: Text
    units: bool = False
    rooms_c: tuple[Celsius, Celsius] | None = None
    variation: Any = None
    frames_per_step: int | None = Field(default=None, ge=1)


class ComparisonConfig(Table):
    """What a benchmark and a run both say of themselves.

    Attributes:
        controllers: Controllers that ran.
        seeds: Seeds of the episodes.
        scenarios: Scenarios by name.
        boards: Profiles of the boards, if they have one, by name.
        family: Name of the topology family.
        topologies: Names of its topologies.
        description: What a run's board says of itself.
    """

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)

    controllers: tuple[Text, ...] = Field(min_length=1)
    seeds: tuple[Annotated[int, Field(ge=0, le=MOST_SEED)], ...] = Field(min_length=1)
    scenarios: dict[Text, ScenarioOfRun] = Field(min_length=1)
    boards: dict[Text, BoardProfile | None] = Field(min_length=1)
    family: Text
    topologies: tuple[Text, ...] = Field(min_length=1)
    description: Text = ""

    @model_validator(mode="after")
    def _named_once(self) -> "ComparisonConfig":
        for names in (self.controllers, self.seeds):
            if len(set(names)) < len(names):
                raise ValueError("every controller and every seed must be named once.")
        return self


class LoggedPoint(Table):
    """A VF level of a board; null for what the board does not tell."""

    frequency_hz: float | None = Field(ge=1e6, le=1e11)
    voltage_v: float | None = Field(ge=0.1, le=10)


class BoardConfig(Table):
    """What a run or a characterisation says of its board.

    Attributes:
        description: What the board says of itself.
        threads: Threads of inference.
        measures_power: True if it has a power sensor.
        critical_c: Where it shuts down, degC.
        passive_c: Trips above which its kernel throttles, degC.
        operating_points: Its VF levels.
        topology_family: The networks.
    """

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)

    description: Text
    threads: int = Field(ge=1, le=1024)
    measures_power: bool
    critical_c: Celsius | None
    passive_c: tuple[Celsius, ...]
    operating_points: tuple[LoggedPoint, ...] = Field(min_length=1, max_length=MOST_LEVELS)
    topology_family: Family


class RunConfig(ComparisonConfig, BoardConfig):
    """What ``tvfs-gym run`` says of itself.

    Attributes:
        boards: The only one.
        real: True if it is no twin.
        runtime: Runtime of its networks.
        nominal_latency_s: Scale of latencies in observations.
        views: The most passes that a frame could get.
        frames_per_step: Frames of a step.
        characterisation: What its controllers were built from.
    """

    boards: dict[Text, BoardProfile | None] = Field(min_length=1, max_length=1)
    description: Text
    real: bool
    runtime: Text | None
    nominal_latency_s: float = Field(ge=1e-6, le=1e4)
    views: int = Field(ge=1, le=1000)
    frames_per_step: int = Field(ge=1, le=1_000_000)
    characterisation: CharacterisationFile | None


ConfigT = TypeVar("ConfigT", bound=Table)


def read_config(folder: Path, model: type[ConfigT]) -> tuple[dict[str, Any], ConfigT]:
    """Reads the configuration of a run's folder.

    Returns:
        As it stands in the file, and as its model.

    Raises:
        InputError: There is none, or it holds what cannot be meant.
    """
    config = read_json(folder, CONFIG)
    try:
        return config, model.model_validate(config)
    except ValidationError as error:
        raise invalid(f"{folder / CONFIG}", error) from error


def read_comparison_config(folder: Path) -> dict[str, Any]:
    """Reads the configuration of a benchmark or a run, as it stands in its file.

    Raises:
        InputError: There is none, or it holds what cannot be meant.
    """
    model = RunConfig if "operating_points" in read_json(folder, CONFIG) else ComparisonConfig
    return read_config(folder, model)[0]


def read_versions(folder: Path) -> dict[str, str]:
    """Reads the versions of a run's packages, and its machine.

    Raises:
        InputError: There are none.
    """
    versions = read_json(folder, "versions.json")
    if not all(isinstance(value, str) for value in versions.values()):
        raise InputError(f"{folder / 'versions.json'} does not hold versions as text: write it.")
    return versions
