"""Observer of the heat, with on-line re-identification.

A Kalman filter over the thermal modes of the profile, augmented by what the profile cannot know:
the ambient temperature, which stands for every slow disturbance (a warmer room, a failed fan, a
background load's heat), and the gain, a factor on the modes' resistances (another unit's mounting
or silicon, whose effects on the heat are the same). For the two augmented states this is recursive
least squares with a random walk instead of a forgetting factor. Against windup, which forgetting
has when nothing excites it, their variances never exceed those they began with, and the gain stays
within bounds; steady heat moves gain and ambient only along what the sensor can tell of them.

Method: the thermal part of DTPM (Bhat et al., TVLSI 2018; Singla et al., DATE 2015), which predicts
T[k+1] = A T[k] + B P and re-identifies it on line, of which only the abstracts were at hand; the
augmented filter is ours.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.model_based.board_model import BoardModel, Vector

AMBIENT_C, AMBIENT_SIGMA_C = 25.0, 12.0
"""Ambient temperature at the start: rooms of some 15 to 40 degC, and warmer cases."""

START_SIGMA_C = 10.0
"""How far a board may be from having settled idle, in each mode."""

GAIN_SIGMA = 0.15
"""Spread of the gain: units differ by 13 % in resistance and 7 % in switching power
(`tvfs_gym.envs.boards.profile.Spread` of odroid_xu4)."""

LOWEST_GAIN, HIGHEST_GAIN = 0.5, 2.0

AMBIENT_DRIFT_C = 0.5
GAIN_DRIFT = 0.005
MODE_DRIFT_C = 0.3
"""Random walk of the states in the root of a second: assumed, not tuned."""

SENSOR_SIGMA_C = 0.2
"""Noise of a sensor beside its rounding."""

DIVERTED_SIGMA_C = 20.0
"""Error of a prediction across a window in which throttling changed the clock."""

ERROR_MEMORY = 0.9
"""Memory of the errors of the predictions, per step."""

LEAST_SURPRISE, MOST_SURPRISE = 0.25, 25.0
"""Least mean square of surprises that is believed, and square beyond which one counts no more."""


class GainPrior(NamedTuple):
    """Belief of the gain before the first reading; its mean is 1.

    Attributes:
        sigma: Standard deviation.
        lowest: Least gain that is believed.
        highest: Greatest gain that is believed.
    """

    sigma: float
    lowest: float
    highest: float


UNIT_GAIN = GainPrior(GAIN_SIGMA, LOWEST_GAIN, HIGHEST_GAIN)
"""Prior of a unit of the profile's board."""


class Belief(NamedTuple):
    """Belief of the heat of a batch of boards.

    Attributes:
        state: Modes, ambient temperature and gain, shape (batch, modes + 2).
        covariance: Covariance of the state, shape (batch, modes + 2, modes + 2).
        surprise: Mean square of the errors of past predictions in their predicted standard
            deviations: 1 if the filter is as good as it thinks; shape (batch,).
    """

    state: Vector
    covariance: Vector
    surprise: Vector


class Observer:
    """Follows boards by what their sensors read.

    Args:
        model: The profile's model.
        gain: Belief of the gain before the first reading.
    """

    def __init__(self, model: BoardModel, gain: GainPrior = UNIT_GAIN) -> None:
        self._model, self._gain = model, gain
        modes = len(model.rate_hz)
        size = modes + 2
        self.modes = modes
        self._drift = np.diag([MODE_DRIFT_C**2] * modes + [AMBIENT_DRIFT_C**2, GAIN_DRIFT**2])
        self._most = np.array([np.inf] * modes + [AMBIENT_SIGMA_C**2, gain.sigma**2])
        self._noise = SENSOR_SIGMA_C**2 + model.resolution_c**2 / 12.0
        shares = np.zeros(size)
        shares[:modes], shares[modes] = model.ambient_share, 1.0
        self._prior = AMBIENT_SIGMA_C**2 * np.outer(shares, shares)
        self._prior[range(modes), range(modes)] += START_SIGMA_C**2
        self._prior[-1, -1] = gain.sigma**2
        idle_w = model.idle_w[0] + model.leakage_w(model.voltage_v[0], np.array(AMBIENT_C))
        settled = model.ambient_share * AMBIENT_C + model.resistance_k_w * idle_w
        self._mean = np.array([*settled, AMBIENT_C, 1.0])

    def start(self, count: int) -> Belief:
        """Before the first reading."""
        return Belief(
            np.tile(self._mean, (count, 1)), np.tile(self._prior, (count, 1, 1)), np.ones(count)
        )

    def die_c(self, belief: Belief) -> Vector:
        """Temperature of the die, shape (batch,)."""
        return belief.state[:, : self.modes].sum(axis=1)

    def transition(self, power_w: Vector, duration_s: Vector) -> Vector:
        """Propagates the state at constant power: matrices, shape (..., size, size).

        z_k <- e_k z_k + (1 - e_k) (share_k T_ambient + gain R_k P), e_k = exp(-rate_k t): the exact
        propagation of `tvfs_gym.envs.physics.thermal.propagate`, linear in the augmented state.
        """
        model, modes = self._model, self.modes
        kept = np.exp(-model.rate_hz * duration_s[..., np.newaxis])
        lost = 1.0 - kept
        matrix = np.zeros((*duration_s.shape, modes + 2, modes + 2))
        for mode in range(modes):
            matrix[..., mode, mode] = kept[..., mode]
        matrix[..., :modes, modes] = lost * model.ambient_share
        matrix[..., :modes, modes + 1] = lost * model.resistance_k_w * power_w[..., np.newaxis]
        matrix[..., modes, modes] = matrix[..., modes + 1, modes + 1] = 1.0
        return matrix

    def follow(
        self,
        belief: Belief,
        temperature_c: Vector,
        power_w: Vector,
        duration_s: Vector,
        unsure: NDArray[np.bool_],
    ) -> tuple[Belief, Vector]:
        """Takes a window and the reading at its end in.

        Args:
            belief: At the window's begin.
            temperature_c: Sensor reading at its end.
            power_w: Mean power in it, by the profile.
            duration_s: Its length; 0 for an episode's first reading.
            unsure: True if the power is not known, since throttling set in or was lifted.

        Returns:
            What is believed then, and the logarithm of the reading's likelihood but for a constant.
        """
        state, covariance, surprise = self.moved(belief, power_w, duration_s)
        column = covariance[:, :, : self.modes].sum(axis=2)
        variance = column[:, : self.modes].sum(axis=1) + self._noise
        variance = np.where(unsure, variance + DIVERTED_SIGMA_C**2, variance)
        error_c = temperature_c - state[:, : self.modes].sum(axis=1)
        weight = column / variance[:, np.newaxis]
        state = state + weight * error_c[:, np.newaxis]
        covariance = covariance - weight[:, :, np.newaxis] * column[:, np.newaxis, :]
        state[:, -1] = np.minimum(np.maximum(state[:, -1], self._gain.lowest), self._gain.highest)
        square = np.minimum(error_c**2 / variance, MOST_SURPRISE)
        newest = ERROR_MEMORY * surprise + (1.0 - ERROR_MEMORY) * square
        surprise = np.where(duration_s > 0.0, newest, surprise)
        belief = Belief(state, self._bounded(covariance), surprise)
        return belief, -0.5 * (square + np.log(variance))

    def moved(self, belief: Belief, power_w: Vector, duration_s: Vector) -> Belief:
        """What is believed after a window of which no reading is known."""
        matrix = self.transition(power_w, duration_s)
        state = (matrix @ belief.state[..., np.newaxis])[..., 0]
        growth = (duration_s * np.maximum(belief.surprise, 1.0))[:, np.newaxis, np.newaxis]
        covariance = matrix @ belief.covariance @ matrix.transpose(0, 2, 1) + growth * self._drift
        return Belief(state, covariance, belief.surprise)

    def _bounded(self, covariance: Vector) -> Vector:
        size = covariance.shape[-1]
        diagonal = covariance.reshape(-1, size * size)[:, :: size + 1]
        scale = np.sqrt(np.minimum(1.0, self._most / np.maximum(diagonal, 1e-12)))
        bounded: Vector = covariance * scale[:, :, np.newaxis] * scale[:, np.newaxis, :]
        return bounded

    def predict(self, belief: Belief, power_w: Vector, duration_s: Vector) -> tuple[Vector, Vector]:
        """Die temperatures after a time at constant power, and their standard deviations.

        Args:
            belief: Belief of the batch.
            power_w: Power of every candidate, shape (batch, candidates).
            duration_s: Duration of every candidate, same shape.
        """
        model, modes = self._model, self.modes
        kept = np.exp(-model.rate_hz * duration_s[..., np.newaxis])
        row = np.empty((*power_w.shape, modes + 2))
        row[..., :modes] = kept
        row[..., modes] = (1.0 - kept) @ model.ambient_share
        row[..., modes + 1] = (1.0 - kept) @ model.resistance_k_w * power_w
        temperature_c = (row @ belief.state[..., np.newaxis])[..., 0]
        variance = ((row @ belief.covariance) * row).sum(axis=2)
        variance = variance + duration_s * (modes * MODE_DRIFT_C**2)
        believed = np.maximum(belief.surprise, LEAST_SURPRISE)[:, np.newaxis]
        return temperature_c, np.sqrt(variance * believed)
