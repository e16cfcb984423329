"""The base of controllers with a model of the board: they follow it, look ahead and choose."""

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.controller import Choice, Controller, Design, State
from tvfs_gym.baselines.model_based.board_model import BoardModel, Vector
from tvfs_gym.baselines.model_based.budgets import accuracy_within, replays_of
from tvfs_gym.baselines.model_based.candidates import Candidates, CandidateTables, Latency, Select
from tvfs_gym.baselines.model_based.lag import Bank, LaggedObserver
from tvfs_gym.baselines.model_based.observer import UNIT_GAIN, Belief, GainPrior, Observer
from tvfs_gym.envs.observation import Reading

NONE_YET = -1
"""The VF level asked for before an episode's first choice."""

HEAT = len(Bank._fields)
"""Where in the state the level asked for stands, after what is believed of the heat; what is
believed of the latency follows."""


class ModelBased(Controller):
    """Follows heat and latency, and takes the first candidate that stays cool enough.

    Attributes:
        sees_throttling: True if it knows the real clock and the cap on it.

    Args:
        design: Knowledge before the run, the profile included.
        name: The controller's, for errors.
        select: Which configurations are candidates.
        lags: How many lags its sensor may have, in steps, from none on.
        gain: Belief of the heat's gain before the first reading.

    Raises:
        InputError: No configuration meets the constraint at the start, or there is no profile.
    """

    sees_throttling = True

    def __init__(
        self, design: Design, name: str, select: Select, lags: int = 1, gain: GainPrior = UNIT_GAIN
    ) -> None:
        super().__init__(design)
        self._check_feasible()
        self._model = BoardModel(design, name)
        self._observer = Observer(self._model, gain)
        self._lagged = LaggedObserver(self._observer, lags)
        self._replays = replays_of(design)
        self._median_s = design.characterisation.pass_median_s
        self._tables = CandidateTables(design, self._model, self._expected_outcome, select)

    def _check_feasible(self) -> None:
        """Refuses a latency constraint that no configuration meets."""
        accuracy_within(self.design, self.design.known.latency_constraint_s)

    def start(self, count: int) -> State:
        """Belief of the heat, the level asked for last, belief of the latency."""
        asked = np.full(count, NONE_YET)
        return (*self._lagged.start(count), asked, *self._latency_start(count))

    def decide(self, reading: Reading, state: State) -> tuple[Choice, State]:
        """Follows the window, then takes the most accurate candidate that stays below T_max."""
        bank, asked, latency = Bank(*state[:HEAT]), state[HEAT], state[HEAT + 1 :]
        diverted = (asked != NONE_YET) & (asked != reading.vf_level)
        bank = self._followed(bank, reading, diverted)
        belief = self._lagged.now(bank)
        latency = self._latency_followed(latency, *self._timed(reading, asked), reading)
        cap_level = reading.cap_level
        if not self.sees_throttling:
            cap_level = np.full_like(cap_level, self.design.highest)
        candidates = self._tables.of(
            reading.latency_constraint_s, self._latency_key(latency), cap_level
        )
        cool = self._cool(belief, candidates, reading)
        cool[:, -1] = True
        index = np.arange(len(cool)), cool.argmax(axis=1)
        topology, level, budget = (column[index] for column in candidates[:3])
        return Choice(topology, level, budget), (*bank, level, *latency)

    def overruled(self, choice: Choice, state: State) -> State:
        """As `Controller`: what runs counts as asked for."""
        return (*state[:HEAT], choice.vf_level, *state[HEAT + 1 :])

    def _timed(
        self, reading: Reading, asked: NDArray[np.int64]
    ) -> tuple[Vector, NDArray[np.bool_]]:
        """Ratio of a pass's mean latency to its median at design time, and where it means anything.

        A controller that sees throttling leaves windows out in which the clock was not its choice.
        """
        level = reading.vf_level
        timed = (reading.latency_mean_s > 0.0) & (asked != NONE_YET)
        if self.sees_throttling:
            timed &= asked == level
        else:
            level = np.where(asked == NONE_YET, level, asked)
        return self.design.slow_down(reading, level), timed

    def _frame_s(self, reading: Reading) -> Vector:
        return np.maximum(reading.latency_mean_s, self.design.known.arrival_period_s)

    def _duration_s(self, reading: Reading) -> Vector:
        """Length of the last window; 0 before the first one."""
        begun = reading.latency_mean_s > 0.0
        return np.where(begun, self.design.frames_per_step * self._frame_s(reading), 0.0)

    def _followed(self, bank: Bank, reading: Reading, diverted: NDArray[np.bool_]) -> Bank:
        duration_s = self._duration_s(reading)
        duty = reading.latency_mean_s / np.maximum(self._frame_s(reading), 1e-9)
        power_w = self._model.switching_w(reading.topology, reading.vf_level, duty)
        voltage_v = self._model.voltage_v[reading.vf_level]
        die_c = self._observer.die_c(self._lagged.now(bank))
        power_w = power_w + self._model.leakage_w(voltage_v, die_c)
        return self._lagged.follow(bank, reading.temperature_c, power_w, duration_s, diverted)

    def _looked_ahead(
        self, belief: Belief, candidates: Candidates, t_max_c: Vector, horizon_s: Vector
    ) -> tuple[Vector, Vector]:
        """Die temperatures that the candidates lead to, and their standard deviations."""
        leakage_w = self._model.leakage_w(candidates.voltage_v, t_max_c[:, np.newaxis])
        return self._observer.predict(belief, candidates.switching_w + leakage_w, horizon_s)

    @abstractmethod
    def _expected_outcome(self, constraint_s: float, latency: Latency) -> tuple[Vector, Vector]:
        """Accuracy within L_c and mean time of a frame, by topology, level and budget."""

    @abstractmethod
    def _latency_start(self, count: int) -> State:
        """Belief of the latency at the beginning."""

    @abstractmethod
    def _latency_followed(
        self, latency: State, ratio: Vector, timed: NDArray[np.bool_], reading: Reading
    ) -> State:
        """Belief of the latency after a window.

        Args:
            latency: Before it.
            ratio: Ratio of a pass's mean latency to its median at design time.
            timed: True if that was measured.
            reading: Reading of the window.
        """

    @abstractmethod
    def _latency_key(self, latency: State) -> NDArray[np.int64]:
        """Belief of the latency in steps of some resolution, shape (batch, any)."""

    @abstractmethod
    def _cool(self, belief: Belief, candidates: Candidates, reading: Reading) -> NDArray[np.bool_]:
        """Which candidates stay cool enough; of none, the last one is taken."""
