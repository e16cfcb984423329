"""Frequency scaling alone: the network is given, the clock follows the temperature.

Peluso, Rizzo, Calimera, "Performance Profiling of Embedded ConvNets under Thermal-Aware DVFS",
Electronics 2019, 8(12), 1423: "two control policies, namely reactive and proactive".
Reconstruction: the abstract states no rules, thresholds or parameters. The network is the most
accurate one that meets L_c at the highest VF level on a cold board.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.controller import Controller, Design
from tvfs_gym.baselines.fixed import Fixed
from tvfs_gym.envs.board_env import Action
from tvfs_gym.envs.boards.board import Configuration

GUARD_C = 3.0
"""Distance to T_max at which a controller acts: three steps of the Odroid-XU4's sensor."""

HYSTERESIS_C = 10.0
"""Further distance at which the reactive policy speeds up again: the hysteresis of the Odroid-XU4's
trips in the mainline device tree."""


class Reactive(Controller):
    """One VF level down when the temperature nears T_max, one up when it has fallen well below.

    Args:
        design: What it is built from.
    """

    def __init__(self, design: Design) -> None:
        self._encode = design.env.action
        self._highest = design.characterisation.levels - 1
        self._topology = design.most_accurate(self._highest).topology
        self.reset()

    def reset(self) -> None:
        """Starts at the highest VF level."""
        self._level = self._highest

    def act(self, observation: NDArray[np.float32], info: dict[str, Any]) -> Action:
        """Moves by at most one VF level."""
        window = info["window"]
        headroom_c = window.t_max_c - window.temperature_c
        if headroom_c <= GUARD_C:
            self._level = max(self._level - 1, 0)
        elif headroom_c > GUARD_C + HYSTERESIS_C:
            self._level = min(self._level + 1, self._highest)
        return self._encode(Configuration(self._topology, self._level))


def proactive(design: Design) -> Fixed:
    """The highest VF level whose temperature, measured at design time, stays below T_max."""
    highest = design.characterisation.levels - 1
    sustainable = design.characterisation.temperature_c <= design.t_max_c - GUARD_C
    level = int(np.flatnonzero(sustainable)[-1]) if sustainable.any() else 0
    return Fixed(design, Configuration(design.most_accurate(highest).topology, level))
