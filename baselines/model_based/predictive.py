"""Predictive control: the most accurate configuration whose predicted heat stays below T_max.

After DTPM (Bhat et al., TVLSI 2018; Singla et al., DATE 2015), of which only the abstracts were at
hand: identify T[k+1] = A T[k] + B P, predict, and cap what would grow too hot. Ours are the filter
that follows heat and re-identifies the board, the guard, and the slow-down factor of the latency
(ALERT's idea, see `tvfs_gym.baselines.model_based.alert`), with a belief over what it will be next
(`tvfs_gym.baselines.model_based.slow_downs`), and the sensor's lag, found on line
(`tvfs_gym.baselines.model_based.lag`). Without the last two it is `predictive_plain`.

The candidates are the vertices of the concave hull of accuracy over power. Two neighbours of them,
time-shared, are the best that any mean power allows, and so taking at each step the most accurate
one that stays below T_max by the step's end holds the chip at the limit on the best mixture: the
hot spot cools within a step or two when a cooler one follows, so no longer horizon is needed.
"""

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.controller import Design, State
from tvfs_gym.baselines.model_based.board_model import Vector
from tvfs_gym.baselines.model_based.budgets import expected_outcome, jitter_log_sigma
from tvfs_gym.baselines.model_based.candidates import Candidates, Latency, concave
from tvfs_gym.baselines.model_based.follower import ModelBased
from tvfs_gym.baselines.model_based.observer import UNIT_GAIN, Belief, GainPrior
from tvfs_gym.baselines.model_based.slow_downs import (
    CHANCE_STEP,
    LOWEST,
    VALUE_STEP,
    Counts,
    chances,
    counted,
    no_counts,
)
from tvfs_gym.baselines.tuned import GUARD_SIGMAS, MARGIN_C, SLOW_DOWN_DRIFT, tuned
from tvfs_gym.envs.observation import Reading

RATIO_STEP = 0.01
"""Resolution of the slow-down's logarithm."""

SLOW_DOWN_SIGMA = 0.1
"""Spread of the slow-down at the start, in its logarithm: twice that of units' latency."""

LAGS = 5
"""Lags that the sensor may have: 0 to 4 steps."""

JUMP_SIGMAS = 4.0
"""Surprise, in standard deviations, from which on the slow-down counts as changed at once."""


class Predictive(ModelBased):
    """Looks one step ahead with a model of heat and latency that it corrects as it runs.

    Args:
        design: Knowledge before the run, the profile included.
        foresees: True to weigh the slow-downs that may come next, instead of the last one.
        lags: How many lags the sensor may have, in steps, from none on.
        guard_sigmas: Guard below T_max in standard deviations of the prediction, which follow its
            past errors; one, or one for every board of the batch.
        margin_c: Further distance to T_max, for what no error shows: a sensor that reads low;
            likewise.
        slow_down_drift: Random walk of the slow-down's logarithm, per step; likewise.
        gain: Belief of the heat's gain before the first reading.

    Raises:
        InputError: No configuration meets the constraint at the start, or there is no profile.
    """

    def __init__(
        self,
        design: Design,
        foresees: bool = True,
        lags: int = LAGS,
        guard_sigmas: float | Vector = tuned("predictive", GUARD_SIGMAS),
        margin_c: float | Vector = tuned("predictive", MARGIN_C),
        slow_down_drift: float | Vector = tuned("predictive", SLOW_DOWN_DRIFT),
        gain: GainPrior = UNIT_GAIN,
    ) -> None:
        self._sigma = jitter_log_sigma(design)
        self._foresees = foresees
        self._guard_sigmas = np.asarray(guard_sigmas)[..., np.newaxis]
        self._margin_c = np.asarray(margin_c)[..., np.newaxis]
        self._drift = slow_down_drift
        super().__init__(design, "predictive", concave, lags, gain)

    def _expected_outcome(self, constraint_s: float, latency: Latency) -> tuple[Vector, Vector]:
        """In the mean over what the slow-down may be."""
        present, *chances = latency
        others = np.flatnonzero(chances)
        logs = np.array([RATIO_STEP * present, *VALUE_STEP * (others + LOWEST)])
        share = CHANCE_STEP * np.array(chances)[others]
        outcomes = [expected_outcome(self.design, constraint_s, float(np.exp(one))) for one in logs]
        accuracy, time_s = (
            np.average(part, axis=0, weights=[1.0 - share.sum(), *share])
            for part in zip(*outcomes, strict=True)
        )
        return accuracy, time_s

    def _latency_start(self, count: int) -> State:
        """Logarithm of the slow-down, its variance, and what is remembered of earlier ones."""
        return np.zeros(count), np.full(count, SLOW_DOWN_SIGMA**2), *no_counts(count)

    def _latency_followed(
        self, latency: State, ratio: Vector, timed: NDArray[np.bool_], reading: Reading
    ) -> State:
        """A scalar Kalman filter that forgets at once when the surprise is too large."""
        slow_down, variance, *counts = latency
        error = np.log(np.maximum(ratio, 1e-6)) - slow_down
        passes = self.design.frames_per_step * np.maximum(reading.passes_mean, 1.0)
        noise = self._sigma**2 / passes + RATIO_STEP**2 / 12.0
        variance = variance + self._drift**2
        jumped = error**2 > JUMP_SIGMAS**2 * (variance + noise)
        variance = np.where(timed & jumped, error**2, variance)
        gain = np.where(timed, variance / (variance + noise), 0.0)
        after = slow_down + gain * error
        duration_s = self._heat.duration_s(reading)
        remembered = counted(Counts(*counts), slow_down, after, duration_s, timed)
        return after, (1.0 - gain) * variance, *remembered

    def _latency_key(self, latency: State) -> NDArray[np.int64]:
        slow_down, _, *counts = latency
        present = np.rint(slow_down[:, np.newaxis] / RATIO_STEP).astype(np.int64)
        if not self._foresees:
            return present
        return np.concatenate([present, chances(Counts(*counts), slow_down)], axis=1)

    def _cool(self, belief: Belief, candidates: Candidates, reading: Reading) -> NDArray[np.bool_]:
        """Those that stay below T_max and keep the governor from taking their level away."""
        predicted_c, sigma_c = self._heat.looked_ahead(
            belief, candidates.switching_w, candidates.voltage_v, reading.t_max_c,
            candidates.duration_s,
        )  # fmt: skip
        limit_c = self._model.limit_c(reading.t_max_c[:, np.newaxis], candidates.vf_level)
        return predicted_c + self._guard_sigmas * sigma_c + self._margin_c < limit_c


def predictive_plain(
    design: Design,
    guard_sigmas: float | Vector = tuned("predictive_plain", GUARD_SIGMAS),
    margin_c: float | Vector = tuned("predictive_plain", MARGIN_C),
    slow_down_drift: float | Vector = tuned("predictive_plain", SLOW_DOWN_DRIFT),
) -> Predictive:
    """``predictive`` that takes the last slow-down for the next, and the sensor for prompt."""
    return Predictive(design, False, 1, guard_sigmas, margin_c, slow_down_drift)
