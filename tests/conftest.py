"""What several tests share."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import command_line
from tvfs_gym.baselines.characterisation.characterisation import Characterisation, characterise
from tvfs_gym.envs.board_env import BoardEnv
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_env import TwinEnv

# The first example of a compiled function pays for its compilation.
settings.register_profile("tests", deadline=None, derandomize=True)
settings.load_profile("tests")

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"

Cli = Callable[..., command_line.Completed]


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
    """The command ``tvfs-gym``, run in this process, in a folder of its own."""
    folder = tmp_path_factory.mktemp("cli")

    def run(*arguments: str | Path, **environment: str) -> command_line.Completed:
        return command_line.run(folder, arguments, environment)

    return run


@pytest.fixture(scope="session")
def one_scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A suite of one scenario, for benchmarks that are quick."""
    path = tmp_path_factory.mktemp("suite") / "one_scenario.toml"
    path.write_text(
        'family = "recorded"\nlatency_constraints_s = [0.075]\n\n[conditions.nominal]\n'
    )
    return path


@pytest.fixture
def recorded() -> BoardEnv:
    """The twin with the recorded networks."""
    return TwinEnv("odroid_xu4", "recorded")


@pytest.fixture
def hosted() -> BoardEnv:
    """The twin in the published TVFS set-up."""
    return TwinEnv("odroid_xu4", "mobilenet_v1_hosted")


@pytest.fixture(scope="session")
def recorded_characterisation() -> Characterisation:
    return characterise(TwinEnv("odroid_xu4", "recorded").board, Scenario())


@pytest.fixture(scope="session")
def hosted_characterisation() -> Characterisation:
    return characterise(TwinEnv("odroid_xu4", "mobilenet_v1_hosted").board, Scenario())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gives an hour to the tests that are slow by intention."""
    for item in items:
        if item.get_closest_marker("slow") or item.get_closest_marker("kernel"):
            item.add_marker(pytest.mark.timeout(3600))


@pytest.fixture
def heeded() -> Iterator[None]:
    """Interrupts are heeded; in the background of a shell without jobs they are ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
