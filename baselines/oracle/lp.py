"""The long-run bound: a linear programme over shares of frames."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.oracle.segments import Segment
from tvfs_gym.envs.boards.board import Configuration
from tvfs_gym.envs.boards.twin.arrays import P
from tvfs_gym.envs.physics.power import leakage_power_w

SMALLEST_SHARE = 1e-9
"""Shares below are the solver's rounding."""


@dataclass(frozen=True)
class Mix:
    """Configurations, and the shares of the frames that they answer.

    Attributes:
        on_time_accuracy: Their accuracy together.
        shares: By configuration; they add up to 1, or are none if nothing is cool enough.
    """

    on_time_accuracy: float
    shares: dict[Configuration, float]


def surplus_j(segment: Segment, limit_c: float) -> NDArray[np.float64]:
    """Heat per frame beyond what leaves the die at a mean temperature, by option, J."""
    options = segment.options
    leakage_w_v = leakage_power_w(1.0, limit_c, *segment.leakage)
    leaves_w = (limit_c - segment.parameters[P.AMBIENT_C]) / segment.resistance_k_w
    heat_w = options.power_w + options.voltage_v * leakage_w_v
    return options.duration_s * (heat_w - leaves_w)


def long_run(segment: Segment, limit_c: float) -> Mix:
    """The highest on-time accuracy that can go on for ever at a mean temperature.

    max sum x r  subject to  sum x d (P + V g(T) - (T - T_a) / R) <= 0,  sum x = 1,  x >= 0

    with, per configuration, x its share of the frames, r its on-time accuracy, d the time and P the
    switching power of a frame, V g(T) its leakage at the limit T. It bounds every controller whose
    mean temperature does not exceed T, in the long run:

    - Averaged over a long time the network passes on all heat, so the mean rise of the die is R
      times the mean power: averages over time are averages over frames weighted by d, hence linear
      in x. Frames and time differ, so it is the shares of frames that are unknown.
    - No controller knows the image or the jitter to come, so each of its frames is worth r and
      takes d in expectation. A frame during which the clock changes is taken to lie in between.
    - Leakage is convex in temperature: it lies above its tangent at T, and on the average the
      tangent's temperature term is not negative if the die is not cooler where the voltage is
      higher (a passive network driven by its own power is never cooler for more of it).
    - T lies below the temperature from which leakage would run away.

    What it leaves out helps the controller: changing configuration costs nothing and can be as
    frequent as it likes; T_max is compared with the mean, not the peaks.
    """
    from scipy.optimize import linprog  # which takes a fifth of a second

    surplus = surplus_j(segment, limit_c)
    accuracy = segment.options.on_time_accuracy
    if surplus.min() > 0:
        return Mix(0.0, {})
    solved = linprog(
        -accuracy,
        A_ub=surplus[np.newaxis],
        b_ub=[0.0],
        A_eq=np.ones((1, len(accuracy))),
        b_eq=[1.0],
        method="highs",
    )
    used = np.flatnonzero(solved.x > SMALLEST_SHARE)
    shares = {configuration(segment, int(i)): float(solved.x[i]) for i in used}
    return Mix(-float(solved.fun), shares)


def configuration(segment: Segment, index: int) -> Configuration:
    """The configuration of an option."""
    options = segment.options
    chosen = options.topology[index], options.vf_level[index], options.max_passes[index]
    return Configuration(*(int(index) for index in chosen))
