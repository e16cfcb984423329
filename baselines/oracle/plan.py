"""The oracle as a controller: it follows the dynamic programme, knowing model and scenario."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.controller import Choice, Controller, Design, State
from tvfs_gym.baselines.oracle import dp
from tvfs_gym.baselines.oracle.horizon import COARSE, Course
from tvfs_gym.baselines.oracle.segments import Caps, blurred
from tvfs_gym.envs.boards.twin.arrays import P
from tvfs_gym.envs.jit import jit, jit_apart
from tvfs_gym.envs.observation import Reading
from tvfs_gym.envs.physics.power import leakage_power_w
from tvfs_gym.envs.physics.thermal import NODE_FROM_MODES, propagate

Array = NDArray[np.float64]

MOST_TABLES = 500
"""Tables of values that are kept of a course; in between they are interpolated."""

ACCURACY, DURATION_S, POWER_W, VOLTAGE_V = range(4)
"""Columns of what a configuration does at a level that it is held to."""

TIME_S, CAP_STATE, FRAMES, GAIN, PROGRESS_SIZE = range(5)
"""Entries of a board's progress."""

SURCHARGE = 3e-4
"""On the price of a frame. Where heat does not bind, the price is that of the best configuration,
and its gain nothing: a little more makes the plan keep to the coolest of those as good."""

THROTTLE_COST = 1.0
"""Frames lost when a poll lowers the clock: the one at hand is late."""

ENDLESS = 1e30


@jit_apart
def _run_on(
    nodes_c: Array,
    modes: Array,
    progress: Array,
    level: int,
    held: Array,
    price: float,
    until_frames: float,
    until_s: float,
    network: Array,
    ambient_c: float,
    leakage: Array,
    poll_s: float,
    up_c: Array,
    down_c: Array,
    caps: NDArray[np.int64],
    limit_c: float,
) -> None:
    """Runs the expected course of a configuration, poll by poll, until so many frames or a time.

    Args:
        nodes_c: Node temperatures; updated.
        modes: Room for the modes.
        progress: Time, cap state, frames answered and gain; updated.
        level: VF level that is asked for.
        held: The configuration's outcome at every level, shape (levels, 4).
        price: Price of a frame.
        until_frames: Number of frames.
        until_s: Time.
        network: `RcNetwork.modes`.
        ambient_c: Ambient temperature.
        leakage: C1, C2 and gate current.
        poll_s: Time between polls, which begin at time 0.
        up_c: See `tvfs_gym.baselines.oracle.segments.Caps`.
        down_c: The same.
        caps: The same.
        limit_c: Frames gain nothing if the die is above it before or after.
    """
    size = len(nodes_c)
    while progress[FRAMES] < until_frames and progress[TIME_S] < until_s:
        cap = caps[int(progress[CAP_STATE])]
        if cap < 0:
            break
        clock = min(level, cap)
        duration_s = held[clock, DURATION_S]
        poll = np.floor(progress[TIME_S] / poll_s + 1e-6) + 1.0
        next_s = poll * poll_s
        end_s = min(
            next_s, until_s, progress[TIME_S] + (until_frames - progress[FRAMES]) * duration_s
        )
        spent_s = end_s - progress[TIME_S]
        before_c = nodes_c[0]
        power_w = held[clock, POWER_W] + held[clock, VOLTAGE_V] * leakage_power_w(
            1.0, nodes_c[0], leakage[0], leakage[1], leakage[2]
        )
        for k in range(size):
            modes[k] = 0.0
            for i in range(size):
                modes[k] += network[k, NODE_FROM_MODES + size + i] * nodes_c[i]
        propagate(modes, network, ambient_c, power_w, spent_s)
        for i in range(size):
            nodes_c[i] = 0.0
            for k in range(size):
                nodes_c[i] += network[i, NODE_FROM_MODES + k] * modes[k]
        answered = spent_s / duration_s
        progress[FRAMES] += answered
        right = held[clock, ACCURACY] if max(before_c, nodes_c[0]) <= limit_c else 0.0
        progress[GAIN] += answered * (right - price)
        progress[TIME_S] = end_s
        if end_s == next_s:
            state = dp.next_cap_state(int(progress[CAP_STATE]), nodes_c[0], up_c, down_c)
            progress[CAP_STATE] = state
            if clock > caps[state]:
                progress[GAIN] -= THROTTLE_COST
        elif spent_s <= 0.0:
            break


@jit
def _value(
    tables: NDArray[np.float32],
    at_stage: Array,
    stage: float,
    cap_state: int,
    first: int,
    die_share: float,
    weight: Array,
    offsets: NDArray[np.int64],
    die_stride: int,
) -> float:
    """Interpolates the tables in time, and between the located points in temperature."""
    later, last = 1, len(at_stage) - 1
    while later < last:
        middle = (later + last) // 2
        if at_stage[middle] < stage:
            later = middle + 1
        else:
            last = middle
    span = at_stage[later] - at_stage[later - 1]
    share = min(max((stage - at_stage[later - 1]) / span, 0.0), 1.0)
    before = dp.interpolated(
        tables[later - 1, cap_state], first, die_share, weight, offsets, die_stride
    )
    after = dp.interpolated(tables[later, cap_state], first, die_share, weight, offsets, die_stride)
    return before + share * (after - before)


@jit_apart
def _best(
    nodes_c: Array,
    time_s: float,
    cap_state: int,
    frames: float,
    levels: NDArray[np.int64],
    held: Array,
    price: float,
    tables: NDArray[np.float32],
    at_stage: Array,
    low_c: Array,
    step_c: Array,
    counts: NDArray[np.int64],
    limit_c: float,
    network: Array,
    ambient_c: float,
    leakage: Array,
    poll_s: float,
    up_c: Array,
    down_c: Array,
    caps: NDArray[np.int64],
    after_c: Array,
    modes: Array,
    progress: Array,
    weight: Array,
    offsets: NDArray[np.int64],
    die_stride: int,
) -> int:
    """The configuration whose expected step and what is worth having after it add up to most."""
    best, highest = 0, -ENDLESS
    for a in range(len(levels)):
        for i in range(len(nodes_c)):
            after_c[i] = nodes_c[i]
        progress[TIME_S], progress[CAP_STATE] = time_s, cap_state
        progress[FRAMES] = progress[GAIN] = 0.0
        _run_on(
            after_c, modes, progress, levels[a], held[a], price, frames, ENDLESS,
            network, ambient_c, leakage, poll_s, up_c, down_c, caps, limit_c,
        )  # fmt: skip
        first, share = dp.locate(after_c, low_c, step_c, counts, limit_c, weight)
        stage = progress[TIME_S] / poll_s
        # The tables hold right after a poll: the next one is taken to come at once.
        after = dp.next_cap_state(int(progress[CAP_STATE]), after_c[0], up_c, down_c)
        value = progress[GAIN] + _value(
            tables, at_stage, stage, after, first, share, weight, offsets, die_stride
        )
        if value > highest:
            best, highest = a, value
    return best


@dataclass(frozen=True)
class _Actions:
    """The oracle's choices in a segment.

    Attributes:
        choices: Topology, VF level and budget of passes, shape (actions, 3).
        held: Each action's outcome at every level, shape (actions, levels, 4).
        physics: Network, ambient temperature and leakage.
    """

    choices: NDArray[np.int64]
    held: Array
    physics: tuple[Array, float, Array]


def _actions(course: Course, which: int, price: float, levels: int) -> _Actions:
    segment = course.segments[which]
    options = segment.options
    budgets = int(options.max_passes.max())
    chosen = options.take(course.actions(which, price))
    same = (chosen.topology * levels * budgets + chosen.max_passes - 1)[:, np.newaxis]
    every_level = same + budgets * np.arange(levels)
    columns = [options.on_time_accuracy, options.duration_s, options.power_w, options.voltage_v]
    return _Actions(
        np.stack([chosen.topology, chosen.vf_level, chosen.max_passes], axis=1),
        np.ascontiguousarray(np.stack(columns, axis=-1)[every_level]),
        (segment.network, segment.coolest_c, np.array(segment.leakage)),
    )


class Plan:
    """Values of the dynamic programme at every time of a course.

    Args:
        course: Course of the very scenario.
        strict: Its throttling at its strictest.
        price: Price of a frame, see `tvfs_gym.baselines.oracle.horizon.finite_horizon`.
        levels: Number of VF levels.
        guard_c: The plan takes T_max and the trips to lie that much lower: for the sensor's
            resolution, and for polls within a step that find the die hotter than expected.
    """

    def __init__(
        self, course: Course, strict: Caps, price: float, levels: int, guard_c: float
    ) -> None:
        self._true_caps = course.caps
        course = replace(
            course,
            caps=strict._replace(up_c=strict.up_c - guard_c),
            t_max_c=course.t_max_c - guard_c,
            earning=dp.STRICT,
            late_frames=None,
        )
        price += SURCHARGE
        self.course, self.price = course, price
        self.grid = course.grid(COARSE)
        every = max(course.stages // MOST_TABLES, 1)
        # Stopping, which the bound allows for, is no choice here: it costs all frames.
        end = float(course.stages), np.zeros((len(course.caps.level), self.grid.size))
        made = [end, *course.values(price, self.grid, -float(course.frames), THROTTLE_COST)]
        kept = [stage for i, stage in enumerate(made) if i % every == 0 or stage[0] == 0][::-1]
        self.at_stage = np.array([float(stage) for stage, _ in kept])
        self.tables = np.array([values for _, values in kept], np.float32)
        self.actions = [
            _actions(course, which, price, levels) for which in range(len(course.segments))
        ]
        nodes, offsets = len(course.nodes_c), self.grid.offsets()
        self._room = (
            np.empty(nodes), np.empty(nodes), np.empty(PROGRESS_SIZE),
            np.empty(len(offsets)), offsets, self.grid.die_stride,
        )  # fmt: skip
        self._ladder = (course.poll_s, *course.caps)

    def best(self, nodes_c: Array, time_s: float, cap_state: int, frames: int) -> int:
        """Which of the actions of that time to take for the next frames."""
        actions = self.actions[self.course.at(time_s)]
        known: tuple[Any, ...] = (*self.grid, *actions.physics, *self._ladder, *self._room)
        return _best(
            nodes_c, time_s, cap_state, float(frames), actions.choices[:, 1].copy(), actions.held,
            self.price, self.tables, self.at_stage, *known,
        )  # fmt: skip

    def follow(
        self, nodes_c: Array, time_s: float, cap_state: int, action: int, until_s: float
    ) -> Array:
        """Node temperatures after an action has run until a time."""
        actions = self.actions[self.course.at(time_s)]
        after_c, progress = nodes_c.copy(), np.zeros(PROGRESS_SIZE)
        progress[TIME_S], progress[CAP_STATE] = time_s, cap_state
        _run_on(
            after_c, np.empty_like(after_c), progress, int(actions.choices[action, 1]),
            actions.held[action], self.price, ENDLESS, until_s, *actions.physics,
            self.course.poll_s, *self._true_caps, ENDLESS,
        )  # fmt: skip
        return after_c

    def corrected_c(self, die_c: float, read_c: float) -> float:
        """The die's temperature, no farther from a reading than the sensor's step allows.

        A reading that lags or is noisy corrects nothing.
        """
        parameters = self.course.segments[0].parameters
        if blurred(parameters):
            return die_c
        half_step_c = parameters[P.SENSOR_RESOLUTION_C] / 2
        read_c -= parameters[P.SENSOR_BIAS_C]
        return float(np.clip(die_c, read_c - half_step_c, read_c + half_step_c))

    def cap_state_of(self, cap_level: int) -> int:
        """The highest cap state that is no stricter than a cap that was seen."""
        return int(np.flatnonzero(self.course.caps.level >= cap_level)[-1])


class Oracle(Controller):
    """Takes the configuration whose step and what the plan says of its end add up to most.

    It knows the model and the scenario, and works out the node temperatures from its own
    choices and the time that they took; what it reads corrects the die's temperature and cap state.

    Args:
        design: Knowledge before the run.
        plans: Plans for the very scenarios: one per board of the batch, or a single one for all.
    """

    def __init__(self, design: Design, plans: Sequence[Plan]) -> None:
        super().__init__(design)
        self._plans = plans

    def start(self, count: int) -> State:
        """The scenarios' start, and no action taken."""
        courses = [self._plan(i).course for i in range(count)]
        return (
            np.array([course.nodes_c for course in courses]),
            np.zeros(count),
            np.array([course.first_cap_state for course in courses]),
            np.full(count, -1),
        )

    def _plan(self, i: int) -> Plan:
        return self._plans[0] if len(self._plans) == 1 else self._plans[i]

    def decide(self, reading: Reading, state: State) -> tuple[Choice, State]:
        """Brings each board's temperatures up to date, and chooses."""
        nodes_c, time_s, cap_state, last = (array.copy() for array in state)
        frames, period_s = self.design.frames_per_step, self.design.known.arrival_period_s
        choices = np.empty((len(last), 3), np.int64)
        for i in range(len(last)):
            plan = self._plan(i)
            if last[i] >= 0:
                now_s = time_s[i] + frames * max(reading.latency_mean_s[i], period_s)
                nodes_c[i] = plan.follow(nodes_c[i], time_s[i], cap_state[i], last[i], now_s)
                cap_state[i] = plan.cap_state_of(reading.cap_level[i])
                time_s[i] = now_s
                nodes_c[i, 0] = plan.corrected_c(nodes_c[i, 0], reading.temperature_c[i])
            last[i] = plan.best(nodes_c[i], time_s[i], int(cap_state[i]), frames)
            choices[i] = plan.actions[plan.course.at(time_s[i])].choices[last[i]]
        return Choice(*choices.T), (nodes_c, time_s, cap_state, last)
