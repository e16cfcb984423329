"""The README's example runs, and its numbers were written by a command."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import documents
from tests.conftest import Cli
from tvfs_gym.baselines import CONTROLLERS, HINDSIGHT

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def test_the_example_runs() -> None:
    example = documents.blocks(ROOT / "README.md", "python")[0]
    done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    count = re.fullmatch(r"(\d+) of 2000 frames answered correctly and on time\n", done.stdout)
    assert count and int(count[1]) > 1500


def test_adaptta_runs_as_printed_on_the_networks_that_ship(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli("models", "fetch", tmp_path / "demo", "--family", "digits").returncode == 0
    (code,) = (b for b in documents.blocks(ROOT / "README.md", "python") if "AdapTTA(" in b)
    names = dict[str, Any]()
    exec(code, names)
    assert 0 <= names["answer"].label <= 9 and 1 <= names["answer"].passes <= 10


def test_the_controller_of_the_page_runs_in_the_benchmark(cli: Cli, tmp_path: Path) -> None:
    code = documents.blocks(ROOT / "docs" / "your_controller.md", "python")[0]
    assert len(code.split("class ")[1].splitlines()) <= 20
    (tmp_path / "two_rows.py").write_text(code)
    done = cli(
        "benchmark", "--controller", tmp_path / "two_rows.py", "--seeds", "1", "--frames", "100",
        "--suite", "published", "--output", tmp_path / "run",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "two_rows.py" in done.stdout


@pytest.mark.parametrize("section", ["benchmark", "adaptta"])
def test_the_tables_were_written(section: str) -> None:
    text = README.split(f"<!-- {section}:begin -->")[1].split(f"<!-- {section}:end -->")[0]
    assert text.count("|") > 50


def test_every_baseline_is_named() -> None:
    assert all(f"`{name}`" in README for name in (*CONTROLLERS, *HINDSIGHT))


def test_the_page_of_the_baselines_has_them_all() -> None:
    """Name a new one in baselines/knowledge.py, and run tvfs-gym dev publish baselines."""
    page = (ROOT / "docs" / "baselines.md").read_text()
    assert all(f"| `{name}`" in page for name in (*CONTROLLERS, *HINDSIGHT))


def test_the_adaptta_table_is_up_to_date(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(README)
    assert cli("dev", "publish", "adaptta", "recorded", "--checkout", tmp_path).returncode == 0
    assert (tmp_path / "README.md").read_text() == README


def test_every_link_leads_somewhere() -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / link).exists(), link
