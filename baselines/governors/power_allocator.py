"""The kernel's ``power_allocator`` thermal governor (IPA); and with topologies.

A PID controller turns the temperature into a power budget, and the budget into the highest VF level
whose power fits (`tvfs_gym.envs.physics.power_budget`). On a twin the kernel ticks, every 100 ms;
in user space the governor ticks once per step, so its integral grows more slowly.

Sustainable power, which a device tree would state, or a person in sysfs: the switching power of the
VF level, between two levels in proportion, at which the board settled at the control temperature
when it was characterised, i.e. in a room of 25 degC with its usual cooling. A board that settles
below that temperature even at its highest VF level can sustain that one's. The kernel's own
estimate, the power at the slowest clock, is far less.
"""

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.controller import Choice, Design, State
from tvfs_gym.baselines.frequency_governor import FrequencyGovernor
from tvfs_gym.baselines.governors.cpufreq import utilisation
from tvfs_gym.baselines.governors.trips import trips_of
from tvfs_gym.baselines.tuned import GUARD_C, tuned
from tvfs_gym.envs.boards.thermal_map import power_allocator
from tvfs_gym.envs.governors import Governors
from tvfs_gym.envs.jit import jit_apart
from tvfs_gym.envs.observation import Reading
from tvfs_gym.envs.physics.power_budget import STATE_SIZE, allocated_state


class Budgeted(FrequencyGovernor):
    """The governor with the one CPU cluster as its actor; it remembers the PID controller's state.

    Args:
        design: Knowledge before the run.
        control_c: Control temperature, where the last passive trip lies, degC.

    Raises:
        InputError: The board has no profile.
    """

    def __init__(self, design: Design, control_c: float) -> None:
        super().__init__(design)
        trips = trips_of(design, control_c)
        profile = design.model("the power allocator")
        self._threads = profile.threads
        self._core_mw = profile.core_mw
        self._control_c = control_c
        settled_c = np.maximum.accumulate(design.characterisation.temperature_c)
        level_w = 1e-3 * self._threads * self._core_mw
        self._sustainable_w = float(np.interp(self._control_c, settled_c, level_w))
        self._parameters = power_allocator(
            self._core_mw, self._threads, trips, control_c, self._sustainable_w
        )

    def start(self, count: int) -> State:
        """A PID controller at rest."""
        return (np.zeros((count, STATE_SIZE), np.int64),)

    def level(self, reading: Reading, state: State) -> tuple[NDArray[np.int64], State]:
        """Takes the highest VF level within the budget."""
        pid = state[0].copy()
        moved_c = reading.t_max_c - self.design.known.t_max_c
        below_c = self._control_c + moved_c - reading.temperature_c
        load = utilisation(reading, self.design.known.arrival_period_s)
        percent = self._threads * np.floor(100.0 * load).astype(np.int64)
        cooling_state = np.empty(len(pid))
        _allocate_all(
            self._parameters,
            pid,
            self._core_mw,
            np.rint(1e3 * below_c).astype(np.int64),
            percent,
            cooling_state,
        )
        return self.design.highest - cooling_state.astype(np.int64), (pid,)


class PowerAllocator(Budgeted):
    """The kernel's power allocator, on the trips of the board.

    Args:
        design: Knowledge before the run.

    Raises:
        InputError: The board has no profile.
    """

    def __init__(self, design: Design) -> None:
        super().__init__(design, design.known.t_max_c)
        self.governors = Governors(thermal="power_allocator", sustainable_w=self._sustainable_w)


class IpaTopology(Budgeted):
    """The power allocator's budget, spent on the most accurate configuration that meets L_c.

    Not published: the obvious use of the kernel's budget by a controller that can change the
    network too. It acts in user space, once per step; its trips lie a guard below those of the
    board. Of equally accurate topologies it takes the slowest clock. If none meets L_c, it takes
    the fastest topology at the highest VF level within the budget.

    Args:
        design: Knowledge before the run.
        guard_c: Distance of the control temperature to T_max.

    Raises:
        InputError: The board has no profile, or no configuration meets the constraint at the start.
    """

    def __init__(self, design: Design, guard_c: float = tuned("ipa_topology", GUARD_C)) -> None:
        super().__init__(design, design.known.t_max_c - guard_c)
        self._tables: dict[float, tuple[NDArray[np.int64], NDArray[np.int64]]] = {}

    def decide(self, reading: Reading, state: State) -> tuple[Choice, State]:
        """Takes the best configuration within the budget."""
        allowed, state = self.level(reading, state)
        topology, level = np.empty_like(allowed), np.empty_like(allowed)
        for constraint_s in np.unique(reading.latency_constraint_s):
            here = reading.latency_constraint_s == constraint_s
            topologies, levels = self._table(float(constraint_s))
            topology[here], level[here] = topologies[allowed[here]], levels[allowed[here]]
        return Choice(topology, level), state

    def _table(self, constraint_s: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Topology and VF level by the highest VF level allowed."""
        if constraint_s not in self._tables:
            characterisation, known = self.design.characterisation, self.design.known
            accuracy = characterisation.accuracy(constraint_s, known)
            best = accuracy.max(axis=0)
            level = np.array([best[: highest + 1].argmax() for highest in range(len(best))])
            none_fits = np.maximum.accumulate(best) == 0.0
            level = np.where(none_fits, np.arange(len(best)), level)
            self._tables[constraint_s] = accuracy.argmax(axis=0)[level], level
        return self._tables[constraint_s]


@jit_apart
def _allocate_all(
    parameters: NDArray[np.int64],
    state: NDArray[np.int64],
    core_mw: NDArray[np.int64],
    below_control_mc: NDArray[np.int64],
    load_percent: NDArray[np.int64],
    cooling_state: NDArray[np.float64],
) -> None:
    """Ticks for every board of a batch; updates the states in place, fills the cooling states."""
    for board in range(len(cooling_state)):
        cooling_state[board] = allocated_state(
            parameters,
            state[board],
            core_mw,
            below_control_mc[board],
            load_percent[board],
        )
