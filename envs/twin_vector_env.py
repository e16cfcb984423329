"""Thousands of twins in one call."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from tvfs_gym.envs.actions import ActionKind, Actions
from tvfs_gym.envs.board_env import as_scenario, info_of
from tvfs_gym.envs.boards import window as summary
from tvfs_gym.envs.boards.board import Window, start_window
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.boards.twin import arrays
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.errors import InputError, unknown
from tvfs_gym.envs.inference.topology import DEFAULT_FAMILY, load_family
from tvfs_gym.envs.observation import FEATURES, HIGH, LOW, observe, scales_of
from tvfs_gym.envs.randomisation import DomainRandomisation, Episodes, Randomise
from tvfs_gym.envs.reward import NAMES
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_step import BLOCK, step_boards

Observations = NDArray[np.float32]
Mask = NDArray[np.bool_]

_NONE = np.empty(0, np.int64)


class _Stepped(NamedTuple):
    """What a step fills: see `tvfs_gym.envs.twin_step.step_boards`."""

    answers: NDArray[np.float64]
    windows: NDArray[np.float64]
    observations: Observations
    rewards: NDArray[np.float64]
    terminated: Mask
    truncated: Mask


class TwinVectorEnv(VectorEnv[Observations, NDArray[Any], NDArray[Any]]):
    """Many digital twins of one board, stepped by one compiled call.

    It is the `vector_entry_point` of every twin: ``gymnasium.make_vec("tvfs_gym/OdroidXU4-v0",
    num_envs=4096)``. Action and observation spaces, rewards, costs, starting state and episode end
    are those of `tvfs_gym.envs.board_env.BoardEnv`, of which every sub-environment gives the bits:
    sub-environment i of ``reset(seed=s)`` is that environment after ``reset(seed=s + i)``.

    ## Info
    The scalar environment's, batched: `window` is a `tvfs_gym.envs.boards.board.Window` of arrays,
    `frames` has the shape (num_envs, frames_per_step, 5) and NaN where a frame was not answered;
    `cost`, `cost_temperature`, `cost_deadline`. In mode ``SAME_STEP``, `final_obs` and `final_info`
    hold the last observation and info of the sub-environments that `_final_obs` marks; other rows
    mean nothing.

    ## Arguments
    Those of `BoardEnv` and of `twin_env`, and:

    | Parameter | Type | Default | Description |
    |-----------|------|---------|-------------|
    | `num_envs` | int | 1 | sub-environments |
    | `scenario` | as there, or a sequence of them | None | one for all, or one for each |
    | `reward` | str | `"on_time_accuracy"` | by name only |
    | `autoreset_mode` | AutoresetMode | NEXT_STEP | or SAME_STEP |
    | `threads` | int | 1 | threads that share the batch |
    """

    metadata: dict[str, Any] = {  # noqa: RUF012
        "render_modes": [],
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        profile: str = "odroid_xu4",
        family: str = DEFAULT_FAMILY,
        scenario: Scenario | dict[str, Any] | Sequence[Scenario | dict[str, Any]] | None = None,
        frames_per_step: int = 10,
        reward: str = "on_time_accuracy",
        action_space: ActionKind = "discrete",
        choose_passes: bool = False,
        randomise: Randomise = False,
        render_mode: str | None = None,
        autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP,
        threads: int = 1,
    ) -> None:
        """Lays the batch out; the arguments are those of the table above.

        Raises:
            InputError: An argument is impossible.
        """
        for name, number in (("num_envs", num_envs), ("threads", threads)):
            if number < 1:
                raise InputError(f"{name} must be at least 1, not {number}.")
        if frames_per_step < 1:
            raise InputError(f"frames_per_step must be at least 1, not {frames_per_step}.")
        if reward not in NAMES:
            raise unknown("reward", str(reward), NAMES)
        if autoreset_mode not in (AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP):
            raise InputError(
                f"autoreset_mode must be NEXT_STEP or SAME_STEP, not {autoreset_mode}."
            )
        if render_mode is not None:
            raise InputError("a batch of twins has no render mode: render a single environment.")
        board = load_profile(profile)
        self._twin = TwinBoard(board, load_family(family))
        nominal_s = self._twin.nominal_latency_s
        self._randomisation = DomainRandomisation.of(randomise, board, nominal_s)
        self.num_envs = num_envs
        self.frames_per_step = frames_per_step
        self.render_mode = render_mode
        self.metadata = {**self.metadata, "autoreset_mode": autoreset_mode}
        self._same_step = autoreset_mode == AutoresetMode.SAME_STEP
        self.scenarios = _scenarios(scenario, num_envs)
        self.actions = Actions(self._twin, action_space, choose_passes)
        self.single_action_space = self.actions.space
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.single_observation_space = gymnasium.spaces.Box(LOW, HIGH, dtype=np.float32)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.scales = scales_of(self._twin)
        self._reward = NAMES.index(reward)
        self._slices = [
            slice(int(part[0]), int(part[-1]) + 1)
            for part in np.array_split(np.arange(num_envs), min(threads, num_envs))
        ]
        self._pool = ThreadPoolExecutor(len(self._slices)) if len(self._slices) > 1 else None
        self._allocate()

    def _allocate(self) -> None:
        """Room for every sub-environment's arrays, as large as the first one's."""
        n, twin = self.num_envs, self._twin
        twin.reset(self.scenarios[0], (0, 0))
        self._states = np.empty((n, *twin.state.shape))
        self._parameters = np.empty((n, *twin.parameters.shape))
        self._networks = np.empty((n, *twin.networks.shape))
        self._trips = np.empty((n, *twin.trips.shape))
        self._most_passes = np.ones(n, np.int64)
        self._frames_left = np.zeros(n, np.int64)
        self._next_change_s = np.full(n, np.inf)
        self._changing = self._any_over = False
        self._draws = [
            np.empty((BLOCK, self.frames_per_step, arrays.DRAWS_SIZE), np.int64)
            for _ in self._slices
        ]
        self._starts = np.zeros((n, summary.WINDOW_SIZE))
        self._episode = list(self.scenarios)
        self._keys: list[Episodes] = []

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
        frames = np.full((self.num_envs, 0, summary.FRAME_SIZE), np.nan)
        return self._observations(self._starts), _info(self._starts.copy(), frames)

    def _seed(self, seed: int | Sequence[int | None] | None) -> None:
        n = self.num_envs
        if seed is None and self._keys:
            return
        if seed is None:
            self._keys = [Episodes(self.np_random) for _ in range(n)]
            return
        seeds = [seed + i for i in range(n)] if isinstance(seed, int) else list(seed)
        if len(seeds) != n:
            raise InputError(f"expected one seed for each of {n} environments, not {len(seeds)}.")
        self._keys = [Episodes(seeding.np_random(one)[0]) for one in seeds]

    def _start(self, which: NDArray[np.int64], options: dict[str, Any] | None = None) -> None:
        """Begins the next episode of some sub-environments.

        Those whose scenario is the same object share the work; only their streams differ.
        """
        twin, last = self._twin, None
        for i in which.tolist():
            key = self._keys[i].next_key()
            scenario = self.scenarios[i].with_values(options) if options else self.scenarios[i]
            if self._randomisation is not None:
                scenario = self._randomisation.draw(scenario, key)
            if options or self._randomisation is not None or scenario is not last:
                begin = start_window(twin.reset(scenario, key), scenario)
                if twin.state.shape != self._states.shape[1:]:
                    raise InputError(
                        "the scenarios of one batch must agree in the number of thermal nodes, of "
                        "trips and of fan states."
                    )
                first_change_s = scenario.changes[0].at_s if scenario.changes else np.inf
                last = scenario
            self._states[i] = twin.state
            self._states[i, arrays.KEY_0], self._states[i, arrays.KEY_1] = key
            self._parameters[i] = twin.parameters
            self._networks[i] = twin.networks
            self._trips[i] = twin.trips
            self._starts[i] = begin
            self._most_passes[i] = min(scenario.max_passes, twin.views)
            self._frames_left[i] = scenario.frames
            self._next_change_s[i] = first_change_s
            self._changing = self._changing or bool(scenario.changes)
            self._episode[i] = scenario

    def step(
        self, actions: NDArray[Any]
    ) -> tuple[Observations, NDArray[np.float64], Mask, Mask, dict[str, Any]]:
        """Answers the next frames of every sub-environment.

        In mode NEXT_STEP one whose episode is over begins its next one instead, with reward 0.

        Raises:
            gymnasium.error.ResetNeeded: `reset` was never called.
            gymnasium.error.InvalidAction: An action is not in the action space.
        """
        if not self._keys:
            raise gymnasium.error.ResetNeeded("call reset() before step().")
        rows = self.actions.rows(actions)
        if len(rows) != self.num_envs:
            raise gymnasium.error.InvalidAction(
                f"expected {self.num_envs} actions, not {len(rows)}."
            )
        begun = np.flatnonzero(self._frames_left == 0) if self._any_over else _NONE
        answers, windows, observations, rewards, terminated, truncated = self._run(rows)
        if len(begun):
            self._start(begun)
            windows[begun] = self._starts[begun]
            observations[begun] = self._observations(windows[begun])
        if self._changing:
            self._follow_changes(windows, observations)
        info = _info(windows, answers)
        if self._same_step and self._any_over:
            over = terminated | truncated
            observations, info = self._begun_at_once(over, observations, windows, answers)
        return observations, rewards, terminated, truncated, info

    def _run(self, rows: NDArray[np.int64]) -> _Stepped:
        n, twin = self.num_envs, self._twin
        stepped = _Stepped(
            np.empty((n, self.frames_per_step, summary.FRAME_SIZE)),
            np.empty((n, summary.WINDOW_SIZE)),
            np.empty((n, len(FEATURES)), np.float32),
            np.empty(n),
            np.empty(n, np.bool_),
            np.empty(n, np.bool_),
        )

        def run(part: slice, draws: NDArray[np.int64]) -> int:
            return step_boards(
                twin.levels,
                twin.topologies,
                twin.outcomes,
                twin.jitters,
                self.scales,
                self._states[part],
                self._parameters[part],
                self._networks[part],
                self._trips[part],
                self._reward,
                self.actions.table,
                rows[part],
                self._most_passes[part],
                self._frames_left[part],
                draws,
                stepped.answers[part],
                stepped.windows[part],
                stepped.observations[part],
                stepped.rewards[part],
                stepped.terminated[part],
                stepped.truncated[part],
            )

        if self._pool is None:
            over = run(slice(None), self._draws[0])
        else:
            over = sum(self._pool.map(run, self._slices, self._draws))
        self._any_over = over > 0
        return stepped

    def _follow_changes(self, windows: NDArray[np.float64], observations: Observations) -> None:
        """Lets the scenarios' changes take effect whose time has come."""
        due = np.flatnonzero(self._states[:, arrays.TIME_S] >= self._next_change_s)
        for i in due.tolist():
            time_s, scenario = float(self._states[i, arrays.TIME_S]), self._episode[i]
            passed = scenario.changes_by(time_s)
            later = scenario.changes[passed:]
            self._next_change_s[i] = later[0].at_s if later else np.inf
            self._networks[i] = self._twin.followed(
                scenario, self._states[i], self._parameters[i], self._networks[i]
            )
            present_s = self._parameters[i, arrays.LATENCY_CONSTRAINT_S]
            windows[i, summary.W_LATENCY_CONSTRAINT_S] = present_s
            observe(windows[i], self.scales, observations[i])

    def _begun_at_once(
        self,
        over: Mask,
        observations: Observations,
        windows: NDArray[np.float64],
        answers: NDArray[np.float64],
    ) -> tuple[Observations, dict[str, Any]]:
        """The observations and info with the next episodes' starts, and the last of those over."""
        begun = np.flatnonzero(over)
        final = {
            "final_obs": observations.copy(),
            "_final_obs": over,
            "final_info": _info(windows.copy(), answers.copy()),
            "_final_info": over,
        }
        self._start(begun)
        windows[begun] = self._starts[begun]
        answers[begun] = np.nan
        observations[begun] = self._observations(windows[begun])
        return observations, {**_info(windows, answers), **final}

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
    scenarios = [as_scenario(one) for one in scenario]
    if len(scenarios) != count:
        raise InputError(f"expected one scenario for each of {count}, not {len(scenarios)}.")
    return scenarios


def _info(windows: NDArray[np.float64], answers: NDArray[np.float64]) -> dict[str, Any]:
    return info_of(Window._make(windows.T), answers)
