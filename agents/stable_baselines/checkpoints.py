"""Checkpoints of a training: all that it needs to go on as if it had never stopped."""

import random
import shutil
import signal
import threading
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Literal

import cloudpickle
import numpy as np
import torch
from stable_baselines3.common.callbacks import BaseCallback

from tvfs_gym.envs.errors import InputError

FOLDER = "checkpoints"
MODEL, BUFFER, STATE = "model.zip", "replay_buffer.pkl", "state.pkl"
SUFFIX, UNFINISHED = "_steps", ".unfinished"

OF_THE_MODEL = ("_last_lstm_states", "action_space")
"""Attributes that stable-baselines3 makes anew when it loads a model."""

OF_THE_EVALUATION = (
    "best_mean_reward", "evaluations_length", "evaluations_results", "evaluations_timesteps",
    "last_mean_reward", "n_calls",
)  # fmt: skip
"""What an `EvalCallback` remembers."""

State = dict[str, Any]


class Interruption:
    """Notes Ctrl-C and SIGTERM instead of letting them end the process; a second one ends it.

    Attributes:
        requested: True once there was one.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Interruption":
        """Takes the signals over; only a process's main thread can."""
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in self.SIGNALS}
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> Literal[False]:
        """Gives the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        return False


class Checkpoints(BaseCallback):
    """Writes a checkpoint every so many steps, and where the training is interrupted.

    They are written between rollouts, where everything is at rest. Of all but the last two only the
    models stay.

    Args:
        folder: The run's folder.
        every: Environment steps between two.
        twins: The batch that is trained on.
        evaluation: The training's `EvalCallback`.
        interruption: Asked for between rollouts.
        seconds: Time that the training has taken, as a function.
    """

    def __init__(
        self,
        folder: Path,
        every: int,
        twins: Any,
        evaluation: Any,
        interruption: Interruption,
        seconds: Any,
    ) -> None:
        super().__init__()
        self._folder, self._every = folder / FOLDER, every
        self._twins, self._evaluation = twins, evaluation
        self._interruption, self._seconds = interruption, seconds
        self._saved: int | None = None

    def _on_training_start(self) -> None:
        self._saved = self.model.num_timesteps

    def _on_rollout_start(self) -> None:
        assert self._saved is not None
        if self._interruption.requested:
            self.save()
            raise KeyboardInterrupt
        if self.model.num_timesteps - self._saved >= self._every:
            self.save()

    def _on_step(self) -> bool:
        return True

    def save(self) -> None:
        """Writes a checkpoint, complete or not at all."""
        steps = self.model.num_timesteps
        if steps == self._saved:
            return
        unfinished = self._folder / UNFINISHED
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        self.model.save(unfinished / MODEL)
        if getattr(self.model, "replay_buffer", None) is not None:
            self.model.save_replay_buffer(unfinished / BUFFER)
        (unfinished / STATE).write_bytes(cloudpickle.dumps(self._state()))
        older = _written(self._folder)
        unfinished.rename(self._folder / f"{steps}{SUFFIX}")
        for folder in older[:-1]:
            for name in (BUFFER, STATE):
                (folder / name).unlink(missing_ok=True)
        self._saved = steps

    def _state(self) -> State:
        return {
            "seconds": self._seconds(),
            "twins": self._twins,
            "normalize": self.model.get_vec_normalize_env(),
            "model": _attributes(self.model, OF_THE_MODEL),
            "evaluation": _attributes(self._evaluation, OF_THE_EVALUATION),
            "random": (random.getstate(), np.random.get_state(), torch.get_rng_state()),
        }


class EvaluationReport(BaseCallback):
    """Tells how an evaluation came out.

    Args:
        report: Called with the steps done, and the mean reward of a step.
    """

    parent: Any

    def __init__(self, report: Any) -> None:
        super().__init__()
        self._report = report

    def _on_step(self) -> bool:
        gained, lengths = self.parent.evaluations_results[-1], self.parent.evaluations_length[-1]
        self._report(self.parent.num_timesteps, float(np.sum(gained) / np.sum(lengths)))
        return True


def latest(folder: Path) -> Path | None:
    """The latest checkpoint of a run that a training can go on from; None if there is none."""
    complete = [found for found in _written(folder / FOLDER) if (found / STATE).is_file()]
    return complete[-1] if complete else None


def steps_done(checkpoint: Path) -> int:
    """Environment steps before a checkpoint."""
    return int(checkpoint.name.removesuffix(SUFFIX))


def read_state(checkpoint: Path) -> State:
    """What a checkpoint holds besides the model.

    Raises:
        InputError: It is damaged.
    """
    try:
        state: State = cloudpickle.loads((checkpoint / STATE).read_bytes())
    except Exception as error:
        raise InputError(
            f"{checkpoint / STATE} is damaged or of another version: remove {checkpoint} to go on "
            "from an earlier checkpoint, or the run's folder to begin anew."
        ) from error
    return state


def load_rest(model: Any, evaluation: Any, checkpoint: Path, state: State) -> None:
    """Gives a loaded model and its evaluation what stable-baselines3 does not keep."""
    if (checkpoint / BUFFER).is_file():
        model.load_replay_buffer(checkpoint / BUFFER)
    vars(model).update(state["model"])
    vars(evaluation).update(state["evaluation"])
    python, numpy, pytorch = state["random"]
    random.setstate(python)
    np.random.set_state(numpy)
    torch.set_rng_state(pytorch)


def _written(folder: Path) -> list[Path]:
    """Checkpoints in a folder, the earliest first."""
    return sorted(folder.glob(f"*{SUFFIX}"), key=steps_done)


def _attributes(owner: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(owner, name) for name in names if hasattr(owner, name)}
