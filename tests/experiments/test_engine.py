"""Trials run on processes and on Ray alike; crashes are repeated; workers end with their parent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from tvfs_gym.envs.errors import InputError
from tvfs_gym.experiments.engine import Engine, TrialError, open_engine
from tvfs_gym.experiments.engine.engine import REPEATS

RAY = pytest.param(
    "ray",
    marks=[pytest.mark.ray, pytest.mark.skipif(find_spec("ray") is None, reason="needs Ray")],
)


@pytest.fixture(scope="module", params=["processes", RAY])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with open_engine(request.param, workers=2) as opened:
        yield opened


def square(number: int) -> int:
    return number**2


def try_again(folder: Path, name: str, fail: Callable[[], None], failures: int) -> str:
    """Fails the first few times; a file counts the attempts."""
    attempts = folder / name
    with attempts.open("a") as file:
        file.write("x")
    if len(attempts.read_text()) <= failures:
        fail()
    return name


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def raise_error() -> None:
    raise RuntimeError("out of luck")


def mistake() -> None:
    raise InputError("there is no such thing.")


def full_disk() -> None:
    raise OSError(28, "No space left on device")


def test_every_trial_has_its_result(engine: Engine) -> None:
    assert dict(engine.run({f"{n}": partial(square, n) for n in range(5)})) == {
        f"{n}": n**2 for n in range(5)
    }


@pytest.mark.parametrize("fail", [die, raise_error])
def test_a_trial_that_crashes_is_reported_and_repeated(
    engine: Engine, tmp_path: Path, capfd: pytest.CaptureFixture[str], fail: Callable[[], None]
) -> None:
    trials = {
        name: partial(try_again, tmp_path, name, fail, failures)
        for name, failures in {"steady": 0, "shaky": REPEATS, "sound": 0}.items()
    }
    assert dict(engine.run(trials)) == {name: name for name in trials}
    assert len((tmp_path / "shaky").read_text()) == REPEATS + 1
    assert capfd.readouterr().err.count("trial shaky crashed") == REPEATS


def test_the_others_go_on_without_a_trial_that_is_given_up(engine: Engine, tmp_path: Path) -> None:
    trials = {
        "lost": partial(try_again, tmp_path, "lost", die, REPEATS + 1),
        "sound": partial(try_again, tmp_path, "sound", die, 0),
    }
    ended = []
    with pytest.raises(TrialError, match="1 of 2 trials failed"):
        for name, _ in engine.run(trials):
            ended.append(name)
    assert ended == ["sound"]


@pytest.mark.parametrize(
    ("fail", "said"), [(mistake, "there is no such thing"), (full_disk, "No space left")]
)
def test_what_would_fail_again_is_not_repeated(
    engine: Engine, tmp_path: Path, fail: Callable[[], None], said: str
) -> None:
    trials = {"wrong": partial(try_again, tmp_path, "wrong", fail, 9)}
    with pytest.raises((InputError, OSError), match=said):
        dict(engine.run(trials))
    assert len((tmp_path / "wrong").read_text()) == 1


def test_an_engine_that_there_is_not() -> None:
    with (
        pytest.raises(InputError, match="unknown engine 'rai': did you mean ray"),
        open_engine("rai"),
    ):
        pass


SLEEPING = """
import time
from functools import partial
from tvfs_gym.experiments.engine import open_engine
if __name__ == "__main__":
    with open_engine("processes", 2) as engine:
        trials = {name: partial(time.sleep, 60 * (name > "a")) for name in "abc"}
        for name, _ in engine.run(trials):
            print(name, flush=True)
"""


@pytest.mark.usefixtures("heeded")
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_their_parent(tmp_path: Path, sent: signal.Signals) -> None:
    (tmp_path / "sleeping.py").write_text(SLEEPING)
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "sleeping.py"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "a\n"
    workers = psutil.Process(parent.pid).children(recursive=True)
    assert len(workers) >= 2
    before_s = time.monotonic()
    parent.send_signal(sent)
    parent.communicate(timeout=10)
    _, left = psutil.wait_procs(workers, timeout=10)
    assert not [worker for worker in left if worker.status() != psutil.STATUS_ZOMBIE]
    assert time.monotonic() - before_s < 10
