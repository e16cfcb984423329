"""The environment: any board under continuous inference."""

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.actions import ActionKind, Actions
from tvfs_gym.envs.boards.board import Board, Configuration, start_window
from tvfs_gym.envs.boards.window import F, W, Window, WindowVector
from tvfs_gym.envs.errors import at_least, unknown
from tvfs_gym.envs.observation import FEATURES, observation_space, observe, scales_of
from tvfs_gym.envs.randomisation import DomainRandomisation, Episodes
from tvfs_gym.envs.rendering.display import Display
from tvfs_gym.envs.reward import DEFAULT_REWARD, Reward, reward_of
from tvfs_gym.envs.scenario import Scenario, as_scenario

Observation = NDArray[np.float32]
Action = Any
"""An integer, an array of integers in a `MultiDiscrete` space, of floats in a `Box`."""

Answer = tuple[Observation, float, bool, dict[str, Any]]
"""Outcome of a window: observation, reward, whether the board shut down, info."""


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

    `tvfs_gym/OdroidXU4-v1`, `tvfs_gym/OdroidC2-v1`, `tvfs_gym/RaspberryPi4B-v1` and
    `tvfs_gym/RaspberryPi3B-v1` run on the digital twins of these boards.

    ## Action Space
    `Discrete(topologies * levels)`: action = topology * levels + level, with topologies fastest
    first and VF levels slowest first. With `action_space="multi_discrete"` it is
    `MultiDiscrete([topologies, levels])`; with `choose_passes=True` a third factor (in the discrete
    space the fastest-varying one) is the pass budget less one. With `action_space="box"` it is
    `Box(-1, 1, (2,))` for continuous controllers: the VF level, then the topology, each scaled from
    its first to its last index and rounded.

    `action_masks()` marks the actions of the discrete space that can make sense now: no VF level
    above the cap, and no topology whose single pass cannot meet L_c at the level.

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
    back (or as they arrive), observe. A step lasts as long as its frames do. The first frame
    after a change of topology takes longer by a share of a pass, the `change_share` of its family.

    ## Rewards
    The default, `reliable_accuracy`, is the share of the step's frames answered correctly, within
    L_c, and with the die at or below T_max, r = (1/n) sum_i correct_i * [latency_i <= L_c] *
    [die_i <= T_max], in 0..1; the die is looked at with every poll of the kernel's governor. Others
    by name are in `tvfs_gym.envs.reward`; any function of a `tvfs_gym.envs.boards.window.Window`
    does as well, itself or as ``"FILE.py:NAME"``.

    ## Costs
    `info["cost"]` = `cost_temperature` (share of the step's time above T_max) + `cost_deadline`
    (share of its frames that were late); 0..2.

    ## Info
    | Key | Meaning |
    |-----|---------|
    | `window` | what the step delivered: the vector whose columns `Window(vector)` names |
    | `frames` | rows of `FRAME_FIELDS`: latency_s to on_time, cool, image; NaN if unanswered |
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
    | `board` | Board | | what the environment wraps |
    | `scenario` | Scenario, dict or None | None | conditions: ambient, L_c, T_max, cooling, ... |
    | `frames_per_step` | int | 10 | frames of a step |
    | `reward` | str or function | `"reliable_accuracy"` | see Rewards |
    | `action_space` | str | `"discrete"` | or `"multi_discrete"`, `"box"` |
    | `choose_passes` | bool | False | whether the action has a pass budget |
    | `randomisation` | DomainRandomisation or None | None | draws every episode's board and room |
    | `render_mode` | str or None | None | `"ansi"`, `"rgb_array"` or `"human"` |

    A twin's environment, `tvfs_gym.envs.twin_env.TwinEnv`, makes its board itself; so does that of
    a real board, `tvfs_gym.envs.linux_env.LinuxBoardEnv`.

    ```python
    >>> import gymnasium
    >>> import tvfs_gym
    >>> env = gymnasium.make("tvfs_gym/OdroidXU4-v1", scenario={"ambient_c": 40.0})
    >>> env.action_space
    Discrete(133)

    ```

    ## Twin
    Every number of the twin stands with its source in the board's profile,
    `tvfs_gym/envs/boards/profiles`; how far it is from measured boards, and where it fails, stands
    in docs/twin.md. Recorded outcomes carry the command, runtime, networks and images that made
    them. Their photographs are split in two: frames show one half, and what controllers know of the
    networks' accuracy comes from the other.

    ## Version History
    * v1: the default reward asks for a die within T_max, too; `frames` says of each whether it was.
      Episodes show photographs from which no accuracy is known at design time.
    * v0: first version.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012
        "render_modes": ["ansi", "rgb_array", "human"],
        "render_fps": 10,
    }

    def __init__(
        self,
        board: Board,
        scenario: Scenario | dict[str, Any] | None = None,
        frames_per_step: int = 10,
        reward: str | Reward = DEFAULT_REWARD,
        action_space: ActionKind = "discrete",
        choose_passes: bool = False,
        randomisation: DomainRandomisation | None = None,
        render_mode: str | None = None,
    ) -> None:
        """Wraps a board; the arguments are those of the table above.

        Raises:
            InputError: An argument is impossible.
        """
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise unknown("render mode", str(render_mode), self.metadata["render_modes"])
        self.board = board
        self.scenario = as_scenario(scenario)
        self.frames_per_step = at_least("frames_per_step", frames_per_step, 1)
        self.render_mode = render_mode
        self._randomisation = randomisation
        self._reward = reward_of(reward)
        self.actions = Actions(board, action_space, choose_passes)
        self.action_space = self.actions.space
        self.observation_space = observation_space()
        self.scales = scales_of(board)
        self._episodes: Episodes | None = None
        self._frames_left = 0
        self._episode = self.scenario
        self._window: WindowVector = np.ones(len(W))
        self._observation()  # compiles before a real board's time counts
        self._display = None
        if render_mode in ("rgb_array", "human"):
            self._display = Display(board, on_screen=render_mode == "human")

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
        frames = np.full((self.frames_per_step, len(F)), np.nan)
        info = {"window": self._window, "frames": frames, **costs_of(self._window)}
        if self._display is not None:
            self._display.begin(Window(self._window))
        return self._observation(), info

    def step(self, action: Action) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Answers the next frames under an action.

        Raises:
            gymnasium.error.ResetNeeded: The episode is over, or none was begun.
        """
        left, count = self._frames_left, self.frames_per_step
        if left < count:
            if left <= 0:
                raise gymnasium.error.ResetNeeded("the episode is over: call reset() first.")
            count = left
        observation, reward, terminated, info = self._answer(self.actions.choice(action), count)
        self._frames_left = left = 0 if terminated else left - count
        if self._display is not None:
            self._display.add(Window(info["window"]), info["frames"])
        return observation, reward, terminated, left == 0 and not terminated, info

    def _answer(self, choice: tuple[int, int, int], count: int) -> Answer:
        """Runs a window under a configuration: observation, reward, shut-down and info."""
        topology, level, passes = choice
        self.board.apply(Configuration(topology, level, passes or None))
        window, answers = self.board.infer(count)
        self._window = window
        frames = np.full((self.frames_per_step, len(F)), np.nan)
        frames[: len(answers)] = answers
        terminated = bool(window[W.SHUT_DOWN] > 0.0)
        info = {"window": window, "frames": frames, **costs_of(window)}
        return self._observation(), float(self._reward(Window(window))), terminated, info

    @property
    def episode_scenario(self) -> Scenario:
        """The scenario of the episode that was begun last, with what was drawn for it."""
        return self._episode

    def configuration(self, action: Action) -> Configuration:
        """Decodes an action.

        Raises:
            gymnasium.error.InvalidAction: It is not in the action space.
        """
        return self.actions.configuration(action)

    def action(self, configuration: Configuration) -> Action:
        """Encodes a configuration."""
        return self.actions.action(configuration)

    def action_masks(self) -> NDArray[np.bool_]:
        """Marks the discrete actions that can make sense now, at least one; shape (actions,).

        sb3-contrib's MaskablePPO asks for it.
        """
        cap, constraint_s = self._window[W.CAP_LEVEL], self._window[W.LATENCY_CONSTRAINT_S]
        return self.actions.masks(np.array([cap]), np.array([constraint_s]))[0]

    def render(self) -> Any:
        """Renders the episode so far.

        Returns:
            In mode ``ansi`` a status line; in mode ``rgb_array`` a picture of the last minute,
            shape (540, 960, 3); in mode ``human`` nothing, since a window shows it step by step.
        """
        if self._display is not None:
            return self._display.render()
        if self.render_mode is None:
            return None
        window = Window(self._window)
        return (
            f"{window.time_s:8.2f} s  {window.temperature_c:5.1f} degC  "
            f"{window.frequency_hz / 1e9:.2f} GHz (cap {window.cap_level:.0f})  "
            f"{self.board.family.names[int(window.topology)]}  "
            f"{1e3 * window.latency_mean_s:.1f} ms of {1e3 * window.latency_constraint_s:.1f} ms  "
            f"{window.on_time_correct_frames:.0f}/{window.frames:.0f} right and on time"
        )

    def close(self) -> None:
        """Leaves the board as it was found."""
        if self._display is not None:
            self._display.close()
        self.board.close()

    def _observation(self) -> Observation:
        observation = np.empty(len(FEATURES), np.float32)
        observe(self._window, self.scales, observation)
        return observation


def costs_of(windows: WindowVector) -> dict[str, Any]:
    """The costs in the info of a step, of one environment or of a batch."""
    column = windows.T
    return {
        "cost": column[W.COST],
        "cost_temperature": column[W.COST_TEMPERATURE],
        "cost_deadline": column[W.COST_DEADLINE],
    }
