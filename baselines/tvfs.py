"""TVFS: topology, voltage and frequency scaled together, from a table made at design time.

R. G. Rizzo, V. Peluso, A. Calimera, "TVFS: Topology Voltage Frequency Scaling for Reliable
Embedded ConvNets", IEEE TCAS-II 68(2), 672-676. Published are the idea (VFS and topology scaling
cooperate to keep latency and temperature within limits), the results (up to 2000 inferences, 0.9
to 3.1 points of accuracy lost, 16.4 degC below the threshold on average) and the set-up.
Reconstruction: the table's contents, the run-time rule, its thresholds and hysteresis, which no
readable source gives.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.controller import Controller, Design
from tvfs_gym.baselines.fixed import Fixed
from tvfs_gym.baselines.frequency_scaling import GUARD_C
from tvfs_gym.envs.board_env import Action
from tvfs_gym.envs.boards.board import Configuration


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        configuration: Topology and VF level.
        accuracy: Expected accuracy within L_c, 0..1.
        temperature_c: Temperature reached at its VF level at design time.
    """

    configuration: Configuration
    accuracy: float
    temperature_c: float


def table(design: Design, latency_constraint_s: float) -> list[Row]:
    """The table for one latency constraint, the most accurate and hottest row first.

    For each VF level it has the most accurate topology that still meets L_c; a row is dropped if a
    cooler one is as accurate.

    Raises:
        InputError: No configuration meets the constraint.
    """
    accuracy = design.accuracy(latency_constraint_s)
    rows: list[Row] = []
    for level in range(design.characterisation.levels):
        topology = int(accuracy[:, level].argmax())
        best = float(accuracy[topology, level])
        if best > max((row.accuracy for row in rows), default=0.0):
            temperature_c = float(design.characterisation.temperature_c[level])
            rows.insert(0, Row(Configuration(topology, level), best, temperature_c))
    return rows


class Tvfs(Controller):
    """Walks the table by temperature.

    It starts at the best row. When the sensor nears T_max it steps to the next cooler row. It steps
    back once the temperature has fallen so far that the better row, even if it warmed the chip by
    all the difference between the two rows' design-time temperatures, would stay clear of T_max.

    Args:
        design: What it is built from; there is a table for each of its scenario's constraints.
    """

    def __init__(self, design: Design) -> None:
        scenario = design.env.scenario
        changed = (change.latency_constraint_s for change in scenario.changes)
        constraints_s = {scenario.latency_constraint_s, *(one for one in changed if one)}
        self._encode = design.env.action
        self._tables = {constraint_s: table(design, constraint_s) for constraint_s in constraints_s}
        self.reset()

    def reset(self) -> None:
        """Starts at the best row."""
        self._row = 0

    def act(self, observation: NDArray[np.float32], info: dict[str, Any]) -> Action:
        """Moves by at most one row."""
        window = info["window"]
        rows = self._tables[window.latency_constraint_s]
        self._row = min(self._row, len(rows) - 1)
        limit_c = window.t_max_c - GUARD_C
        if window.temperature_c >= limit_c:
            self._row = min(self._row + 1, len(rows) - 1)
        elif self._row > 0:
            step_c = rows[self._row - 1].temperature_c - rows[self._row].temperature_c
            if window.temperature_c + step_c < limit_c:
                self._row -= 1
        return self._encode(rows[self._row].configuration)


def tvfs_static(design: Design) -> Fixed:
    """The best row whose design-time temperature stays clear of T_max; the coolest if none does."""
    rows = table(design, design.latency_constraint_s)
    limit_c = design.t_max_c - GUARD_C
    sustainable = [row for row in rows if row.temperature_c <= limit_c]
    return Fixed(design, (sustainable or rows[-1:])[0].configuration)
