"""TVFS on a board that nobody has characterised: with the table of another board.

Of the boards that there are characterisations of, the one whose highest clock is nearest lends its
own; each VF level gets what was measured there at the nearest clock. That is what a user can do who
has a new board in hand and no hour for its characterisation.
"""

from dataclasses import replace
from functools import lru_cache
from math import log

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.characterisation.characterisation import Characterisation, characterise
from tvfs_gym.baselines.controller import Design
from tvfs_gym.baselines.tvfs.tvfs import Tvfs
from tvfs_gym.envs.boards.profile import BoardProfile, load_profile
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.inference.topology import Family
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.experiments.benchmarks.kinds import BOARDS


class TvfsBorrowed(Tvfs):
    """Walks another board's table by temperature.

    Args:
        design: Knowledge before the run, of which the characterisation is not looked at.
    """

    def __init__(self, design: Design) -> None:
        super().__init__(borrowed_design(design))


def borrowed_design(design: Design) -> Design:
    """The design with the characterisation of another board, at the nearest clocks."""
    own_hz = _clocks_hz(design)
    lender = nearest(design.profile.name if design.profile else None, own_hz)
    theirs_hz = np.array([point.frequency_hz for point in lender.operating_points])
    level = np.abs(np.log(own_hz[:, np.newaxis] / theirs_hz)).argmin(axis=1)
    there = _characterised(lender.name, design.family, design.known.t_max_c)
    measured = replace(
        there,
        pass_median_s=there.pass_median_s[:, level],
        pass_p99_s=there.pass_p99_s[:, level],
        temperature_c=there.temperature_c[level],
        extrapolated=there.extrapolated[level],
        measured=there.measured[level],
    )
    return replace(design, measured=measured)


def nearest(own_name: str | None, own_hz: NDArray[np.float64]) -> BoardProfile:
    """The other board of the suites whose highest clock is nearest, as a ratio.

    Args:
        own_name: Name of the board's own profile, which is not taken; None if it has none.
        own_hz: Its clocks.
    """
    others = [load_profile(name) for name in BOARDS if name != own_name]
    return min(
        others, key=lambda other: abs(log(other.operating_points[-1].frequency_hz / own_hz[-1]))
    )


def _clocks_hz(design: Design) -> NDArray[np.float64]:
    return np.array([point.frequency_hz for point in design.operating_points])


@lru_cache
def _characterised(board: str, family: Family, t_max_c: float) -> Characterisation:
    twin = TwinBoard(load_profile(board), family)
    return characterise(twin, Scenario(t_max_c=min(t_max_c, twin.info.critical_c or t_max_c)))
