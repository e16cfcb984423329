"""One knob: the clock alone under a given network, or the network alone at the highest clock.

Frequency scaling:
Peluso, Rizzo, Calimera, "Performance Profiling of Embedded ConvNets under Thermal-Aware DVFS",
Electronics 2019, 8(12), 1423: "two control policies, namely reactive and proactive".
Reconstruction: the abstract states no rules, thresholds or parameters.
"""

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.controller import Design, State
from tvfs_gym.baselines.fixed import Fixed
from tvfs_gym.baselines.frequency_governor import FrequencyGovernor
from tvfs_gym.baselines.tuned import GUARD_C, HYSTERESIS_C, tuned
from tvfs_gym.envs.boards.board import Configuration
from tvfs_gym.envs.observation import Reading


class Reactive(FrequencyGovernor):
    """One VF level down when the temperature nears T_max, one up when it has fallen well below.

    It remembers the VF level; it starts at the highest one.

    Args:
        design: Knowledge before the run.
        guard_c: Distance to T_max at which it slows down.
        hysteresis_c: Further distance at which it speeds up again.
    """

    def __init__(
        self,
        design: Design,
        guard_c: float = tuned("frequency_reactive", GUARD_C),
        hysteresis_c: float = tuned("frequency_reactive", HYSTERESIS_C),
    ) -> None:
        super().__init__(design)
        self._guard_c, self._hysteresis_c = guard_c, hysteresis_c

    def start(self, count: int) -> State:
        """The highest VF level."""
        return (np.full(count, self.design.highest),)

    def level(self, reading: Reading, state: State) -> tuple[NDArray[np.int64], State]:
        """Moves by at most one VF level."""
        (level,) = state
        headroom_c = reading.t_max_c - reading.temperature_c
        down = headroom_c <= self._guard_c
        up = headroom_c > self._guard_c + self._hysteresis_c
        level = np.clip(level - down + up, 0, self.design.highest)
        return level, (level,)


def proactive(design: Design, guard_c: float = tuned("frequency_proactive", GUARD_C)) -> Fixed:
    """The highest VF level whose temperature, measured at design time, stays below T_max.

    The clock is known then, and so the network is the most accurate one that meets L_c there.
    """
    sustainable = design.characterisation.temperature_c <= design.known.t_max_c - guard_c
    level = int(np.flatnonzero(sustainable)[-1]) if sustainable.any() else 0
    return Fixed(design, design.most_accurate(level))


def topology_scaling(design: Design) -> Fixed:
    """Topology scaling: the most accurate topology that meets L_c even while the kernel throttles.

    Peluso, Rizzo, Calimera, "Efficacy of Topology Scaling for Temperature and Latency Constrained
    Embedded ConvNets", JLPEA 2020, 10(1), 10: "different latency constraints can be met even under
    continuous inference, yet with a severe accuracy penalty forced by thermal constraints", and the
    chip still gets critically hot. Reconstruction: the abstract states no selection rule; here the
    99th percentile of a topology's latency, measured under continuous inference at the highest VF
    level with throttling at work, must meet L_c (if none does, the fastest topology is taken).
    """
    fits = design.characterisation.throttled_p99_s <= design.known.latency_constraint_s
    accuracy = np.where(fits, design.accuracy()[:, design.highest], 0.0)
    return Fixed(design, Configuration(int(accuracy.argmax()), design.highest))
