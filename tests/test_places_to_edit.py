"""An extension takes few places: each is made in a copy of the package, and used there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.house import FOLDERS

BOARD_FILE = "envs/boards/profiles/my_board.toml"

Edits = dict[str, tuple[str, str]]
"""Text to replace, and what replaces it, by file; all of a new file replaces nothing."""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package, in a folder that can be imported from."""
    for folder in FOLDERS:
        shutil.copytree(
            ROOT / folder,
            tmp_path / "tvfs_gym" / folder,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    shutil.copy(ROOT / "src" / "tvfs_gym" / "__init__.py", tmp_path / "tvfs_gym")
    return tmp_path


def printed(package: Path, edits: Edits, code: str) -> str:
    """What code prints that uses the package as edited, without compiling it anew."""
    for name, (before, after) in edits.items():
        path = package / "tvfs_gym" / name
        text = path.read_text() if path.exists() else ""
        assert text.count(before) == 1 or not text, f"'{before}' in {name}"
        path.write_text(text.replace(before, after) if text else after)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=package,
        env={**os.environ, "PYTHONPATH": str(package), "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_board_takes_its_profile(package: Path) -> None:
    profile = (ROOT / "envs" / "boards" / "profiles" / "raspberry_pi_4b.toml").read_text()
    mine = profile.replace('"raspberry_pi_4b"', '"my_board"').replace("RaspberryPi4B", "MyBoard")
    code = """
import gymnasium, tvfs_gym
env = gymnasium.make("tvfs_gym/MyBoard-v1")
env.reset(seed=0)
env.step(0)
print(env.unwrapped.board.profile.name)
"""
    assert printed(package, {BOARD_FILE: ("", mine)}, code) == "my_board"


def test_a_controller_takes_its_file_and_its_name_in_the_table(package: Path) -> None:
    edits: Edits = {
        "baselines/slowest.py": (
            "",
            "import numpy as np\n"
            "from tvfs_gym.baselines.controller import Choice, Controller\n"
            "class Slowest(Controller):\n"
            "    def decide(self, reading, state):\n"
            "        none = np.zeros(len(reading.temperature_c), int)\n"
            "        return Choice(none, none), state\n",
        ),
        "baselines/__init__.py": (
            "CONTROLLERS: dict[str, Callable[[Design], Controller]] = {\n",
            "from tvfs_gym.baselines.slowest import Slowest\n"
            "CONTROLLERS: dict[str, Callable[[Design], Controller]] = {\n"
            '    "slowest": Slowest,\n',
        ),
    }
    code = """
from tvfs_gym.experiments.cli import main
import sys
sys.argv = ["tvfs-gym", "run", "--controller", "slowest", "--board", "odroid_xu4",
            "--frames", "20", "--seeds", "1", "--output", "run"]
main()
"""
    assert "slowest" in printed(package, edits, code)


def test_a_reward_takes_one_place(package: Path) -> None:
    edits: Edits = {
        "envs/reward.py": (
            "REWARDS: dict[str, Reward] = {\n",
            "def thrift(window: Window) -> Any:\n"
            "    return -window.energy_j\n\n\n"
            'REWARDS: dict[str, Reward] = {"thrift": thrift} | {\n',
        )
    }
    code = """
from tvfs_gym.envs import TwinEnv, TwinVectorEnv, Window
alone, batch = TwinEnv(reward="thrift"), TwinVectorEnv(2, reward="thrift")
alone.reset(seed=0), batch.reset(seed=0)
_, reward, *_, info = alone.step(0)
print(reward == -Window(info["window"]).energy_j == batch.step([0, 0])[1][0])
"""
    assert printed(package, edits, code) == "True"


def test_a_change_of_a_scenario_takes_two_places(package: Path) -> None:
    """Frames arrive less often from then on, at one twin and in a batch."""
    edits: Edits = {
        "envs/scenario.py": (
            "    ambient_c: float | None = Field(default=None, ge=-40, le=100)\n",
            "    ambient_c: float | None = Field(default=None, ge=-40, le=100)\n"
            "    arrival_period_s: float | None = Field(default=None, ge=0)\n",
        ),
        "envs/boards/twin/board.py": (
            "            P.AMBIENT_C: scenario.ambient_c,\n",
            "            P.AMBIENT_C: scenario.ambient_c,\n"
            "            P.ARRIVAL_PERIOD_S: scenario.arrival_period_s,\n",
        ),
    }
    code = """
from tvfs_gym.envs import TwinEnv, TwinVectorEnv, Window
scenario = {"frames": 40, "changes": [{"at_s": 0.1, "arrival_period_s": 2.0}]}
alone, batch = TwinEnv(scenario=scenario), TwinVectorEnv(2, scenario=scenario)
alone.reset(seed=0), batch.reset(seed=0)
for _ in range(3):
    one, many = alone.step(0)[4], batch.step([0, 0])[4]
duration_s = Window(one["window"]).duration_s
print(duration_s > 10.0, Window(many["window"]).duration_s[0] == duration_s)
"""
    assert printed(package, edits, code) == "True True"


def test_an_entry_of_the_observation_takes_one_file(package: Path) -> None:
    """All environments have it; policies that were trained without it run as before."""
    source = (ROOT / "envs" / "observation.py").read_text()
    entry = '    ("t_max", "T_max / 100 degC", -0.5, 2.0),\n'
    filled = "    for entry in range(len(observation)):\n"
    assert source.count(entry) == source.count(filled) == 1
    edited = source.replace(entry, f'    ("load", "busy share of the CPUs", 0.0, 1.0),\n{entry}')
    edited = edited.replace(filled, f"    observation[ENTRY.LOAD] = window[W.LOAD]\n{filled}")
    code = """
from tvfs_gym import baselines
from tvfs_gym.agents.pretrained import load_pretrained
from tvfs_gym.envs import TwinEnv, TwinVectorEnv, Window
env, batch = TwinEnv(), TwinVectorEnv(2)
observation, _ = env.reset(seed=0)
batch.reset(seed=0)
for policy in (baselines.make("tvfs", env), load_pretrained("ztt")):
    env.reset(seed=0)
    action, _ = policy.predict(observation)
    observation, *_, info = env.step(action)
many = batch.step([0, 0])[0]
loads = observation[-2], many[0, -2]
print(observation.shape == env.observation_space.shape == (14,), *(0 < load <= 1 for load in loads))
"""
    assert printed(package, {"envs/observation.py": (source, edited)}, code) == "True True True"


def test_a_learner_takes_its_line_in_the_registry(package: Path) -> None:
    line = '    "q_table": Algorithm(16, 1_000_000, learner=QTable, reward="q_table"),\n'
    mine = '    "my_learner": Algorithm(2, 40, learner=QTable),\n'
    edits = {"agents/training.py": (line, line + mine)}
    code = """
from pathlib import Path
from tvfs_gym.agents.training import LEARNERS, Training
training = Training("my_learner", {}, evaluation_episodes=1, evaluations=1)
Path("learnt").mkdir()
training.run(Path("learnt"), progress_bar=False)
print("my_learner" in LEARNERS, Path("learnt/policy.json").exists())
"""
    assert printed(package, edits, code) == "True True"
