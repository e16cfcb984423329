"""Topology scaling alone does not cool: for which switching activities of the smaller network."""

from dataclasses import dataclass

from scipy.optimize import brentq

from tvfs_gym.envs.boards.profile import BoardProfile

ACTIVITIES = (0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2)
"""Switching activity of the smaller network relative to the largest one's."""

HOTTEST_C = 300.0
"""Beyond it the leakage runs away: no steady state is looked for."""


@dataclass(frozen=True)
class SteadyState:
    """What a network of some activity makes of the chip.

    Attributes:
        activity: Relative to the largest network's.
        temperature_c: Settled at the highest VF level, all threads busy, nothing throttling.
        cooler_k: How much cooler than under the largest network.
        sustained_hz: Highest clock at which it settles at T_max or below; 0 if there is none.
    """

    activity: float
    temperature_c: float
    cooler_k: float
    sustained_hz: float


def settled_c(
    profile: BoardProfile, cooling: str, ambient_c: float, level: int, activity: float
) -> float:
    """Steady temperature of the chip under continuous inference, leakage included, degC."""
    resistance_k_w = sum(profile.cooling_named(cooling).resistances_k_w)
    voltage_v = profile.operating_points[level].voltage_v
    switching_w = profile.switching_w(level, profile.threads, activity) + profile.power.rest_w

    def excess_k(chip_c: float) -> float:
        heat_w = switching_w + profile.leakage_w(voltage_v, chip_c)
        return ambient_c + resistance_k_w * heat_w - chip_c

    # Heat exceeds what the cooling carries off up to the first steady state.
    high_c = ambient_c
    while excess_k(high_c) > 0 and high_c < HOTTEST_C:
        high_c += 1.0
    return float(brentq(excess_k, high_c - 1.0, high_c)) if high_c < HOTTEST_C else HOTTEST_C


def activities_swept(
    profile: BoardProfile, cooling: str, ambient_c: float, t_max_c: float
) -> tuple[SteadyState, ...]:
    """Every activity of `ACTIVITIES`."""
    points = profile.operating_points
    largest_c = settled_c(profile, cooling, ambient_c, len(points) - 1, 1.0)
    found = []
    for activity in ACTIVITIES:
        reached_c = [
            settled_c(profile, cooling, ambient_c, level, activity) for level in range(len(points))
        ]
        sustained = [
            point.frequency_hz
            for point, chip_c in zip(points, reached_c, strict=True)
            if chip_c <= t_max_c
        ]
        cooler_k = largest_c - reached_c[-1]
        found.append(SteadyState(activity, reached_c[-1], cooler_k, max(sustained, default=0.0)))
    return tuple(found)
