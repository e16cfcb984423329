"""Progress and log of the experiments, on standard error: results alone go to standard output.

Progress is a bar on a terminal, and lines where there is none.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

LOGGER = logging.getLogger("tvfs_gym")

DETAILED = "%(asctime)s %(name)s: %(message)s"

LINE_EVERY_S = 10.0
"""Time between the lines of a progress that no terminal shows, s."""


class ProgressLines(Progress):
    """A progress whose state is printed as a line every `LINE_EVERY_S`, with the time left.

    Args:
        console: The line's destination.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(console=console, disable=True)
        self._ended = Event()
        self._printer = Thread(target=self._print_lines, daemon=True)

    def __enter__(self) -> "ProgressLines":
        """Starts to print."""
        self._printer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends, after a last line if there was a first."""
        self._ended.set()
        self._printer.join()

    def _print_lines(self) -> None:
        while not self._ended.wait(LINE_EVERY_S):
            for task in self.tasks:
                if not task.finished:
                    self.console.print(self._line(task.id), soft_wrap=True, highlight=False)

    def _line(self, number: TaskID) -> str:
        task = self._tasks[number]
        done, total = task.completed, task.total or 0.0
        elapsed_s = task.elapsed or 0.0
        line = f"{done:g} of {total:g} ({task.description}), {_minutes(elapsed_s)} so far"
        if not done:
            return line
        return f"{line}, {_minutes(elapsed_s * (total - done) / done)} left"


class TimeLeft(ProgressColumn):
    """The time left at the mean speed so far; rich's own column forgets after half a minute."""

    def __init__(self) -> None:
        super().__init__()
        self._begun: dict[TaskID, float] = {}

    def render(self, task: Task) -> Text:
        """The time left, as soon as something is done."""
        done = task.completed - self._begun.setdefault(task.id, task.completed)
        if not done or task.total is None or task.elapsed is None or task.finished:
            return Text()
        left_s = task.elapsed * (task.total - task.completed) / done
        return Text(f"{_minutes(left_s)} left", style="progress.remaining")


def _minutes(duration_s: float) -> str:
    minutes, seconds = divmod(round(duration_s), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def progress_bar() -> Progress:
    """Makes a progress on standard error, so that standard output holds only results."""
    console = Console(stderr=True, quiet=is_quiet())
    if not sys.stderr.isatty():
        return ProgressLines(console)
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeLeft(),
        console=console,
    )


@contextmanager
def logging_to_stderr() -> Iterator[None]:
    """Prints the log of this package while a command runs, from INFO on."""
    handler = logging.StreamHandler()
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(logging.NOTSET)


def log_quietly(requested: bool) -> bool:
    """Leaves out everything but warnings, and all progress, if requested; returns the request."""
    if requested:
        LOGGER.setLevel(logging.WARNING)
    return requested


def log_verbosely(requested: bool) -> bool:
    """Adds the details of every step, with times, if requested; returns the request."""
    if requested:
        LOGGER.setLevel(logging.DEBUG)
        for handler in LOGGER.handlers:
            handler.setFormatter(logging.Formatter(DETAILED))
    return requested


def is_quiet() -> bool:
    """Tells whether progress is unwanted."""
    return not LOGGER.isEnabledFor(logging.INFO)
