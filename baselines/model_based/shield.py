"""A safety shield: vetoes choices whose predicted temperature would pass T_max, and counts them.

It stands between any policy and the board, and follows the board's heat by the observer of the
model-based controllers: with the board's profile where there is one, and otherwise with the generic
model of `tvfs_gym.baselines.model_based.generic`. A vetoed choice is replaced by the same network
and pass budget at the nearest lower VF level that stays below T_max, or else at the lowest. This is
post-posed shielding (Alshiekh et al., AAAI 2018): the policy chooses, the shield corrects.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.controller import Choice, Design, Policy, State, begun
from tvfs_gym.baselines.model_based.board_model import Vector
from tvfs_gym.baselines.model_based.generic import GENERIC_GAIN, generic_design
from tvfs_gym.baselines.model_based.heat import HeatFollower
from tvfs_gym.baselines.model_based.lag import Bank
from tvfs_gym.baselines.model_based.observer import UNIT_GAIN
from tvfs_gym.baselines.model_based.predictive import LAGS
from tvfs_gym.baselines.tuned import GUARD_SIGMAS, tuned
from tvfs_gym.envs.observation import Reading, read


class Guarded(NamedTuple):
    """What a guard remembers of a batch of boards.

    Attributes:
        bank: Belief of the heat; see `Bank`.
        asked: VF level asked for last, `NONE_YET` before the first choice; shape (batch,).
        vetoes: Vetoes of the episode so far; shape (batch,).
    """

    bank: Bank
    asked: NDArray[np.int64]
    vetoes: NDArray[np.int64]

    def state(self) -> State:
        """As arrays, for `Guarded.of`."""
        return (*self.bank, self.asked, self.vetoes)

    @classmethod
    def of(cls, state: State) -> "Guarded":
        """From the arrays."""
        return cls(Bank(*state[:_BANK]), *state[_BANK:GUARD])


_BANK = len(Bank._fields)
GUARD = _BANK + 2
"""Arrays of a guard's memory, which stand first in the state of a shielded policy."""

NONE_YET = -1


class Guard:
    """Corrects choices that would grow too hot.

    Args:
        design: Knowledge before the run; without a profile and measurements, the generic model.
        guard_sigmas: Guard below T_max in standard deviations of the prediction.
    """

    def __init__(
        self, design: Design, guard_sigmas: float = tuned("predictive", GUARD_SIGMAS)
    ) -> None:
        known = design.profile is not None and design.measured is not None
        self.design = design if known else generic_design(design)
        self._heat = HeatFollower(
            self.design, "the shield", LAGS, UNIT_GAIN if known else GENERIC_GAIN
        )
        self._guard_sigmas = guard_sigmas
        self._scales = design.scales

    def start(self, count: int) -> Guarded:
        """Memory of episodes that begin."""
        nothing = np.zeros(count, np.int64)
        return Guarded(self._heat.start(count), nothing + NONE_YET, nothing)

    def begun(self, guarded: Guarded, episode_start: NDArray[np.bool_] | None) -> Guarded:
        """The memory, in which some episodes begin."""
        if episode_start is None or not np.any(episode_start):
            return guarded
        start = self.start(len(guarded.asked))
        return Guarded.of(begun(guarded.state(), start.state(), episode_start))

    def corrected(
        self, observations: NDArray[np.float32], choice: Choice, guarded: Guarded
    ) -> tuple[Choice, Guarded]:
        """Corrects the choices for the next step; where no sensor could be read, none is.

        Args:
            observations: Shape (batch, features).
            choice: The choices.
            guarded: Memory after the last step.

        Returns:
            The choices that stay cool, and what to remember.
        """
        reading = read(observations, self._scales)
        diverted = (guarded.asked != NONE_YET) & (guarded.asked != reading.vf_level)
        bank = self._heat.followed(guarded.bank, reading, diverted)
        chosen = np.asarray(choice.vf_level, np.int64)
        level = self._coolest_needed(reading, bank, choice._replace(vf_level=chosen))
        vetoes = guarded.vetoes + (level < chosen)
        return choice._replace(vf_level=level), Guarded(bank, level, vetoes)

    def _coolest_needed(self, reading: Reading, bank: Bank, choice: Choice) -> NDArray[np.int64]:
        """The highest level up to the chosen one that stays cool, or else the lowest."""
        levels = np.tile(np.arange(self.design.highest, -1, -1), (len(choice.vf_level), 1))
        topology = np.broadcast_to(choice.topology[:, np.newaxis], levels.shape)
        frame_s = self._frame_s(reading, choice)[:, ::-1]
        period_s = self.design.known.arrival_period_s
        duty = np.minimum(frame_s / period_s, 1.0) if period_s > 0.0 else np.ones_like(frame_s)
        predicted_c, sigma_c = self._heat.looked_ahead(
            self._heat.now(bank),
            self._heat.model.switching_w(topology, levels, duty),
            self._heat.model.voltage_v[levels],
            reading.t_max_c,
            self.design.frames_per_step * np.maximum(frame_s, period_s),
        )
        hot = predicted_c + self._guard_sigmas * sigma_c >= reading.t_max_c[:, np.newaxis]
        # A level above the cap runs at the cap, and so heats as that does.
        real = np.minimum(choice.vf_level, reading.cap_level)[:, np.newaxis]
        cool = (levels <= real) & ~(hot & ~np.isnan(reading.temperature_c)[:, np.newaxis])
        cool[:, -1] = True
        rows = np.arange(len(levels))
        found = levels[rows, cool.argmax(axis=1)]
        return np.where(found == real[:, 0], choice.vf_level, found)

    def _frame_s(self, reading: Reading, choice: Choice) -> Vector:
        """Mean frame latency of the chosen network at every level, as slow as the last window."""
        passes = np.maximum(reading.passes_mean, 1.0)
        if choice.max_passes is not None:
            passes = np.minimum(passes, choice.max_passes)
        slow_down = self.design.slow_down(reading, reading.vf_level)
        median_s = self.design.characterisation.pass_median_s[choice.topology]
        frame_s: Vector = (passes * slow_down)[:, np.newaxis] * median_s
        return frame_s


class Shield:
    """A policy, and a guard between it and the board.

    Args:
        policy: Any policy: a baseline, a learnt one, a user's.
        design: Knowledge before the run.

    Examples:
        >>> import gymnasium, tvfs_gym
        >>> from tvfs_gym import baselines
        >>> env = gymnasium.make("tvfs_gym/OdroidXU4-v1")
        >>> policy = baselines.make("performance", env)
        >>> shield = baselines.Shield(policy, policy.design)
        >>> observation, _ = env.reset(seed=0)
        >>> choice, state = shield.choose(observation[None])
        >>> shield.vetoes(state).tolist()
        [0]
    """

    def __init__(self, policy: Policy, design: Design) -> None:
        self.policy, self.guard = policy, Guard(design)
        self._named: Any = tuple

    def choose(
        self,
        observations: NDArray[np.float32],
        state: State | None = None,
        episode_start: NDArray[np.bool_] | None = None,
    ) -> tuple[Choice, State]:
        """Chooses configurations; see `tvfs_gym.baselines.controller.Controller.choose`."""
        if state is None:
            guarded, own = self.guard.start(len(observations)), None
        else:
            guarded = self.guard.begun(Guarded.of(state), episode_start)
            own = self._own(state[GUARD:])
        choice, own = self.policy.choose(observations, own, episode_start)
        self._named = type(own)
        choice, guarded = self.guard.corrected(observations, choice, guarded)
        return choice, (*guarded.state(), *(own or ()))

    def _own(self, arrays: State) -> State | None:
        """The policy's own memory, with the names that its arrays had."""
        if not arrays:
            return None
        return self._named._make(arrays) if hasattr(self._named, "_make") else arrays

    def vetoes(self, state: State) -> NDArray[np.int64]:
        """Vetoes of every episode up to a state, shape (batch,)."""
        return Guarded.of(state).vetoes
