"""Training an algorithm of stable-baselines3 or sb3-contrib on a batch of twins."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import Any

from tvfs_gym.agents.hyperparameters import Hyperparameters
from tvfs_gym.agents.stable_baselines.algorithms import model_class, new_model
from tvfs_gym.agents.stable_baselines.export import compare_decisions, exported
from tvfs_gym.envs.errors import InputError, unknown

BEST_FOLDER = "best"
"""Where the best policy by evaluation stands, under the name stable-baselines3 gives it."""

WRAPPERS = {
    "tvfs_gym.agents.TableActions": "table_actions",
    "tvfs_gym.agents.HistoryObservation": "history",
}
"""Wrappers of a single environment, and the arguments of `TwinVecEnv` that stand for them."""

AfterEvaluation = Callable[[int, float], None]


@dataclass(frozen=True)
class StableBaselinesTraining:
    """A training with one of stable-baselines3's algorithms.

    Attributes:
        algorithm: One of `tvfs_gym.agents.stable_baselines.algorithms.CLASSES`.
        hyperparameters: Of the algorithm.
        environment: Arguments of `tvfs_gym.agents.stable_baselines_env.TwinVecEnv`.
        envs: Twins.
        steps: Environment steps, over all twins together.
        seeds: Seeds of the first twin, and of networks and exploration.
        judging: How often it is judged, on how many episodes, and the seed of the first one.
        checkpoint_every: Environment steps between two checkpoints.
        card: Entries of the policy's card.
        after_evaluation: Told of steps done and mean reward of a step; what it raises ends the
            training.
    """

    algorithm: str
    hyperparameters: Hyperparameters
    environment: dict[str, Any]
    envs: int
    steps: int
    seeds: tuple[int, int]
    judging: tuple[int, int, int]
    checkpoint_every: int
    card: dict[str, Any]
    after_evaluation: AfterEvaluation | None = None

    @property
    def interface(self) -> dict[str, Any]:
        """Arguments of `TwinVecEnv` that do the work of the hyper-parameters' wrappers.

        Raises:
            InputError: There is another wrapper, or the two know different things.
        """
        arguments: dict[str, Any] = {}
        for name, given in self.hyperparameters.wrappers:
            if name not in WRAPPERS:
                raise unknown("wrapper of a batch of twins", name, WRAPPERS)
            if set(given) - {"knowledge"}:
                raise InputError(f"on a batch of twins {name} takes knowledge alone, not {given}.")
            arguments |= {WRAPPERS[name]: True, **given}
        return arguments

    def run(self, folder: Path, progress_bar: bool) -> None:
        """Trains and saves a policy, from the latest checkpoint on if the folder has one.

        Writes into the folder: the policy as `ALGORITHM.zip`, the best one by evaluation under
        `best/` and, without need of PyTorch, as `tvfs_gym.agents.policy` has it; checkpoints under
        `checkpoints/`, evaluations under `evaluations/`, and TensorBoard's events if it is
        installed. Ctrl-C and SIGTERM end it, with all this written.

        Args:
            folder: The run's folder.
            progress_bar: True to show a progress bar.

        Raises:
            InputError: A hyper-parameter is impossible, or a checkpoint is damaged.
        """
        import torch

        from tvfs_gym.agents.stable_baselines.checkpoints import (
            Checkpoints,
            Interruption,
            latest,
            steps_done,
        )

        # A policy of two small layers gains nothing from more threads, and loses much on a busy
        # host.
        torch.set_num_threads(1)
        checkpoint = latest(folder)
        evaluation = self._evaluation(folder)
        before_s, model, twins = (
            self._begun(folder) if checkpoint is None else self._resumed(checkpoint, evaluation)
        )
        done = 0 if checkpoint is None else steps_done(checkpoint)
        if checkpoint is not None:
            _say(f"goes on from {checkpoint}, of {self.steps:,} steps")
        began_s = monotonic() - before_s
        with Interruption() as interruption:
            checkpoints = Checkpoints(
                folder, self.checkpoint_every, twins, evaluation, interruption,
                lambda: monotonic() - began_s,
            )  # fmt: skip
            try:
                if done < self.steps:
                    model.learn(
                        self.steps - done,
                        callback=[checkpoints, evaluation],
                        reset_num_timesteps=checkpoint is None,
                        progress_bar=progress_bar,
                    )
                    checkpoints.save()
            except KeyboardInterrupt:
                _say(
                    f"stopped after {model.num_timesteps:,} of {self.steps:,} steps; the same "
                    f"command with --output {folder} goes on"
                )
                raise
            finally:
                self._save(model, evaluation.eval_env, folder, monotonic() - began_s)
                twins.close()
                evaluation.eval_env.close()

    def _evaluation(self, folder: Path) -> Any:
        """What judges the training on episodes apart."""
        from tvfs_gym.agents.stable_baselines_env import TwinVecEnv

        if self.algorithm == "ppo_mask":
            from sb3_contrib.common.maskable.callbacks import MaskableEvalCallback as Callback
        else:
            from stable_baselines3.common.callbacks import EvalCallback as Callback
        evaluations, episodes, first_seed = self.judging
        judged = TwinVecEnv(episodes, **self.environment, **self.interface)
        judged.begin_each_reset_with(first_seed)
        return Callback(
            self._normalized(judged, training=False),
            n_eval_episodes=episodes,
            eval_freq=max(self.steps // self.envs // evaluations, 1),
            log_path=str(folder / "evaluations"),
            best_model_save_path=str(folder / BEST_FOLDER),
            callback_after_eval=self._after_evaluation(),
            verbose=0,
        )

    def _after_evaluation(self) -> Any:
        if self.after_evaluation is None:
            return None
        from tvfs_gym.agents.stable_baselines.checkpoints import EvaluationReport

        return EvaluationReport(self.after_evaluation)

    def _begun(self, folder: Path) -> tuple[float, Any, Any]:
        """Time taken so far, a new model, and its twins."""
        from tvfs_gym.agents.stable_baselines_env import TwinVecEnv

        twins = TwinVecEnv(self.envs, **self.environment, **self.interface)
        log = str(folder / "tensorboard") if find_spec("tensorboard") is not None else None
        env = self._normalized(twins, training=True)
        model = new_model(self.algorithm, self.hyperparameters, env, self.seeds[1], log)
        twins.seed(self.seeds[0])
        return 0.0, model, twins

    def _resumed(self, checkpoint: Path, evaluation: Any) -> tuple[float, Any, Any]:
        """Time taken so far, and the model and twins of a checkpoint."""
        from tvfs_gym.agents.stable_baselines.checkpoints import MODEL, load_rest, read_state

        state = read_state(checkpoint)
        twins, normalize = state["twins"], state["normalize"]
        if normalize is not None:
            normalize.set_venv(twins)
        try:
            model = model_class(self.algorithm).load(
                checkpoint / MODEL, env=normalize or twins, device="cpu", force_reset=False
            )
        except Exception as error:
            raise InputError(
                f"{checkpoint / MODEL} is damaged: remove {checkpoint} to go on from an earlier "
                "checkpoint, or the run's folder to begin anew."
            ) from error
        load_rest(model, evaluation, checkpoint, state)
        return state["seconds"], model, twins

    def _normalized(self, env: Any, training: bool) -> Any:
        """An environment, its rewards normalised if the hyper-parameters want it."""
        wanted = self.hyperparameters.normalize
        if wanted is None:
            return env
        if wanted.get("norm_obs", True):
            raise InputError(
                "observations are normalised already: give normalize as "
                "{'norm_obs': False, 'norm_reward': True}."
            )
        from stable_baselines3.common.vec_env import VecNormalize

        gamma = self.hyperparameters.values.get("gamma", 0.99)
        if training:
            return VecNormalize(env, **{"gamma": gamma, **wanted})
        return VecNormalize(env, training=False, norm_obs=False, norm_reward=False)

    def _save(self, model: Any, judged: Any, folder: Path, seconds: float) -> None:
        """Writes the model, and the best one so far as a policy without PyTorch."""
        model.save(folder / f"{self.algorithm}.zip")
        best = folder / BEST_FOLDER / "best_model.zip"
        chosen = type(model).load(best, device="cpu") if best.is_file() else model
        training = {
            **self.card["training"],
            "steps": model.num_timesteps,
            "best_at_steps": chosen.num_timesteps,
            "seconds": round(seconds, 1),
        }
        policy = exported(chosen, judged, {**self.card, "training": training})
        compare_decisions(policy, chosen, judged)
        policy.save(folder)


def _say(text: str) -> None:
    print(text, file=sys.stderr)
