"""Latency of a pass: its clock-bound and its memory-bound part, and jitter."""

import math
from statistics import NormalDist

from tvfs_gym.envs.jit import jit


@jit
def pass_latency_s(
    frequency_ghz: float, relative_latency: float, clock_gcycles: float, memory_s: float
) -> float:
    """Median latency of a pass, (a / f + b) relative to the reference network's.

    The form fits measured frequency sweeps (HC2 7-zip, 16 frequencies: R^2 1.000; Smart-Cameras
    RPi4, 10 frequencies: R^2 0.97).

    Args:
        frequency_ghz: Clock.
        relative_latency: The topology's latency relative to the reference network's.
        clock_gcycles: a, giga-cycles.
        memory_s: b, seconds.
    """
    return relative_latency * (clock_gcycles / frequency_ghz + memory_s)


def jitter_factor(log_sigma: float, probability: float) -> float:
    """A quantile of the log-normal factor on a pass's latency, median 1.

    Args:
        log_sigma: Standard deviation of its logarithm.
        probability: Probability of a smaller factor.
    """
    return math.exp(log_sigma * NormalDist().inv_cdf(probability))
