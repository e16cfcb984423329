"""Predictive control of a board that nobody has identified or characterised.

The model is that of a generic board, the same for every one (``generic.toml`` with the source of
each number), in relative units. What it cannot know is found out as the board runs:

- heat, by the observer's gain, whose prior is wide: with a sigma as large as its mean, the guard
  of the first steps is as wide, and narrows with what the sensor tells;
- the latencies' scale, from the first frames: until a frame has been timed, a single pass of the
  fastest network runs, at the highest VF level that stays cool.

Known are the kernel's clocks, its trips on a real board, the networks' relative latencies and their
recorded outcomes. Neither a profile nor a characterisation is looked at; and as the kernel does not
tell them, neither are voltages.
"""

from dataclasses import replace
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.characterisation.by_law import characterisation_by_law
from tvfs_gym.baselines.controller import Choice, Design, State
from tvfs_gym.baselines.model_based.board_model import Vector
from tvfs_gym.baselines.model_based.candidates import Candidates, Latency
from tvfs_gym.baselines.model_based.follower import HEAT
from tvfs_gym.baselines.model_based.lag import Bank
from tvfs_gym.baselines.model_based.observer import Belief, GainPrior
from tvfs_gym.baselines.model_based.predictive import RATIO_STEP, Predictive
from tvfs_gym.baselines.tuned import GUARD_SIGMAS, MARGIN_C, SLOW_DOWN_DRIFT, tuned
from tvfs_gym.envs.boards.profile import BoardProfile, OperatingPoint, Trip
from tvfs_gym.envs.observation import Reading
from tvfs_gym.envs.tables import read_toml

GENERIC = read_toml(files("tvfs_gym.baselines.model_based") / "generic.toml", BoardProfile)
"""The generic board, in relative units: see there."""

GENERIC_GAIN = GainPrior(sigma=1.0, lowest=0.03, highest=10.0)
"""Prior of the gain: full-load rises of some 2 to 500 K. Sigma was tried at 0.7, 1 and 1.5 on 540
units drawn wide (seed 10,000), where they differ by 0.2 points."""

SCALE = HEAT + 1
"""Where in the state the latencies' scale stands."""

FIRST_STEP_S = 1.0
"""Longest first step that is planned for: ten passes of a fastest network that takes 100 ms."""


class PredictiveGeneric(Predictive):
    """Looks one step ahead on a board that it has no model of.

    Args:
        design: Knowledge before the run, of which profile and characterisation are not looked at.
        guard_sigmas: As `Predictive`.
        margin_c: As `Predictive`.
        slow_down_drift: As `Predictive`.
    """

    def __init__(
        self,
        design: Design,
        guard_sigmas: float | Vector = tuned("predictive_generic", GUARD_SIGMAS),
        margin_c: float | Vector = tuned("predictive_generic", MARGIN_C),
        slow_down_drift: float | Vector = tuned("predictive_generic", SLOW_DOWN_DRIFT),
    ) -> None:
        super().__init__(
            generic_design(design),
            guard_sigmas=guard_sigmas,
            margin_c=margin_c,
            slow_down_drift=slow_down_drift,
            gain=GENERIC_GAIN,
        )

    def _check_feasible(self) -> None:
        """Refuses nothing: how fast the board is, is not known yet."""

    def decide(self, reading: Reading, state: State) -> tuple[Choice, State]:
        """As `Predictive`; but until a frame was timed, one pass of the fastest network."""
        choice, state = super().decide(reading, state)
        untimed = np.isnan(state[SCALE])
        if not untimed.any():
            return choice, state
        level = np.where(untimed, self._first_level(Bank(*state[:HEAT]), reading), choice.vf_level)
        topology = np.where(untimed, 0, choice.topology)
        budget = np.where(untimed, 1, np.asarray(choice.max_passes))
        return Choice(topology, level, budget), (*state[:HEAT], level, *state[HEAT + 1 :])

    def _first_level(self, bank: Bank, reading: Reading) -> NDArray[np.int64]:
        """The highest level at which the fastest network stays cool for `FIRST_STEP_S`."""
        level = np.tile(np.arange(self.design.highest, -1, -1), (len(reading.t_max_c), 1))
        topology, nothing = np.zeros_like(level), np.zeros(level.shape)
        busy_w, voltage_v = self._model.busy_w[topology, level], self._model.voltage_v[level]
        candidates = Candidates(
            topology, level, topology, nothing, busy_w, voltage_v, nothing + FIRST_STEP_S
        )
        cool = self._cool(self._heat.now(bank), candidates, reading)
        cool &= level <= reading.cap_level[:, np.newaxis]
        cool[:, -1] = True
        return level[np.arange(len(level)), cool.argmax(axis=1)]

    def _cool(self, belief: Belief, candidates: Candidates, reading: Reading) -> NDArray[np.bool_]:
        """As `Predictive`; without a sensor, nobody can keep to T_max."""
        cool = super()._cool(belief, candidates, reading)
        return cool | np.isnan(reading.temperature_c)[:, np.newaxis]

    def _latency_start(self, count: int) -> State:
        """The latencies' scale, NaN until a frame was timed, and the belief of the slow-down."""
        return np.full(count, np.nan), *super()._latency_start(count)

    def _latency_followed(
        self, latency: State, ratio: Vector, timed: NDArray[np.bool_], reading: Reading
    ) -> State:
        scale, *slow_down = latency
        first = np.isnan(scale) & (reading.latency_mean_s > 0.0)
        scale = np.where(first, ratio, scale)
        relative = ratio / np.where(np.isnan(scale), 1.0, scale)
        return scale, *super()._latency_followed(tuple(slow_down), relative, timed, reading)

    def _latency_key(self, latency: State) -> NDArray[np.int64]:
        scale, *slow_down = latency
        steps = np.log(np.where(np.isnan(scale), 1.0, scale)) / RATIO_STEP
        key = super()._latency_key(tuple(slow_down))
        return np.concatenate([np.rint(steps[:, np.newaxis]).astype(np.int64), key], axis=1)

    def _expected_outcome(self, constraint_s: float, latency: Latency) -> tuple[Vector, Vector]:
        scale = float(np.exp(RATIO_STEP * latency[0]))
        accuracy, time_s = super()._expected_outcome(constraint_s / scale, latency[1:])
        return accuracy, scale * time_s


def generic_design(design: Design) -> Design:
    """The design with the generic board's profile and characterisation instead of its own."""
    profile = _generic_profile(design)
    return replace(
        design,
        profile=profile,
        operating_points=profile.operating_points,
        known=design.known.model_copy(update={"throttling": None}),
        measured=characterisation_by_law(design.family, profile),
    )


def _generic_profile(design: Design) -> BoardProfile:
    """The generic board at the kernel's clocks; a clock that it does not tell is the highest."""
    frequency_hz = np.array([point.frequency_hz for point in design.operating_points])
    clock_ghz = np.nan_to_num(frequency_hz / frequency_hz[-1], nan=1.0)
    points = tuple(
        OperatingPoint(frequency_hz=1e9 * clock, voltage_v=voltage)
        for clock, voltage in zip(
            clock_ghz.tolist(), GENERIC.voltages_v(clock_ghz).tolist(), strict=True
        )
    )
    # Which levels a trip takes away is not known: all of them, to be on the safe side.
    trips = (
        Trip(temperature_c=at_c, hysteresis_c=0.0, lower=0, upper=len(points))
        for at_c in (None, *design.info.passive_c)
    )
    preset = GENERIC.throttling_named(None).model_copy(update={"trips": tuple(trips)})
    told = {"operating_points": points, "throttling": {"told": preset}}
    return GENERIC.model_copy(update=told)
