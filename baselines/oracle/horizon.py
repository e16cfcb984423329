"""The finite-horizon bound: dynamic programming on temperature, with a price on frames."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.oracle import dp
from tvfs_gym.baselines.oracle.lp import long_run
from tvfs_gym.baselines.oracle.options import undominated
from tvfs_gym.baselines.oracle.segments import Caps, Segment

Array = NDArray[np.float64]

COARSE = {1: (60,), 2: (60, 8), 3: (24, 10, 3)}
REGULAR = {1: (240,), 2: (100, 10), 3: (40, 14, 4)}
FINE = {1: (480,), 2: (200, 20), 3: (80, 28, 7)}
"""Grid points by node, for every number of nodes: to look for the price, to value it, and to tell
how exactly."""

HEADROOM_C = 15.0
"""How far the grid of the die's temperature reaches above T_max."""

UNSETTLED = 2e-5
"""Accuracy that leaving out stages may cost; see `Course.values`."""

TOGETHER = 32
"""Stages whose gain is looked at together: the best course may go to and fro between two levels."""

PRICE_TOLERANCE = 5e-4
"""How finely the price is searched for; it makes no difference to the bound's validity."""

MARGIN = 0.01
"""How far below the lowest long-run accuracy the price is looked for. Above, one too short to
heat the board through may be worth up to the highest accuracy."""

NEAR = 0.005
"""How far around the price of an episode that differs little it is looked for first."""


@dataclass(frozen=True)
class Course:
    """The course of a scenario, in stages from one poll of the governor to the next.

    Attributes:
        segments: In order of time.
        caps: The throttling.
        nodes_c: Node temperatures at the start.
        frames: Frames of the episode.
        poll_s: Time between two polls.
        t_max_c: T_max.
        earning: What a stage earns that is above T_max in part: see `dp.EARNING`.
        late_frames: A change may take effect so many frames late: those of a step. None for a plan,
            which has no use for frames that are never right, either.
    """

    segments: Sequence[Segment]
    caps: Caps
    nodes_c: Array
    frames: int
    poll_s: float
    t_max_c: float
    earning: int
    late_frames: int | None

    @cached_property
    def longest_s(self) -> float:
        """The longest that a frame can take which is ever right and on time."""
        return max(segment.options.longest_s for segment in self.segments) or self.poll_s

    @cached_property
    def stages(self) -> int:
        """Stages until the last frame is answered at the latest, if every frame is a longest one.

        Courses with slower frames than these are left out.
        """
        return int(np.ceil(self.frames * self.longest_s / self.poll_s))

    def at(self, time_s: float) -> int:
        """Index of the segment at a time."""
        return sum(segment.from_s <= time_s for segment in self.segments) - 1

    @cached_property
    def periods(self) -> list[tuple[int, tuple[int, ...]]]:
        """First stages of the times between changes, and the segments that may be in force then.

        A change takes effect between two steps: until then both count as possible. For a plan it
        holds from the poll on that follows it.
        """
        count = len(self.segments)
        whole = np.ceil if self.late_frames is None else np.floor
        starts = [int(whole(segment.from_s / self.poll_s)) for segment in self.segments]
        ends = [*starts[1:], self.stages]
        if self.late_frames is not None:
            for which in range(count - 1):
                late_s = self.late_frames * (self.segments[which].options.longest_s or self.poll_s)
                ends[which] += 1 + int(np.ceil(late_s / self.poll_s))
        firsts = sorted({start for start in (*starts, *ends) if start < self.stages})
        return [
            (first, tuple(i for i in range(count) if starts[i] <= first < ends[i]))
            for first in firsts
        ]

    @property
    def first_cap_state(self) -> int:
        """The cap state that the poll at the start sets."""
        return dp.next_cap_state(0, self.nodes_c[0], self.caps.up_c, self.caps.down_c)

    def grid(self, points: Mapping[int, tuple[int, ...]]) -> dp.Grid:
        """From the coolest that each node can be to where it settles with the die at T_max.

        A hotter node counts as that hot, which is to the course's advantage. The die's grid goes
        somewhat further; it has a seam at T_max, above which a stage gains nothing.
        """
        counts = np.array(points[len(self.nodes_c)])
        ambient_c = np.array([segment.coolest_c for segment in self.distinct])
        low_c = np.minimum(self.nodes_c, ambient_c.min())
        settled = [
            segment.coolest_c + segment.shares * (self.t_max_c - segment.coolest_c)
            for segment in self.distinct
        ]
        high_c = np.maximum(self.nodes_c, np.max(settled, axis=0))
        high_c[0] = self.t_max_c + HEADROOM_C
        step_c = (high_c - low_c) / (counts - 1)
        low_c[0] = self.t_max_c - step_c[0] * np.ceil((self.t_max_c - low_c[0]) / step_c[0])
        counts[0] += 1
        return dp.Grid(low_c, step_c, counts, self.t_max_c)

    def actions(self, which: int, price: float) -> NDArray[np.int64]:
        """Indices of the options of a segment that the course chooses from at a price."""
        options = self.segments[which].options
        useful = np.arange(len(options.vf_level))
        if self.late_frames is None and options.on_time_accuracy.any():
            useful = np.flatnonzero(options.on_time_accuracy)
        return useful[undominated(options.take(useful), price)]

    def stage(self, which: int, price: float, stop_value: float, throttle_cost: float) -> dp.Stage:
        """A stage of a segment; the other arguments are those of `values`."""
        segment = self.segments[which]
        possible = segment.options.take(self.actions(which, price))
        frames = self.poll_s / possible.duration_s
        columns = [
            (possible.on_time_accuracy - price) * frames,
            possible.power_w,
            possible.voltage_v,
            possible.vf_level,
            np.full(len(frames), -price * frames.min()),
        ]
        return dp.Stage(
            *segment.propagation(self.poll_s),
            np.array(segment.leakage),
            *self.caps,
            np.ascontiguousarray(np.stack(columns, axis=1)),
            stop_value,
            throttle_cost,
            1.0 - float(np.exp(-segment.fastest_1_s * self.poll_s)),
            self.earning,
        )

    def values(
        self, price: float, grid: dp.Grid, stop_value: float = 0.0, throttle_cost: float = 0.0
    ) -> Iterator[tuple[int, Array]]:
        """Stages and their values, from the end backwards to stage 0.

        As soon as every further stage of the same period gains the same everywhere, those in
        between are left out.

        Args:
            price: Price of a frame.
            grid: Grid of the values.
            stop_value: Value of stopping.
            throttle_cost: Cost of a poll that lowers the clock.
        """
        known: dict[bytes, dp.Induction] = {}

        def induction(which: int) -> dp.Induction:
            key = self.segments[which].conditions
            if key not in known:
                known[key] = dp.Induction(grid, self.stage(which, price, stop_value, throttle_cost))
            return known[key]

        values = np.zeros((len(self.caps.level), grid.size))
        last = self.stages
        for first, possible in reversed(self.periods):
            inductions = list(dict.fromkeys(map(induction, possible)))
            occurring = inductions[0].occurring
            before = values
            while last > first:
                values = np.maximum.reduce([each.before(values) for each in inductions])
                last -= 1
                yield last, values
                if last % TOGETHER == 0 and last > first:
                    steady = (values - before)[occurring] / TOGETHER
                    if np.ptp(steady) * (last - first) < UNSETTLED * self.frames:
                        values = values + (last - first) * np.where(occurring, steady.mean(), 0.0)
                        last = first
                        yield last, values
                    before = values

    def bound(self, price: float, grid: dp.Grid) -> float:
        """Price times frames plus the value at the start, per frame: see `finite_horizon`."""
        *_, (_, values) = self.values(price, grid)
        return price + dp.value_at(values, grid, self.nodes_c, self.first_cap_state) / self.frames

    @cached_property
    def highest(self) -> float:
        """The highest accuracy of any option."""
        return max(float(segment.options.on_time_accuracy.max()) for segment in self.segments)

    @cached_property
    def distinct(self) -> list[Segment]:
        """The segments, those with the same conditions once."""
        return list({segment.conditions: segment for segment in self.segments}.values())


@dataclass(frozen=True)
class Horizon:
    """The finite-horizon bound.

    Attributes:
        reliable_accuracy: The bound, on the regular grid.
        price: At which it is reached: what a frame more or less is worth.
    """

    reliable_accuracy: float
    price: float


def finite_horizon(course: Course, near: float | None = None) -> Horizon:
    """The highest reliable accuracy that any controller can expect in an episode.

    With a price p on every frame, and an episode that may stop at any time,

    bound = min over p of  p + V_p / N,   V_p = max E[sum over the frames answered of (r - p)]

    for N frames; V_p is found by backward induction over time, from poll to poll, on the node
    temperatures and the cap state of the throttling. Why it is a bound:

    - Every controller answers at most N frames. So its sum of r is at most p N + sum of (r - p),
      for any p >= 0 (weak duality); only how tight it is depends on p. The price takes the place
      of the frames left, which the state would otherwise have to hold.
    - The induction knows the future, the temperatures and the cap state, and chooses anew at every
      poll; a controller sees a rounded reading and holds its choice for a step.
    - Frames answered in a stage that begins and ends with the die above T_max earn nothing, and are
      as few as can be; all others count, also those that a look in between would have spoilt.
    - Switching costs nothing, the fan is at its best, no frame waits for another, a trip caps
      the clock at its lowest state only (see `segments.caps`), and a frame whose clock
      falls is still worth its share.
    - A change takes effect between two steps. From the poll before it until the longest step after
      it ends, what held before it and what holds from then on are both possible, stage by stage.

    Where it is an estimate, to be read with `grid_error`: values between grid points are
    interpolated, neither up nor down; frames flow at their expected rate and power, so their
    jitter spreads no temperature; a choice cannot change between two polls; the leakage during a
    stage is that at its beginning (as the twin's is during a frame); courses with slower
    frames than any that can be right and on time are left out.

    Args:
        course: Course of the scenario.
        near: Price in an episode that differs little; None if there is none.
    """
    price = best_price(course, near)
    if price >= course.highest:
        return Horizon(course.highest, course.highest)
    return Horizon(min(course.bound(price, course.grid(REGULAR)), course.highest), price)


def best_price(course: Course, near: float | None = None) -> float:
    """The price with the lowest bound on the coarse grid; the arguments of `finite_horizon`."""
    from scipy.optimize import minimize_scalar  # which takes a fifth of a second

    sustained = [long_run(segment, course.t_max_c).on_time_accuracy for segment in course.distinct]
    if min(sustained) >= course.highest:
        return course.highest
    low, high = max(min(sustained) - MARGIN, 0.0), course.highest
    coarse = course.grid(COARSE)
    if near is not None and low < near - NEAR < near + NEAR < high:
        below, here, above = (course.bound(near + by, coarse) for by in (-NEAR, 0.0, NEAR))
        if here <= min(below, above):  # lowest of the parabola through the three
            return near + 0.5 * NEAR * (below - above) / max(below - 2 * here + above, 1e-12)
    found = minimize_scalar(
        course.bound,
        args=(coarse,),
        bounds=(low, high),
        method="bounded",
        options={"xatol": PRICE_TOLERANCE},
    )
    return float(found.x)


def grid_error(course: Course, horizon: Horizon) -> float:
    """By how much the bound changes on a grid of twice as many points of each node."""
    if horizon.price >= horizon.reliable_accuracy:
        return 0.0
    fine = min(course.bound(horizon.price, course.grid(FINE)), course.highest)
    return abs(fine - horizon.reliable_accuracy)
