"""Options for a frame: every configuration's expected answer, time and heat."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.boards.twin.arrays import (
    ACTIVITY,
    CONFIDENCE,
    CORRECT,
    FREQUENCY_GHZ,
    RELATIVE_LATENCY,
    VOLTAGE_V,
    P,
)
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.boards.twin.kernel import switching_w
from tvfs_gym.envs.inference.outcomes import passes_spent
from tvfs_gym.envs.jit import jit_apart
from tvfs_gym.envs.physics.latency import pass_latency_s

Array = NDArray[np.float64]

LOG2_DRAWS = 11
"""Quasi-random draws of the jitter of a frame's passes, as a power of two: with 2048 of them the
expected accuracy moves by less than 0.0005 from one scrambling to the next."""


class Options(NamedTuple):
    """Configurations under the conditions of one time, one entry each.

    Attributes:
        topology: Index.
        vf_level: Index.
        max_passes: Budget of passes.
        on_time_accuracy: Expected share of frames answered right and within L_c.
        duration_s: Expected time from a frame to the next one, idle time included.
        power_w: Mean power meanwhile, without the leakage.
        voltage_v: Supply, to which the leakage is proportional.
    """

    topology: NDArray[np.int64]
    vf_level: NDArray[np.int64]
    max_passes: NDArray[np.int64]
    on_time_accuracy: Array
    duration_s: Array
    power_w: Array
    voltage_v: Array

    @property
    def longest_s(self) -> float:
        """The longest that a frame can take which is ever right and on time; 0 if none is."""
        return float(self.duration_s[self.on_time_accuracy > 0].max(initial=0.0))

    def take(self, which: NDArray[np.int64]) -> "Options":
        """Some of them."""
        return Options._make(column[which] for column in self)


def options(
    board: TwinBoard, parameters: Array, max_passes: int, frames_of: Array | None = None
) -> Options:
    """All configurations of a board, running on without throttling.

    A frame waits for nobody: with a fixed period of arrivals its latency counts from the moment the
    board turns to it, and the time to the next frame is the longer of its own and the period. Both
    are to the frame's advantage.

    Args:
        board: Its levels, topologies and outcomes count, those of the photographs that its frames
            show; its state does not.
        parameters: The kernel's, at the time.
        max_passes: Most passes, the policy's.
        frames_of: How many frames show each photograph, shape (images,); None for as many each.
    """
    shape = (len(board.topologies), len(board.levels), max_passes)
    accuracy, busy_s = np.empty(shape), np.empty(shape)
    draws = _jitter(board.jitters, max_passes)
    for i, topology in enumerate(board.topologies):
        answers = _answers(board.outcomes[i, :, :max_passes], parameters[P.TAU], frames_of)
        for j, level in enumerate(board.levels):
            median_s = parameters[P.SLOWDOWN] * pass_latency_s(
                level[FREQUENCY_GHZ],
                topology[RELATIVE_LATENCY],
                parameters[P.CLOCK_GCYCLES],
                parameters[P.MEMORY_S],
            )
            accuracy[i, j], busy_s[i, j] = _frame(answers, draws, median_s, parameters)
    return _with_power(board, parameters, accuracy, busy_s)


def _jitter(factors: Array, passes: int) -> Array:
    """Draws from equally likely factors on the latency of each pass, shape (draws, passes)."""
    from scipy.stats import qmc  # takes a second to import, and controllers do without it

    uniform = qmc.Sobol(passes, seed=0).random_base2(LOG2_DRAWS)
    return np.asarray(factors[(uniform * len(factors)).astype(np.int64)])


class _Answers(NamedTuple):
    """Shares of the images, by number of passes spent.

    Attributes:
        confident: Answered right, and no further pass is wanted.
        unconfident: Answered right, but another pass is wanted.
        wanted: The pass is wanted.
    """

    confident: Array
    unconfident: Array
    wanted: Array


def _answers(outcomes: NDArray[np.float32], tau: float, frames_of: Array | None = None) -> _Answers:
    confidence, right = outcomes[:, :, CONFIDENCE], outcomes[:, :, CORRECT] > 0
    wanted = np.arange(confidence.shape[1]) < passes_spent(confidence, tau)[:, np.newaxis]
    confident = confidence.astype(float) >= tau
    return _Answers(
        np.average(right & confident & wanted, 0, frames_of),
        np.average(right & ~confident & wanted, 0, frames_of),
        np.average(wanted, 0, frames_of),
    )


def _frame(
    answers: _Answers, draws: Array, median_s: float, parameters: Array
) -> tuple[Array, Array]:
    """On-time accuracy and busy time of a frame, by budget of passes.

    The image and the jitter are independent, so both are sums over the number of passes of products
    of a share of the images and a share of the draws.
    """
    elapsed_s = median_s * np.cumsum(draws, axis=1)
    expected_s = parameters[P.EXPECTED_PASS_FACTOR] * median_s
    goes_on = elapsed_s + expected_s <= parameters[P.DEADLINE_S]
    reached = np.ones_like(goes_on)
    reached[:, 1:] = np.logical_and.accumulate(goes_on[:, :-1], axis=1)
    on_time = reached & (elapsed_s <= parameters[P.LATENCY_CONSTRAINT_S])
    in_time = on_time.mean(axis=0)
    stopped = (on_time & ~goes_on).mean(axis=0)
    before_last = answers.confident * in_time + answers.unconfident * stopped
    last = (answers.confident + answers.unconfident) * in_time
    performed = answers.wanted * reached.mean(axis=0)
    accuracy = np.cumsum(before_last) - before_last + last
    return accuracy, median_s * draws.mean() * np.cumsum(performed)


def _with_power(board: TwinBoard, parameters: Array, accuracy: Array, busy_s: Array) -> Options:
    duration_s = np.maximum(busy_s, parameters[P.ARRIVAL_PERIOD_S])
    idle_w, busy_w = (
        _switching_w(board, parameters, threads)[..., np.newaxis]
        for threads in (0.0, parameters[P.THREADS])
    )
    power_w = idle_w + (busy_w - idle_w) * busy_s / duration_s + parameters[P.REST_W]
    topology, level, budget = np.indices(accuracy.shape).reshape(3, -1)
    return Options(
        topology,
        level,
        budget + 1,
        accuracy.ravel(),
        duration_s.ravel(),
        power_w.ravel(),
        board.levels[level, VOLTAGE_V],
    )


def _switching_w(board: TwinBoard, parameters: Array, threads: float) -> Array:
    """Switching power with so many busy threads, shape (topologies, levels)."""
    return np.array(
        [
            [switching_w(parameters, ghz, volt, threads, activity) for ghz, volt in board.levels]
            for activity in board.topologies[:, ACTIVITY]
        ]
    )


def undominated(options: Options, price: float) -> NDArray[np.int64]:
    """Indices of the options worth having when a frame costs a price in accuracy, coolest first.

    An option is worth having if every other one that is no hotter, and needs no higher VF level,
    gains less per second. Lower levels have the lower supply, so the order by power and supply is
    complete but for topologies that draw different power.
    """
    gain_1_s = (options.on_time_accuracy - price) / options.duration_s
    order = np.lexsort((-gain_1_s, options.power_w, options.vf_level))
    kept = np.empty_like(order)
    return kept[: _keep(order, options.power_w, gain_1_s, kept)]


@jit_apart
def _keep(
    order: NDArray[np.int64], power_w: Array, gain_1_s: Array, kept: NDArray[np.int64]
) -> int:
    """Fills in those that no earlier one beats; returns how many."""
    count = 0
    for index in order:
        beaten = False
        for other in kept[:count]:
            beaten |= power_w[other] <= power_w[index] and gain_1_s[other] >= gain_1_s[index]
        if not beaten:
            kept[count] = index
            count += 1
    return count
