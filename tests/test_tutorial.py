"""The tutorial runs as printed, and its commands are understood."""

import contextlib
from pathlib import Path
from typing import Any

import pytest

from tests import documents
from tests.conftest import ROOT, Cli

DOCS = ROOT / "docs"
LESSONS = sorted((DOCS / "tutorial").glob("[!i]*.md"))
PAGES = [*LESSONS, DOCS / "your_controller.md", DOCS / "your_board.md", DOCS / "board.md"]


@pytest.mark.parametrize("page", LESSONS, ids=lambda page: page.stem)
def test_the_code_of_a_lesson_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, names = documents.blocks(page, "python"), dict[str, Any]()
    assert code
    with contextlib.redirect_stdout(None):
        for block in code:
            exec(block, names)
    if page.stem == "twin":
        assert names["shares"]["tvfs"] > names["shares"]["performance"]


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.stem)
def test_commands_are_understood(page: Path, cli: Cli) -> None:
    """Sub-commands and options are known; ``--help`` ends each before it does anything."""
    for command in documents.commands(page):
        arguments = command.split("tvfs-gym", 1)[1].split()
        done = cli(*arguments, "--help")
        assert done.returncode == 0, (command, done.stderr)
    assert documents.commands(page)


def test_an_unknown_option_is_seen(cli: Cli) -> None:
    assert cli("benchmark", "--no-such-option", "--help").returncode == 2


def test_every_page_is_on_the_site() -> None:
    settings = (ROOT / "mkdocs.yml").read_text()
    for page in DOCS.rglob("*.md"):
        assert f" {page.relative_to(DOCS).as_posix()}\n" in settings, page
