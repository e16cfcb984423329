"""The command ``tvfs-gym``: within the process of the tests, which is fast, or as its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path
from types import MappingProxyType

import pytest

from tvfs_gym.experiments.cli import main

NO_ENVIRONMENT: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Completed:
    """The end of a command, as of `subprocess.CompletedProcess`."""

    returncode: int
    stdout: str
    stderr: str


def run(
    folder: Path, arguments: Iterable[str | Path], environment: Mapping[str, str] = NO_ENVIRONMENT
) -> Completed:
    """Runs ``tvfs-gym`` with arguments, in a folder, with further environment variables."""
    before = _process_state()
    completed = _run(folder, arguments, environment)
    assert _process_state() == before, "the command has left traces in the process"
    return completed


def start(
    folder: Path, arguments: Iterable[str | Path], environment: Mapping[str, str] = NO_ENVIRONMENT
) -> subprocess.Popen[str]:
    """Starts ``tvfs-gym`` as a process, for a test that stops it or looks at its imports."""
    return subprocess.Popen(
        [sys.executable, "-m", "tvfs_gym.experiments.cli", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _run(
    folder: Path, arguments: Iterable[str | Path], environment: Mapping[str, str]
) -> Completed:
    stdout, stderr = _stream(), _stream()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(stdout), redirect_stderr(stderr):
        patch.setattr(sys, "argv", ["tvfs-gym", *map(str, arguments)])
        patch.chdir(folder)
        for name, value in environment.items():
            patch.setenv(name, value)
        with pytest.raises(SystemExit) as end:
            main()
            raise SystemExit(0)
    code = end.value.code
    assert code is None or isinstance(code, int)
    return Completed(code or 0, _text(stdout), _text(stderr))


def _process_state() -> list[object]:
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    return [*handlers, os.getcwd(), os.sched_getaffinity(0)]


def _stream() -> TextIOWrapper:
    return TextIOWrapper(BytesIO(), encoding="utf-8", write_through=True)


def _text(stream: TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()
