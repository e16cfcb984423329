"""What several tests share."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from tvfs_gym.baselines.characterisation.characterisation import Characterisation, characterise
from tvfs_gym.envs.board_env import BoardEnv, twin_env
from tvfs_gym.envs.scenario import Scenario

# The first example of a compiled function pays for its compilation.
settings.register_profile("tests", deadline=None, derandomize=True)
settings.load_profile("tests")

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def models() -> Path:
    """The real networks, which are not part of the repository."""
    if not SHARED.is_dir():
        pytest.skip("the real networks stand beside a developer's checkout only, in ../shared")
    return SHARED / "models"


@pytest.fixture(scope="session")
def photographs() -> Path:
    """The labelled photographs, which are not part of the repository."""
    if not SHARED.is_dir():
        pytest.skip("the photographs stand beside a developer's checkout only, in ../shared")
    return SHARED / "images"


@pytest.fixture(scope="session")
def traces() -> Path:
    """Measured traces of real boards, which are not part of the repository."""
    if not SHARED.is_dir():
        pytest.skip("the measured traces stand beside a developer's checkout only, in ../shared")
    return SHARED / "traces"


@pytest.fixture(scope="session")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """The real command, run in a subprocess, in a folder of its own."""
    folder = tmp_path_factory.mktemp("cli")

    def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tvfs_gym.experiments.cli", *map(str, arguments)],
            cwd=folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


@pytest.fixture
def recorded() -> BoardEnv:
    """The twin with the recorded networks."""
    return twin_env("odroid_xu4", "recorded")


@pytest.fixture
def hosted() -> BoardEnv:
    """The twin in the published TVFS set-up."""
    return twin_env("odroid_xu4", "mobilenet_v1_hosted")


@pytest.fixture(scope="session")
def recorded_characterisation() -> Characterisation:
    return characterise(twin_env("odroid_xu4", "recorded").board, Scenario())


@pytest.fixture(scope="session")
def hosted_characterisation() -> Characterisation:
    return characterise(twin_env("odroid_xu4", "mobilenet_v1_hosted").board, Scenario())
