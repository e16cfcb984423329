"""Baseline controllers: kernel governors, fixed choices, the published methods."""

from collections.abc import Callable

from tvfs_gym.baselines.controller import Choice, Controller, Design
from tvfs_gym.baselines.fixed import Twins, best_fixed
from tvfs_gym.baselines.governors.cpufreq import (
    ondemand,
    ondemand_ds3,
    performance,
    powersave,
    schedutil,
    userspace_half,
)
from tvfs_gym.baselines.governors.ds3 import ds3_dtpm, ds3_throttling
from tvfs_gym.baselines.governors.power_allocator import IpaTopology, PowerAllocator
from tvfs_gym.baselines.governors.step_wise import step_wise, step_wise_hysteresis
from tvfs_gym.baselines.model_based.alert import Alert, AlertT
from tvfs_gym.baselines.model_based.predictive import Predictive
from tvfs_gym.baselines.one_knob import Reactive, proactive, topology_scaling
from tvfs_gym.baselines.oracle import oracle
from tvfs_gym.baselines.tvfs.duty import TvfsDuty
from tvfs_gym.baselines.tvfs.passes import tvfs_passes
from tvfs_gym.baselines.tvfs.tvfs import Tvfs, tvfs_static
from tvfs_gym.envs.errors import unknown

__all__ = ["CONTROLLERS", "HINDSIGHT", "Choice", "Controller", "Design", "Twins", "build"]

CONTROLLERS: dict[str, Callable[[Design], Controller]] = {
    "performance": performance,
    "powersave": powersave,
    "ondemand": ondemand,
    "ondemand_ds3": ondemand_ds3,
    "schedutil": schedutil,
    "userspace_half": userspace_half,
    "step_wise": step_wise,
    "step_wise_hysteresis": step_wise_hysteresis,
    "power_allocator": PowerAllocator,
    "ipa_topology": IpaTopology,
    "ds3_throttling": ds3_throttling,
    "ds3_dtpm": ds3_dtpm,
    "topology_scaling": topology_scaling,
    "frequency_reactive": Reactive,
    "frequency_proactive": proactive,
    "tvfs_static": tvfs_static,
    "tvfs": Tvfs,
    "tvfs_duty": TvfsDuty,
    "tvfs_passes": tvfs_passes,
    "alert": Alert,
    "alert_t": AlertT,
    "predictive": Predictive,
}
"""What builds each baseline, by name, from what it may know beforehand."""

HINDSIGHT: dict[str, Callable[[Design, Twins], Controller]] = {
    "best_fixed": best_fixed,
    "oracle": oracle,
}
"""What builds those that know the very scenario, as bounds, by name."""


def build(name: str, design: Design) -> Controller:
    """Builds a baseline.

    Raises:
        InputError: There is no such baseline, or none of the board's configurations can meet the
            latency constraint.
    """
    if name not in CONTROLLERS:
        raise unknown("controller", name, CONTROLLERS)
    return CONTROLLERS[name](design)
