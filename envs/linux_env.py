"""The environment of the machine that it runs on."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from tvfs_gym.envs.actions import ActionKind
from tvfs_gym.envs.board_env import Action, BoardEnv, Observation
from tvfs_gym.envs.boards.linux.board import LinuxBoard
from tvfs_gym.envs.boards.linux.options import LinuxOptions
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.topology import load_family
from tvfs_gym.envs.reward import DEFAULT_REWARD, REWARDS, WITHOUT_LABELS, Reward
from tvfs_gym.envs.scenario import Scenario, as_scenario

DEFAULT_LIVE_FAMILY = "digits"
"""Its networks and pictures ship with the package, so it runs anywhere."""


class LinuxBoardEnv(BoardEnv):
    """The machine that it runs on, under continuous inference.

    ## Description
    `tvfs_gym.envs.board_env.BoardEnv` on a real board: real networks answer real frames, real time
    is the clock, and the kernel's own throttling is at work. From `gymnasium.make` to `close` the
    environment holds the clock of the CPUs that run inference; what it found is restored at
    `close`, and when the process ends in whatever way, SIGKILL included. `tvfs-gym doctor` tells
    what the machine can, what is missing and how to repair it.

    ## Action Space
    As `BoardEnv`: `Discrete(topologies * levels)`. The VF levels are those of the CPUs that run
    inference, by default of the fastest cluster, within the limits that were found.

    | Actuator | When |
    |----------|------|
    | `scaling_setspeed` under `userspace` | that governor is loaded and may be written |
    | `scaling_min_freq` = `scaling_max_freq` | else, if they may be written |
    | none: a single VF level | else, and only with `allow_single_level` |

    ## Observation Space
    As `BoardEnv`: `Box(13,)`. With `allow_no_sensor`, and without a sensor, the entries of the
    temperature are NaN.

    ## Timing
    Real. A frame's latency counts from when the board turns to it, decoded, or from its arrival;
    it has in it all passes, AdapTTA and the driver. The controller's time is in
    `info["board"]["control_s"]`; with periodic arrivals the frames wait for it.

    ## Rewards
    As `BoardEnv`, where every frame has a label. Where not (noise, a camera), accuracy cannot be
    measured: those rewards are refused, and `"expected_on_time_accuracy"`, mean confidence times
    the share of frames on time, is there instead, or a function of your own.

    ## Costs
    As `BoardEnv`.

    ## Info
    As `BoardEnv`, with NaN in `window` for what the board cannot measure (energy without a power
    sensor, correctness without labels), and

    | Key | Meaning |
    |-----|---------|
    | `board` | fields of `tvfs_gym.envs.boards.linux.board.BoardReport`; empty at reset |

    ## Starting State
    The board idles at its slowest VF level until it is at or below the scenario's
    `start_temperature_c`, or, without one, until its temperature has settled.

    ## Episode End
    Truncation: the scenario's `frames` (2000) are answered. A lost board raises
    `tvfs_gym.envs.errors.BoardError`, at its slowest VF level.

    ## Arguments
    | Parameter | Type | Default | Description |
    |-----------|------|---------|-------------|
    | `family` | str | `"digits"` | a family of `tvfs-gym models list`, or a TOML file |
    | `models` | str or None | None | folder of its .tflite files; None where they ship with it |
    | `frames` | any | None | pictures; see `tvfs_gym.envs.boards.linux.frames.frames_of` |
    | `threads` | int or None | None | of a pass; None for one per CPU that runs inference |
    | `root` | str | `"/sys"` | the sysfs tree |
    | `options` | dict or None | None | `tvfs_gym.envs.boards.linux.options.LinuxOptions` |
    | `scenario`, `frames_per_step`, ... | | | as `BoardEnv` |

    ```python
    env = gymnasium.make("tvfs_gym/LinuxBoard-v1", scenario={"latency_constraint_s": 0.02})
    ```

    ## Version History
    * v1: as `BoardEnv`.
    * v0: first version.
    """

    board: LinuxBoard

    def __init__(
        self,
        family: str = DEFAULT_LIVE_FAMILY,
        models: str | Path | None = None,
        frames: Any = None,
        threads: int | None = None,
        root: str | Path = "/sys",
        options: LinuxOptions | dict[str, Any] | None = None,
        scenario: Scenario | dict[str, Any] | None = None,
        frames_per_step: int = 10,
        reward: str | Reward = DEFAULT_REWARD,
        action_space: ActionKind = "discrete",
        choose_passes: bool = False,
        render_mode: str | None = None,
    ) -> None:
        """Opens the board and wraps it; the arguments are those of the table above.

        Raises:
            InputError: An argument is impossible; the reward needs labels that the frames lack; or
                the board lacks what the options do not allow to be missing.
            BoardError: Another process controls the board, or it fails.
        """
        board = LinuxBoard(load_family(family), models, frames, threads, root, options)
        try:
            self._check_labels(board, reward)
            super().__init__(
                board,
                board.suited(as_scenario(scenario)),
                frames_per_step,
                reward,
                action_space,
                choose_passes,
                render_mode=render_mode,
            )
        except BaseException:
            board.close()
            raise

    @staticmethod
    def _check_labels(board: LinuxBoard, reward: str | Reward) -> None:
        needs_labels = isinstance(reward, str) and reward not in WITHOUT_LABELS
        if needs_labels and not board.labelled and reward in REWARDS:
            raise InputError(
                f"the reward {reward} needs to know the right answers, and these frames have no "
                f"labels: give labelled pictures, or reward='{WITHOUT_LABELS[0]}'."
            )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """See `BoardEnv.reset`.

        Raises:
            InputError: The options make no possible scenario, or none for a real board.
            BoardError: The board does not cool down in time, or is lost.
        """
        observation, info = super().reset(seed=seed, options=options)
        return observation, info | {"board": asdict(self.board.report)}

    def step(self, action: Action) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """See `BoardEnv.step`.

        Raises:
            gymnasium.error.ResetNeeded: The episode is over, or none was begun.
            BoardError: The board is lost; it was set to its slowest VF level.
        """
        observation, reward, terminated, truncated, info = super().step(action)
        board = asdict(self.board.report)
        return observation, reward, terminated, truncated, info | {"board": board}
