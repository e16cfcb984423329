"""Baseline controllers: kernel governors, fixed choices, the published methods."""

from collections.abc import Callable

from tvfs_gym.baselines.controller import Choice, Controller, Design
from tvfs_gym.baselines.fixed import Twins, best_fixed
from tvfs_gym.baselines.frequency_scaling import Reactive, proactive
from tvfs_gym.baselines.governors import performance, powersave
from tvfs_gym.baselines.topology_scaling import topology_scaling
from tvfs_gym.baselines.tvfs import Tvfs, tvfs_static
from tvfs_gym.envs.errors import unknown

__all__ = ["CONTROLLERS", "HINDSIGHT", "Choice", "Controller", "Design", "Twins", "build"]

CONTROLLERS: dict[str, Callable[[Design], Controller]] = {
    "performance": performance,
    "powersave": powersave,
    "topology_scaling": topology_scaling,
    "frequency_reactive": Reactive,
    "frequency_proactive": proactive,
    "tvfs_static": tvfs_static,
    "tvfs": Tvfs,
}
"""What builds each baseline, by name, from what it may know beforehand."""

HINDSIGHT: dict[str, Callable[[Design, Twins], Controller]] = {
    "best_fixed": best_fixed,
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
