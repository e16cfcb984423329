"""TVFS: topology, voltage and frequency scaled together, from a table made at design time.

R. G. Rizzo, V. Peluso, A. Calimera, "TVFS: Topology Voltage Frequency Scaling for Reliable
Embedded ConvNets", IEEE TCAS-II 68(2), 672-676. Published are the idea (VFS and topology scaling
cooperate to keep latency and temperature within limits), the results (up to 2000 inferences, 0.9
to 3.1 points of accuracy lost, 16.4 degC below the threshold on average) and the set-up.
Reconstruction: the table's contents, the run-time rule, its thresholds and hysteresis, which no
readable source gives. There are two: ``tvfs`` reads the table at the latency that the last window
leaves of L_c, ``tvfs_open_loop`` looks at the temperature alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.controller import Choice, Controller, Design, State
from tvfs_gym.baselines.fixed import Fixed
from tvfs_gym.baselines.tuned import GUARD_C, tuned
from tvfs_gym.envs.boards.board import Configuration
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.observation import Reading

ALL_PASSES = 2**31
"""A budget beyond every policy's."""

SLOW_DOWN_STEP = 0.05
"""Resolution of the slow-down's logarithm. On an Odroid-XU4 the mean of ten frames jitters by 1 %,
so that four in a thousand windows of an undisturbed board read as slow."""


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


Table = Callable[[Design, float], list[Row]]
"""Makes the table for one latency constraint; raises `InputError` if no configuration meets it."""


def table_or_fastest(design: Design, latency_constraint_s: float, made: Table = table) -> list[Row]:
    """The table; for a constraint that no configuration meets, the fastest topology's levels."""
    try:
        return made(design, latency_constraint_s)
    except InputError:
        reached_c = design.characterisation.temperature_c.tolist()
        levels = reversed(range(len(reached_c)))
        return [Row(Configuration(0, one, max_passes=1), 0.0, reached_c[one]) for one in levels]


def left_s(design: Design, reading: Reading) -> NDArray[np.float64]:
    """L_c divided by the slow-down in the last window; shape (batch,).

    A window that was faster than at design time leaves L_c as it is.
    """
    slow_down = np.maximum(design.slow_down(reading, reading.vf_level), 1.0)
    steps = np.rint(np.log(slow_down) / SLOW_DOWN_STEP)
    return reading.latency_constraint_s / np.exp(SLOW_DOWN_STEP * steps)


class Tvfs(Controller):
    """TVFS: walks its design-time table by temperature, with feedback of the latency.

    It starts at the best row. When the sensor nears T_max it steps to the next cooler row. It steps
    back once the temperature has fallen so far that the better row, even if it warmed the chip by
    all the difference between the two rows' design-time temperatures, would stay clear of T_max.
    It remembers the row. There is a table for each latency constraint that it meets. Both this walk
    and the feedback are reconstructions: the published run-time rule is not readable.

    Args:
        design: Knowledge before the run.
        made: Makes its tables.
        feedback: True to read the table at what the slow-down leaves of L_c, instead of at L_c.
        guard_c: Distance to T_max at which it steps to a cooler row.

    Raises:
        InputError: No configuration meets the constraint at the start.
    """

    def __init__(
        self,
        design: Design,
        made: Table = table,
        feedback: bool = True,
        guard_c: float = tuned("tvfs", GUARD_C),
    ) -> None:
        super().__init__(design)
        self._made, self._feedback, self._guard_c = made, feedback, guard_c
        first_s = design.known.latency_constraint_s
        self._tables = {first_s: made(design, first_s)}

    def start(self, count: int) -> State:
        """The best row."""
        return (np.zeros(count, np.int64),)

    def decide(self, reading: Reading, state: State) -> tuple[Choice, State]:
        """Moves by at most one row."""
        row, topology, level, passes = (np.array(state[0]) for _ in range(4))
        constraints_s = reading.latency_constraint_s
        if self._feedback:
            constraints_s = left_s(self.design, reading)
        for constraint_s in np.unique(constraints_s):
            here = constraints_s == constraint_s
            rows = self._rows(float(constraint_s))
            limit_c = reading.t_max_c[here] - self._guard_c
            row[here] = _next_row(rows, row[here], reading.temperature_c[here], limit_c)
            chosen = [rows[index].configuration for index in row[here].tolist()]
            topology[here] = [row.topology for row in chosen]
            level[here] = [row.vf_level for row in chosen]
            passes[here] = [row.max_passes or ALL_PASSES for row in chosen]
        return Choice(topology, level, passes), (row,)

    def _rows(self, constraint_s: float) -> list[Row]:
        if constraint_s not in self._tables:
            self._tables[constraint_s] = table_or_fastest(self.design, constraint_s, self._made)
        return self._tables[constraint_s]


def _next_row(
    rows: list[Row],
    row: NDArray[np.int64],
    temperature_c: NDArray[np.float64],
    limit_c: NDArray[np.float64],
) -> NDArray[np.int64]:
    """The rows to go to: a cooler one, the next better one, or the same."""
    reached_c = np.array([row.temperature_c for row in rows])
    row = np.minimum(row, len(rows) - 1)
    down = temperature_c >= limit_c
    better = np.maximum(row - 1, 0)
    step_c = reached_c[better] - reached_c[row]
    up = ~down & (row > 0) & (temperature_c + step_c < limit_c)
    return np.clip(row + down - up, 0, len(rows) - 1)


def tvfs_open_loop(design: Design, guard_c: float = tuned("tvfs_open_loop", GUARD_C)) -> Tvfs:
    """TVFS that looks at the temperature alone: the other reconstruction of its run-time rule."""
    return Tvfs(design, feedback=False, guard_c=guard_c)


def tvfs_static(design: Design, guard_c: float = tuned("tvfs_static", GUARD_C)) -> Fixed:
    """The best row whose design-time temperature stays clear of T_max; the coolest if none does."""
    rows = table(design, design.known.latency_constraint_s)
    limit_c = design.known.t_max_c - guard_c
    sustainable = [row for row in rows if row.temperature_c <= limit_c]
    return Fixed(design, (sustainable or rows[-1:])[0].configuration)
