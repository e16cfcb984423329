"""The board under test, by what a user calls it."""

from dataclasses import dataclass
from typing import Any

from tvfs_gym.envs.boards.board import Board
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.boards.twin import TwinBoard
from tvfs_gym.envs.inference.topology import DEFAULT_FAMILY, load_family
from tvfs_gym.experiments.load import LoadMeter, inference_load


@dataclass(frozen=True)
class BoardUnderTest:
    """A board, and what it does not say of itself.

    Attributes:
        name: As the user called it.
        family: Topology family, as the user called it.
        board: The board.
        real: Whether it is one; else it is a digital twin.
        description: What it is.
        threads: Threads of a pass.
        measures_power: Whether it has a power sensor.
        load_of: Measures how busy it is.
        runtime: TFLite runtime of its passes; None on a twin, which replays recorded outcomes.
    """

    name: str
    family: str
    board: Board
    real: bool
    description: str
    threads: int
    measures_power: bool
    load_of: LoadMeter
    runtime: str | None = None

    def facts(self) -> dict[str, Any]:
        """What the configuration of a run says of it."""
        board, profile = self.board, self.board.profile
        return {
            "boards": {self.name: None if profile is None else profile.model_dump(mode="json")},
            "real": self.real,
            "description": self.description,
            "threads": self.threads,
            "measures_power": self.measures_power,
            "runtime": self.runtime,
            "operating_points": [point.model_dump() for point in board.operating_points],
            "nominal_latency_s": board.nominal_latency_s,
            "views": board.views,
            "family": board.family.name,
            "topologies": board.family.names,
            "topology_family": board.family.model_dump(mode="json"),
        }


def board_under_test(board: str, family: str | None) -> BoardUnderTest:
    """Opens a board.

    Args:
        board: A profile, name or TOML file, for its twin.
        family: Topology family, name or TOML file; None for the usual one.

    Raises:
        InputError: There is no such board or family.
    """
    profile = load_profile(board)
    family = family or DEFAULT_FAMILY
    return BoardUnderTest(
        board,
        family,
        TwinBoard(profile, load_family(family)),
        False,
        f"digital twin of {profile.description}",
        profile.threads,
        profile.sensor.measures_power,
        inference_load,
    )
