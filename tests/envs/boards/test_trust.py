"""Nobody but its user can have a board's settings written, and nothing makes them be forgotten."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.envs.boards import fake_sysfs
from tests.envs.boards.conftest import Opened
from tests.envs.boards.test_restoration import CPUFREQ, WAIT, governor, guardians, run_on
from tvfs_gym.envs.boards.linux import guardian
from tvfs_gym.envs.boards.linux.guardian import Setting
from tvfs_gym.envs.boards.linux.machine import Machine
from tvfs_gym.envs.boards.linux.session import board_locks, locked, session_files
from tvfs_gym.envs.errors import BoardError

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as others")
STRANGER = 65534


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def running(root: Path, state: Path) -> Iterator["subprocess.Popen[str]"]:
    """A run that holds the board."""
    run = run_on(root, state, WAIT)
    assert run.stdout is not None and run.stdout.readline() == "held\n"
    yield run
    run.kill()
    run.communicate()


def await_restoration(root: Path, tmp_path: Path) -> None:
    for lock in board_locks(root, session_files(root, tmp_path / "another")[0]):
        os.close(lock)


@pytest.mark.parametrize("end", ["pass", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_state_folder_that_is_removed_makes_nothing_be_forgotten(
    root: Path, tmp_path: Path, state: Path, end: str
) -> None:
    found = fake_sysfs.settings(root / CPUFREQ)
    run = run_on(root, state, f"import shutil; shutil.rmtree({str(state)!r}); {end}")
    run.communicate()
    await_restoration(root, tmp_path)
    assert fake_sysfs.settings(root / CPUFREQ) == found


def test_a_second_run_stays_out_whatever_its_state_folder(
    root: Path, tmp_path: Path, state: Path, running: "subprocess.Popen[str]"
) -> None:
    for folder in (tmp_path / "another", state):
        with pytest.raises(BoardError, match=f"process {running.pid} controls this board"):
            Machine(root, state_folder=folder)
    shutil.rmtree(state)
    with pytest.raises(BoardError, match=f"process {running.pid} controls this board"):
        Machine(root, state_folder=state)


@as_root
def test_root_stays_out_while_a_user_controls_the_board(root: Path, tmp_path: Path) -> None:
    script = (
        "import os, time\nfrom pathlib import Path\n"
        "from tvfs_gym.envs.boards.linux.session import _locked_tree\n"
        f"os.setuid({STRANGER})\n"
        f"lock = _locked_tree(Path({str(root)!r}))\nprint('held', flush=True)\ntime.sleep(60)\n"
    )
    for folder in (root, *root.parents):
        if folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    other = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None and other.stdout.readline() == "held\n"
    try:
        with pytest.raises(BoardError, match=f"process {other.pid} controls this board"):
            Machine(root, state_folder=tmp_path / "state")
    finally:
        other.kill()
        other.communicate()


def test_a_folder_that_others_can_write_is_not_trusted(root: Path, state: Path) -> None:
    state.mkdir()
    state.chmod(0o1777)
    with pytest.raises(BoardError, match="others can write"):
        Machine(root, state_folder=state)


def test_a_folder_that_others_can_replace_is_not_trusted(root: Path, tmp_path: Path) -> None:
    above = tmp_path / "above"
    above.mkdir()
    above.chmod(0o777)
    with pytest.raises(BoardError, match="others can replace"):
        Machine(root, state_folder=above / "state")


def test_a_link_is_no_state_folder(root: Path, tmp_path: Path, state: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    state.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BoardError, match="is no folder"):
        Machine(root, state_folder=state)


@pytest.mark.parametrize("number", [0, 1])
def test_a_planted_link_is_not_followed(
    root: Path, tmp_path: Path, state: Path, number: int
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    session_files(root, state)[number].symlink_to(victim)
    with pytest.raises(BoardError):
        Machine(root, state_folder=state)
    assert victim.read_text() == "precious"


def test_a_link_in_place_of_a_draft_is_not_followed(
    root: Path, tmp_path: Path, state: Path
) -> None:
    victim, saved = tmp_path / "victim", session_files(root, state)[1]
    victim.write_text("precious")
    saved.with_name(f"{saved.name}.part").symlink_to(victim)
    with pytest.raises(BoardError, match="cannot save"):
        Machine(root, state_folder=state)
    assert victim.read_text() == "precious" and governor(root) == "schedutil"


@as_root
def test_a_state_that_somebody_else_saved_is_not_restored(root: Path, state: Path) -> None:
    saved = session_files(root, state)[1]
    saved.write_bytes(guardian.state_of([Setting(str(root / CPUFREQ / "x"), "1")]))
    saved.chmod(0o600)
    os.chown(saved, STRANGER, STRANGER)
    with pytest.raises(BoardError, match="not a file of this user"):
        Machine(root, state_folder=state)


@pytest.mark.parametrize("way", ["{}", "{}/sys/devices/../../{}", "{}/sys/link"])
def test_nothing_outside_the_tree_is_written(
    root: Path, tmp_path: Path, state: Path, cli: Cli, way: str
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (root / "link").symlink_to(victim)
    path = {
        "{}": str(victim),
        "{}/sys/link": str(root / "link"),
        "{}/sys/devices/../../{}": str(root / "devices" / ".." / ".." / "victim"),
    }[way]
    saved = session_files(root, state)[1]
    saved.write_bytes(guardian.state_of([Setting(path, "pwned")]))
    saved.chmod(0o600)
    done = cli("doctor", "--restore", "--root", root, "--state-folder", state)
    assert done.returncode == 3 and "lies outside" in done.stderr
    assert victim.read_text() == "precious"


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"settings": 5}', '{"settings": [5]}', "[" * 100_000, "\x00"]
    + [f'{{"settings": [{{"path": {path}, "value": {value}}}]}}' for path, value in
       [("5", '"x"'), ('"/sys"', "5"), ("null", "null"), ('"\\u0000"', '"x"')]],
)  # fmt: skip
def test_a_damaged_state_is_refused_in_a_sentence(
    root: Path, state: Path, cli: Cli, text: str
) -> None:
    saved = session_files(root, state)[1]
    saved.write_text(text)
    saved.chmod(0o600)
    done = cli("doctor", "--restore", "--root", root, "--state-folder", state)
    assert done.returncode == 3 and "cannot be used" in done.stderr


def test_a_governor_that_another_program_set_stays_and_is_told(root: Path, state: Path) -> None:
    path = root / CPUFREQ / "scaling_governor"
    _, said = run_on(root, state, f"Path({str(path)!r}).write_text('performance')").communicate()
    assert governor(root) == "performance"
    assert "is left at performance, which another program has set; it was schedutil" in said


def test_a_number_that_another_process_has_now_is_not_named(root: Path, state: Path) -> None:
    """A guardian is still busy, and its parent's number belongs to an innocent."""
    path = session_files(root, state)[0]
    lock = locked(path)
    with subprocess.Popen(["sleep", "60"]) as innocent:
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{innocent.pid} 1".encode(), 0)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("tvfs_gym.envs.boards.linux.session.PATIENCE_S", 0.1)
            with pytest.raises(BoardError, match="the guardian of a run that has ended controls"):
                locked(path)
        innocent.kill()
    os.close(lock)


def test_a_guardian_that_was_stopped_restores_nevertheless(root: Path, machine: Opened) -> None:
    found = fake_sysfs.settings(root / CPUFREQ)
    held = machine()
    (pid,) = guardians(os.getpid())
    os.kill(pid, signal.SIGSTOP)
    held.close()
    assert fake_sysfs.settings(root / CPUFREQ) == found


def test_no_signal_but_sigkill_ends_a_guardian(
    root: Path, tmp_path: Path, running: "subprocess.Popen[str]"
) -> None:
    found = {**fake_sysfs.settings(root / CPUFREQ), "scaling_governor": "schedutil"}
    (pid,) = guardians(running.pid)
    obeyed = {getattr(signal, name) for name in guardian.OBEYED}
    for number in signal.valid_signals() - obeyed:
        os.kill(pid, number)
    running.kill()
    running.communicate()
    await_restoration(root, tmp_path)
    assert governor(root) == found["scaling_governor"]
