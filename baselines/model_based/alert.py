"""ALERT, alone and with T_max as a further constraint.

C. Wan et al., "ALERT: Accurate Learning for Energy and Timeliness", USENIX ATC 2020: one factor on
all configurations' latencies is tracked by a Kalman filter, and its mean and variance give each
configuration's expected accuracy under the deadline. Reconstruction: the equations and constants
below are recalled, not read; a third-party re-implementation for Jetsons confirms the form of Q,
K0 = 0.5 and Q0 = 0.1, and has another R: `alert_reimplemented` runs with that one. Ours: the passes
of AdapTTA in the place of ALERT's anytime networks; no energy budget, but of configurations that
are equally accurate the one that draws less power; and in `alert_t` the constraint that the
predicted temperature stays below T_max.

y  = observed / profiled latency - mu
Q  = max(Q0, a Q + (1 - a) (K y)^2)
K  = ((1 - K) s2 + Q) / ((1 - K) s2 + Q + R)
mu = mu + K y
s2 = (1 - K) s2 + Q

and the latency of a configuration is taken as normal, (mu, s2) times the profiled one. As Q0 is a
variance, s2 never falls below 0.1: ALERT always leaves room for a third of the latency.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.controller import Design, State
from tvfs_gym.baselines.model_based.board_model import Vector
from tvfs_gym.baselines.model_based.budgets import accuracy_and_passes
from tvfs_gym.baselines.model_based.candidates import Candidates, Latency, pareto
from tvfs_gym.baselines.model_based.follower import ModelBased
from tvfs_gym.baselines.model_based.observer import Belief
from tvfs_gym.baselines.tuned import GUARD_C, tuned
from tvfs_gym.envs.observation import Reading

MEMORY, LEAST_Q, R, REIMPLEMENTED_R = 0.3, 0.1, 0.001, 0.5
K_0, MU_0, S2_0 = 0.5, 1.0, 0.1

MU_STEP, SIGMA_STEP = 0.01, 0.05
"""Resolution of the logarithms of mean and standard deviation in the tables."""

HORIZON_S = 5.0
"""How far `alert_t` looks ahead: ten time constants of the Odroid-XU4's hot spot, within the 1 to
10 s of DTPM."""


def filtered(state: State, ratio: Vector, timed: NDArray[np.bool_], r: float = R) -> State:
    """One step of the filter.

    Args:
        state: mu, s2, K and Q, each of shape (batch,).
        ratio: Observed over profiled latency.
        timed: Where it was observed; elsewhere all stays.
        r: Variance of the observation.
    """
    mu, s2, k, q = state
    y = ratio - mu
    q = np.maximum(LEAST_Q, MEMORY * q + (1.0 - MEMORY) * (k * y) ** 2)
    before = (1.0 - k) * s2 + q
    k = before / (before + r)
    new = mu + k * y, (1.0 - k) * s2 + q, k, q
    return tuple(np.where(timed, a, b) for a, b in zip(new, state, strict=True))


class Alert(ModelBased):
    """ALERT: the highest expected accuracy; blind to heat, it sees throttling as slow-down.

    Args:
        design: Knowledge before the run, the profile included.

    Raises:
        InputError: No configuration meets the constraint at the start, or there is no profile.
    """

    name: ClassVar[str] = "alert"
    r: ClassVar[float] = R
    sees_throttling = False

    def __init__(self, design: Design) -> None:
        super().__init__(design, self.name, pareto)

    def _expected_outcome(self, constraint_s: float, latency: Latency) -> tuple[Vector, Vector]:
        from scipy.special import ndtr  # which takes a fifth of a second

        mu, sigma = np.exp(np.array(latency) * (MU_STEP, SIGMA_STEP))
        passes = np.arange(1.0, self._replays.right.shape[1] + 1.0)
        room = constraint_s / (self._median_s[..., np.newaxis] * passes)
        in_time = ndtr((room - mu) / sigma)
        aware = self.design.known.deadline_aware
        accuracy, mean_passes = accuracy_and_passes(self._replays, in_time, aware)
        return accuracy, mean_passes * mu * self._median_s[..., np.newaxis]

    def _latency_start(self, count: int) -> State:
        return tuple(np.full(count, start) for start in (MU_0, S2_0, K_0, LEAST_Q))

    def _latency_followed(
        self, latency: State, ratio: Vector, timed: NDArray[np.bool_], reading: Reading
    ) -> State:
        return filtered(latency, ratio, timed, self.r)

    def _latency_key(self, latency: State) -> NDArray[np.int64]:
        both = np.log(np.maximum(latency[0], 0.01)), 0.5 * np.log(latency[1])
        return np.rint(np.stack(both, axis=1) / (MU_STEP, SIGMA_STEP)).astype(np.int64)

    def _cool(self, belief: Belief, candidates: Candidates, reading: Reading) -> NDArray[np.bool_]:
        return np.ones(candidates.accuracy.shape, bool)


class AlertReimplemented(Alert):
    """ALERT with the constants of its re-implementation, which are less sure still."""

    name, r = "alert_reimplemented", REIMPLEMENTED_R


class AlertT(Alert):
    """ALERT under the constraint that the predicted temperature stays below T_max.

    Every configuration is held throughout the horizon.

    Args:
        design: Knowledge before the run, the profile included.
        guard_c: Distance to T_max below which the prediction is kept.

    Raises:
        InputError: No configuration meets the constraint at the start, or there is no profile.
    """

    name = "alert_t"

    def __init__(self, design: Design, guard_c: float = tuned("alert_t", GUARD_C)) -> None:
        super().__init__(design)
        self._guard_c = guard_c

    def _cool(self, belief: Belief, candidates: Candidates, reading: Reading) -> NDArray[np.bool_]:
        horizon_s = np.full(candidates.accuracy.shape, HORIZON_S)
        predicted_c, _ = self._heat.looked_ahead(
            belief, candidates.switching_w, candidates.voltage_v, reading.t_max_c, horizon_s
        )
        return predicted_c < reading.t_max_c[:, np.newaxis] - self._guard_c
