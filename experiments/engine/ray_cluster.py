"""Trials on a Ray cluster, or on a Ray instance that is started on this machine."""

import logging
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from tvfs_gym.envs.errors import InputError
from tvfs_gym.experiments.engine.engine import Engine, Result


class RayCluster(Engine):
    """Runs trials as tasks of Ray, each on a CPU.

    The cluster is the one at ``RAY_ADDRESS``, or that ``ray start`` made on this machine; if there
    is none, an instance is started here for as long as the engine is open. Every machine needs
    tvfs-gym, and the command's folders and files under the same paths.

    Args:
        workers: Trials that run at a time; None for as many as the cluster has room for.

    Raises:
        InputError: Ray is not installed, or no cluster is at its address.
    """

    def __init__(self, workers: int | None) -> None:
        self.capacity = workers or sys.maxsize
        try:
            import ray
        except ImportError as error:
            raise InputError(
                'the engine ray needs Ray: run pip install "tvfs-gym[distributed]".'
            ) from error
        self._ray = ray
        before = signal.getsignal(signal.SIGTERM)
        try:
            ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        except ConnectionError as error:
            raise InputError(
                f"no Ray cluster answers at {os.environ.get('RAY_ADDRESS', 'its address')}: "
                "set RAY_ADDRESS, or unset it for an instance on this machine."
            ) from error
        signal.signal(signal.SIGTERM, before)  # which Ray has taken
        self._task = ray.remote(num_cpus=1, max_retries=0)(_run_in)

    def submit(self, trial: Callable[[], Result]) -> Future[Result]:
        """Hands a trial to the cluster."""
        future: Future[Result] = Future()

        def settle(done: Future[Result]) -> None:
            error = done.exception()
            if error is None:
                future.set_result(done.result())
            else:
                future.set_exception(_cause(error))

        self._task.remote(trial, Path.cwd()).future().add_done_callback(settle)
        return future

    def close(self, finished: bool) -> None:
        """Leaves the cluster, which ends the tasks, and the instance that was started."""
        self._ray.shutdown()


def _run_in(trial: Callable[[], Any], folder: Path) -> Any:
    """Runs a trial in the folder of the command, which relative paths are of."""
    os.chdir(folder)
    return trial()


def _cause(error: BaseException) -> BaseException:
    """The exception that a task raised, without Ray's wrapping."""
    cause = getattr(error, "cause", None)
    return cause if isinstance(cause, BaseException) else error
