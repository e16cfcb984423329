"""Which further boards get a profile: a rule that was laid down before any of them was fitted.

A cooling is admitted if a network with positive gains fits its traces, if the steady gain is known
to `DOUBTFUL` or better (standard error, relative), and if on the runs that were held out the
free-running prediction is off by at most `WORST_C` (RMSE, mean over the runs) and by less than a
constant, the mean over each run's known window. A board ships if the first of its coolings in the
catalogue is admitted, with those that are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tvfs_gym.experiments.twin.errors import Error
from tvfs_gym.experiments.twin.trust import DOUBTFUL

WORST_C = 2.5
"""Largest error on held-out runs; the boards that shipped before have up to 2.34 degC."""


@dataclass(frozen=True)
class Verdict:
    """What the rule says of a cooling.

    Attributes:
        gain_log_se: Relative standard error of the steady gain.
        rmse_c: Error on what was held out, mean over the runs, degC.
        constant_rmse_c: The constant's.
        reasons: Why it is not admitted; empty if it is.
    """

    gain_log_se: float
    rmse_c: float
    constant_rmse_c: float
    reasons: tuple[str, ...]


def verdict(gain_log_se: float, held_out: Sequence[dict[str, Error]]) -> Verdict:
    """Applies the rule.

    Args:
        gain_log_se: Relative standard error of the steady gain.
        held_out: Errors of the model and the naive predictors, of each held-out run.
    """
    rmse_c, constant_c = (
        float(np.mean([run[name].rmse_c for run in held_out])) for name in ("model", "constant")
    )
    reasons = []
    if not gain_log_se <= DOUBTFUL:
        reasons.append(
            f"its steady gain is known to ±{100 * gain_log_se:.0f} % only, not {100 * DOUBTFUL:.0f}"
        )
    if not rmse_c <= WORST_C:
        reasons.append(f"held-out runs are missed by {rmse_c:.1f} °C, more than {WORST_C:g}")
    if not rmse_c < constant_c:
        reasons.append("a constant predicts the held-out runs as well or better")
    return Verdict(gain_log_se, rmse_c, constant_c, tuple(reasons))
