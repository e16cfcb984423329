"""Backward induction over time: node temperatures and throttling on a grid."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.jit import jit, jit_apart
from tvfs_gym.envs.physics.power import leakage_power_w

Array = NDArray[np.float64]

GAIN, HEAT_W, VOLTAGE_V, LEVEL = range(4)
"""Columns of the actions: gain and switching power over a stage, supply and VF level."""


class Grid(NamedTuple):
    """Node temperatures, die first.

    The die's grid has a seam at T_max, where values jump: a point at the limit itself, then one
    just above it, at one place; so no value is interpolated across the limit.

    Attributes:
        low_c: Lowest temperature of each node, shape (nodes,).
        step_c: Same shape.
        counts: Grid points, at least 2 of each, same shape; the die's with the one above the limit.
        limit_c: T_max, whole steps above the lowest die temperature; infinite: there is no seam.
    """

    low_c: Array
    step_c: Array
    counts: NDArray[np.int64]
    limit_c: float

    @property
    def size(self) -> int:
        """Number of grid points."""
        return int(np.prod(self.counts))

    def points(self) -> Array:
        """All of them, shape (size, nodes)."""
        index = np.stack(np.unravel_index(np.arange(self.size), self.counts), axis=1)
        points_c = self.low_c + self.step_c * index
        if np.isfinite(self.limit_c):
            seam = round((self.limit_c - self.low_c[0]) / self.step_c[0])
            points_c[index[:, 0] == seam, 0] = self.limit_c
            points_c[index[:, 0] > seam, 0] -= self.step_c[0]
            points_c[index[:, 0] == seam + 1, 0] = np.nextafter(self.limit_c, np.inf)
        return points_c


class Stage(NamedTuple):
    """The constant part of all stages.

    Attributes:
        keeps: Node temperatures x become keeps x + adds + per_watt P.
        adds: Shape (nodes,).
        per_watt: Shape (nodes,).
        leakage: C1, C2 and gate current.
        up_c: See `tvfs_gym.baselines.oracle.segments.Caps`.
        down_c: The same.
        caps: The same.
        actions: Shape (actions, 4).
        stop_value: Value of stopping.
        throttle_cost: Cost of a poll that lowers the clock, in frames: the one at hand may be late.
        hot: Gain of a stage with the die above T_max: the price of its frames, of as few as there
            can be.
        strict: True if that is a stage that begins or ends above it, or only one that does both.
    """

    keeps: Array
    adds: Array
    per_watt: Array
    leakage: Array
    up_c: Array
    down_c: Array
    caps: NDArray[np.int64]
    actions: Array
    stop_value: float
    throttle_cost: float
    hot: float
    strict: bool


@jit
def next_cap_state(cap_state: int, die_c: float, up_c: Array, down_c: Array) -> int:
    """The cap state after a poll that finds the die so hot."""
    while cap_state < len(up_c) and die_c >= up_c[cap_state]:
        cap_state += 1
    while cap_state > 0 and die_c < down_c[cap_state - 1]:
        cap_state -= 1
    return cap_state


@jit
def corners(
    point_c: Array,
    low_c: Array,
    step_c: Array,
    counts: NDArray[np.int64],
    limit_c: float,
    index: NDArray[np.int64],
    weight: Array,
) -> None:
    """The grid points around a point, and their weights in multilinear interpolation.

    Beyond the grid its edge counts.

    Args:
        point_c: Node temperatures.
        low_c: See `Grid`.
        step_c: See `Grid`.
        counts: See `Grid`.
        limit_c: See `Grid`.
        index: Filled, shape (2^nodes,).
        weight: Filled, same shape.
    """
    filled = 1
    index[0] = 0
    weight[0] = 1.0
    for node in range(len(counts)):
        steps = (point_c[node] - low_c[node]) / step_c[node]
        least, most = 0.0, counts[node] - 1.0
        if node == 0 and limit_c < np.inf:
            seam = (limit_c - low_c[0]) / step_c[0]
            if point_c[0] > limit_c:
                steps, least = steps + 1.0, np.floor(seam + 1.5)
            else:
                most = np.floor(seam + 0.5)
        position = min(max(steps, least), most)
        below = min(int(position), counts[node] - 2)
        share = position - below
        for k in range(filled):
            index[k] = index[k] * counts[node] + below
            index[k + filled] = index[k] + 1
            weight[k + filled] = weight[k] * share
            weight[k] *= 1.0 - share
        filled *= 2


@jit_apart
def _induce(
    later: Array,
    now: Array,
    possible: NDArray[np.bool_],
    points_c: Array,
    low_c: Array,
    step_c: Array,
    counts: NDArray[np.int64],
    limit_c: float,
    keeps: Array,
    adds: Array,
    per_watt: Array,
    leakage: Array,
    up_c: Array,
    down_c: Array,
    caps: NDArray[np.int64],
    actions: Array,
    stop_value: float,
    throttle_cost: float,
    hot: float,
    strict: bool,
    point_c: Array,
    base_c: Array,
    index: NDArray[np.int64],
    weight: Array,
) -> None:
    """One stage backwards, see `Induction.before`; the last four arrays are room to work in."""
    nodes = len(counts)
    for state in range(len(now)):
        leakage_w_v = leakage_power_w(1.0, points_c[state, 0], leakage[0], leakage[1], leakage[2])
        for i in range(nodes):
            base_c[i] = adds[i]
            for j in range(nodes):
                base_c[i] += keeps[i, j] * points_c[state, j]
        for cap_state in range(len(caps)):
            now[state, cap_state] = stop_value if possible[state, cap_state] else 0.0
        for a in range(len(actions)):
            heat_w = actions[a, HEAT_W] + actions[a, VOLTAGE_V] * leakage_w_v
            for i in range(nodes):
                point_c[i] = base_c[i] + per_watt[i] * heat_w
            corners(point_c, low_c, step_c, counts, limit_c, index, weight)
            before_c, after_c = points_c[state, 0], point_c[0]
            die_c = max(before_c, after_c) if strict else min(before_c, after_c)
            gain = actions[a, GAIN] if die_c <= limit_c else hot
            for cap_state in range(len(caps)):
                if possible[state, cap_state] and actions[a, LEVEL] <= caps[cap_state]:
                    after = next_cap_state(cap_state, point_c[0], up_c, down_c)
                    value = gain
                    if actions[a, LEVEL] > caps[after]:
                        value -= throttle_cost
                    for k in range(len(index)):
                        value += weight[k] * later[index[k], after]
                    now[state, cap_state] = max(now[state, cap_state], value)


class Induction:
    """Backward induction with the same stage again and again.

    Args:
        grid: Grid of the values.
        stage: Actions and their results.
    """

    def __init__(self, grid: Grid, stage: Stage) -> None:
        self._grid, self._stage = grid, stage
        self._points_c = grid.points()
        self.occurring = _occurring(grid, self._points_c[:, 0], stage.up_c, stage.down_c)
        nodes = len(grid.counts)
        corner_count = 2**nodes
        self._room = (
            np.empty(nodes), np.empty(nodes),
            np.empty(corner_count, np.int64), np.empty(corner_count),
        )  # fmt: skip

    def before(self, later: Array) -> Array:
        """The values one stage earlier.

        W(x, k) = max(stop_value, max_a gain_a + W'(x_a, k_a) - cost_a)

        over the actions a whose level cap state k allows. x_a are the node temperatures
        after the stage, k_a the cap state that the poll at its end sets;
        cost_a is the cost of one that lowers the clock.

        Args:
            later: W', shape (grid points, cap states); 0 where a cap state cannot occur.
        """
        now = np.empty_like(later)
        arrays: tuple[Any, ...] = (*self._grid, *self._stage, *self._room)
        _induce(later, now, self.occurring, self._points_c, *arrays)
        return now


def _occurring(grid: Grid, die_c: Array, up_c: Array, down_c: Array) -> NDArray[np.bool_]:
    """Cap states possible after a poll at each grid point or next to it."""
    step_c = grid.step_c[0]
    hot_enough = die_c[:, np.newaxis] + step_c >= np.concatenate([[-np.inf], down_c])
    cool_enough = die_c[:, np.newaxis] - step_c < np.concatenate([up_c, [np.inf]])
    return np.asarray(hot_enough & cool_enough)


def value_at(values: NDArray[np.floating], grid: Grid, point_c: Array, cap_state: int) -> float:
    """Interpolates values, shape (grid points, cap states)."""
    index, weight = np.empty(2 ** len(point_c), np.int64), np.empty(2 ** len(point_c))
    corners(point_c, *grid, index, weight)
    return float(weight @ values[index, cap_state])
