"""Log of the command line: lines on standard error; results alone go to standard output."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

LOGGER = logging.getLogger("tvfs_gym")

DETAILED = "%(asctime)s %(name)s: %(message)s"


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
