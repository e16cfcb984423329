"""The finite-horizon bound: dynamic programming on temperature, with a price on frames."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from tvfs_gym.baselines.oracle import dp
from tvfs_gym.baselines.oracle.lp import long_run
from tvfs_gym.baselines.oracle.options import undominated
from tvfs_gym.baselines.oracle.segments import Caps, Segment

Array = NDArray[np.float64]

COARSE = {1: (60,), 2: (40, 12), 3: (24, 8, 6)}
FINE = {1: (240,), 2: (72, 24), 3: (40, 16, 10)}
"""Grid points by node, for every number of nodes: to look for the price, and to value it."""

HEADROOM_C = 15.0
"""How far the grid of the die's temperature reaches above the highest trip."""

UNSETTLED = 2e-5
"""Accuracy that leaving out stages may cost; see `Course.values`."""

TOGETHER = 32
"""Stages whose gain is looked at together: the best course may go to and fro between two levels."""

PRICE_TOLERANCE = 2e-4
"""How finely the price is searched for; it makes no difference to the bound's validity."""

RAISE, MOST_RAISES = 1e-3, 5
"""By how much the price is raised on the fine grid, and how often."""

MARGIN = 0.01
"""How far beyond the long-run accuracies the price is looked for."""


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
        strict: For a plan: a stage earns nothing that begins or ends above T_max, and no frame is
            wasted; not for a bound, where only a stage that does both earns nothing.
    """

    segments: Sequence[Segment]
    caps: Caps
    nodes_c: Array
    frames: int
    poll_s: float
    t_max_c: float
    strict: bool = False

    @cached_property
    def longest_s(self) -> float:
        """The longest that a frame can take which is ever right and on time."""
        useful_s = [
            segment.options.duration_s[segment.options.on_time_accuracy > 0]
            for segment in self.segments
        ]
        return float(np.concatenate(useful_s).max(initial=0.0)) or self.poll_s

    @cached_property
    def stages(self) -> int:
        """Stages until the last frame is answered at the latest, if every frame is a longest one.

        Courses with slower frames than these are left out.
        """
        return int(np.ceil(self.frames * self.longest_s / self.poll_s))

    def at(self, time_s: float) -> int:
        """Index of the segment at a time."""
        return sum(segment.from_s <= time_s for segment in self.segments) - 1

    def starts_at(self, which: int) -> int:
        """First stage of a segment: a change holds from the poll on that follows it."""
        return int(np.ceil(self.segments[which].from_s / self.poll_s))

    @property
    def first_cap_state(self) -> int:
        """The cap state that the poll at the start sets."""
        return dp.next_cap_state(0, self.nodes_c[0], self.caps.up_c, self.caps.down_c)

    @property
    def hottest_c(self) -> float:
        """T_max, or the highest trip if that is higher; without trips the critical temperature."""
        *trips_c, critical_c = self.caps.up_c
        return max(float(max(trips_c, default=critical_c)), self.t_max_c)

    def grid(self, points: Mapping[int, tuple[int, ...]]) -> dp.Grid:
        """From the coolest that the board can be to somewhat above the hottest.

        The die's grid has a seam at T_max, above which a stage gains nothing.
        """
        counts = np.array(points[len(self.nodes_c)])
        low_c = np.full(len(counts), min(self.nodes_c.min(), *(c.coolest_c for c in self.segments)))
        high_c = np.full(len(counts), self.hottest_c)
        high_c[0] += HEADROOM_C
        step_c = (high_c - low_c) / (counts - 1)
        low_c[0] = self.t_max_c - step_c[0] * np.ceil((self.t_max_c - low_c[0]) / step_c[0])
        counts[0] += 1
        return dp.Grid(low_c, step_c, counts, self.t_max_c)

    def actions(self, which: int, price: float) -> NDArray[np.int64]:
        """Indices of the options of a segment that the course chooses from at a price."""
        options = self.segments[which].options
        useful = np.arange(len(options.vf_level))
        if self.strict and options.on_time_accuracy.any():
            useful = np.flatnonzero(options.on_time_accuracy)
        return useful[undominated(options.take(useful), price)]

    def stage(self, which: int, price: float, stop_value: float, throttle_cost: float) -> dp.Stage:
        """A stage of a segment; the other arguments are those of `values`."""
        segment = self.segments[which]
        possible = segment.options.take(self.actions(which, price))
        gain = (possible.on_time_accuracy - price) * self.poll_s / possible.duration_s
        columns = [gain, possible.power_w, possible.voltage_v, possible.vf_level]
        return dp.Stage(
            *segment.propagation(self.poll_s),
            np.array(segment.leakage),
            *self.caps,
            np.ascontiguousarray(np.stack(columns, axis=1)),
            stop_value,
            throttle_cost,
            -price * self.poll_s / float(possible.duration_s.max()),
            self.strict,
        )

    def values(
        self, price: float, grid: dp.Grid, stop_value: float = 0.0, throttle_cost: float = 0.0
    ) -> Iterator[tuple[int, Array]]:
        """Stages and their values, from the end backwards to stage 0.

        As soon as every further stage of the same segment gains the same everywhere, those in
        between are left out.
        """
        values = np.zeros((grid.size, len(self.caps.level)))
        last = self.stages
        for which in reversed(range(len(self.segments))):
            first = min(self.starts_at(which), last)
            induction = dp.Induction(grid, self.stage(which, price, stop_value, throttle_cost))
            before = values
            while last > first:
                values = induction.before(values)
                last -= 1
                yield last, values
                if last % TOGETHER == 0 and last > first:
                    steady = (values - before)[induction.occurring] / TOGETHER
                    if np.ptp(steady) * (last - first) < UNSETTLED * self.frames:
                        gain = np.where(induction.occurring, steady.mean(), 0.0)
                        values = values + (last - first) * gain
                        last = first
                        yield last, values
                    before = values

    def bound(self, price: float, grid: dp.Grid) -> float:
        """Price times frames plus the value at the start, per frame: see `finite_horizon`."""
        *_, (_, values) = self.values(price, grid)
        return price + dp.value_at(values, grid, self.nodes_c, self.first_cap_state) / self.frames


@dataclass(frozen=True)
class Horizon:
    """The finite-horizon bound.

    Attributes:
        reliable_accuracy: The bound.
        grid_error: By how much it differs from the one on the coarse grid.
        price: At which it is reached: what a frame more or less is worth.
    """

    reliable_accuracy: float
    grid_error: float
    price: float


def finite_horizon(course: Course, frames_per_step: int) -> Horizon:
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
    - A change that makes frames worth less comes up to a step late; the frames of that step are
      added at the difference.

    Where it is an estimate, to be read with `grid_error`: values between grid points are
    interpolated, neither up nor down; frames flow at their expected rate and power, so their
    jitter spreads no temperature; a choice cannot change between two polls; the leakage during a
    stage is that at its beginning (as the twin's is during a frame); courses with slower
    frames than any that can be right and on time are left out.

    Args:
        course: Course of the scenario.
        frames_per_step: For which a controller holds its choice.
    """
    coarse = course.grid(COARSE)
    accuracies = [segment.options.on_time_accuracy.max() for segment in course.segments]
    sustained = [long_run(segment, course.t_max_c).on_time_accuracy for segment in course.segments]
    if min(sustained) >= max(accuracies):
        return Horizon(float(max(accuracies)), 0.0, float(max(accuracies)))
    found = minimize_scalar(
        course.bound,
        args=(coarse,),
        bounds=(max(min(sustained) - MARGIN, 0.0), min(max(sustained) + MARGIN, max(accuracies))),
        method="bounded",
        options={"xatol": PRICE_TOLERANCE},
    )
    bound, price = _on_fine_grid(course, float(found.x))
    late = sum(max(before - after, 0.0) for before, after in pairwise(accuracies))
    return Horizon(
        min(bound + late * frames_per_step / course.frames, float(max(accuracies))),
        abs(bound - float(found.fun)),
        price,
    )


def _on_fine_grid(course: Course, price: float) -> tuple[float, float]:
    """The bound on the fine grid, and its price: the given one, or a higher one that is better.

    Below the accuracy that can go on for ever, as the grid has it, the bound grows with the length
    of the episode; so a price that is right on the coarse grid can be a little too low.
    """
    fine = course.grid(FINE)
    bound = course.bound(price, fine)
    for _ in range(MOST_RAISES):
        raised = course.bound(price + RAISE, fine)
        if raised >= bound:
            break
        bound, price = raised, price + RAISE
    return bound, price
