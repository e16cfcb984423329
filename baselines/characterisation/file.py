"""The file of a board's characterisation: TOML that a person can read, and its reader."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tomlkit
from pydantic import Field, model_validator

from tvfs_gym.baselines.characterisation.characterisation import Characterisation
from tvfs_gym.envs.boards.board import Board
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.files import write_whole
from tvfs_gym.envs.tables import Table, read_toml

FILE = "characterisation.toml"

_EXPLANATION = """\
Characterisation of a board, measured under continuous inference.
Units: seconds (_s), hertz (_hz), volts (_v), degrees Celsius (_c). Latencies are those of one pass,
in the order of the levels. Of each level stands the temperature that continuous inference of the
most accurate topology reaches; "extrapolated" where throttling cut in before. A level that was not
"measured" lies on curves through those that were. What the board does not tell is left out."""


class Provenance(Table):
    """Provenance of a characterisation.

    Attributes:
        board: ``linux``, or the profile of a twin.
        machine: The board's own name.
        command: The command line.
        date: When it began.
        version: Version of tvfs-gym.
        runtime: TFLite runtime that ran the passes; None for a twin's recorded outcomes.
        ambient_c: Ambient temperature as the user gave it, degC; None if not given.
        t_max_c: T_max, degC.
        cooling: Name of the cooling; None for the usual one.
        nominal_latency_s: Scale of latencies in observations: a pass of the most accurate topology
            at the highest VF level.
        throttling: Name of the throttling preset; None for the default, or what the board has.
        background_load: Share of the CPU's time that other work took.
        passes: Passes timed per configuration.
        settling_s: Continuous inference per temperature, s.
        averaged_s: Its averaged end, s.
        threads: Threads of a pass.
        measures_power: True if the board has a power sensor.
    """

    board: str
    machine: str
    command: str
    date: str
    version: str
    runtime: str | None = None
    ambient_c: float | None = None
    t_max_c: float
    cooling: str | None = None
    throttling: str | None = None
    background_load: float = 0.0
    passes: int
    settling_s: float
    averaged_s: float
    threads: int
    measures_power: bool
    nominal_latency_s: float


class LevelRow(Table):
    """A VF level: see `Characterisation`; what nobody knows is None."""

    frequency_hz: float | None = Field(default=None, gt=0)
    voltage_v: float | None = Field(default=None, gt=0)
    temperature_c: float | None = None
    extrapolated: bool
    measured: bool


class TopologyRow(Table):
    """A topology: see `Characterisation`."""

    name: str
    throttled_p99_s: float = Field(gt=0)
    pass_median_s: tuple[float, ...]
    pass_p99_s: tuple[float, ...]


class CharacterisationFile(Table):
    """Content of the file."""

    family: str
    provenance: Provenance
    levels: tuple[LevelRow, ...] = Field(min_length=1)
    topologies: tuple[TopologyRow, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _rectangular(self) -> "CharacterisationFile":
        for topology in self.topologies:
            for values in (topology.pass_median_s, topology.pass_p99_s):
                if len(values) != len(self.levels):
                    raise ValueError(
                        f"{topology.name} has {len(values)} latencies for {len(self.levels)} levels"
                    )
        return self

    def of(self, board: Board) -> Characterisation:
        """The characterisation, if it is one of this board with these topologies.

        Raises:
            InputError: It is of other topologies or VF levels.
        """
        names = tuple(topology.name for topology in self.topologies)
        if names != board.family.names:
            raise InputError(
                f"the characterisation is of the topologies {', '.join(names)}, and here run "
                f"{', '.join(board.family.names)}: characterise the board with them."
            )
        here = [known(point.frequency_hz) for point in board.operating_points]
        there = [level.frequency_hz for level in self.levels]
        if here != there:
            raise InputError(
                f"the characterisation is of a board with {_levels(there)}; this one has "
                f"{_levels(here)}."
            )
        return Characterisation(
            board.family,
            np.array([topology.pass_median_s for topology in self.topologies]),
            np.array([topology.pass_p99_s for topology in self.topologies]),
            np.array([topology.throttled_p99_s for topology in self.topologies]),
            np.array([level.temperature_c for level in self.levels], np.float64),
            np.array([level.extrapolated for level in self.levels]),
            np.array([level.measured for level in self.levels]),
        )


def write(path: Path, found: Characterisation, board: Board, provenance: Provenance) -> None:
    """Writes a characterisation; numbers are kept to their last digit."""
    content = CharacterisationFile(
        family=found.family.name,
        provenance=provenance,
        levels=tuple(
            LevelRow(
                frequency_hz=known(point.frequency_hz),
                voltage_v=known(point.voltage_v),
                temperature_c=known(float(found.temperature_c[level])),
                extrapolated=bool(found.extrapolated[level]),
                measured=bool(found.measured[level]),
            )
            for level, point in enumerate(board.operating_points)
        ),
        topologies=tuple(
            TopologyRow(
                name=name,
                throttled_p99_s=float(found.throttled_p99_s[topology]),
                pass_median_s=tuple(found.pass_median_s[topology].tolist()),
                pass_p99_s=tuple(found.pass_p99_s[topology].tolist()),
            )
            for topology, name in enumerate(found.family.names)
        ),
    )
    document = tomlkit.document()
    for line in _EXPLANATION.splitlines():
        document.add(tomlkit.comment(line))
    document.update(content.model_dump(exclude_none=True, mode="json"))
    write_whole(path, tomlkit.dumps(document).encode())


def _levels(clocks_hz: Sequence[float | None]) -> str:
    """How many VF levels, and the highest, as text."""
    top_hz = clocks_hz[-1]
    count = f"{len(clocks_hz)} VF level{'s' if len(clocks_hz) > 1 else ''}"
    return f"{count} of unknown clock" if top_hz is None else f"{count} up to {top_hz / 1e6:g} MHz"


def known(value: float) -> float | None:
    """A number; None for NaN, which is what a board says when it does not know."""
    return None if math.isnan(value) else value


def read(path: Path) -> CharacterisationFile:
    """Reads the file, or the one in a folder that ``tvfs-gym characterise`` wrote.

    Raises:
        InputError: There is none, or it does not fit.
    """
    return read_toml(path / FILE if path.is_dir() else path, CharacterisationFile)
