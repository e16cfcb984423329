"""The base of controllers with a model of the board: they follow it, look ahead and choose."""

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.controller import Choice, Controller, Design, State
from tvfs_gym.baselines.model_based.board_model import Vector
from tvfs_gym.baselines.model_based.budgets import accuracy_within, replays_of
from tvfs_gym.baselines.model_based.candidates import Candidates, CandidateTables, Latency, Select
from tvfs_gym.baselines.model_based.heat import HeatFollower
from tvfs_gym.baselines.model_based.lag import Bank
from tvfs_gym.baselines.model_based.observer import UNIT_GAIN, Belief, GainPrior
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
        self._heat = HeatFollower(design, name, lags, gain)
        self._model = self._heat.model
        self._replays = replays_of(design)
        self._median_s = design.characterisation.pass_median_s
        self._tables = CandidateTables(design, self._model, self._expected_outcome, select)

    def _check_feasible(self) -> None:
        """Refuses a latency constraint that no configuration meets."""
        accuracy_within(self.design, self.design.known.latency_constraint_s)

    def start(self, count: int) -> State:
        """Belief of the heat, the level asked for last, belief of the latency."""
        asked = np.full(count, NONE_YET)
        return (*self._heat.start(count), asked, *self._latency_start(count))

    def decide(self, reading: Reading, state: State) -> tuple[Choice, State]:
        """Follows the window, then takes the most accurate candidate that stays below T_max."""
        bank, asked, latency = Bank(*state[:HEAT]), state[HEAT], state[HEAT + 1 :]
        diverted = (asked != NONE_YET) & (asked != reading.vf_level)
        bank = self._heat.followed(bank, reading, diverted)
        belief = self._heat.now(bank)
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
