"""The learning interface as wrappers of an environment: Gymnasium's own work on top of them."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from tvfs_gym.agents.interface.interface import Knowledge
from tvfs_gym.agents.interface.rungs import rung_space, rungs_of
from tvfs_gym.agents.interface.tracker import Measured, Tracker, checked, tracker_of

Env = gymnasium.Env[Any, Any]
Step = tuple[Any, Any, bool, bool, dict[str, Any]]


class InterfaceWrapper(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """The base: the innermost of these wrappers keeps the memory, for the others too.

    Args:
        env: An environment of this package, wrapped or not.
        knowledge: ``characterised`` or ``generic``, see
            `tvfs_gym.agents.interface.interface.Interface`; None for an inner wrapper's, or else
            the former.
        characterisation: Characterisation of the board, or the file or folder that
            ``tvfs-gym characterise`` wrote; None to measure a twin now.

    Attributes:
        tracker: Memory and features of the board.

    Raises:
        InputError: It is no such environment, nothing is known of the board that should be, or an
            inner wrapper knows something else.
    """

    def __init__(
        self,
        env: Env,
        knowledge: Knowledge | None = None,
        characterisation: Measured = None,
    ) -> None:
        RecordConstructorArgs.__init__(self, knowledge=knowledge, characterisation=characterisation)
        super().__init__(env)
        self._owns = not env.has_wrapper_attr("tracker")
        if self._owns:
            self.tracker = tracker_of(self.board_env, knowledge, characterisation)
        else:
            inner: Tracker = env.get_wrapper_attr("tracker")
            self.tracker = checked(inner, knowledge, characterisation)

    @property
    def board_env(self) -> Any:
        """The environment without wrappers."""
        return self.env.unwrapped

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Starts an episode; see `tvfs_gym.envs.board_env.BoardEnv.reset`."""
        observation, info = self.env.reset(seed=seed, options=options)
        if self._owns:
            self.tracker.begin(observation[np.newaxis], [self.board_env.episode_scenario])
        return observation, info

    def step(self, action: Any) -> Step:
        """Answers the next frames; see `tvfs_gym.envs.board_env.BoardEnv.step`."""
        if not self._owns:
            return self.env.step(action)
        self.tracker.note(np.array([self.board_env.actions.choice(action)[1]]))
        observation, *rest = self.env.step(action)
        self.tracker.follow(observation[np.newaxis])
        return (observation, *rest)


class TableActions(InterfaceWrapper):
    """An action is a VF level; the design-time table says which topology runs, for how many passes.

    At each level that is the most accurate one within what the slow-down leaves of L_c. The pass
    budget is chosen in environments with ``choose_passes=True``. With ``action_space="box"`` an
    action is a number from -1, the lowest level, to 1, the highest.

    Examples:
        >>> import gymnasium
        >>> import tvfs_gym
        >>> from tvfs_gym.agents import HistoryObservation, TableActions
        >>> env = gymnasium.make("tvfs_gym/OdroidXU4-v1", choose_passes=True)
        >>> env = HistoryObservation(TableActions(env))
        >>> env.action_space
        Discrete(19)
    """

    def __init__(
        self,
        env: Env,
        knowledge: Knowledge | None = None,
        characterisation: Measured = None,
    ) -> None:
        """Wraps an environment; see `InterfaceWrapper`."""
        super().__init__(env, knowledge, characterisation)
        self._rungs = rung_space(self.tracker.interface.levels, env.action_space)
        self.action_space = self._rungs

    def step(self, action: Any) -> Step:
        """Answers the next frames at a VF level.

        Raises:
            gymnasium.error.InvalidAction: It is not in the action space.
        """
        levels = self.tracker.interface.levels
        choice = self.tracker.choose(rungs_of(np.asarray(action)[np.newaxis], levels, self._rungs))
        return super().step(self.board_env.actions.batch(*choice)[0])

    def action_masks(self) -> NDArray[np.bool_]:
        """Marks the VF levels that throttling allows; sb3-contrib's MaskablePPO asks for it."""
        return self.tracker.masks()[0]


class HistoryObservation(InterfaceWrapper):
    """The observation tells the board's recent history, and every rung's accuracy and power.

    Running means of temperature and power, the slow-down, the last actions and, for every VF level,
    what `TableActions` would run at it: `tvfs_gym.agents.interface.features` lists them.
    """

    def __init__(
        self,
        env: Env,
        knowledge: Knowledge | None = None,
        characterisation: Measured = None,
    ) -> None:
        """Wraps an environment; see `InterfaceWrapper`."""
        super().__init__(env, knowledge, characterisation)
        self.observation_space = self.tracker.interface.observation_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Starts an episode; see `tvfs_gym.envs.board_env.BoardEnv.reset`."""
        _, info = super().reset(seed=seed, options=options)
        return self.tracker.features[0], info

    def step(self, action: Any) -> Step:
        """Answers the next frames; see `tvfs_gym.envs.board_env.BoardEnv.step`."""
        _, *rest = super().step(action)
        return (self.tracker.features[0], *rest)
