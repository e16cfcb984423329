"""Dependencies point one way, and modules stay short."""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

from tests import house

ROOT = Path(__file__).resolve().parents[1]
PUBLIC = {
    "envs": "BoardEnv TwinEnv TwinVectorEnv LinuxBoardEnv ReplayEnv Scenario Change Unit Sensing "
    "Window Configuration REWARDS load_profile load_family InputError BoardError",
    "baselines": "make Controller Choice Reading Design CONTROLLERS HINDSIGHT characterise",
    "agents": "load_policy",
    "experiments": "benchmark",
}
"""Names for users, by package; those of ``agents`` that need PyTorch are tested with it."""

FOLDERS = ("envs", "baselines", "agents", "experiments")
MODULES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))

MOST_CLIMBS = 2
"""How often a trace may climb back up on its way to a profile: see `tests.house.climbs`."""


def imports(path: Path) -> set[str]:
    """Modules of this project that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tvfs_gym."):
            found.add((node.module or "").removeprefix("tvfs_gym."))
        if isinstance(node, ast.Import):
            names = (alias.name for alias in node.names)
            found |= {n.removeprefix("tvfs_gym.") for n in names if n.startswith("tvfs_gym.")}
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_from_its_own_layer_or_below(path: Path) -> None:
    own = house.layer(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    )
    for module in imports(path):
        assert house.layer(module) <= own, f"{path.relative_to(ROOT)} imports {module}"


def test_layers_are_found() -> None:
    assert house.layer("envs.physics.thermal") == 1 and house.layer("envs.board_env") == 4
    assert "envs.jit" in imports(ROOT / "envs" / "physics" / "thermal.py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_holds_one_subject(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 450


def test_no_imports_go_in_a_circle() -> None:
    assert house.circles(house.import_graph()) == []


def test_names_have_one_meaning() -> None:
    """But for verbs of modules."""
    verbs = {"main", "read", "run", "section", "write"}
    assert not house.doubled_names().keys() - verbs


def test_a_trace_hardly_climbs_back_up_on_its_way_to_a_profile() -> None:
    graph = house.import_graph()
    assert len(house.climbs(graph)) <= MOST_CLIMBS, house.climbs(graph)
    graph["envs.physics.thermal"].add("envs.boards.profile")
    assert ("envs.physics.thermal", "envs.boards.profile") in house.climbs(graph)


def test_experiments_have_few_rooms() -> None:
    assert len(house.rooms("experiments")) <= 18


def test_the_page_of_the_architecture_names_what_there_is() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    paths = re.findall(r"`((?:envs|baselines|agents|experiments|tests)/[\w./]*)`", page)
    assert len(paths) > 30
    for path in paths:
        assert (ROOT / path).exists(), path
    for path, name in re.findall(r"`([\w/]+\.py)`: `(\w+)`", page):
        assert f" {name}" in (ROOT / path).read_text(), (path, name)


@pytest.mark.parametrize(("package", "names"), PUBLIC.items())
def test_the_public_names_are_there(package: str, names: str) -> None:
    module = import_module(f"tvfs_gym.{package}")
    exported = set(module.__all__)
    for name in names.split():
        assert name in exported and getattr(module, name) is not None
