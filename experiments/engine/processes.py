"""Trials on processes of this machine."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any

from tvfs_gym.experiments.engine.engine import Engine, Result

# A forked process would inherit compiled code's and interpreters' threads in an unknown state.
_CONTEXT = get_context("spawn")


class InProcess(Engine):
    """Runs one trial after the other in the calling process."""

    capacity = 1

    def submit(self, trial: Callable[[], Result]) -> Future[Result]:
        """Runs a trial to its end."""
        future: Future[Result] = Future()
        try:
            future.set_result(trial())
        except Exception as error:
            future.set_exception(error)
        return future

    def close(self, finished: bool) -> None:
        """Does nothing."""


class Processes(Engine):
    """Keeps worker processes, each with a pool of its own: one that dies takes no other with it.

    Workers end with the calling process, however it ends: each watches a pipe that closes then.

    Args:
        count: Workers.
    """

    def __init__(self, count: int) -> None:
        self.capacity = count
        self._idle: list[ProcessPoolExecutor] = []
        self._busy: dict[Future[Any], ProcessPoolExecutor] = {}
        self._alive, self._line = _CONTEXT.Pipe(duplex=False)

    def submit(self, trial: Callable[[], Result]) -> Future[Result]:
        """Starts a trial on an idle worker, or on a new one."""
        self._collect()
        worker = self._idle.pop() if self._idle else self._new_worker()
        with _interrupts_left_to_this_process():
            future = worker.submit(trial)
        self._busy[future] = worker
        return future

    def close(self, finished: bool) -> None:
        """Ends the workers, at once if one still has a trial."""
        if not finished:
            self._line.close()
        for worker in (*self._idle, *self._busy.values()):
            worker.shutdown(cancel_futures=True)
        self._line.close()
        self._alive.close()

    def _new_worker(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, _CONTEXT, _begin_worker, (self._alive,))

    def _collect(self) -> None:
        """Takes workers back whose trial has ended, unless they died of it."""
        for future in [future for future in self._busy if future.done()]:
            worker = self._busy.pop(future)
            if isinstance(future.exception(), BrokenExecutor):
                worker.shutdown()
            else:
                self._idle.append(worker)


@contextmanager
def _interrupts_left_to_this_process() -> Iterator[None]:
    """Has processes that are started inherit SIGINT blocked: a terminal's Ctrl-C is sent to all."""
    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        yield
        return
    resource_tracker.ensure_running()  # which would unblock it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_worker(alive: Connection) -> None:
    """Leaves interrupts to the parent, and ends with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, args=(alive,), daemon=True).start()


def _end_with_parent(alive: Connection) -> None:
    """Ends this process when the other end of the pipe closes."""
    with suppress(EOFError, OSError):
        alive.recv()
    os._exit(1)
