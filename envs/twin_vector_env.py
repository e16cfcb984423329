"""Thousands of twins in one call."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from tvfs_gym.envs.actions import ActionKind, Actions
from tvfs_gym.envs.board_env import costs_of
from tvfs_gym.envs.boards.board import start_window
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.boards.twin.arrays import P, S
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.boards.twin.foresight import foresee
from tvfs_gym.envs.boards.window import F, W, Window, WindowVector
from tvfs_gym.envs.errors import InputError, at_least, unknown
from tvfs_gym.envs.inference.outcomes import HalfName
from tvfs_gym.envs.inference.topology import DEFAULT_FAMILY, load_family
from tvfs_gym.envs.jit import announced
from tvfs_gym.envs.limits import MOST_FRAMES
from tvfs_gym.envs.observation import FEATURES, observation_space, observe, scales_of
from tvfs_gym.envs.randomisation import DomainRandomisation, Episodes, Randomise
from tvfs_gym.envs.rendering.display import board_title, frequencies_hz
from tvfs_gym.envs.reward import DEFAULT_REWARD, Reward, reward_of, rewards_of
from tvfs_gym.envs.scenario import Scenario, as_scenario
from tvfs_gym.envs.twin_step import BLOCK, step_boards

if TYPE_CHECKING:
    from tvfs_gym.envs.rendering.mosaic import Tile

Observations = NDArray[np.float32]
Mask = NDArray[np.bool_]

_NONE = np.empty(0, np.int64)


class _Step(NamedTuple):
    """Arrays that a step fills: see `tvfs_gym.envs.twin_step.step_boards`."""

    frames: NDArray[np.float64]
    windows: WindowVector
    observations: Observations
    ended: Mask


class TwinVectorEnv(VectorEnv[Observations, NDArray[Any], NDArray[Any]]):
    """Many digital twins of one board, stepped by one compiled call.

    It is the `vector_entry_point` of every twin: ``gymnasium.make_vec("tvfs_gym/OdroidXU4-v1",
    num_envs=4096)``. Action and observation spaces, rewards, costs, starting state and episode end
    are those of `tvfs_gym.envs.board_env.BoardEnv`, of which every sub-environment gives the bits:
    sub-environment i of ``reset(seed=s)`` is that environment after ``reset(seed=s + i)``.

    ## Info
    The scalar environment's, batched as `gymnasium.vector.SyncVectorEnv` batches it: `window` has a
    row per sub-environment, whose columns `tvfs_gym.envs.boards.window.Window` names; `cost`,
    `cost_temperature` and `cost_deadline`; and, with `info_frames`, `frames` of the shape
    (num_envs, frames_per_step, 5). In mode ``SAME_STEP``, `final_obs` and `final_info` hold the
    last observation and info of the sub-environments that `_final_obs` marks; other rows mean
    nothing.

    ## Arguments
    Those of `tvfs_gym.envs.twin_env.TwinEnv`, and:

    | Parameter | Type | Default | Description |
    |-----------|------|---------|-------------|
    | `num_envs` | int | 1 | sub-environments |
    | `scenario` | as there, or a sequence of them | None | one for all, or one for each |
    | `max_episode_steps` | int | the longest episode | steps after which an episode is truncated |
    | `autoreset_mode` | AutoresetMode | NEXT_STEP | or SAME_STEP |
    | `threads` | int | 1 | threads that share the batch |
    | `info_frames` | bool | False | whether the info has the single frames |

    A `reward` is called with the windows of the batch; where it cannot take arrays (it has an
    ``if``, say), once per sub-environment, which is slower.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012
        "render_modes": ["rgb_array"],
        "render_fps": 10,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        profile: str = "odroid_xu4",
        family: str = DEFAULT_FAMILY,
        scenario: Scenario | dict[str, Any] | Sequence[Scenario | dict[str, Any]] | None = None,
        frames_per_step: int = 10,
        reward: str | Reward = DEFAULT_REWARD,
        action_space: ActionKind = "discrete",
        choose_passes: bool = False,
        randomise: Randomise = False,
        render_mode: str | None = None,
        max_episode_steps: int = MOST_FRAMES,
        autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP,
        threads: int = 1,
        info_frames: bool = False,
        photographs: HalfName = "run",
    ) -> None:
        """Lays the batch out; the arguments are those of the table above.

        Raises:
            InputError: An argument is impossible.
        """
        if autoreset_mode not in (AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP):
            raise InputError(
                f"autoreset_mode must be NEXT_STEP or SAME_STEP, not {autoreset_mode}."
            )
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise unknown("render mode of a batch", str(render_mode), ("rgb_array",))
        board = load_profile(profile)
        self.board = TwinBoard(board, load_family(family), photographs)
        nominal_s = self.board.nominal_latency_s
        self._randomisation = DomainRandomisation.of(randomise, board, nominal_s)
        self.num_envs = at_least("num_envs", num_envs, 1)
        self.frames_per_step = at_least("frames_per_step", frames_per_step, 1)
        self.render_mode = render_mode
        self.metadata = {**self.metadata, "autoreset_mode": autoreset_mode}
        self._same_step = autoreset_mode == AutoresetMode.SAME_STEP
        self.scenarios = _scenarios(scenario, num_envs)
        self._most_frames = at_least("max_episode_steps", max_episode_steps, 1) * frames_per_step
        self._info_frames = info_frames
        self._keeps_frames = info_frames or render_mode is not None
        self.actions = Actions(self.board, action_space, choose_passes)
        self.single_action_space = self.actions.space
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.single_observation_space = observation_space()
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.scales = scales_of(self.board)
        self._shared = np.concatenate([self.scales, self.board.shared])
        self._reward = reward_of(reward)
        parts = np.array_split(np.arange(num_envs), min(at_least("threads", threads, 1), num_envs))
        self._slices = [slice(int(part[0]), int(part[-1]) + 1) for part in parts]
        self._pool = ThreadPoolExecutor(len(self._slices)) if len(self._slices) > 1 else None
        self._tiles = [] if render_mode is None else self._make_tiles()
        self._allocate()

    def _make_tiles(self) -> "list[Tile]":
        from tvfs_gym.envs.rendering.mosaic import TILES, Tile

        clocks_hz = frequencies_hz(self.board)
        name = board_title(self.board)
        return [Tile(f"{name} {i}", clocks_hz) for i in range(min(self.num_envs, TILES))]

    def _allocate(self) -> None:
        """Allocates every sub-environment's buffer, as long as the first one's needs to be."""
        n, twin = self.num_envs, self.board
        twin.reset(self.scenarios[0], (0, 0))
        self._owns = np.empty((n, *twin.own.shape))
        self._frames_left = np.zeros(n, np.int64)
        self._next_change_s = np.full(n, np.inf)
        self._changing = self._any_over = False
        self._starts = np.zeros((n, len(W)))
        scratch = BLOCK, self.frames_per_step, len(F)
        self._scratch = [np.empty(scratch) for _ in self._slices]
        self._episode = list(self.scenarios)
        self._episodes: list[Episodes] = []

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Observations, dict[str, Any]]:
        """Starts an episode in every sub-environment.

        Args:
            seed: Seeds sub-environment i with seed + i, or each with its own.
            options: Values of the scenarios to replace in these episodes.

        Raises:
            InputError: The options make no possible scenario, or the seeds are too few or too many.
        """
        super().reset(seed=seed if isinstance(seed, int) else None)
        self._seed(seed)
        self._start(np.arange(self.num_envs), options)
        self._windows = self._starts.copy()
        self._begin_tiles(np.arange(self.num_envs))
        frames = np.full((self.num_envs, self.frames_per_step, len(F)), np.nan)
        return self._observations(self._starts), self._info(self._windows, frames)

    def _seed(self, seed: int | Sequence[int | None] | None) -> None:
        n = self.num_envs
        if seed is None and self._episodes:
            return
        if seed is None:
            self._episodes = [Episodes(self.np_random) for _ in range(n)]
            return
        seeds = [seed + i for i in range(n)] if isinstance(seed, int) else list(seed)
        if len(seeds) != n:
            raise InputError(f"expected one seed for each of {n} environments, not {len(seeds)}.")
        self._episodes = [Episodes.seeded(number) for number in seeds]

    def _start(self, which: NDArray[np.int64], options: dict[str, Any] | None = None) -> None:
        """Begins the next episode of some sub-environments.

        Those whose scenario is the same object share the work; only their streams differ.
        """
        twin, last = self.board, None
        for i in which.tolist():
            key = self._episodes[i].next_key()
            scenario = self.scenarios[i].with_values(options) if options else self.scenarios[i]
            if self._randomisation is not None:
                scenario = self._randomisation.draw(scenario, key)
            new = options or self._randomisation is not None or scenario is not last
            if new or scenario.sensing.noise_c > 0.0:
                begin = start_window(twin.reset(scenario, key), scenario)
                self._make_room(len(twin.own))
                first_change_s = scenario.changes[0].at_s if scenario.changes else np.inf
                last = scenario
            twin.arrays.state[S.KEY_0], twin.arrays.state[S.KEY_1] = key
            self._owns[i, : len(twin.own)] = twin.own
            self._starts[i] = begin
            self._frames_left[i] = min(scenario.frames, self._most_frames)
            self._next_change_s[i] = first_change_s
            self._changing = self._changing or bool(scenario.changes)
            self._episode[i] = scenario

    def _make_room(self, size: int) -> None:
        """Lengthens every sub-environment's buffer if a board needs more."""
        missing = size - self._owns.shape[1]
        if missing > 0:
            self._owns = np.pad(self._owns, ((0, 0), (0, missing)))

    def step(
        self, actions: NDArray[Any]
    ) -> tuple[Observations, NDArray[np.float64], Mask, Mask, dict[str, Any]]:
        """Answers the next frames of every sub-environment.

        In mode NEXT_STEP one whose episode is over begins its next one instead, with reward 0.

        Raises:
            gymnasium.error.ResetNeeded: `reset` was never called.
            gymnasium.error.InvalidAction: An action is not in the action space.
        """
        if not self._episodes:
            raise gymnasium.error.ResetNeeded("call reset() before step().")
        rows = self.actions.rows(actions)
        if len(rows) != self.num_envs:
            raise gymnasium.error.InvalidAction(
                f"expected {self.num_envs} actions, not {len(rows)}."
            )
        begun = np.flatnonzero(self._frames_left == 0) if self._any_over else _NONE
        frames, windows, observations, (terminated, truncated) = self._run(rows)
        if len(begun):
            self._start(begun)
            windows[begun] = self._starts[begun]
            observations[begun] = self._observations(windows[begun])
        rewards = self._rewards(windows, begun)
        if self._changing:
            self._follow_changes(windows, observations)
        self._windows = windows
        self._draw(windows, frames, begun)
        info = self._info(windows, frames)
        if self._same_step and self._any_over:
            over = terminated | truncated
            observations, info = self._restart(over, observations, windows, frames)
        return observations, rewards, terminated, truncated, info

    def _run(self, rows: NDArray[np.int64]) -> _Step:
        n = self.num_envs
        step = _Step(
            np.empty((n, self.frames_per_step, len(F)) if self._keeps_frames else 0),
            np.empty((n, len(W))),
            np.empty((n, len(FEATURES)), np.float32),
            np.empty((2, n), np.bool_),
        )

        def run(part: slice, scratch: NDArray[np.float64]) -> int:
            return step_boards(
                self._owns[part],
                self._shared,
                self.board.outcomes,
                self.actions.table,
                rows[part],
                self._frames_left[part],
                step.frames[part] if self._keeps_frames else scratch,
                step.windows[part],
                step.observations[part],
                step.ended[:, part],
            )

        with announced():
            if self._pool is None:
                over = run(self._slices[0], self._scratch[0])
            else:
                over = sum(self._pool.map(run, self._slices, self._scratch))
        self._any_over = over > 0
        return step

    def _rewards(self, windows: WindowVector, begun: NDArray[np.int64]) -> NDArray[np.float64]:
        """Rewards of the windows; 0 for the sub-environments that began an episode instead."""
        if len(begun) == 0:
            return rewards_of(self._reward, windows)
        rewards = np.zeros(self.num_envs)
        ran = np.delete(np.arange(self.num_envs), begun)
        rewards[ran] = rewards_of(self._reward, windows[ran])
        return rewards

    def _follow_changes(self, windows: WindowVector, observations: Observations) -> None:
        """Applies the scenarios' changes whose time has come."""
        due = np.flatnonzero(windows[:, W.TIME_S] >= self._next_change_s)
        for i in due.tolist():
            time_s, scenario = float(windows[i, W.TIME_S]), self._episode[i]
            later = scenario.changes[scenario.changes_by(time_s) :]
            self._next_change_s[i] = later[0].at_s if later else np.inf
            arrays = self.board.arrays_of(self._owns[i])
            self.board.follow(scenario, arrays)
            windows[i, W.LATENCY_CONSTRAINT_S] = arrays.parameters[P.LATENCY_CONSTRAINT_S]
            observe(windows[i], self.scales, observations[i])

    def _restart(
        self,
        over: Mask,
        observations: Observations,
        windows: WindowVector,
        frames: NDArray[np.float64],
    ) -> tuple[Observations, dict[str, Any]]:
        """Starts the next episodes of those that are over.

        Returns:
            Observations and info with the starts, and those of the episodes that are over.
        """
        begun = np.flatnonzero(over)
        final = {
            "final_obs": observations.copy(),
            "_final_obs": over,
            "final_info": self._info(windows.copy(), frames.copy()),
            "_final_info": over,
        }
        self._start(begun)
        self._begin_tiles(begun)
        windows[begun] = self._starts[begun]
        if self._keeps_frames:
            frames[begun] = np.nan
        observations[begun] = self._observations(windows[begun])
        return observations, {**self._info(windows, frames), **final}

    def _begin_tiles(self, begun: NDArray[np.int64]) -> None:
        for i in begun[begun < len(self._tiles)].tolist():
            self._tiles[i].begin(Window(self._starts[i]))

    def _draw(
        self, windows: WindowVector, frames: NDArray[np.float64], begun: NDArray[np.int64]
    ) -> None:
        self._begin_tiles(begun)
        ran = set(range(len(self._tiles))) - set(begun.tolist())
        for i in sorted(ran):
            self._tiles[i].add(Window(windows[i]), frames[i])

    @property
    def episode_scenarios(self) -> list[Scenario]:
        """The scenarios of the episodes that were begun last, with what was drawn for them."""
        return self._episode

    def parameter(self, number: int) -> NDArray[np.float64]:
        """A present parameter of every twin, by its number in `P`; no controller is told it."""
        column: NDArray[np.float64] = self._owns[:, number].copy()
        return column

    def foreseen_c(self, candidates: NDArray[np.float64]) -> NDArray[np.float64]:
        """How hot the dies would become within a step; no controller is told it.

        Args:
            candidates: As `tvfs_gym.envs.boards.twin.foresight.foresee` has them.
        """
        hottest_c = np.empty(candidates.shape[:2])
        windows = np.empty((self.num_envs, len(W)))
        shared, outcomes = self.board.shared, self.board.outcomes
        foresee(self._owns, shared, outcomes, windows, candidates, hottest_c)
        return hottest_c

    def images(self) -> list[NDArray[np.uint8]]:
        """Small pictures of the first sixteen twins; none without a render mode."""
        return [tile.image() for tile in self._tiles]

    def render(self) -> Any:
        """Renders the first sixteen twins, side by side, in mode ``rgb_array``."""
        if not self._tiles:
            return None
        from tvfs_gym.envs.rendering.mosaic import mosaic

        return mosaic(self.images())

    def _info(self, windows: WindowVector, frames: NDArray[np.float64]) -> dict[str, Any]:
        info = {"window": windows, **costs_of(windows)}
        return {**info, "frames": frames} if self._info_frames else info

    def action_masks(self) -> Mask:
        """Marks the discrete actions that can make sense now; shape (num_envs, actions).

        See `tvfs_gym.envs.actions.Actions.masks`.
        """
        cap, constraint_s = W.CAP_LEVEL, W.LATENCY_CONSTRAINT_S
        return self.actions.masks(self._windows[:, cap], self._windows[:, constraint_s])

    def _observations(self, windows: NDArray[np.float64]) -> Observations:
        observations = np.empty((len(windows), len(FEATURES)), np.float32)
        for window, observation in zip(windows, observations, strict=True):
            observe(window, self.scales, observation)
        return observations

    def close_extras(self, **kwargs: Any) -> None:
        """Ends the threads."""
        if self._pool is not None:
            self._pool.shutdown()


def _scenarios(
    scenario: Scenario | dict[str, Any] | Sequence[Scenario | dict[str, Any]] | None, count: int
) -> list[Scenario]:
    if scenario is None or isinstance(scenario, Scenario | dict):
        return [as_scenario(scenario)] * count
    scenarios = [as_scenario(item) for item in scenario]
    if len(scenarios) != count:
        raise InputError(f"expected one scenario for each of {count}, not {len(scenarios)}.")
    return scenarios
