"""Suites in variations of their boards, and the statements that they carry."""

from pathlib import Path

import polars as pl
import pytest

from tests.conftest import Cli
from tvfs_gym.experiments.benchmarks.sensitivity import (
    SECTION,
    episodes_by_variation,
    publish_sensitivity,
)
from tvfs_gym.experiments.benchmarks.statements import STATEMENTS, Difference, stands

SUITE = """
family = "mobilenet_v1_hosted"
latency_constraints_s = [0.027]
conditions.nominal.scenario = { policy = "1C", frames = 100 }
[variations]
"as it is" = {}
"latency x 2" = { latency = 2.0 }
"""


@pytest.fixture(scope="module")
def varied(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("sensitivity")
    (home / "small.toml").write_text(SUITE)
    named = [part for name in ("tvfs", "performance") for part in ("--controller", name)]
    asked = "--suite", home / "small.toml", "--seeds", "2"
    done = cli("benchmark", *asked, *named, "--output", home / "run")
    assert done.returncode == 0, done.stderr
    return home / "run"


def test_every_variation_has_its_episodes(varied: Path) -> None:
    by_variation = episodes_by_variation(varied)
    assert list(by_variation) == ["as it is", "latency x 2"]
    tvfs = pl.col("controller").cast(pl.String) == "tvfs"
    p50_s = [own.filter(tvfs)["latency_s_p50"].mean() for own in by_variation.values()]
    assert all(own.height == 4 for own in by_variation.values())
    assert p50_s[0] != p50_s[1]


def test_the_page_judges_the_statements_that_can_be(varied: Path, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(f"<!-- {SECTION}:begin -->\n<!-- {SECTION}:end -->\n")
    publish_sensitivity(varied, varied, tmp_path)
    page = (tmp_path / "docs" / "sensitivity.md").read_text()
    assert STATEMENTS[0].text in page and "(`predictive` − `tvfs`)" not in page
    assert "suite small" in (tmp_path / "README.md").read_text()


def test_a_statement_stands_only_if_the_suite_and_all_variations_carry_it() -> None:
    clear, thin, turned = Difference(2, 1, 3), Difference(0.5, -0.5, 1.5), Difference(-0.1, -1, 1)
    assert stands(clear, {"one": clear, "two": thin})
    assert not stands(thin, {"one": clear})
    assert not stands(clear, {"one": clear, "two": turned})
