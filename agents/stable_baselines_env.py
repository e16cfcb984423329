"""The batch of twins as stable-baselines3's own kind of vector environment."""

import time
from collections.abc import Iterable, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from tvfs_gym.agents.interface.interface import Knowledge
from tvfs_gym.agents.interface.vector_wrappers import (
    VectorHistoryObservation,
    VectorTableActions,
)
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv

Indices = int | Iterable[int] | None


class TwinVecEnv(VecEnv):
    """Thousands of twins for stable-baselines3, without a process or a wrapper per environment.

    Finished episodes begin anew within the step, as stable-baselines3 expects: their infos hold
    `terminal_observation`, `TimeLimit.truncated` and, as its Monitor would write them, `episode`
    with the return `r`, the length `l` in steps and the time `t`. All other infos are one shared
    empty dictionary.

    Args:
        num_envs: Twins.
        table_actions: True to choose VF levels only, and leave network and passes to the
            design-time table: see `tvfs_gym.agents.TableActions`. The twins can choose passes then.
        history: True to see the recent history: see `tvfs_gym.agents.HistoryObservation`.
        knowledge: What both know of the board: see `tvfs_gym.agents.Interface`.
        **arguments: Those of `tvfs_gym.envs.twin_vector_env.TwinVectorEnv`; as training is part of
            the design, frames show the design half of the photographs unless ``photographs`` says
            otherwise.

    Raises:
        InputError: An argument is impossible.
    """

    def __init__(
        self,
        num_envs: int,
        table_actions: bool = False,
        history: bool = False,
        knowledge: Knowledge = "characterised",
        **arguments: Any,
    ) -> None:
        arguments = {"photographs": "design", "choose_passes": table_actions, **arguments}
        self.twins = TwinVectorEnv(num_envs, autoreset_mode=AutoresetMode.SAME_STEP, **arguments)
        self._env: VectorEnv[Any, Any, Any] = self.twins
        if history:
            self._env = VectorHistoryObservation(self._env, knowledge)
        if table_actions:
            self._env = VectorTableActions(self._env, None if history else knowledge)
        self._returns = np.zeros(num_envs)
        self._lengths = np.zeros(num_envs, np.int64)
        self._began_s = time.monotonic()
        self._actions: NDArray[Any] = np.zeros(num_envs, np.int64)
        self._first_seed: int | None = None
        # stable-baselines3 asks for it while it is made, and then notes a mode of its own.
        self.render_mode = self.twins.render_mode
        super().__init__(
            num_envs, self._env.single_observation_space, self._env.single_action_space
        )

    def begin_each_reset_with(self, seed: int) -> None:
        """Makes every `reset` start the same episodes, so that evaluations can be compared.

        Args:
            seed: Seed of the first twin.
        """
        self._first_seed = seed

    def reset(self) -> NDArray[np.float32]:
        """Starts an episode in every twin, from the seeds given to `seed`, if any."""
        if self._first_seed is not None:
            self.seed(self._first_seed)
        seeds = self._seeds if any(seed is not None for seed in self._seeds) else None
        options = self._options[0] if self._options[0] else None
        observations, _ = self._env.reset(seed=seeds, options=options)
        self._returns[:] = 0.0
        self._lengths[:] = 0
        self._reset_seeds()
        self._reset_options()
        return observations

    def step_async(self, actions: NDArray[Any]) -> None:
        """Takes the actions of the next step."""
        self._actions = actions

    def step_wait(
        self,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Runs the step; every array is the caller's own."""
        observations, rewards, terminated, truncated, info = self._env.step(self._actions)
        done = terminated | truncated
        self._returns += rewards
        self._lengths += 1
        infos: list[dict[str, Any]] = [_NOTHING] * self.num_envs
        for i in np.flatnonzero(done).tolist():
            infos[i] = self._finished(i, bool(truncated[i]), info)
        self._returns[done] = 0.0
        self._lengths[done] = 0
        return observations, rewards.astype(np.float32), done, infos

    def _finished(self, i: int, truncated: bool, info: dict[str, Any]) -> dict[str, Any]:
        return {
            "terminal_observation": info["final_obs"][i].copy(),
            "TimeLimit.truncated": truncated,
            "episode": {
                "r": float(self._returns[i]),
                "l": int(self._lengths[i]),
                "t": time.monotonic() - self._began_s,
            },
        }

    def close(self) -> None:
        """Ends the batch's threads."""
        self.twins.close()

    def get_attr(self, attr_name: str, indices: Indices = None) -> list[Any]:
        """The batch's attribute, once per twin asked for."""
        value = getattr(self._holder(attr_name), attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Indices = None) -> None:
        """Not possible: the twins share everything but their scenarios.

        Raises:
            AttributeError: Always.
        """
        raise AttributeError(
            f"{attr_name} cannot be set: make a new batch, or give it one scenario per twin."
        )

    def env_method(
        self, method_name: str, *method_args: Any, indices: Indices = None, **method_kwargs: Any
    ) -> list[Any]:
        """Calls the batch's method; every twin asked for gets its own row of an array."""
        holder = self._holder(method_name)
        result = getattr(holder, method_name)(*method_args, **method_kwargs)
        rows = isinstance(result, np.ndarray) and result.shape[:1] == (self.num_envs,)
        return [result[i] if rows else result for i in self._get_indices(indices)]

    def _holder(self, name: str) -> Any:
        """The interface, where the attribute is one that it has of its own, or else the batch."""
        own = name in ("action_masks", "tracker") and hasattr(self._env, name)
        return self._env if own else self.twins

    def env_is_wrapped(
        self, wrapper_class: type[gymnasium.Wrapper[Any, Any, Any, Any]], indices: Indices = None
    ) -> list[bool]:
        """No twin is wrapped, but each reports its episodes as a Monitor does."""
        from stable_baselines3.common.monitor import Monitor

        return [wrapper_class is Monitor for _ in self._get_indices(indices)]

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """Small pictures of the first sixteen twins, in mode ``rgb_array``."""
        return self.twins.images()


_NOTHING: dict[str, Any] = {}
