"""The engine: keeps trials running, reports and repeats those that crash, and goes on."""

import sys
import traceback
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from typing import Any, TypeVar

from tvfs_gym.envs.errors import InputError

REPEATS = 2
"""How often a trial that crashed is repeated."""

Result = TypeVar("Result")
Trials = Mapping[str, Callable[[], Result]]
"""Trials by name: functions that can be pickled, with their arguments bound."""


class TrialError(Exception):
    """Trials have failed for good; all others have run."""


class Engine(ABC):
    """Runs trials.

    Attributes:
        capacity: Trials that run at a time.
    """

    capacity: int

    @abstractmethod
    def submit(self, trial: Callable[[], Result]) -> Future[Result]:
        """Starts a trial, of which fewer than `capacity` run."""

    @abstractmethod
    def close(self, finished: bool) -> None:
        """Ends the workers.

        Args:
            finished: True if no trial runs any more.
        """

    def run(self, trials: Trials[Result]) -> Iterator[tuple[str, Result]]:
        """Runs trials; yields the name and the result of each as it ends.

        A trial that crashes, with an exception or with its process, is reported on standard error
        and repeated up to `REPEATS` times, while the others go on. A user's mistake would be one
        again, and is not repeated.

        Args:
            trials: Trials by name.

        Raises:
            OSError, MemoryError: The machine lacks something, such as room on its disk.
            InputError: Of the only trial that failed, if it was for a user's mistake.
            TrialError: Some trials failed for good. All others have ended by then.
        """
        waiting, running = deque(trials), dict[Future[Any], str]()
        crashes = Counter[str]()
        failed: dict[str, BaseException] = {}
        while waiting or running:
            while waiting and len(running) < self.capacity:
                name = waiting.popleft()
                running[self.submit(trials[name])] = name
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name = running.pop(future)
                error = future.exception()
                if error is None:
                    yield name, future.result()
                    continue
                if isinstance(error, OSError | MemoryError):
                    raise error
                crashes[name] += 1
                if isinstance(error, InputError) or crashes[name] > REPEATS:
                    failed[name] = error
                else:
                    waiting.append(name)
                if not isinstance(error, InputError):
                    _report(name, error, crashes[name])
        if failed:
            _raise(failed, len(trials))


def _report(name: str, error: BaseException, crashes: int) -> None:
    """Says that a trial crashed, and what comes of it; the last time also where in its code."""
    given_up = crashes > REPEATS
    if given_up:
        traceback.print_exception(error)
    reason = "its process died" if isinstance(error, BrokenExecutor) else repr(error)
    consequence = "it is given up" if given_up else "it is repeated"
    print(f"trial {name} crashed: {reason}; {consequence}.", file=sys.stderr)


def _raise(failed: Mapping[str, BaseException], count: int) -> None:
    """Raises for the trials that failed for good."""
    error, *others = failed.values()
    if isinstance(error, InputError) and not others:
        raise error
    reasons = "; ".join(f"{name}: {error}" for name, error in failed.items() if str(error))
    raise TrialError(
        f"{len(failed)} of {count} trials failed, the results of the others are kept; the same "
        f"command with the same --output runs the failed ones again. {reasons}"
    )
