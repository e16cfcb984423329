"""Backward induction over time: node temperatures and throttling on a grid."""

from itertools import product
from operator import mul
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.jit import jit, jit_apart
from tvfs_gym.envs.physics.power import leakage_power_w

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

GAIN, HEAT_W, VOLTAGE_V, LEVEL, HOT_GAIN = range(5)
"""Columns of the actions: gain and switching power over a stage, supply and VF level, and the gain
if the die is above T_max all the while."""

NEIGHBOURS = 3
"""Grid points of each node but the die between which values are interpolated."""


class Grid(NamedTuple):
    """Node temperatures, die first.

    The die's grid has a seam at T_max, where values jump: a point at the limit itself, then one
    just above it, at one place; so no value is interpolated across the limit. Along the die values
    are interpolated linearly, along the other nodes, which move by a small part of a step in a
    stage, quadratically between the three nearest points: linear interpolation there would spread
    a temperature further at every stage.

    Attributes:
        low_c: Lowest temperature of each node, shape (nodes,).
        step_c: Same shape.
        counts: Grid points, at least 2 of the die and 3 of the others, same shape; the die's with
            the one above the limit.
        limit_c: T_max, whole steps above the lowest die temperature; infinite: there is no seam.
    """

    low_c: Array
    step_c: Array
    counts: Indices
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

    def offsets(self) -> Indices:
        """Distances in the flat grid from a first point to its neighbours along the slow nodes."""
        strides = [int(np.prod(self.counts[node + 1 :])) for node in range(1, len(self.counts))]
        neighbours = product(range(NEIGHBOURS), repeat=len(strides))
        return np.array([sum(map(mul, strides, steps)) for steps in neighbours], np.int64)

    @property
    def die_stride(self) -> int:
        """Distance in the flat grid to the next point along the die."""
        return self.size // int(self.counts[0])


class Stage(NamedTuple):
    """The constant part of all stages under the same conditions.

    Attributes:
        keeps: Node temperatures x become keeps x + adds + per_watt P.
        adds: Shape (nodes,).
        per_watt: Shape (nodes,).
        leakage: C1, C2 and gate current.
        up_c: See `tvfs_gym.baselines.oracle.segments.Caps`.
        down_c: The same.
        caps: The same.
        actions: Shape (actions, 5).
        stop_value: Value of stopping.
        throttle_cost: Cost of a poll that lowers the clock, in frames: the one at hand may be late.
        cooled: How far the die has settled by the stage's end, 0..1: with its own time constant.
        earning: Which stages earn with the die above T_max in part of them: one of `EARNING`.
    """

    keeps: Array
    adds: Array
    per_watt: Array
    leakage: Array
    up_c: Array
    down_c: Array
    caps: Indices
    actions: Array
    stop_value: float
    throttle_cost: float
    cooled: float
    earning: int


STRICT, LOOKED_AT_FRAMES, LOOKED_AT_POLLS = range(3)
"""What a stage earns that begins or ends above T_max: nothing, for a plan; or the most that there
can be: the share of its time below, if the die is looked at after every frame; and if it is looked
at in polls and at a step's end only, all of it if it begins below."""


@jit
def next_cap_state(cap_state: int, die_c: float, up_c: Array, down_c: Array) -> int:
    """The cap state after a poll that finds the die so hot."""
    while cap_state < len(up_c) and die_c >= up_c[cap_state]:
        cap_state += 1
    while cap_state > 0 and die_c < down_c[cap_state - 1]:
        cap_state -= 1
    return cap_state


@jit
def cool_share(
    before_c: float, after_c: float, limit_c: float, cooled: float, earning: int
) -> float:
    """Share of a stage's frames that earn, by the die's temperature at its beginning and end.

    A die that falls below the limit has done so no earlier than with its own time constant alone,
    the shortest of the network's; one that rises above it has done so no later than on a straight
    line.
    """
    if before_c <= limit_c and after_c <= limit_c:
        return 1.0
    if earning == STRICT or (before_c > limit_c and after_c > limit_c):
        return 0.0
    if before_c <= limit_c:
        if earning == LOOKED_AT_POLLS:
            return 1.0
        return (limit_c - before_c) / (after_c - before_c)
    passed = np.log(1.0 - cooled * (before_c - limit_c) / (before_c - after_c))
    return 1.0 - passed / np.log(1.0 - cooled)


@jit
def locate(
    point_c: Array,
    low_c: Array,
    step_c: Array,
    counts: Indices,
    limit_c: float,
    weight: Array,
) -> tuple[int, float]:
    """Finds the grid points around a point; beyond the grid its edge counts.

    Args:
        point_c: Node temperatures.
        low_c: See `Grid`.
        step_c: See `Grid`.
        counts: See `Grid`.
        limit_c: See `Grid`.
        weight: Filled with the weights of the neighbours along the slow nodes, in the order of
            `Grid.offsets`.

    Returns:
        Index of the first of them, and the share of the next one along the die.
    """
    steps = (point_c[0] - low_c[0]) / step_c[0]
    least, most = 0.0, counts[0] - 1.0
    if limit_c < np.inf:
        seam = (limit_c - low_c[0]) / step_c[0]
        if point_c[0] > limit_c:
            steps, least = steps + 1.0, np.floor(seam + 1.5)
        else:
            most = np.floor(seam + 0.5)
    position = min(max(steps, least), most)
    first = min(int(position), counts[0] - 2)
    share = position - first
    weight[0] = 1.0
    filled = 1
    for node in range(1, len(counts)):
        steps = (point_c[node] - low_c[node]) / step_c[node]
        position = min(max(steps, 0.0), counts[node] - 1.0)
        centre = min(max(int(position + 0.5), 1), counts[node] - 2)
        d = position - centre
        first = first * counts[node] + centre - 1
        for k in range(filled - 1, -1, -1):
            present = weight[k]
            weight[NEIGHBOURS * k] = present * 0.5 * d * (d - 1.0)
            weight[NEIGHBOURS * k + 1] = present * (1.0 - d * d)
            weight[NEIGHBOURS * k + 2] = present * 0.5 * d * (d + 1.0)
        filled *= NEIGHBOURS
    return first, share


@jit
def interpolated(
    values: Array, first: int, share: float, weight: Array, offsets: Indices, die_stride: int
) -> float:
    """Interpolates values, shape (grid points,), between the points that `locate` found."""
    here, above = 0.0, 0.0
    for m in range(len(offsets)):
        at = first + offsets[m]
        here += weight[m] * values[at]
        above += weight[m] * values[at + die_stride]
    return here + share * (above - here)


@jit_apart
def _prepare(
    points_c: Array,
    low_c: Array,
    step_c: Array,
    counts: Indices,
    limit_c: float,
    keeps: Array,
    adds: Array,
    per_watt: Array,
    leakage: Array,
    up_c: Array,
    down_c: Array,
    actions: Array,
    cooled: float,
    earning: int,
    point_c: Array,
    first: NDArray[np.int32],
    share: Array,
    weight: Array,
    gain: Array,
    after: NDArray[np.int8],
) -> None:
    """Works out where every action leads from every grid point; the last five arrays are filled."""
    nodes = len(counts)
    for state in range(len(points_c)):
        before_c = points_c[state, 0]
        leakage_w_v = leakage_power_w(1.0, before_c, leakage[0], leakage[1], leakage[2])
        for a in range(len(actions)):
            heat_w = actions[a, HEAT_W] + actions[a, VOLTAGE_V] * leakage_w_v
            for i in range(nodes):
                point_c[i] = adds[i] + per_watt[i] * heat_w
                for j in range(nodes):
                    point_c[i] += keeps[i, j] * points_c[state, j]
            first[state, a], share[state, a] = locate(
                point_c, low_c, step_c, counts, limit_c, weight[state, a]
            )
            cool = cool_share(before_c, point_c[0], limit_c, cooled, earning)
            gain[state, a] = cool * actions[a, GAIN] + (1.0 - cool) * actions[a, HOT_GAIN]
            for cap_state in range(after.shape[2]):
                after[state, a, cap_state] = next_cap_state(cap_state, point_c[0], up_c, down_c)


@jit_apart
def _induce(
    later: Array,
    now: Array,
    possible: NDArray[np.bool_],
    caps: Indices,
    actions: Array,
    stop_value: float,
    throttle_cost: float,
    offsets: Indices,
    die_stride: int,
    first: NDArray[np.int32],
    share: Array,
    weight: Array,
    gain: Array,
    after: NDArray[np.int8],
) -> None:
    """One stage backwards, see `Induction.before`."""
    for cap_state in range(len(caps)):
        for state in range(later.shape[1]):
            if not possible[cap_state, state]:
                now[cap_state, state] = 0.0
                continue
            best = stop_value
            for a in range(len(actions)):
                if actions[a, LEVEL] <= caps[cap_state]:
                    k = after[state, a, cap_state]
                    value = gain[state, a] + interpolated(
                        later[k], first[state, a], share[state, a], weight[state, a],
                        offsets, die_stride,
                    )  # fmt: skip
                    if actions[a, LEVEL] > caps[k]:
                        value -= throttle_cost
                    best = max(best, value)
            now[cap_state, state] = best


class Induction:
    """Backward induction with the same stage again and again.

    Args:
        grid: Grid of the values.
        stage: Actions and their results.
    """

    def __init__(self, grid: Grid, stage: Stage) -> None:
        self._stage = stage
        points_c = grid.points()
        self.occurring = _occurring(grid, points_c[:, 0], stage.up_c, stage.down_c)
        offsets = grid.offsets()
        shape = grid.size, len(stage.actions)
        reached: tuple[NDArray[Any], ...] = (
            np.empty(shape, np.int32),
            np.empty(shape),
            np.empty((*shape, len(offsets))),
            np.empty(shape),
            np.empty((*shape, len(stage.caps)), np.int8),
        )
        _prepare(
            points_c, *grid, *stage[:6], stage.actions, stage.cooled, stage.earning,
            np.empty(len(grid.counts)), *reached,
        )  # fmt: skip
        self._reached: tuple[Any, ...] = (offsets, grid.die_stride, *reached)

    def before(self, later: Array) -> Array:
        """The values one stage earlier.

        W(x, k) = max(stop_value, max_a gain_a + W'(x_a, k_a) - cost_a)

        over the actions a whose level cap state k allows. x_a are the node temperatures
        after the stage, k_a the cap state that the poll at its end sets;
        cost_a is the cost of one that lowers the clock.

        Args:
            later: W', shape (cap states, grid points); 0 where a cap state cannot occur.
        """
        now = np.empty_like(later)
        stage = self._stage
        _induce(
            later, now, self.occurring, stage.caps, stage.actions, stage.stop_value,
            stage.throttle_cost, *self._reached,
        )  # fmt: skip
        return now


def _occurring(grid: Grid, die_c: Array, up_c: Array, down_c: Array) -> NDArray[np.bool_]:
    """Cap states possible after a poll at each grid point or next to it."""
    step_c = grid.step_c[0]
    hot_enough = die_c + step_c >= np.concatenate([[-np.inf], down_c])[:, np.newaxis]
    cool_enough = die_c - step_c < np.concatenate([up_c, [np.inf]])[:, np.newaxis]
    return np.asarray(hot_enough & cool_enough)


def value_at(values: NDArray[np.floating], grid: Grid, point_c: Array, cap_state: int) -> float:
    """Interpolates values, shape (cap states, grid points)."""
    offsets = grid.offsets()
    weight = np.empty(len(offsets))
    first, share = locate(point_c, *grid, weight)
    return float(interpolated(values[cap_state], first, share, weight, offsets, grid.die_stride))
