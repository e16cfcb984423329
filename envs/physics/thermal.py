"""Heat: an RC network from die to ambient, propagated exactly."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.jit import jit, jit_apart
from tvfs_gym.envs.physics.exponential import decay

Vector = NDArray[np.float64]

RATE, AMBIENT_SHARE, RESISTANCE, NODE_FROM_MODES = range(4)
"""First columns of `RcNetwork.modes`; the last one is the first of two square matrices."""

PIECES = 8
"""Pieces of the time between two looks at the die, in `time_above_s`."""


@dataclass(frozen=True)
class RcNetwork:
    """A ladder of thermal nodes: the die, heated, then package, board, ..., then ambient.

    C_i dT_i/dt = (T_{i-1} - T_i) / R_{i-1} - (T_i - T_{i+1}) / R_i, with the heat P instead of the
    first term at the die, and the ambient temperature after the last node.

    Its eigenmodes z_k, scaled so that the die's temperature is their plain sum, are independent:
    dz_k/dt = rate_k (share_k T_ambient + R_k P - z_k). Each is propagated exactly by one
    exponential; this is the network's Foster form with the ambient as a second input.

    Attributes:
        resistances_k_w: R_i, from node i to the next one, K/W.
        capacitances_j_k: C_i, J/K.
    """

    resistances_k_w: tuple[float, ...]
    capacitances_j_k: tuple[float, ...]

    def scaled(self, resistance: float, capacitance: float) -> "RcNetwork":
        """The network with all its resistances and capacitances times a factor each."""
        if resistance == capacitance == 1.0:
            return self
        return RcNetwork(
            tuple(resistance * r for r in self.resistances_k_w),
            tuple(capacitance * c for c in self.capacitances_j_k),
        )

    @cached_property
    def _modal(self) -> tuple[Vector, NDArray[np.float64]]:
        """Rates, 1/s, and the matrix that turns modes into node temperatures."""
        conductance = 1.0 / np.array(self.resistances_k_w)
        root_c = np.sqrt(np.array(self.capacitances_j_k))
        diagonal = conductance + np.concatenate([[0.0], conductance[:-1]])
        matrix = np.diag(diagonal) - np.diag(conductance[:-1], 1) - np.diag(conductance[:-1], -1)
        rates, vectors = np.linalg.eigh(matrix / np.outer(root_c, root_c))
        nodes_from_modes = vectors / root_c[:, np.newaxis]
        return rates, nodes_from_modes / nodes_from_modes[0]

    @cached_property
    def modes(self) -> NDArray[np.float64]:
        """One row per mode: rate, 1/s; share of the ambient; resistance, K/W.

        Behind those stand the matrix that turns modes into node temperatures, and its inverse.
        """
        rates, nodes_from_modes = self._modal
        ones = np.ones(len(rates))
        ambient_share = np.linalg.solve(nodes_from_modes, ones)
        gains = np.cumsum(self.resistances_k_w[::-1])[::-1]
        resistance = np.linalg.solve(nodes_from_modes, gains)
        columns = [rates, ambient_share, resistance, nodes_from_modes]
        return np.ascontiguousarray(np.column_stack([*columns, np.linalg.inv(nodes_from_modes)]))

    @property
    def time_constants_s(self) -> Vector:
        """Time constants of the modes, slowest first, s."""
        return 1.0 / self.modes[:, RATE]

    @property
    def total_resistance_k_w(self) -> float:
        """Steady rise of the die over ambient per watt, K/W."""
        return sum(self.resistances_k_w)

    def modes_of(self, node_temperatures_c: Vector) -> Vector:
        """Modes that stand for these node temperatures."""
        return np.asarray(np.linalg.solve(self._modal[1], node_temperatures_c), np.float64)

    def steady_nodes_c(self, ambient_c: float, power_w: float) -> Vector:
        """Node temperatures after an infinite time at constant power, degC."""
        gains = np.cumsum(self.resistances_k_w[::-1])[::-1]
        return ambient_c + power_w * gains


@jit
def propagate(
    modes: Vector, network: NDArray[np.float64], ambient_c: float, power_w: float, duration_s: float
) -> float:
    """Advances the modes in place through a time of constant power and ambient.

    Args:
        modes: z_k, shape (modes,).
        network: `RcNetwork.modes`.
        ambient_c: Ambient temperature.
        power_w: Heat into the die.
        duration_s: Any length: the propagation is exact.

    Returns:
        The integral of the die's temperature over that time, degC s: of the differential equation,
        sum_k (settled_k duration - (z_k(end) - z_k(start)) / rate_k).
    """
    integral_c_s = 0.0
    for k in range(len(modes)):
        settled = network[k, AMBIENT_SHARE] * ambient_c + network[k, RESISTANCE] * power_w
        before = modes[k]
        after = settled + (before - settled) * decay(network[k, RATE] * duration_s)
        integral_c_s += settled * duration_s - (after - before) / network[k, RATE]
        modes[k] = after
    return integral_c_s


@jit_apart
def time_above_s(
    modes: Vector,
    network: NDArray[np.float64],
    ambient_c: float,
    power_w: float,
    duration_s: float,
    limit_c: float,
) -> float:
    """How long the die exceeds a limit in a time of constant power and ambient.

    The modes are followed in `PIECES` equal pieces of that time; within a piece the temperature
    goes straight.

    Args:
        modes: z_k at the beginning, shape (modes,); advanced to the end.
        network: `RcNetwork.modes`.
        ambient_c: Ambient temperature.
        power_w: Heat into the die.
        duration_s: Any length.
        limit_c: The limit.
    """
    above_s = 0.0
    before_c = die_temperature_c(modes)
    for _ in range(PIECES):
        propagate(modes, network, ambient_c, power_w, duration_s / PIECES)
        after_c = die_temperature_c(modes)
        above_s += _straight_time_above_s(before_c, after_c, limit_c, duration_s / PIECES)
        before_c = after_c
    return above_s


@jit
def _straight_time_above_s(
    before_c: float, after_c: float, limit_c: float, duration_s: float
) -> float:
    hottest_c = max(before_c, after_c)
    if hottest_c <= limit_c:
        return 0.0
    if min(before_c, after_c) >= limit_c:
        return duration_s
    return duration_s * (hottest_c - limit_c) / abs(after_c - before_c)


@jit
def change_network(
    modes: Vector, nodes: Vector, before: NDArray[np.float64], after: NDArray[np.float64]
) -> None:
    """Turns the modes of one network into those of another; the node temperatures stay.

    Args:
        modes: z_k, shape (modes,); replaced.
        nodes: Scratch space for node temperatures, of the same shape.
        before: `RcNetwork.modes` of the network that they belong to.
        after: Modes of the network that they shall belong to.
    """
    size = len(modes)
    for i in range(size):
        nodes[i] = 0.0
        for k in range(size):
            nodes[i] += before[i, NODE_FROM_MODES + k] * modes[k]
    for k in range(size):
        modes[k] = 0.0
        for i in range(size):
            modes[k] += after[k, NODE_FROM_MODES + size + i] * nodes[i]


@jit
def die_temperature_c(modes: Vector) -> float:
    """The die's temperature: the sum of the modes."""
    total = 0.0
    for k in range(len(modes)):
        total += modes[k]
    return total


@jit_apart
def temperature_before_c(
    course: NDArray[np.float64], latest: int, now_s: float, now_c: float, before_s: float
) -> float:
    """Temperature a while ago, on a course that is straight between the looks at it.

    Args:
        course: Ring of looks, each a time and a temperature, shape (looks, 2).
        latest: Row of the latest look.
        now_s: Present time, not before the latest look.
        now_c: Present temperature.
        before_s: How long ago; positive.

    Returns:
        The temperature then; the oldest one where that is out of the course's reach.
    """
    then_s = now_s - before_s
    later_s, later_c = now_s, now_c
    for age in range(len(course)):
        row = (latest - age) % len(course)
        earlier_s, earlier_c = course[row, 0], course[row, 1]
        if earlier_s <= then_s:
            share = (then_s - earlier_s) / (later_s - earlier_s)
            return earlier_c + share * (later_c - earlier_c)
        later_s, later_c = earlier_s, earlier_c
    return later_c


@jit
def sensor_reading_c(temperature_c: float, resolution_c: float) -> float:
    """Reading of a sensor that rounds to its resolution."""
    return math.floor(temperature_c / resolution_c + 0.5) * resolution_c
