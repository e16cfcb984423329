"""pyproject.toml names every package and data file on disk, and the links are right."""

import re
import runpy
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import tvfs_gym

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("agents", "baselines", "envs", "experiments")
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def dotted(folder: Path) -> str:
    return "tvfs_gym." + ".".join(folder.relative_to(ROOT).parts)


def test_every_package_is_listed() -> None:
    on_disk = {"tvfs_gym"}
    for folder in FOLDERS:
        on_disk |= {dotted(init.parent) for init in (ROOT / folder).rglob("__init__.py")}
    assert set(SETTINGS["packages"]) == on_disk


def test_every_module_is_in_a_package() -> None:
    for folder in FOLDERS:
        for module in (ROOT / folder).rglob("*.py"):
            assert (module.parent / "__init__.py").is_file(), module


def test_every_data_file_is_listed() -> None:
    listed: set[Path] = set()
    for package, patterns in SETTINGS["package-data"].items():
        if package != "tvfs_gym":
            base = ROOT.joinpath(*package.split(".")[1:])
            listed |= {path for pattern in patterns for path in base.glob(pattern)}
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.parent.name != "__pycache__" and path.suffix != ".py":
                assert path in listed, f"{path} would be missing from the wheel"


@pytest.mark.parametrize("folder", FOLDERS)
def test_link(folder: str) -> None:
    link = ROOT / "src" / "tvfs_gym" / folder
    # A checkout without symbolic links holds the target as text.
    target = link.readlink().as_posix() if link.is_symlink() else link.read_text()
    assert target == f"../../{folder}"


def test_one_import_name() -> None:
    assert not set(FOLDERS) & set(sys.modules)
    assert tvfs_gym.envs.BoardEnv.__module__ == "tvfs_gym.envs.board_env"
    assert tvfs_gym.__version__ == version("tvfs-gym")


def test_the_long_description_leads_nowhere_that_only_a_checkout_has() -> None:
    long_description = runpy.run_path(str(ROOT / "setup.py"))["long_description"]
    text = long_description((ROOT / "README.md").read_text(encoding="utf-8"))
    assert text.startswith("# tvfs-gym\n") and "film_tvfs" not in text and "v2_course" not in text
    assert re.findall(r"\]\((?!https?:)", text) == []
    assert "| `tvfs-gym benchmark` |" in text and "(https://gymnasium.farama.org)" in text
    assert '"readme"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
