"""The board's model in a controller's hands: power and heat of every configuration.

The equations are those of `tvfs_gym.envs.physics`; here they stand in the form that filters and
searches over configurations need, as arrays over topologies and VF levels.
"""

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.controller import Design
from tvfs_gym.envs.boards.profile import BoardProfile
from tvfs_gym.envs.physics.thermal import AMBIENT_SHARE, RATE, RESISTANCE

Vector = NDArray[np.float64]

_GRID_C = np.arange(-40.0, 201.0)
"""Temperatures at which the leakage is tabulated; in between it is interpolated to a milliwatt."""


class BoardModel:
    """Power and heat by the board's profile, with its usual cooling.

    Attributes:
        busy_w: Power without leakage while a pass runs, shape (topologies, levels).
        idle_w: Power without leakage between passes, shape (levels,).
        voltage_v: Shape (levels,).
        rate_hz: Rates of the thermal modes, 1/s, shape (modes,).
        ambient_share: Their shares of the ambient temperature.
        resistance_k_w: Their resistances.
        resolution_c: Resolution of the sensor.
        limits_c: Where the governor takes each level away: how far below T_max, and at what
            temperature, shape (2, levels).

    Args:
        design: Knowledge before the run.
        wanted_by: The controller, for the error.

    Raises:
        InputError: There is no profile.
    """

    def __init__(self, design: Design, wanted_by: str) -> None:
        profile = design.model(wanted_by)
        levels, rest_w = range(len(profile.operating_points)), profile.power.rest_w
        activities = [topology.activity for topology in design.characterisation.family.topologies]
        busy_w = [
            [profile.switching_w(j, profile.threads, activity) for j in levels]
            for activity in activities
        ]
        self.busy_w = np.array(busy_w) + rest_w
        self.idle_w = np.array([profile.switching_w(j, 0) for j in levels]) + rest_w
        self.voltage_v = np.array([point.voltage_v for point in profile.operating_points])
        self._leakage_a = np.array([profile.leakage_w(1.0, t) for t in _GRID_C.tolist()])
        modes = profile.cooling_named(None).networks[0].modes
        self.rate_hz = modes[:, RATE].copy()
        self.ambient_share = modes[:, AMBIENT_SHARE].copy()
        self.resistance_k_w = modes[:, RESISTANCE].copy()
        self.resolution_c = profile.sensor.resolution_c
        self.limits_c = _limits_c(profile, design)

    def leakage_w(self, voltage_v: Vector, temperature_c: Vector) -> Vector:
        """Leakage at a supply and temperature."""
        return voltage_v * np.interp(temperature_c, _GRID_C, self._leakage_a)

    def switching_w(
        self, topology: NDArray[np.int64], level: NDArray[np.int64], duty: Vector
    ) -> Vector:
        """Mean power without leakage of configurations that are busy for a share of the time."""
        return duty * self.busy_w[topology, level] + (1.0 - duty) * self.idle_w[level]

    def limit_c(self, t_max_c: Vector, level: NDArray[np.int64]) -> Vector:
        """Temperature up to which a level may be used.

        That is T_max, or what makes the governor take the level away if that is lower.
        """
        below_t_max_c, trips_c = self.limits_c
        return np.minimum(t_max_c - below_t_max_c[level], trips_c[level])


def _limits_c(profile: BoardProfile, design: Design) -> Vector:
    """Where the governor takes each level away: how far below T_max, and at what temperature.

    The governor acts on readings, which reach a trip half a step of the sensor before it.
    """
    preset = profile.throttling_named(design.known.throttling)
    half_c = 0.5 * profile.sensor.resolution_c
    frequency_hz = np.array([point.frequency_hz for point in profile.operating_points])
    below_t_max_c, trips_c = np.zeros(len(frequency_hz)), np.full(len(frequency_hz), np.inf)
    for trip in preset.trips:
        taken = np.arange(len(frequency_hz)) > design.highest - trip.upper
        if trip.temperature_c is None:
            below_t_max_c[taken] = half_c
        else:
            trips_c[taken] = np.minimum(trips_c[taken], trip.temperature_c - half_c)
    if preset.progressive_from_c is not None:
        lost_hz = frequency_hz[-1] - frequency_hz
        from_c = preset.progressive_from_c + lost_hz / preset.progressive_hz_per_c
        trips_c = np.minimum(trips_c, from_c - half_c)
    return np.stack([below_t_max_c, trips_c])
