"""The environment of a digital twin: a whole step is one compiled call."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from tvfs_gym.envs.actions import ActionKind
from tvfs_gym.envs.board_env import Answer, BoardEnv, Observation
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.boards.window import F, W, Window
from tvfs_gym.envs.inference.outcomes import HalfName
from tvfs_gym.envs.inference.topology import DEFAULT_FAMILY, load_family
from tvfs_gym.envs.jit import direct
from tvfs_gym.envs.observation import FEATURES
from tvfs_gym.envs.randomisation import DomainRandomisation, Randomise
from tvfs_gym.envs.reward import DEFAULT_REWARD, Reward, reliable_accuracy
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_step import step_board

_FRAME_SIZE, _WINDOW_SIZE, _FEATURES = len(F), len(W), len(FEATURES)


class TwinEnv(BoardEnv):
    """A board's digital twin under continuous inference.

    `tvfs_gym.envs.board_env.BoardEnv` describes the problem: actions, observations, rewards, costs,
    info, start and end of an episode. This is the entry point of every twin's id, and of
    `tvfs_gym/Twin-v1`, which takes any profile.

    ## Arguments
    | Parameter | Type | Default | Description |
    |-----------|------|---------|-------------|
    | `profile` | str | the id's board | board profile: name or TOML file |
    | `family` | str | `"recorded"` | a family of `tvfs-gym models list`, or a TOML file |
    | `randomise` | bool or str | False | other units, rooms; `"conditions"`: constraints too |
    | `photographs` | str | `"run"` | the half that frames show; `"design"` to train on |
    | `scenario`, `frames_per_step`, ... | | | as `BoardEnv` |

    ```python
    >>> from tvfs_gym.envs import TwinEnv
    >>> env = TwinEnv("raspberry_pi_4b", scenario={"latency_constraint_s": 0.1})
    >>> env.action_space
    Discrete(70)

    ```
    """

    board: TwinBoard

    def __init__(
        self,
        profile: str = "odroid_xu4",
        family: str = DEFAULT_FAMILY,
        randomise: Randomise = False,
        scenario: Scenario | dict[str, Any] | None = None,
        frames_per_step: int = 10,
        reward: str | Reward = DEFAULT_REWARD,
        action_space: ActionKind = "discrete",
        choose_passes: bool = False,
        render_mode: str | None = None,
        photographs: HalfName = "run",
    ) -> None:
        """Makes a twin and wraps it; the arguments are those of the table above.

        Raises:
            InputError: There is no such profile or family, or an argument is impossible.
        """
        board = load_profile(profile)
        twin = TwinBoard(board, load_family(family), photographs)
        super().__init__(
            twin,
            scenario,
            frames_per_step,
            reward,
            action_space,
            choose_passes,
            DomainRandomisation.of(randomise, board, twin.nominal_latency_s),
            render_mode,
        )
        self._default_reward = self._reward is reliable_accuracy
        self._shared = np.concatenate([self.scales, twin.shared])
        self._compile()

    def _compile(self) -> None:
        frames, window = np.empty((self.frames_per_step, _FRAME_SIZE)), np.empty(_WINDOW_SIZE)
        observation = np.empty(_FEATURES, np.float32)
        self._code = direct(step_board, *self._bound(), 0, 0, 0, frames, window, observation)
        self._bind()

    def _bound(self) -> tuple[Any, ...]:
        return self.board.own, self._shared, self.board.outcomes

    def _bind(self) -> None:
        """Binds this episode's buffers to the compiled step."""
        self._step: Callable[..., tuple[float, ...]] = partial(self._code, *self._bound())

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Starts an episode; see `BoardEnv.reset`."""
        start = super().reset(seed=seed, options=options)
        self._changing = bool(self._episode.changes)
        self._bind()
        return start

    def _answer(self, choice: tuple[int, int, int], count: int) -> Answer:
        frames, window = np.empty((self.frames_per_step, _FRAME_SIZE)), np.empty(_WINDOW_SIZE)
        observation = np.empty(_FEATURES, np.float32)
        rows = frames
        if count < self.frames_per_step:
            frames[count:] = np.nan
            rows = frames[:count]
        shut_down, cost, hot, late, reward = self._step(*choice, rows, window, observation)
        self._window = window
        if not self._default_reward:
            reward = float(self._reward(Window(window)))
        if self._changing and self.board.follow_changes(window):
            observation = self._observation()
        info = {
            "window": window, "frames": frames,
            "cost": cost, "cost_temperature": hot, "cost_deadline": late,
        }  # fmt: skip
        return observation, reward, shut_down > 0.0, info

    def __getstate__(self) -> dict[str, Any]:
        """Leaves the compiled code out, which cannot be copied."""
        own = self.__dict__.items()
        return {name: value for name, value in own if name not in ("_code", "_step")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Adds it again."""
        self.__dict__.update(state)
        self._compile()
