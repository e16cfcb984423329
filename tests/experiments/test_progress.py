"""Progress where there is no terminal, and the log on standard error."""

import logging
import time

import pytest

from tvfs_gym.experiments import progress
from tvfs_gym.experiments.progress import LOGGER, log_quietly, log_verbosely, logging_to_stderr


def two_of_eight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.05)
    with progress.progress_bar() as bar:
        task = bar.add_task("scenarios", total=8)
        bar.update(task, advance=2, description="hot, 40 ms")
        time.sleep(0.08)


def test_without_a_terminal_lines_tell_how_far_it_is_and_the_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with logging_to_stderr():
        two_of_eight(monkeypatch)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "2 of 8 (hot, 40 ms), 0 s so far, 0 s left\n"


def test_a_quiet_command_shows_no_progress(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with logging_to_stderr():
        log_quietly(True)
        two_of_eight(monkeypatch)
        LOGGER.info("this is left out")
        LOGGER.warning("this is told")
    assert capsys.readouterr().err == "this is told\n"


def test_a_verbose_command_logs_details_with_their_times(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with logging_to_stderr():
        LOGGER.debug("a detail")
        log_verbosely(True)
        LOGGER.debug("a detail")
    assert capsys.readouterr().err.endswith(" tvfs_gym: a detail\n")
    assert LOGGER.level == logging.NOTSET and not LOGGER.handlers
