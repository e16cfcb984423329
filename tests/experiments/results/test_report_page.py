"""The report in a browser: it is drawn, sorts, chooses curves, and complains of nothing."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Cli
from tvfs_gym.envs.boards.profile import load_profile, profile_names
from tvfs_gym.experiments.results.twin_card import ERRORS, twin_errors

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

CLICKS = """
<pre id="seen"></pre><script>
const paths = () => document.querySelectorAll(".chart path").length, seen = {before: paths()};
document.querySelectorAll(".chart input").forEach(box => { if (box.checked) box.click(); });
seen.none = paths();
document.querySelectorAll(".chart input").forEach(box => box.click());
seen.all = paths();
const table = document.querySelector("table.sortable"), head = table.tHead.rows[0].cells[2];
const first = () => table.tBodies[0].rows[0].cells[0].textContent;
head.click(); seen.best = first(); head.click(); seen.worst = first();
seen.wide = document.documentElement.scrollWidth - innerWidth;
seen.links = [...document.querySelectorAll("nav a")].every(a => document.querySelector(a.hash));
document.getElementById("seen").textContent = JSON.stringify(seen);
</script>"""


@pytest.fixture(scope="module")
def page(cli: Cli, one_scenario: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of two controllers in one scenario."""
    folder = tmp_path_factory.mktemp("report") / "run"
    done = cli(
        "benchmark", "--suite", one_scenario, "--seeds", "2", "--frames", "200", "--controller",
        "tvfs", "--controller", "powersave", "--quiet", "--output", folder,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder / "report.html"


def test_a_report_leads_with_a_sentence_and_marks_the_best(page: Path) -> None:
    text = page.read_text()
    assert re.search(r"<h1>\w+ comes closest to the bound", text)
    assert text.count('class="best"') == 2  # in the ranking, and in the scenario
    assert "prefers-color-scheme: dark" in text and "@media print" in text
    for word in ("scenario", "bound", "oracle, best_fixed (*)", "reliable accuracy"):
        assert f"<dt>{word}</dt>" in text


def test_a_report_says_how_good_its_twin_is(page: Path) -> None:
    card = page.read_text().split("How good are the twins?")[1].split("</table>")[0]
    assert "<td>odroid_xu4, fan</td><td>1</td><td>9.3</td><td>23.7</td>" in card


def test_every_cooling_that_was_measured_has_its_error() -> None:
    config = {
        "boards": {name: load_profile(name).model_dump() for name in profile_names()},
        "scenarios": {
            f"{name}, {cooling}": {"board": name, "cooling": cooling, "changes": []}
            for name in profile_names()
            for cooling in load_profile(name).cooling
        },
    }
    found = twin_errors(config)
    measured = [tuple(row.split(",")[:2]) for row in ERRORS.read_text().splitlines()[1:]]
    shipped = {(error.board, error.cooling) for error in found}
    assert len(shipped) == len(config["scenarios"])
    known = [pair for pair in measured if pair in shipped]
    assert sum(error.held_out is not None for error in found) == len(known) > 0
    assert not twin_errors({**config, "real": True})


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")
@pytest.mark.parametrize("width", [1400, 390])
def test_a_report_works_in_a_browser(page: Path, tmp_path: Path, width: int) -> None:
    clicked = tmp_path / "clicked.html"
    clicked.write_text(page.read_text().replace("</body>", f"{CLICKS}</body>"))
    done = subprocess.run(
        [str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom",
         "--enable-logging=stderr", f"--user-data-dir={tmp_path / 'profile'}",
         f"--window-size={width},900", clicked.as_uri()],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "CONSOLE" not in done.stderr, done.stderr
    found = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout)
    assert found, done.stderr
    seen = json.loads(found[1])
    assert seen["before"] == 4 and seen["none"] == 0 and seen["all"] == 2 * 4
    assert {seen["best"], seen["worst"]} == {"tvfs", "powersave"}
    assert seen["wide"] <= 0 and seen["links"]
