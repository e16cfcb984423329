"""The ladder: for every VF level of a board, the configuration worth running at it."""

from math import exp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.controller import Design
from tvfs_gym.baselines.model_based.board_model import BoardModel
from tvfs_gym.baselines.model_based.budgets import LEAST_GAIN, expected_outcome, ranking_score
from tvfs_gym.envs.jit import indices

RATIO_STEP = 0.01
"""Resolution of the logarithm of L_c over the slow-down, and of the period over it."""

BACK_TO_BACK = -(10**6)
"""Step of the period where there is no camera."""

UNTIMED = 10**6
"""Step of L_c where it is not known yet how fast the board is."""

UNTIMED_STEP_S = 1.0
"""Length of a step that is expected of such a board."""

REFUGE_GIVES_UP, POWER_STEP = 0.05, 0.01
"""Accuracy that the lowest rung gives up for less power, and the power that counts, relative to the
highest: where even the lowest level is too hot with the most accurate network, another is not."""

R: Any = indices("TOPOLOGY", "BUDGET", "ACCURACY", "POWER", "DUTY", "DURATION_S")
"""Columns of a rung: topology; most passes of a frame; accuracy within L_c; power relative to the
board's highest; busy share; length of a step without slow-down, s."""

Array = NDArray[np.float64]


class Ladder:
    """Rungs of a board under one classifier, one per VF level, by L_c and the camera's period.

    At each level that is the most accurate topology and pass budget within what the slow-down
    leaves of L_c; of those as accurate, the coolest. The lowest rung is a refuge that gives up some
    accuracy to be cooler. Where none is of use, it is the least late.
    Each ladder is worked out once.

    Args:
        design: Knowledge before the run.
        model: The profile's model.
    """

    def __init__(self, design: Design, model: BoardModel) -> None:
        self._design, self._model = design, model
        self._highest_w = float(model.busy_w.max())
        self._outcomes: dict[int, tuple[Array, Array]] = {}
        self._rungs: dict[tuple[int, int], Array] = {}

    def rungs(self, ratio: int, period: int) -> Array:
        """Rungs, shape (levels, columns of `R`).

        Args:
            ratio: Logarithm of L_c over the slow-down, in `RATIO_STEP`, or `UNTIMED`.
            period: The same of the camera's period, or `BACK_TO_BACK`.
        """
        key = ratio, period
        rungs = self._rungs.get(key)
        if rungs is None:
            rungs = self._rungs[key] = self._untimed() if ratio == UNTIMED else self._best(*key)
        return rungs

    def _outcome(self, ratio: int) -> tuple[Array, Array]:
        if ratio not in self._outcomes:
            self._outcomes[ratio] = expected_outcome(self._design, exp(RATIO_STEP * ratio))
        return self._outcomes[ratio]

    def _best(self, ratio: int, period: int) -> Array:
        accuracy, time_s = self._outcome(ratio)
        period_s = 0.0 if period == BACK_TO_BACK else exp(RATIO_STEP * period)
        duty = np.minimum(time_s / period_s, 1.0) if period_s else np.ones_like(time_s)
        levels = np.arange(accuracy.shape[1])
        score = np.stack(
            [ranking_score(accuracy[:, j], time_s[:, j], period_s) for j in levels], axis=1
        )
        topology = np.arange(len(score))[:, np.newaxis, np.newaxis]
        power_w = self._model.switching_w(topology, levels[:, np.newaxis], duty)
        given_up = np.full((len(levels), 1), LEAST_GAIN)
        given_up[0] = REFUGE_GIVES_UP
        best = score >= score.max(axis=(0, 2), keepdims=True) - given_up
        power = np.round(power_w / self._highest_w / POWER_STEP) - LEAST_GAIN * score
        coolest = np.where(best, power, np.inf)
        flat = np.moveaxis(coolest, 1, 0).reshape(len(levels), -1).argmin(axis=1)
        topologies, budgets = np.divmod(flat, score.shape[2])
        index = topologies, levels, budgets
        duration_s = self._design.frames_per_step * np.maximum(time_s, period_s)
        columns = accuracy, power_w / self._highest_w, duty, duration_s
        return np.stack([topologies, budgets + 1, *(c[index] for c in columns)], axis=1)

    def _untimed(self) -> Array:
        """A single pass of the fastest topology, whose latency will tell how fast the board is."""
        levels = len(self._design.operating_points)
        power = self._model.busy_w[0] / self._highest_w
        table = np.zeros((levels, len(R)))
        table[:, R.BUDGET] = table[:, R.DUTY] = 1.0
        table[:, R.POWER], table[:, R.DURATION_S] = power, UNTIMED_STEP_S
        return table
