"""The heat of boards, followed from their readings by a model of the board."""

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.controller import Design
from tvfs_gym.baselines.model_based.board_model import BoardModel, Vector
from tvfs_gym.baselines.model_based.lag import Bank, LaggedObserver
from tvfs_gym.baselines.model_based.observer import Belief, GainPrior, Observer
from tvfs_gym.envs.observation import Reading


class HeatFollower:
    """Follows the heat of a batch of boards, and looks ahead.

    Attributes:
        model: The model of the board.

    Args:
        design: Knowledge before the run, the profile included.
        name: The controller's, for errors.
        lags: How many lags the sensor may have, in steps, from none on.
        gain: Belief of the heat's gain before the first reading.

    Raises:
        InputError: There is no profile.
    """

    def __init__(self, design: Design, name: str, lags: int, gain: GainPrior) -> None:
        self.model = BoardModel(design, name)
        self._design = design
        self._observer = Observer(self.model, gain)
        self._lagged = LaggedObserver(self._observer, lags)

    def start(self, count: int) -> Bank:
        """Before the first reading."""
        return self._lagged.start(count)

    def now(self, bank: Bank) -> Belief:
        """What is believed of the present heat."""
        return self._lagged.now(bank)

    def frame_s(self, reading: Reading) -> Vector:
        """Mean time from one frame to the next in the last window."""
        return np.maximum(reading.latency_mean_s, self._design.known.arrival_period_s)

    def duration_s(self, reading: Reading) -> Vector:
        """Length of the last window; 0 before the first one."""
        begun = reading.latency_mean_s > 0.0
        return np.where(begun, self._design.frames_per_step * self.frame_s(reading), 0.0)

    def followed(self, bank: Bank, reading: Reading, diverted: NDArray[np.bool_]) -> Bank:
        """What is believed after a window; where no sensor could be read, as before.

        Args:
            bank: Before it.
            reading: Reading of the window.
            diverted: True where the clock was not the one asked for.
        """
        known = ~np.isnan(reading.temperature_c)
        duration_s = self.duration_s(reading)
        duty = reading.latency_mean_s / np.maximum(self.frame_s(reading), 1e-9)
        power_w = self.model.switching_w(reading.topology, reading.vf_level, duty)
        voltage_v = self.model.voltage_v[reading.vf_level]
        die_c = self._observer.die_c(self._lagged.now(bank))
        power_w = power_w + self.model.leakage_w(voltage_v, die_c)
        readable_c = np.where(known, reading.temperature_c, 0.0)
        followed = self._lagged.follow(bank, readable_c, power_w, duration_s, diverted)
        if known.all():
            return followed
        parts = zip(followed, bank, strict=True)
        return Bank(*(np.where(known.reshape(-1, *[1] * (n.ndim - 1)), n, o) for n, o in parts))

    def looked_ahead(
        self,
        belief: Belief,
        switching_w: Vector,
        voltage_v: Vector,
        t_max_c: Vector,
        horizon_s: Vector,
    ) -> tuple[Vector, Vector]:
        """Die temperatures that candidates lead to, and their standard deviations.

        Args:
            belief: Of the present heat.
            switching_w: Power of the candidates without leakage, shape (batch, candidates).
            voltage_v: Their supply, same shape.
            t_max_c: T_max, at which they leak, shape (batch,).
            horizon_s: How far ahead, shape (batch, candidates).
        """
        leakage_w = self.model.leakage_w(voltage_v, t_max_c[:, np.newaxis])
        return self._observer.predict(belief, switching_w + leakage_w, horizon_s)
