"""The environment on a real board's interface: a fake sysfs, real networks, real time."""

import gc
import json
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from tests.envs.boards.fake_sysfs import FakeKernel, add_power, settings
from tests.envs.boards.kills import SIGNALS
from tvfs_gym.envs.boards.board import Configuration
from tvfs_gym.envs.boards.linux.session import locked, session_files
from tvfs_gym.envs.boards.window import F, Window
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.outcomes import outcome_tables
from tvfs_gym.envs.linux_env import LinuxBoardEnv

CPUFREQ = "devices/system/cpu/cpufreq/policy0"


def made(root: Path, tmp_path: Path, **arguments: Any) -> LinuxBoardEnv:
    options = {
        "state_folder": str(tmp_path / "state"),
        "settle_s": 0.0,
        **arguments.pop("options", {}),
    }
    made = gymnasium.make(
        "tvfs_gym/LinuxBoard-v1", root=str(root), threads=1, options=options, **arguments
    ).unwrapped
    assert isinstance(made, LinuxBoardEnv)
    return made


@pytest.mark.parametrize("kind", ["discrete", "multi_discrete"])
@pytest.mark.parametrize("passes", [False, True])
def test_gymnasiums_checker_finds_nothing(
    root: Path, kernel: FakeKernel, tmp_path: Path, kind: str, passes: bool
) -> None:
    env = made(root, tmp_path, action_space=kind, choose_passes=passes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # A second environment over the same board, as the other checks make, is refused.
        check_env(env, skip_render_check=True, skip_close_check=True)
    env.close()
    env.close()


def test_an_episode_measures_what_a_controller_delivers(
    root: Path, kernel: FakeKernel, tmp_path: Path
) -> None:
    """The digits' fastest and slowest networks get their recorded accuracy, within three sigma."""
    add_power(root)
    env = made(root, tmp_path, scenario={"frames": 400, "policy": "1C"}, frames_per_step=200)
    assert env.action_space == gymnasium.spaces.Discrete(12 * 5)
    _, start = env.reset(seed=0)
    for topology, level in ((0, 0), (11, 4)):
        _, reward, _, truncated, info = env.step(env.action(Configuration(topology, level)))
        window = Window(info["window"])
        expected = outcome_tables(env.board.family).run.correct[topology, :, 0].mean()
        deviation = np.sqrt(expected * (1 - expected) / 200)
        assert abs(window.correct_frames / 200 - expected) <= 3 * deviation
        assert reward == window.on_time_correct_frames / 200
        assert window.vf_level == level and window.topology == topology
        assert window.frequency_hz == env.board.operating_points[level].frequency_hz
        assert window.energy_j == pytest.approx(2.0 * window.duration_s, rel=0.01)
        assert window.duration_s >= info["frames"][:, F.LATENCY_S].sum()
        assert info.keys() == start.keys() and info["board"].keys() == start["board"].keys()
        assert info["board"]["requested_level"] == level
        assert 0 <= info["board"]["control_s"] < 1
    assert truncated
    env.close()


def test_frames_without_labels_have_no_accuracy(
    root: Path, kernel: FakeKernel, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="no labels: give labelled pictures, or reward='expected"):
        made(root, tmp_path, frames="noise")
    env = made(root, tmp_path, frames="noise", reward="expected_on_time_accuracy")
    env.reset(seed=0)
    _, reward, _, _, info = env.step(0)
    window = Window(info["window"])
    assert np.isnan(window.correct_frames) and np.isnan(window.on_time_correct_frames)
    assert reward == window.confidence_mean * (1 - window.late_frames / 10)
    env.close()


def test_its_spec_survives_json(root: Path, kernel: FakeKernel, tmp_path: Path) -> None:
    env = gymnasium.make(
        "tvfs_gym/LinuxBoard-v1",
        root=str(root),
        options={"state_folder": str(tmp_path / "state"), "settle_s": 0.0},
    )
    spec = env.spec
    env.close()
    assert spec is not None and json.loads(spec.to_json())["kwargs"]["root"] == str(root)


def test_a_wrong_argument_leaves_the_board_free(
    root: Path, kernel: FakeKernel, tmp_path: Path
) -> None:
    before = settings(kernel.folder)
    with pytest.raises(InputError, match="frames_per_step"):
        made(root, tmp_path, frames_per_step=0)
    assert settings(kernel.folder) == before
    with pytest.raises(InputError, match="unknown key"):
        LinuxBoardEnv(root=root, options={"state_folder": tmp_path / "state", "settle": 1})
    made(root, tmp_path).close()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_killed_environment_leaves_the_board_as_it_was(
    root: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """At a random moment of an episode, inference in progress."""
    found = settings(root / CPUFREQ)
    script = (
        "import gymnasium, signal, tvfs_gym\n"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"  # which nohup would have it ignore
        f"env = gymnasium.make('tvfs_gym/LinuxBoard-v1', root={str(root)!r}, threads=1, options="
        f"{{'state_folder': {str(tmp_path / 'state')!r}, 'settle_s': 0.0}})\n"
        "env.reset(seed=0)\n"
        "print('running', flush=True)\n"
        "while True:\n"
        "    if any(env.step(env.action_space.sample())[2:4]):\n"
        "        env.reset()\n"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert run.stdout is not None and run.stdout.readline() == "running\n"
    assert settings(root / CPUFREQ) != found
    time.sleep(random.uniform(0.0, 0.5))
    run.send_signal(number)
    run.communicate(timeout=60)
    os.close(locked(session_files(root, tmp_path / "state")[0]))
    assert settings(root / CPUFREQ) == found


def test_an_exception_in_a_run_leaves_the_board_as_it_was(root: Path, tmp_path: Path) -> None:
    found = settings(root / CPUFREQ)

    def run() -> None:
        env = made(root, tmp_path)
        env.reset(seed=0)
        env.step(-1)

    with pytest.raises(gymnasium.error.InvalidAction):
        run()
    gc.collect()  # what a program's end does
    assert settings(root / CPUFREQ) == found
