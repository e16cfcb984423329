"""An observer of the heat whose sensor may lag: a bank of observers, one for each lag.

The observer that takes the sensor to lag by n steps follows the board as it was n steps ago, and is
moved on to the present by the windows since then. Which of them is believed is decided by how
likely each has found the readings.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.model_based.board_model import Vector
from tvfs_gym.baselines.model_based.observer import Belief, Observer

LIKELIHOOD_MEMORY = 0.99
"""Memory of the likelihoods' logarithms, per step."""

PRIOR = 3.0
"""Logarithm of how much likelier no lag is than another one, before anything was seen."""


class Bank(NamedTuple):
    """What is believed of a batch of boards, by lag, and their last windows, the newest first.

    Attributes:
        state: As in `Belief`, with the lags as second axis.
        covariance: The same.
        surprise: The same.
        likelihood: Logarithm of the likelihood, shape (batch, lags).
        power_w: Power of the last windows, shape (batch, lags).
        duration_s: The same.
        unsure: The same.
    """

    state: Vector
    covariance: Vector
    surprise: Vector
    likelihood: Vector
    power_w: Vector
    duration_s: Vector
    unsure: NDArray[np.bool_]


class LaggedObserver:
    """Follows boards whose sensors lag by some steps.

    Args:
        observer: Follows a board whose sensor does not.
        lags: How many lags there may be, from none on.
    """

    def __init__(self, observer: Observer, lags: int) -> None:
        self._observer, self._lags = observer, lags

    def start(self, count: int) -> Bank:
        """Before the first reading."""
        parts = self._observer.start(count * self._lags)
        likelihood = np.full((count, self._lags), -PRIOR)
        likelihood[:, 0] = 0.0
        nothing = np.zeros((count, self._lags))
        return Bank(*self._by_lag(parts), likelihood, nothing, nothing, nothing > 0.0)

    def follow(
        self,
        bank: Bank,
        temperature_c: Vector,
        power_w: Vector,
        duration_s: Vector,
        unsure: NDArray[np.bool_],
    ) -> Bank:
        """Takes a window and the reading at its end in; see `Observer.follow`."""
        windows = (
            _newest_first(power_w, bank.power_w),
            _newest_first(duration_s, bank.duration_s),
            _newest_first(unsure, bank.unsure),
        )
        flat = Belief(*(part.reshape(-1, *part.shape[2:]) for part in bank[:3]))
        belief, likelihood = self._observer.follow(
            flat, np.repeat(temperature_c, self._lags), *(one.ravel() for one in windows)
        )
        total = LIKELIHOOD_MEMORY * bank.likelihood + likelihood.reshape(-1, self._lags)
        total = total - total.max(axis=1, keepdims=True)
        return Bank(*self._by_lag(belief), total, *windows)

    def _by_lag(self, belief: Belief) -> tuple[Vector, Vector, Vector]:
        state, covariance, surprise = (
            part.reshape(-1, self._lags, *part.shape[1:]) for part in belief
        )
        return state, covariance, surprise

    def now(self, bank: Bank) -> Belief:
        """What is believed of the present heat, by the likeliest lag."""
        lag = bank.likelihood.argmax(axis=1)
        boards = np.arange(len(lag))
        belief = Belief(*(part[boards, lag] for part in bank[:3]))
        for window in reversed(range(int(lag.max(initial=0)))):
            duration_s = np.where(window < lag, bank.duration_s[:, window], 0.0)
            belief = self._observer.moved(belief, bank.power_w[:, window], duration_s)
        return belief


def _newest_first(newest: NDArray[Any], older: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([newest[:, np.newaxis], older[:, :-1]], axis=1)
