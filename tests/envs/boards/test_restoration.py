"""Whatever happens to a run, the board is as it was found."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Cli
from tests.envs.boards import fake_sysfs
from tests.envs.boards.conftest import Opened
from tests.envs.boards.fake_sysfs import GOVERNORS, KHZ, FakeKernel
from tests.envs.boards.kills import SIGNALS, kill_many
from tvfs_gym.envs.boards.linux import guardian
from tvfs_gym.envs.boards.linux.guardian import Setting
from tvfs_gym.envs.boards.linux.machine import Machine
from tvfs_gym.envs.boards.linux.session import Session, locked, session_files, state_folder
from tvfs_gym.envs.errors import BoardError

ROOT = Path(__file__).resolve().parents[3]
CPUFREQ = "devices/system/cpu/cpufreq/policy0"


def run_on(root: Path, state: Path, rest: str) -> subprocess.Popen[str]:
    """A run of its own that holds a board, says so, and goes on as told."""
    script = (
        "import os, signal, sys, time\n"
        "from pathlib import Path\n"
        "from tvfs_gym.envs.boards.linux.machine import Machine\n"
        f"machine = Machine(Path({str(root)!r}), state_folder=Path({str(state)!r}))\n"
        "machine.request(1)\n"
        f"{rest}\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def await_release(root: Path, state: Path) -> None:
    os.close(locked(session_files(root, state)[0]))


def governor(root: Path) -> str:
    return (root / CPUFREQ / "scaling_governor").read_text().strip()


WAIT = "print('held', flush=True); time.sleep(60)"


@pytest.mark.parametrize("number", SIGNALS)
def test_a_killed_run_leaves_the_board_as_it_was(
    root: Path, tmp_path: Path, number: signal.Signals
) -> None:
    found = fake_sysfs.settings(root / CPUFREQ)
    run = run_on(root, tmp_path / "state", WAIT)
    assert run.stdout is not None and run.stdout.readline() == "held\n"
    assert governor(root) == "userspace"
    run.send_signal(number)
    run.communicate()
    await_release(root, tmp_path / "state")
    assert fake_sysfs.settings(root / CPUFREQ) == found
    assert not session_files(root, tmp_path / "state")[1].exists()


@pytest.mark.parametrize(
    "end", ["pass", "raise RuntimeError", "sys.exit(3)", "machine.close(); machine.close()"]
)
def test_however_a_program_ends_the_board_is_restored_before(
    root: Path, tmp_path: Path, end: str
) -> None:
    found = fake_sysfs.settings(root / CPUFREQ)
    run_on(root, tmp_path / "state", end).communicate()
    assert fake_sysfs.settings(root / CPUFREQ) == found


def test_a_fork_that_outlives_the_run_neither_restores_nor_delays(
    root: Path, tmp_path: Path
) -> None:
    found = fake_sysfs.settings(root / CPUFREQ)
    fork = "child = os.fork()\nif child == 0:\n    sys.exit()\nos.waitpid(child, 0)\n"
    run = run_on(root, tmp_path / "state", fork + WAIT)
    assert run.stdout is not None and run.stdout.readline() == "held\n"
    assert governor(root) == "userspace"
    run.kill()
    run.communicate()
    await_release(root, tmp_path / "state")
    fork = "child = os.fork()\nif child == 0:\n    os.close(1); os.close(2); time.sleep(20)\n"
    run = run_on(root, tmp_path / "state", f"{fork}print(child, flush=True); {WAIT}")
    assert run.stdout is not None
    child = int(run.stdout.readline())
    run.kill()
    run.communicate()
    for _ in range(200):
        if governor(root) == found["scaling_governor"]:
            break
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    assert fake_sysfs.settings(root / CPUFREQ) == found


def guardians(pid: int) -> list[int]:
    """Those of a process."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [
        int(child)
        for child in children
        if b"guardian.py" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


def test_a_guardian_that_was_killed_is_replaced(root: Path, machine: Opened) -> None:
    found = fake_sysfs.settings(root / CPUFREQ)
    held = machine()
    before = guardians(os.getpid())
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.1)
    held.request(2)
    assert guardians(os.getpid()) and guardians(os.getpid()) != before
    held.close()
    assert fake_sysfs.settings(root / CPUFREQ) == found


def test_without_a_guardian_the_run_itself_restores(root: Path, machine: Opened) -> None:
    found = fake_sysfs.settings(root / CPUFREQ)
    held = machine()
    for pid in guardians(os.getpid()):
        os.kill(pid, signal.SIGKILL)
    held.close()
    assert fake_sysfs.settings(root / CPUFREQ) == found


def kill_both(root: Path, state: Path) -> None:
    run = run_on(root, state, WAIT)
    assert run.stdout is not None and run.stdout.readline() == "held\n"
    (pid,) = guardians(run.pid)
    os.kill(pid, signal.SIGKILL)
    run.kill()
    run.communicate()
    assert governor(root) == "userspace"


def test_doctor_restores_what_a_run_and_its_guardian_left(
    root: Path, tmp_path: Path, cli: Cli
) -> None:
    found, state = fake_sysfs.settings(root / CPUFREQ), tmp_path / "state"
    kill_both(root, state)
    told = cli("doctor", "--root", root, "--state-folder", state)
    assert "run tvfs-gym doctor --restore" in told.stdout
    done = cli("doctor", "--restore", "--root", root, "--state-folder", state)
    assert (done.returncode, done.stdout) == (0, "Restored what a killed run had left.\n")
    assert fake_sysfs.settings(root / CPUFREQ) == found
    again = cli("doctor", "--restore", "--root", root, "--state-folder", state)
    assert again.returncode == 0 and "Nothing to restore" in again.stdout


def test_the_next_run_begins_with_what_the_killed_one_found(
    root: Path, tmp_path: Path, machine: Opened
) -> None:
    found = fake_sysfs.settings(root / CPUFREQ)
    kill_both(root, tmp_path / "state")
    held = machine()
    assert held.recovered
    held.close()
    assert fake_sysfs.settings(root / CPUFREQ) == found


def test_what_was_saved_before_a_reboot_is_not_restored(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = tmp_path / "state.json"
    saved.write_bytes(
        guardian.state_of([Setting(str(root / CPUFREQ / "scaling_governor"), "ondemand")])
    )
    saved.chmod(0o600)
    monkeypatch.setattr(guardian, "boot", lambda: "another")
    assert guardian.restore_state(saved, root) == [] and not saved.exists()
    assert governor(root) == "schedutil"


def test_what_cannot_be_restored_is_told_and_stays_on_file(root: Path, tmp_path: Path) -> None:
    saved = tmp_path / "state.json"
    gone = root / CPUFREQ / "gone/scaling_governor"
    saved.write_bytes(guardian.state_of([Setting(str(gone), "ondemand")]))
    saved.chmod(0o600)
    (problem, *_) = guardian.restore_state(saved, root)
    assert problem == f"{gone}: writing ondemand failed: No such file or directory."
    assert saved.exists()
    saved.write_text("{}")
    assert "cannot be used" in guardian.restore_state(saved, root)[0]


def test_two_runs_cannot_fight(root: Path, tmp_path: Path, machine: Opened) -> None:
    run = run_on(root, tmp_path / "state", WAIT)
    assert run.stdout is not None and run.stdout.readline() == "held\n"
    with pytest.raises(BoardError, match=f"process {run.pid} controls this board"):
        machine()
    run.kill()
    run.communicate()
    machine()  # waits for the guardian


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_state_kept_by_somebody_else_is_not_trusted(root: Path, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", 12345, 12345)
    with pytest.raises(BoardError, match="belongs to another user"):
        Machine(root, state_folder=tmp_path / "theirs")


def test_state_is_kept_where_no_reboot_leaves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert state_folder() == Path("/run/tvfs-gym")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1000")
    assert state_folder() == Path("/run/user/1000/tvfs-gym")
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert state_folder() == Path(f"/tmp/tvfs-gym-{os.getuid()}")


def test_each_sysfs_has_its_own_lock(root: Path, tmp_path: Path) -> None:
    one = session_files(root, tmp_path / "state")
    assert one == session_files(root / ".." / root.name, tmp_path / "state")
    assert one != session_files(tmp_path / "other", tmp_path / "state")


MOVES = st.one_of(
    st.tuples(st.just("request"), st.integers(0, len(KHZ) - 1)),
    st.tuples(st.just("throttle"), st.integers(0, len(KHZ) - 1)),
    st.tuples(st.just("look"), st.just(0)),
)


@given(
    moves=st.lists(MOVES, max_size=12),
    governor=st.sampled_from(GOVERNORS),
    userspace=st.booleans(),
    limits=st.tuples(st.sampled_from(KHZ), st.sampled_from(KHZ)),
)
@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_any_course_of_caps_and_requests_ends_as_it_began(
    tmp_path_factory: pytest.TempPathFactory,
    moves: list[tuple[str, int]],
    governor: str,
    userspace: bool,
    limits: tuple[int, int],
) -> None:
    """By the kernel's rules, and restored by the guardian's code while a cap may still hold."""
    folder = tmp_path_factory.mktemp("board")
    governors = GOVERNORS if userspace else tuple(one for one in GOVERNORS if one != "userspace")
    policy = fake_sysfs.build(
        folder / "sys",
        governor=governor if governor in governors else governors[0],
        governors=governors,
    )
    least, most = sorted(limits)
    fake_sysfs.put(policy, {"scaling_min_freq": str(least), "scaling_max_freq": str(most)})
    with pytest.MonkeyPatch.context() as patch:
        kernel = FakeKernel(folder / "sys").install(patch)
        patch.setattr(Session, "_start_guardian", lambda session: None)  # its code runs below
        kernel.throttle(0)
        found = fake_sysfs.settings(policy)
        held = Machine(folder / "sys", state_folder=folder / "state")
        levels = held.level_count
        for move, value in moves:
            if move == "request":
                held.request(value % levels)
                assert held.look().vf_level <= held.look().cap_level
            elif move == "throttle":
                kernel.throttle(value)
            else:
                held.look()
        state = session_files(folder / "sys", folder / "state")[1]
        assert guardian.restore_state(state, folder / "sys") == []
        kernel.throttle(0)
        assert fake_sysfs.settings(policy) == found
        held.close()


def test_random_kills() -> None:
    """`python -m tests.envs.boards.kills 1000` does it a thousand times."""
    restored, _, _ = kill_many(20, seed=1)
    assert restored == 20


@pytest.mark.slow
def test_a_thousand_random_kills() -> None:
    restored, signals, changed = kill_many(1000, seed=0)
    assert restored == 1000 and changed > 300 and min(signals.values()) > 200
