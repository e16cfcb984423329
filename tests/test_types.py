"""Users' type checkers see the public names: the code of the documents passes ``mypy --strict``.

In the environment at hand, from a folder outside the checkout. Packages that bring no types may be
ignored; names of tvfs_gym must resolve and be typed.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import documents

ROOT = Path(__file__).resolve().parents[1]
UNTYPED = ("sb3_contrib.*", "stable_baselines3.*", "torch.*")

pytestmark = pytest.mark.types


def mypy(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "code.py").write_text(code)
    sections = "".join(f"[mypy-{name}]\nignore_missing_imports = true\n" for name in UNTYPED)
    (folder / "mypy.ini").write_text(
        f"[mypy]\nstrict = true\ncache_dir = {ROOT / '.mypy_cache' / 'types'}\n{sections}"
    )
    command = [sys.executable, "-m", "mypy", "--no-error-summary", "code.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def sources() -> dict[str, str]:
    """The README's code, whose blocks go on from one another, and every quick start."""
    readme = "".join(documents.blocks(ROOT / "README.md", "python"))
    files = sorted((ROOT / "tests" / "quickstarts").glob("[!_]*.py"))
    return {"README.md": readme, **{path.name: path.read_text() for path in files}}


@pytest.mark.parametrize("name", sources())
def test_the_code_of_the_documents_is_typed(name: str, tmp_path: Path) -> None:
    checked = mypy(sources()[name], tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_names_of_the_package_have_their_types(tmp_path: Path) -> None:
    code = "from tvfs_gym.envs import Scenario\nreveal_type(Scenario().frames)\n"
    assert 'Revealed type is "int"' in mypy(code, tmp_path).stdout.replace("builtins.", "")


def test_a_wrong_name_is_seen(tmp_path: Path) -> None:
    checked = mypy("from tvfs_gym.envs import NoSuchName\n", tmp_path)
    assert checked.returncode == 1 and "NoSuchName" in checked.stdout
