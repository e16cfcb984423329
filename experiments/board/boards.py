"""The board under test, by what a user calls it."""

import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tvfs_gym.baselines.characterisation.file import known
from tvfs_gym.envs.board_env import BoardEnv
from tvfs_gym.envs.boards.board import Board
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.runtime import runtime
from tvfs_gym.envs.inference.topology import DEFAULT_FAMILY, load_family
from tvfs_gym.envs.reward import DEFAULT_REWARD, WITHOUT_LABELS
from tvfs_gym.experiments.options import LINUX, RealBoard


@dataclass(frozen=True)
class BoardUnderTest:
    """A board, and what it does not say of itself.

    Attributes:
        name: As the user called it.
        family: Topology family, as the user called it.
        board: The board.
        wrap: Makes an environment of it, with the arguments of `BoardEnv`.
        real: Whether it is one; else it is a digital twin.
        description: What it is.
        threads: Threads of a pass.
        measures_power: Whether it has a power sensor.
        runtime: TFLite runtime of its passes; None on a twin, which replays recorded outcomes.
        critical_c: Temperature at which it switches itself off; None if it does not tell.
        passive_c: Trips at which its kernel begins to throttle, as found; a twin's profile has its.
    """

    name: str
    family: str
    board: Board
    wrap: Callable[..., BoardEnv]
    real: bool
    description: str
    threads: int
    measures_power: bool
    runtime: str | None = None
    critical_c: float | None = None
    passive_c: tuple[float, ...] = ()

    def facts(self) -> dict[str, Any]:
        """What the configuration of a run says of it; null for what nobody knows."""
        board, profile = self.board, self.board.profile
        return {
            "boards": {self.name: None if profile is None else profile.model_dump(mode="json")},
            "real": self.real,
            "description": self.description,
            "threads": self.threads,
            "measures_power": self.measures_power,
            "runtime": self.runtime,
            "critical_c": self.critical_c,
            "passive_c": self.passive_c,
            "operating_points": [
                {"frequency_hz": known(point.frequency_hz), "voltage_v": known(point.voltage_v)}
                for point in board.operating_points
            ],
            "nominal_latency_s": board.nominal_latency_s,
            "views": board.views,
            "family": board.family.name,
            "topologies": board.family.names,
            "topology_family": board.family.model_dump(mode="json"),
        }


def board_under_test(
    board: str, family: str | None, real: RealBoard, nominal_latency_s: float | None = None
) -> BoardUnderTest:
    """Opens a board.

    Args:
        board: ``linux``, or a profile, name or TOML file, for its twin.
        family: Topology family, name or TOML file; None for the usual one.
        real: What holds on a real board.
        nominal_latency_s: Scale of latencies in observations on a real board, as characterised;
            None to measure it anew.

    Raises:
        InputError: There is no such board or family, or the machine lacks something.
        BoardError: Another process controls the board, or it fails.
    """
    if board == LINUX:
        return _linux(family, real, nominal_latency_s)
    profile = load_profile(board)
    if real != RealBoard():
        raise InputError(
            "networks, pictures, threads and other options of a real board mean nothing to a twin: "
            f"leave them out, or give --board {LINUX}."
        )
    family = family or DEFAULT_FAMILY
    twin = TwinBoard(profile, load_family(family))
    return BoardUnderTest(
        name=board,
        family=family,
        board=twin,
        wrap=partial(BoardEnv, twin),
        real=False,
        description=f"digital twin of {profile.description}",
        threads=profile.threads,
        measures_power=profile.sensor.measures_power,
        critical_c=profile.critical_c,
    )


def _linux(family: str | None, real: RealBoard, nominal_latency_s: float | None) -> BoardUnderTest:
    from tvfs_gym.envs.boards.linux.board import LinuxBoard
    from tvfs_gym.envs.linux_env import DEFAULT_LIVE_FAMILY

    family = family or DEFAULT_LIVE_FAMILY
    options = real.linux_options()
    if nominal_latency_s is not None:
        options = {"nominal_latency_s": nominal_latency_s, **options}
    board = LinuxBoard(
        load_family(family), real.models, real.images, real.threads, real.root, options
    )
    reward = DEFAULT_REWARD if board.labelled else WITHOUT_LABELS[0]
    capabilities = board.machine.capabilities
    trips = [trip for zone in capabilities.chip_zones for trip in zone.trips]
    return BoardUnderTest(
        name=LINUX,
        family=family,
        board=board,
        wrap=partial(BoardEnv, board, reward=reward),
        real=True,
        description=_machine(),
        threads=real.threads or len(os.sched_getaffinity(0)),
        measures_power=board.machine.measures_power,
        runtime=runtime(),
        critical_c=capabilities.critical_c,
        passive_c=tuple(sorted({trip.temperature_c for trip in trips if trip.type == "passive"})),
    )


def _machine() -> str:
    """What the machine calls itself."""
    try:
        model = Path("/proc/device-tree/model").read_text().strip("\0\n ")
    except OSError:
        model = platform.node()
    return f"{model}, {platform.machine()}, {platform.system()} {platform.release()}"
