"""The learning interface as wrappers of a batch of twins."""

from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from tvfs_gym.agents.interface.interface import Features, Knowledge
from tvfs_gym.agents.interface.rungs import rung_space, rungs_of
from tvfs_gym.agents.interface.tracker import Measured, checked, tracker_of

Vector = VectorEnv[Any, Any, Any]
Step = tuple[Any, Any, Any, Any, dict[str, Any]]


class VectorInterfaceWrapper(VectorWrapper[Any, Any, Any, Any, Any]):
    """The base: the innermost of these wrappers keeps the memory, for the others too.

    Args:
        env: A batch of twins of this package, wrapped or not.
        knowledge: As `tvfs_gym.agents.interface.wrappers.InterfaceWrapper`.
        characterisation: As there.

    Attributes:
        tracker: Memory and features of the twins.
        final_features: Features at the end of the episodes that the last step ended, in mode
            ``SAME_STEP``; None if it ended none.

    Raises:
        InputError: As there.
    """

    def __init__(
        self, env: Vector, knowledge: Knowledge | None = None, characterisation: Measured = None
    ) -> None:
        super().__init__(env)
        inner = _inner(env)
        self._owner: VectorInterfaceWrapper = inner._owner if inner else self
        if inner is None:
            self.tracker = tracker_of(self.twins, knowledge, characterisation)
        else:
            self.tracker = checked(inner.tracker, knowledge, characterisation)
        self.final_features: Features | None = None
        self._over = np.zeros(env.num_envs, bool)

    @property
    def twins(self) -> Any:
        """The batch without wrappers."""
        return self.env.unwrapped

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Starts an episode in every twin."""
        observations, info = self.env.reset(seed=seed, options=options)
        if self._owner is self:
            self._over[:] = False
            self.tracker.begin(observations, self.twins.episode_scenarios)
        return observations, info

    def step(self, actions: Any) -> Step:
        """Answers the next frames of every twin."""
        if self._owner is not self:
            return self.env.step(actions)
        rows = self.twins.actions.rows(actions)
        self.tracker.note(self.twins.actions.table[rows, 1])
        observations, rewards, terminated, truncated, info = self.env.step(actions)
        over = terminated | truncated
        self.final_features = None
        if self.twins.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP:
            self._follow_to_the_end(observations, over, info)
        else:
            self.tracker.follow(observations)
            self._begin(self._over, observations)
        self._over = over
        return observations, rewards, terminated, truncated, info

    def _follow_to_the_end(
        self, observations: NDArray[np.float32], over: NDArray[np.bool_], info: dict[str, Any]
    ) -> None:
        """Follows also the last step of episodes after which others have begun already."""
        if not over.any():
            self.tracker.follow(observations)
            return
        self.tracker.follow(np.where(over[:, np.newaxis], info["final_obs"], observations))
        self.final_features = self.tracker.features
        self._begin(over, observations)

    def _begin(self, which: NDArray[np.bool_], observations: NDArray[np.float32]) -> None:
        begun = np.flatnonzero(which)
        if len(begun):
            scenarios = [self.twins.episode_scenarios[i] for i in begun.tolist()]
            self.tracker.begin_some(begun, observations[begun], scenarios)


def _inner(env: Any) -> VectorInterfaceWrapper | None:
    while isinstance(env, VectorWrapper):
        if isinstance(env, VectorInterfaceWrapper):
            return env
        env = env.env
    return None


class VectorTableActions(VectorInterfaceWrapper):
    """`tvfs_gym.agents.interface.wrappers.TableActions` of a batch of twins."""

    def __init__(
        self, env: Vector, knowledge: Knowledge | None = None, characterisation: Measured = None
    ) -> None:
        """Wraps a batch; see `VectorInterfaceWrapper`."""
        super().__init__(env, knowledge, characterisation)
        self._rungs = rung_space(self.tracker.interface.levels, env.single_action_space)
        self.single_action_space = self._rungs
        self.action_space = batch_space(self.single_action_space, env.num_envs)

    def step(self, actions: Any) -> Step:
        """Answers the next frames of every twin at a VF level.

        Raises:
            gymnasium.error.InvalidAction: One of them is not in the action space.
        """
        levels = self.tracker.interface.levels
        choice = self.tracker.choose(rungs_of(actions, levels, self._rungs))
        return super().step(self.twins.actions.batch(*choice))

    def action_masks(self) -> NDArray[np.bool_]:
        """Marks the VF levels that throttling allows, shape (num_envs, levels)."""
        return self.tracker.masks()


class VectorHistoryObservation(VectorInterfaceWrapper):
    """`tvfs_gym.agents.interface.wrappers.HistoryObservation` of a batch of twins."""

    def __init__(
        self, env: Vector, knowledge: Knowledge | None = None, characterisation: Measured = None
    ) -> None:
        """Wraps a batch; see `VectorInterfaceWrapper`."""
        super().__init__(env, knowledge, characterisation)
        self.single_observation_space = self.tracker.interface.observation_space
        self.observation_space = batch_space(self.single_observation_space, env.num_envs)

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Starts an episode in every twin."""
        _, info = super().reset(seed=seed, options=options)
        return self.tracker.features, info

    def step(self, actions: Any) -> Step:
        """Answers the next frames of every twin."""
        _, *rest, info = super().step(actions)
        if self._owner.final_features is not None:
            info = {**info, "final_obs": self._owner.final_features}
        return (self.tracker.features, *rest, info)
