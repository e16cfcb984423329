"""The kernel's governors that run at one end of the clock's range."""

from tvfs_gym.baselines.controller import Design
from tvfs_gym.baselines.fixed import Fixed


def performance(design: Design) -> Fixed:
    """The kernel's ``performance``: the highest VF level, and the kernel throttles.

    Topology: the most accurate one that meets L_c at that level on a cold board, which is how a
    network is chosen when heat is not thought of.
    """
    return Fixed(design, design.most_accurate(design.highest))


def powersave(design: Design) -> Fixed:
    """The kernel's ``powersave``: the lowest VF level.

    Topology: the most accurate one that meets L_c there, or the fastest one if none does.
    """
    return Fixed(design, design.most_accurate(0))
