"""TVFS with time-shared neighbours: an extension of ours after POET.

TVFS' levels are discrete, and what its table leaves between T_max and the best sustainable row is
lost. POET (Imes et al., RTAS 2015; recalled, not read) shares time between configurations by a
linear program. Here its solution has two rows at most; error diffusion interleaves them over the
steps. The rows are those of the table with passes (`tvfs_gym.baselines.tvfs.passes`), but with the
accuracy that is to be expected under the passes' jitter; like TVFS' they are those for what the
slow-down leaves of L_c.

The design-time temperatures of the rows stand for their powers: both differ by a factor and an
offset. The program bounds their mean over time, and besides it the hot spot: its fast pole follows
each row, so that a burst of the hotter row peaks above the mean. How much of a step the network's
modes follow is taken from the profile, and so is the part of the present reading that the rows of
the past explain; what they leave, a warmer room or a worse unit, is the offset by which the
program's limit is lowered.
"""

from collections.abc import Callable
from dataclasses import astuple
from typing import NamedTuple

import numpy as np

from tvfs_gym.baselines.controller import Choice, Controller, Design, State
from tvfs_gym.baselines.model_based.board_model import BoardModel, Vector
from tvfs_gym.baselines.model_based.budgets import accuracy_within, expected_outcome
from tvfs_gym.baselines.tuned import GUARD_C, tuned
from tvfs_gym.baselines.tvfs.passes import front
from tvfs_gym.baselines.tvfs.tvfs import left_s
from tvfs_gym.envs.observation import Reading

LONGEST_BURST = 20
"""Steps of the hotter row in a row, beyond which it counts as held."""

OFFSET_MEMORY = 0.8
"""Memory of the offset, per step."""

COLDEST_C, HOTTEST_C = 0, 150
"""Limits in design-time temperatures for which there are programs."""


Followed = Callable[[float], float]
"""Part of a step of heat that the network follows within a time, 0..1."""


class Duty(NamedTuple):
    """Two rows, or one twice, and the share of the steps that the hotter one gets."""

    hot: int
    cool: int
    share: float


def duty_cycles(
    accuracy: Vector, temperature_c: Vector, duration_s: Vector, limit_c: float
) -> Vector:
    """Shares of the steps with the highest mean accuracy under a bound on the mean temperature.

    maximise sum w q, subject to sum w t (T - limit) <= 0, sum w = 1, w >= 0.

    Args:
        accuracy: Accuracy of each row, q.
        temperature_c: Temperature of each row, T.
        duration_s: Duration of a step of each row, t.
        limit_c: Bound on the mean over time.

    Returns:
        w; empty if even the coolest row is too hot.
    """
    from scipy.optimize import linprog  # which takes a fifth of a second

    solution = linprog(
        -accuracy,
        A_ub=[duration_s * (temperature_c - limit_c)],
        b_ub=[0.0],
        A_eq=[np.ones_like(accuracy)],
        b_eq=[1.0],
        method="highs",
    )
    return np.asarray(solution.x) if solution.success else np.zeros(0)


def best_duty(
    accuracy: Vector, temperature_c: Vector, duration_s: Vector, limit_c: float, followed: Followed
) -> Duty:
    """The best duty cycle whose bursts of the hotter row stay below the limit.

    There is a program for each row as the hottest. A burst of it peaks at m + f (T - m), where m is
    the mean and f the part of a step that the network follows until the burst ends; so the mean is
    bounded by (limit - f T) / (1 - f). Longer bursts follow from larger shares: the shortest that
    the program's own solution needs is taken.

    Args:
        accuracy: Accuracy of each row, the hottest first.
        temperature_c: Temperature of each row.
        duration_s: Duration of a step of each row.
        limit_c: Bound on the hot spot.
        followed: Modes of the board's network that are followed.

    Returns:
        The coolest row alone if nothing else stays below.
    """
    coolest = len(accuracy) - 1
    best, best_accuracy = Duty(coolest, coolest, 1.0), accuracy[coolest]
    for hot in range(coolest):
        if temperature_c[hot] <= limit_c:
            duty = Duty(hot, hot, 1.0)
        else:
            below = slice(hot, None)
            rows = accuracy[below], temperature_c[below], duration_s[below]
            duty = _interleaved(*rows, limit_c, followed, hot)
        reached = duty.share * accuracy[duty.hot] + (1.0 - duty.share) * accuracy[duty.cool]
        if reached > best_accuracy:
            best, best_accuracy = duty, reached
    return best


def _interleaved(
    accuracy: Vector,
    temperature_c: Vector,
    duration_s: Vector,
    limit_c: float,
    followed: Followed,
    first: int,
) -> Duty:
    """The program with the first row as the hottest, which cannot be held."""
    for burst in range(1, LONGEST_BURST + 1):
        part = followed(burst * duration_s[0])
        mean_c = (limit_c - part * temperature_c[0]) / (1.0 - part)
        shares = duty_cycles(accuracy, temperature_c, duration_s, mean_c)
        if not len(shares) or shares[0] <= 0.0:
            break
        if shares[0] <= burst / (burst + 1.0):
            return Duty(first, first + int(shares[1:].argmax()) + 1, float(shares[0]))
    return Duty(first + len(accuracy) - 1, first + len(accuracy) - 1, 1.0)


class TvfsDuty(Controller):
    """TVFS with two rows of its table interleaved, by a linear programme.

    Args:
        design: Knowledge before the run, the profile included.
        guard_c: Distance to T_max below which the hot spot is kept.

    Raises:
        InputError: No configuration meets the constraint at the start, or there is no profile.
    """

    def __init__(self, design: Design, guard_c: float = tuned("tvfs_duty", GUARD_C)) -> None:
        super().__init__(design)
        self._guard_c = guard_c
        accuracy_within(design, design.known.latency_constraint_s)
        model = BoardModel(design, "tvfs_duty")
        self._rates_hz = model.rate_hz
        self._parts = model.resistance_k_w / model.resistance_k_w.sum()
        self._idle_c = float(design.characterisation.temperature_c[0])
        self._plans: dict[tuple[float, int], Vector] = {}

    def start(self, count: int) -> State:
        """Design-time temperatures as the modes follow them, the offset, the share carried over.

        The last is the design-time temperature of the row, NaN before the first step.
        """
        modes = np.full((count, len(self._parts)), self._idle_c)
        return modes, np.zeros(count), np.zeros(count), np.full(count, np.nan)

    def decide(self, reading: Reading, state: State) -> tuple[Choice, State]:
        """Follows the offset, and takes the row whose turn it is, but no burst that would peak."""
        modes_c, offset_c, carried, row_c = state
        begun = ~np.isnan(row_c)
        period_s = self.design.known.arrival_period_s
        step_s = np.maximum(reading.latency_mean_s, period_s) * float(self.design.frames_per_step)
        modes_c = np.where(begun[:, np.newaxis], self._moved(modes_c, row_c, step_s), modes_c)
        memory = np.where(begun, OFFSET_MEMORY, 0.0)
        seen_c = reading.temperature_c - modes_c @ self._parts
        offset_c = memory * offset_c + (1.0 - memory) * seen_c
        limit_c = reading.t_max_c - self._guard_c - offset_c
        whole_c = np.clip(np.floor(limit_c), COLDEST_C, HOTTEST_C).astype(int)
        keys = zip(left_s(self.design, reading).tolist(), whole_c.tolist(), strict=True)
        plans = np.array([self._plan(*key) for key in keys])
        share, hot, cool = plans[:, 0], plans[:, 1:6], plans[:, 6:]
        carried = carried + share
        peak_c = self._moved(modes_c, hot[:, 3], hot[:, 4]) @ self._parts
        takes_hot = (carried >= 1.0 - 1e-9) & (peak_c <= limit_c)
        chosen: Vector = np.where(takes_hot[:, np.newaxis], hot, cool)
        carried = np.minimum(carried - takes_hot, 1.0)
        topology, level, budget = chosen[:, :3].astype(np.int64).T
        return Choice(topology, level, budget), (modes_c, offset_c, carried, chosen[:, 3])

    def _moved(self, modes_c: Vector, towards_c: Vector, duration_s: Vector) -> Vector:
        kept = np.exp(-self._rates_hz * duration_s[:, np.newaxis])
        return kept * modes_c + (1.0 - kept) * towards_c[:, np.newaxis]

    def _followed(self, duration_s: float) -> float:
        return float(self._parts @ (1.0 - np.exp(-self._rates_hz * duration_s)))

    def _plan(self, constraint_s: float, limit_c: int) -> Vector:
        """Share of the hotter row, then what `_table` says of both."""
        key = constraint_s, limit_c
        if key not in self._plans:
            accuracy, columns = self._table(constraint_s)
            duty = best_duty(accuracy, columns[:, 3], columns[:, 4], limit_c, self._followed)
            self._plans[key] = np.array([duty.share, *columns[duty.hot], *columns[duty.cool]])
        return self._plans[key]

    def _table(self, constraint_s: float) -> tuple[Vector, Vector]:
        """Accuracy of the rows; their topology, level, budget, temperature and step's duration."""
        accuracy, time_s = expected_outcome(self.design, constraint_s)
        rows = front(self.design, accuracy, time_s)
        period_s, frames = self.design.known.arrival_period_s, self.design.frames_per_step
        columns = []
        for row in rows:
            topology, level, budget = astuple(row.configuration)
            frame_s = max(time_s[topology, level, budget - 1], period_s)
            columns.append((topology, level, budget, row.temperature_c, frames * frame_s))
        return np.array([row.accuracy for row in rows]), np.array(columns, float)
