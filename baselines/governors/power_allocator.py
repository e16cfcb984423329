"""The kernel's ``power_allocator`` thermal governor (IPA) in user space; and with topologies.

A PID controller turns the temperature into a power budget
(`tvfs_gym.baselines.governors.power_budget`), and the budget into the highest VF level whose power
fits (drivers/thermal/cpufreq_cooling.c, torvalds/linux @03ab8e62). It ticks once per step, where
the kernel's ticks every 100 ms, so its integral grows more slowly.

- Trips: the control temperature is the last, the switch-on temperature the first trip of the
  board's map, moved below T_max (`tvfs_gym.baselines.governors.trips`).
- Power of a VF level: the switching power of the profile's model under full load. The kernel's
  energy model has no leakage either.
- Sustainable power, which a device tree would state: the switching power of the VF level, between
  two levels in proportion, at which the board settled at the control temperature when it was
  characterised, i.e. in a room of 25 degC with its usual cooling. A board that settles below that
  temperature even at its highest VF level can sustain that one's.
"""

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.controller import Choice, Design, State
from tvfs_gym.baselines.frequency_governor import FrequencyGovernor
from tvfs_gym.baselines.governors.cpufreq import utilisation
from tvfs_gym.baselines.governors.power_budget import STATE_SIZE, parameters, power_budgets_mw
from tvfs_gym.baselines.governors.trips import trips_of
from tvfs_gym.envs.boards.profile import BoardProfile
from tvfs_gym.envs.limits import GUARD_C
from tvfs_gym.envs.observation import Reading
from tvfs_gym.envs.physics import throttling

TICK_MS = 100
"""``polling-delay-passive`` of boards with the governor: RK3588, S905 with the vendor's kernel."""


class PowerAllocator(FrequencyGovernor):
    """The governor with the one CPU cluster as its actor; it remembers the PID controller's state.

    Args:
        design: Knowledge before the run.

    Raises:
        InputError: The board has no profile.
    """

    def __init__(self, design: Design) -> None:
        super().__init__(design)
        profile = design.model("the power allocator")
        self._threads = profile.threads
        self._core_mw = core_power_mw(profile)
        level_mw = self._threads * self._core_mw
        control_c = design.known.t_max_c - GUARD_C
        settled_c = np.maximum.accumulate(design.characterisation.temperature_c)
        sustainable_mw = int(np.interp(control_c, settled_c, level_mw))
        trips_c = trips_of(design)[:, throttling.TEMPERATURE]
        self._parameters = parameters(
            sustainable_mw,
            most_mw=int(level_mw[-1]),
            control_mc=round(1e3 * control_c),
            span_mc=round(1e3 * (trips_c[-1] - trips_c[0])),
            period_ms=TICK_MS,
        )

    def start(self, count: int) -> State:
        """A PID controller at rest."""
        return (np.zeros((count, STATE_SIZE), np.int64),)

    def level(self, reading: Reading, state: State) -> tuple[NDArray[np.int64], State]:
        """Takes the highest VF level within the budget."""
        pid = state[0].copy()
        below_c = reading.t_max_c - GUARD_C - reading.temperature_c
        budget_mw = np.empty(len(pid), np.int64)
        power_budgets_mw(self._parameters, pid, np.rint(1e3 * below_c).astype(np.int64), budget_mw)
        load = utilisation(reading, self.design.known.arrival_period_s)
        percent = self._threads * np.floor(100.0 * load).astype(np.int64)
        return highest_level(self._core_mw, budget_mw, percent), (pid,)


class IpaTopology(PowerAllocator):
    """The same budget, but the most accurate (topology, VF level) within it that meets L_c.

    Not published: the obvious use of the kernel's budget by a controller that can change the
    network too. Of equally accurate ones it takes the slowest clock. If none meets L_c, it takes
    the fastest topology at the highest VF level within the budget.

    Args:
        design: Knowledge before the run.

    Raises:
        InputError: The board has no profile, or no configuration meets the constraint at the start.
    """

    def __init__(self, design: Design) -> None:
        super().__init__(design)
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


def core_power_mw(profile: BoardProfile) -> NDArray[np.int64]:
    """Switching power of a core under full load by VF level, with its share of the cluster's."""
    threads = profile.threads
    of_all_w = [profile.switching_w(k, threads) for k in range(len(profile.operating_points))]
    return np.array([int(1e3 * watts / threads) for watts in of_all_w])


def highest_level(
    core_mw: NDArray[np.int64], budget_mw: NDArray[np.int64], load_percent: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The highest VF levels whose power fits into a budget; the lowest if none does.

    The budget counts for the time that the cores are busy (``cpufreq_power2state``); cores that
    are not busy at all ask for no power, and get none (``divvy_up_power`` with one actor).

    Args:
        core_mw: Power of a busy core by VF level.
        budget_mw: Budget of all cores, shape (batch,).
        load_percent: Sum of the cores' loads, in per cent of one core's time, same shape.
    """
    granted_mw = np.where(load_percent > 0, budget_mw, 0)
    normalised_mw = granted_mw * 100 // np.maximum(load_percent, 1)
    fits = core_mw <= normalised_mw[:, np.newaxis]
    return np.where(fits, np.arange(len(core_mw)), 0).max(axis=1)
