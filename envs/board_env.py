"""The environment: any board under continuous inference."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from tvfs_gym.envs.actions import ActionKind, Actions
from tvfs_gym.envs.boards import window as summary
from tvfs_gym.envs.boards.board import (
    Board,
    Configuration,
    Window,
    WindowVector,
    start_window,
)
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.errors import InputError, unknown
from tvfs_gym.envs.inference.topology import DEFAULT_FAMILY, load_family
from tvfs_gym.envs.observation import FEATURES, HIGH, LOW, observe, scales_of
from tvfs_gym.envs.randomisation import DomainRandomisation, Episodes, Randomise
from tvfs_gym.envs.reward import REWARDS, Reward
from tvfs_gym.envs.scenario import Scenario, scenario_of

Observation = NDArray[np.float32]
Action = Any
"""An integer, or an array of integers in a `MultiDiscrete` space."""


Stepped = tuple[WindowVector, NDArray[np.float64], Observation, float]
"""What a step delivers: window, frames, observation and reward."""


class BoardEnv(gymnasium.Env[Observation, Any]):
    """A board under continuous inference: choose topology and VF level, step by step.

    ## Description
    A board answers a continuous stream of frames with a ConvNet. Run at full clock it overheats and
    is throttled; then answers come late. The controller chooses, step by step, which network runs
    (topology) at which voltage-frequency level, so that answers stay right, on time and cool: the
    problem of TVFS, "Topology Voltage Frequency Scaling for Reliable Embedded ConvNets"
    (Rizzo, Peluso, Calimera, IEEE TCAS-II 68(2), 672-676). AdapTTA (arXiv:2105.06183) is the
    classifier inside every frame: it spends up to ten passes on augmented views until it is
    confident enough or time is up.

    `tvfs_gym/OdroidXU4-v0`, `tvfs_gym/OdroidC2-v0`, `tvfs_gym/RaspberryPi4B-v0` and
    `tvfs_gym/RaspberryPi3B-v0` run on the digital twins of these boards.

    ## Action Space
    `Discrete(topologies * levels)`: action = topology * levels + level, with topologies fastest
    first and VF levels slowest first. With `action_space="multi_discrete"` it is
    `MultiDiscrete([topologies, levels])`; with `choose_passes=True` a third factor (in the discrete
    space the fastest-varying one) is the pass budget less one.

    | Num | Factor | Choices |
    |-----|--------|---------|
    | 0 | topology | 7: MobileNetV1 0.25 to 1.0, MobileNetV2, EfficientNet-Lite0 and Lite1 |
    | 1 | VF level | the board's, see below |

    | Board | VF levels |
    |-------|-----------|
    | OdroidXU4 | 19: 200 MHz at 0.9 V to 2.0 GHz at 1.3125 V, in steps of 100 MHz |
    | OdroidC2 | 6: 100 MHz at 0.87 V to 1.536 GHz at 1.1 V |
    | RaspberryPi4B | 10: 600 MHz to 1.5 GHz at 0.8595 V, in steps of 100 MHz |
    | RaspberryPi3B | 7: 600 MHz at 1.2 V to 1.2 GHz at 1.3188 V, in steps of 100 MHz |

    ## Observation Space
    `Box(13,)`, float32. Values beyond the bounds are clipped; T_max lies well within them.

    | Num | Quantity | Unit | Min | Max |
    |-----|----------|------|-----|-----|
    | 0 | temperature, as the sensor reads it | 100 degC | -0.5 | 2 |
    | 1 | head-room: T_max less temperature | 50 degC | -2 | 2 |
    | 2 | change of temperature over the window | 10 K/s | -5 | 5 |
    | 3 | VF level the clock runs at | highest level | 0 | 1 |
    | 4 | cap: VF level that throttling allows | highest level | 0 | 1 |
    | 5 | topology | highest index | 0 | 1 |
    | 6 | mean frame latency | L_c | 0 | 10 |
    | 7 | highest frame latency | L_c | 0 | 10 |
    | 8 | late frames | frames | 0 | 1 |
    | 9 | mean passes per frame | views of the longest policy | 0 | 1 |
    | 10 | mean confidence | 1 | 0 | 1 |
    | 11 | latency constraint L_c | nominal latency | 0 | 20 |
    | 12 | T_max | 100 degC | -0.5 | 2 |

    The nominal latency is one pass of the most accurate topology at the highest VF level.

    ## Timing
    One step: apply the action, pay for a change of clock, answer `frames_per_step` frames back to
    back (or as they arrive), observe. A step lasts as long as its frames do.

    ## Rewards
    The default, `on_time_accuracy`, is the share of the step's frames answered correctly and within
    L_c, r = (1/n) sum_i correct_i [latency_i <= L_c], in 0..1. Others by name are in
    `tvfs_gym.envs.reward`; a function of the window does as well.

    ## Costs
    `info["cost"]` = `cost_temperature` (share of the step's time above T_max) + `cost_deadline`
    (share of its frames that were late); 0..2.

    ## Info
    | Key | Meaning |
    |-----|---------|
    | `window` | a `tvfs_gym.envs.boards.board.Window`: what the step delivered, SI units, degC |
    | `frames` | one row per frame: latency_s, passes, confidence, correct, on_time |
    | `cost`, `cost_temperature`, `cost_deadline` | see Costs |

    A controller on a board knows the sensor reading, VF level, cap, latencies, passes, confidence
    and the constraints; the rest (what was correct, energy, mean and highest die temperature) is
    there to be evaluated.

    ## Starting State
    The board has idled at its slowest VF level until its temperature settled, unless
    `start_temperature_c` says otherwise. `reset(options={...})` takes any values of
    `tvfs_gym.envs.scenario.Scenario` for this episode.

    ## Episode End
    1. Termination: the die reaches its critical temperature (OdroidXU4: 120 degC) and the board
       shuts down; the step's frames that it leaves unanswered count as late.
    2. Truncation: the scenario's `frames` (2000) are answered.

    ## Arguments
    | Parameter | Type | Default | Description |
    |-----------|------|---------|-------------|
    | `profile` | str | the id's board | board profile: name or TOML file |
    | `family` | str | `"recorded"` | a family of `tvfs-gym models list`, or a TOML file |
    | `scenario` | Scenario, dict or None | None | conditions: ambient, L_c, T_max, cooling, ... |
    | `frames_per_step` | int | 10 | frames of a step |
    | `reward` | str or function | `"on_time_accuracy"` | see Rewards |
    | `action_space` | str | `"discrete"` | or `"multi_discrete"` |
    | `choose_passes` | bool | False | whether the action has a pass budget |
    | `randomise` | bool or str | False | other units, rooms; `"conditions"`: constraints too |
    | `render_mode` | str or None | None | `"ansi"`: a status line |

    ```python
    >>> import gymnasium
    >>> import tvfs_gym
    >>> env = gymnasium.make("tvfs_gym/OdroidXU4-v0", scenario={"ambient_c": 40.0})
    >>> env.action_space
    Discrete(133)

    ```

    ## Twin
    Every number of the twin stands with its source in the board's profile,
    `tvfs_gym/envs/boards/profiles`; how far it is from measured boards, and where it fails, stands
    in docs/twin.md. Recorded outcomes carry the command, runtime, networks and images that made
    them.

    ## Version History
    * v0: first version.
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 10}  # noqa: RUF012

    def __init__(
        self,
        board: Board,
        scenario: Scenario | dict[str, Any] | None = None,
        frames_per_step: int = 10,
        reward: str | Reward = "on_time_accuracy",
        action_space: ActionKind = "discrete",
        choose_passes: bool = False,
        randomisation: DomainRandomisation | None = None,
        render_mode: str | None = None,
    ) -> None:
        """Wraps a board; the arguments after it are those of the table above.

        Raises:
            InputError: An argument is impossible.
        """
        if frames_per_step < 1:
            raise InputError(f"frames_per_step must be at least 1, not {frames_per_step}.")
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise unknown("render mode", str(render_mode), self.metadata["render_modes"])
        self.board = board
        self.scenario = as_scenario(scenario)
        self.frames_per_step = frames_per_step
        self.render_mode = render_mode
        self._randomisation = randomisation
        self._reward = _reward(reward)
        self.actions = Actions(board, action_space, choose_passes)
        self.action_space = self.actions.space
        self.observation_space = spaces.Box(LOW, HIGH, dtype=np.float32)
        self.scales = scales_of(board)
        self._episodes: Episodes | None = None
        self._frames_left = 0
        self._window: WindowVector = np.zeros(summary.WINDOW_SIZE)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Starts an episode.

        Args:
            seed: Seeds the episodes from here on.
            options: Values of the scenario to replace in this episode.

        Raises:
            InputError: The options make no possible scenario.
        """
        super().reset(seed=seed)
        if seed is not None or self._episodes is None:
            self._episodes = Episodes(self.np_random)
        key = self._episodes.next_key()
        self._episode = self.scenario.with_values(options) if options else self.scenario
        if self._randomisation is not None:
            self._episode = self._randomisation.draw(self._episode, key)
        start = self.board.reset(self._episode, key)
        self._frames_left = self._episode.frames
        self._window = start_window(start, self._episode)
        return self._observation(), info_of(
            Window._make(self._window.tolist()), np.empty((0, summary.FRAME_SIZE))
        )

    def step(self, action: Action) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Answers the next frames under an action.

        Raises:
            gymnasium.error.ResetNeeded: The episode is over, or none was begun.
        """
        if self._frames_left <= 0:
            raise gymnasium.error.ResetNeeded("the episode is over: call reset() before step().")
        frames = min(self.frames_per_step, self._frames_left)
        window, answers, observation, reward = self._answer(
            self.actions.configuration(action), frames
        )
        self._window = window
        if self._episode.changes:
            present = self._episode.at(window[summary.W_TIME_S])
            window[summary.W_LATENCY_CONSTRAINT_S] = present.latency_constraint_s
            observation = self._observation()
        info = info_of(Window._make(window.tolist()), answers)
        terminated = info["window"].shut_down > 0.0
        self._frames_left = 0 if terminated else self._frames_left - frames
        truncated = not terminated and self._frames_left == 0
        return observation, reward, terminated, truncated, info

    def _answer(self, configuration: Configuration, frames: int) -> Stepped:
        """Runs a window, rewards and observes it."""
        self.board.apply(configuration)
        self._window, answers = self.board.infer(frames)
        return self._window, answers, self._observation(), float(self._reward(self._window))

    def configuration(self, action: Action) -> Configuration:
        """What an action means.

        Raises:
            gymnasium.error.InvalidAction: It is not in the action space.
        """
        return self.actions.configuration(action)

    def action(self, configuration: Configuration) -> Action:
        """The action that means a configuration."""
        return self.actions.action(configuration)

    def render(self) -> str | None:
        """The status line, in mode ``ansi``."""
        if self.render_mode is None:
            return None
        window = Window._make(self._window.tolist())
        return (
            f"{window.time_s:8.2f} s  {window.temperature_c:5.1f} degC  "
            f"{window.frequency_hz / 1e9:.2f} GHz (cap {window.cap_level:.0f})  "
            f"{self.board.family.names[int(window.topology)]}  "
            f"{1e3 * window.latency_mean_s:.1f} ms of {1e3 * window.latency_constraint_s:.1f} ms  "
            f"{window.on_time_correct_frames:.0f}/{window.frames:.0f} right and on time"
        )

    def close(self) -> None:
        """Leaves the board as it was found."""
        self.board.close()

    def _observation(self) -> Observation:
        observation = np.empty(len(FEATURES), np.float32)
        observe(self._window, self.scales, observation)
        return observation


def info_of(window: Window, answers: NDArray[np.float64]) -> dict[str, Any]:
    """The info of a step, of one environment or of a batch."""
    return {
        "window": window,
        "frames": answers,
        "cost": window.cost,
        "cost_temperature": window.cost_temperature,
        "cost_deadline": window.cost_deadline,
    }


def twin_env(
    profile: str, family: str = DEFAULT_FAMILY, randomise: Randomise = False, **arguments: Any
) -> BoardEnv:
    """Makes the environment of a board's digital twin.

    Args:
        profile: Board profile: a name or a TOML file.
        family: Topology family.
        randomise: Draw another unit of the board and another room for every episode, and with
            "conditions" also the constraints, load, arrivals and changes; see
            `tvfs_gym.envs.randomisation`.
        **arguments: Those of `BoardEnv`.

    Raises:
        InputError: There is no such profile or family, or an argument is impossible.
    """
    from tvfs_gym.envs.twin_env import TwinEnv  # which is a BoardEnv

    board = load_profile(profile)
    twin = TwinBoard(board, load_family(family))
    randomisation = DomainRandomisation.of(randomise, board, twin.nominal_latency_s)
    return TwinEnv(twin, randomisation=randomisation, **arguments)


def as_scenario(scenario: Scenario | dict[str, Any] | None) -> Scenario:
    """A scenario from whatever an environment's argument may be."""
    if scenario is None:
        return Scenario()
    return scenario if isinstance(scenario, Scenario) else scenario_of(scenario)


def _reward(reward: str | Reward) -> Reward:
    if callable(reward):
        return reward
    if reward not in REWARDS:
        raise unknown("reward", reward, REWARDS)
    return REWARDS[reward]
