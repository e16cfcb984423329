"""Dependencies point one way, and modules stay short."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("envs", "baselines", "agents", "experiments")
MODULES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))

LAYERS = (
    ("envs.errors", "envs.jit", "envs.limits", "envs.tables", "envs.toml"),
    ("envs.inference", "envs.physics"),
    ("envs.scenario",),
    ("envs.boards",),
    ("envs",),
    ("baselines",),
    ("agents",),
    ("experiments",),
)
"""From the ground up: a module imports only from its own layer and those before it."""


def layer(module: str) -> int:
    """The layer of a module; the longest name that fits it decides."""
    names = [(name, level) for level, group in enumerate(LAYERS) for name in group]
    fitting = [(len(n), level) for n, level in names if f"{module}.".startswith(f"{n}.")]
    return max(fitting)[1]


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
    own = layer(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
    for module in imports(path):
        assert layer(module) <= own, f"{path.relative_to(ROOT)} imports {module}"


def test_layers_are_found() -> None:
    assert layer("envs.physics.thermal") == 1 and layer("envs.board_env") == 4
    assert "envs.jit" in imports(ROOT / "envs" / "physics" / "thermal.py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_holds_one_subject(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 450
