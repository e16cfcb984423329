"""The learning interface of a board: choose a rung, see features of the board and of every rung."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from tvfs_gym.agents.interface.features import LIMIT, G, K, Q, describe, key_of
from tvfs_gym.agents.interface.heat import HEAT_SIZE, unknown_heat
from tvfs_gym.agents.interface.history import B, M, follow, follow_reading
from tvfs_gym.agents.interface.ladder import Ladder, R
from tvfs_gym.baselines.controller import Choice, Design, begun
from tvfs_gym.baselines.model_based.board_model import BoardModel
from tvfs_gym.baselines.model_based.budgets import jitter_log_sigma
from tvfs_gym.baselines.model_based.generic import generic_design
from tvfs_gym.envs.errors import unknown
from tvfs_gym.envs.jit import direct, jit
from tvfs_gym.envs.observation import ENTRY, FEATURES
from tvfs_gym.envs.scenario import Scenario

Knowledge = Literal["characterised", "generic"]
"""What is known of a board: its characterisation and the power model of its profile; or only the
kernel's clocks, the networks' relative latencies and their recorded outcomes."""

Features = NDArray[np.float32]


class State(NamedTuple):
    """Memory of a batch of boards.

    Attributes:
        memory: Columns as in `tvfs_gym.agents.interface.history.M`, shape (batch, len(M)).
        ladder: The rungs at hand, columns as in `tvfs_gym.agents.interface.ladder.R`, shape
            (batch, levels, len(R)).
        heat: Belief of the heat, see `tvfs_gym.agents.interface.heat`, shape (batch, HEAT_SIZE).
    """

    memory: NDArray[np.float64]
    ladder: NDArray[np.float64]
    heat: NDArray[np.float64]


class _Kind(NamedTuple):
    """What is known beforehand, but for the camera's period, worked out."""

    ladder: Ladder
    limits_c: NDArray[np.float64]
    entries: NDArray[np.float64]


@jit
def _follow_all(
    observations: NDArray[np.float32],
    memory: NDArray[np.float64],
    heat: NDArray[np.float64],
    scales: NDArray[np.float64],
    board: NDArray[np.float64],
    busy: NDArray[np.float64],
    idle: NDArray[np.float64],
    median_s: NDArray[np.float64],
    keys: NDArray[np.int64],
) -> None:
    for i in range(len(observations)):
        follow(observations[i], memory[i], scales, board, busy, idle, median_s)
        follow_reading(observations[i], memory[i], heat[i])
        key_of(observations[i], memory[i], scales, board, keys[i])


@jit
def _describe_all(
    observations: NDArray[np.float32],
    memory: NDArray[np.float64],
    heat: NDArray[np.float64],
    keys: NDArray[np.int64],
    ladders: NDArray[np.float64],
    limits_c: NDArray[np.float64],
    kinds: NDArray[np.float64],
    scales: NDArray[np.float64],
    board: NDArray[np.float64],
    features: Features,
) -> None:
    for i in range(len(observations)):
        kind = int(memory[i, M.KIND])
        describe(
            observations[i], memory[i], heat[i], keys[i], ladders[i], limits_c[kind], kinds[kind],
            scales, board, features[i],
        )  # fmt: skip


class Interface:
    """Actions and observations for a learner on one board, or a batch of it.

    An action is a rung: a VF level, at which the design-time table of what the slow-down leaves of
    L_c says which topology runs, and for how many passes (`tvfs_gym.agents.interface.ladder`). The
    features are those of the board, and of each of its rungs
    (`tvfs_gym.agents.interface.features`).

    Like a controller it remembers nothing itself: what it must remember goes out and in again.

    Args:
        design: Knowledge before the run.
        knowledge: How much of it counts.
        margin_c: By how much T_max is taken for lower than it is, K: a sensor may read low, which
            nothing tells.

    Attributes:
        design: What counts of it.
        levels: How many rungs there are.

    Raises:
        InputError: The board was not characterised, or has no profile, and that is to count; or
            there is no such knowledge.
    """

    def __init__(
        self, design: Design, knowledge: Knowledge = "characterised", margin_c: float = 0.0
    ) -> None:
        if knowledge not in get_args(Knowledge):
            raise unknown("knowledge", knowledge, get_args(Knowledge))
        self.knowledge, self.margin_c = knowledge, margin_c
        self.design = generic_design(design) if knowledge == "generic" else design
        self.levels = len(design.operating_points)
        self._model = BoardModel(self.design, "the learning interface")
        self._median_s = np.ascontiguousarray(self.design.characterisation.pass_median_s)
        self._scales = np.ascontiguousarray(design.scales)
        self._board = np.zeros(len(B))
        self._board[B.FRAMES] = design.frames_per_step
        self._board[B.SIGMA] = jitter_log_sigma(self.design)
        self._board[B.LAST_LEVEL] = max(self.levels - 1, 1)
        self._board[B.RELATIVE] = knowledge == "generic"
        self._board[B.NOMINAL_S] = self._median_s[-1, -1]
        self._kinds: list[_Kind] = []
        self._numbers: dict[tuple[Any, ...], int] = {}
        highest_w = self._model.busy_w.max()
        self._power = self._model.busy_w / highest_w, self._model.idle_w / highest_w
        self._start = self._started(design.known)
        self._compile()

    @property
    def action_space(self) -> spaces.Discrete:
        """The rungs of one board."""
        return spaces.Discrete(self.levels)

    @property
    def observation_space(self) -> spaces.Box:
        """The features of one board."""
        return spaces.Box(-LIMIT, LIMIT, (len(G) + self.levels * len(Q),), np.float32)

    def start(self, count: int, scenarios: Sequence[Scenario] | None = None) -> State:
        """Memory of a batch of episodes that begin.

        Args:
            count: Episodes.
            scenarios: Their scenarios, of which only what is known beforehand counts; None for the
                design's.
        """
        if scenarios is None:
            memory = np.tile(self._start, (count, 1))
        else:
            memory = np.stack([self._started(scenario) for scenario in scenarios])
        heat = np.tile(unknown_heat(self._power[1][0]), (count, 1))
        return State(memory, np.zeros((count, self.levels, len(R))), heat)

    def observe(
        self,
        observations: NDArray[np.float32],
        state: State | None = None,
        episode_start: NDArray[np.bool_] | None = None,
    ) -> tuple[Features, State]:
        """Takes observations in.

        Args:
            observations: As the environment returned them, shape (batch, entries).
            state: Memory from the previous call; None to begin.
            episode_start: Which episodes begin, under the design's conditions, shape (batch,).

        Returns:
            Features, shape (batch, features), and what to remember.
        """
        count = len(observations)
        if state is None:
            state = self.start(count)
        elif episode_start is not None and np.any(episode_start):
            state = State(*begun(state, self.start(count), episode_start))
        observations = np.ascontiguousarray(observations, np.float32)
        if self.margin_c > 0.0:
            observations = observations.copy()
            observations[:, ENTRY.T_MAX] -= np.float32(0.01 * self.margin_c)
        memory, heat, keys = state.memory.copy(), state.heat.copy(), np.empty((count, 2), np.int64)
        fixed = self._scales, self._board
        self._follow_all(observations, memory, heat, *fixed, *self._power, self._median_s, keys)
        ladders = self._ladders(memory, keys)
        features = np.empty((count, len(G) + self.levels * len(Q)), np.float32)
        limits = self._limits_c, self._entries
        self._describe_all(observations, memory, heat, keys, ladders, *limits, *fixed, features)
        return features, State(memory, ladders, heat)

    def choice(self, rungs: NDArray[np.int64], state: State) -> tuple[Choice, State]:
        """Takes rungs as configurations.

        Args:
            rungs: VF levels, shape (batch,).
            state: Memory from `observe`.

        Returns:
            Configurations, and what to remember.
        """
        rungs = np.asarray(rungs, np.int64)
        memory = state.memory.copy()
        memory[:, M.ASKED] = rungs
        chosen = state.ladder[np.arange(len(rungs)), rungs]
        topology, budget = chosen[:, R.TOPOLOGY], chosen[:, R.BUDGET]
        choice = Choice(topology.astype(np.int64), rungs, budget.astype(np.int64))
        return choice, State(memory, state.ladder, state.heat)

    def choices(self, state: State) -> Choice:
        """All rungs as configurations.

        Args:
            state: Memory from `observe`.

        Returns:
            Configurations, each array of shape (batch, levels).
        """
        topology, budget = state.ladder[..., R.TOPOLOGY], state.ladder[..., R.BUDGET]
        levels = np.broadcast_to(np.arange(self.levels), topology.shape)
        return Choice(topology.astype(np.int64), levels, budget.astype(np.int64))

    def asked(self, levels: NDArray[np.int64], state: State) -> State:
        """Notes the VF levels that were chosen without `choice`."""
        memory = state.memory.copy()
        memory[:, M.ASKED] = levels
        return State(memory, state.ladder, state.heat)

    def _started(self, scenario: Scenario) -> NDArray[np.float64]:
        """Memory of an episode that begins under what is known of its conditions."""
        memory = np.zeros(len(M))
        memory[M.KIND] = self._kind(scenario)
        memory[M.PERIOD_S] = scenario.arrival_period_s
        memory[M.ASKED] = memory[M.LEVEL] = memory[M.LAST_LEVEL] = -1.0
        memory[M.TEMPERATURE_C] = memory[M.FIRST_SLOW_DOWN] = np.nan
        # A board that begins has idled.
        powers = slice(M.POWER_MEAN, M.POWER + 1)
        memory[powers] = self._power[1][0]
        return memory

    def _kind(self, scenario: Scenario) -> int:
        """Number of the kind of conditions."""
        throttling = None if self.knowledge == "generic" else scenario.throttling
        key = scenario.policy, scenario.tau, scenario.deadline_aware, throttling
        if key not in self._numbers:
            self._numbers[key] = len(self._kinds)
            self._kinds.append(self._made(scenario, throttling))
            self._limits_c = np.stack([kind.limits_c for kind in self._kinds])
            self._entries = np.stack([kind.entries for kind in self._kinds])
        return self._numbers[key]

    def _made(self, scenario: Scenario, throttling: str | None) -> _Kind:
        design = self.design.under(scenario.model_copy(update={"throttling": throttling}))
        model = BoardModel(design, "the learning interface")
        entries = np.zeros(len(K))
        entries[K.DEADLINE_AWARE] = scenario.deadline_aware
        entries[K.MANY_PASSES] = scenario.max_passes > 1
        return _Kind(Ladder(design, model), model.limits_c, entries)

    def _ladders(self, memory: NDArray[np.float64], keys: NDArray[np.int64]) -> NDArray[np.float64]:
        ladders = np.empty((len(memory), self.levels, len(R)))
        for i, (kind, key) in enumerate(
            zip(memory[:, M.KIND].tolist(), keys.tolist(), strict=True)
        ):
            ladders[i] = self._kinds[int(kind)].ladder.rungs(*key)
        return ladders

    def _compile(self) -> None:
        """Finds the compiled code once: its arguments always have these types."""
        observations = np.zeros((1, len(FEATURES)), np.float32)
        memory, keys = self._start[np.newaxis].copy(), np.zeros((1, 2), np.int64)
        features = np.zeros((1, len(G) + self.levels * len(Q)), np.float32)
        ladders, heat = np.zeros((1, self.levels, len(R))), np.zeros((1, HEAT_SIZE))
        fixed = self._scales, self._board
        followed = observations, memory, heat, *fixed, *self._power, self._median_s, keys
        described = observations, memory, heat, keys, ladders, self._limits_c, self._entries, *fixed
        self._follow_all = direct(_follow_all, *followed)
        self._describe_all = direct(_describe_all, *described, features)

    def __getstate__(self) -> dict[str, Any]:
        """Leaves the compiled code out, which cannot be copied."""
        own = self.__dict__.items()
        return {name: value for name, value in own if not name.endswith("_all")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Adds it again."""
        self.__dict__.update(state)
        self._compile()
