"""The first hour of a newcomer: likely mistakes, lists of names, and how soon an answer comes."""

import json
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from zipfile import ZipFile

import gymnasium
import pytest

from tests import command_line
from tests.conftest import Cli
from tests.mistakes import MISTAKES, Mistake, write_files
from tvfs_gym.baselines import CONTROLLERS, HINDSIGHT
from tvfs_gym.envs.boards.profile import profile_names
from tvfs_gym.envs.errors import InputError
from tvfs_gym.experiments.lists import LISTS, completing


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.arguments)
def test_a_likely_mistake_is_answered_and_leaves_nothing_behind(
    tmp_path: Path, mistake: Mistake
) -> None:
    write_files(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    done = command_line.run(tmp_path, mistake.arguments.split())
    assert done.returncode == mistake.status
    printed = done.stdout if mistake.status == 1 else done.stderr
    assert mistake.answer in " ".join(printed.replace("│", " ").split())
    assert "Traceback" not in done.stderr
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("arguments", ["--cooling fann", "--tau 80", "--t-max-c 130"])
def test_a_mistake_in_a_scenario_is_found_before_a_folder_is_written(
    cli: Cli, tmp_path: Path, arguments: str
) -> None:
    folder = tmp_path / "run"
    done = cli("run", "--controller", "tvfs", *arguments.split(), "--output", folder)
    assert done.returncode == 2 and not folder.exists()


@pytest.mark.parametrize(
    ("scenario", "answer"),
    [
        ({"ambient": 40}, "ambient: unknown key: did you mean ambient_c?"),
        ({"latency_constraint_ms": 75}, "did you mean latency_constraint_s?"),
        ({"changes": [{"at_s": 1, "ambiant_c": 30}]}, "did you mean ambient_c?"),
        ({"unit": {"resistence": 1.1}}, "did you mean resistance?"),
        ({"sensing": {"qqq": 1}}, "choose one of bias_c, lag_s, noise_c, resolution_c."),
        ({"latency_constraint_s": 75}, "L_c is at most 10 s, not 75 s: 75 ms are 0.075 s"),
    ],
)
def test_a_scenario_that_cannot_be_meant_is_refused_with_the_nearest_name(
    scenario: dict[str, object], answer: str
) -> None:
    with pytest.raises(InputError, match=re.escape(answer)):
        gymnasium.make("tvfs_gym/OdroidXU4-v1", scenario=scenario)


@pytest.mark.parametrize("kind", LISTS)
def test_names_are_listed_and_completed(cli: Cli, kind: str) -> None:
    names = json.loads(cli("list", kind, "--json").stdout)
    assert len(names) > 2 and all(names.values())
    printed = cli("list", kind).stdout
    assert max(map(len, printed.splitlines())) <= 80
    assert all(name in " ".join(printed.split()) for name in names)
    first = min(names)
    assert first in completing(kind)(first[:3])


def test_the_lists_are_whole() -> None:
    assert set(LISTS["boards"]()) == {*profile_names(), "linux"}
    assert {*CONTROLLERS, *HINDSIGHT} <= set(LISTS["controllers"]())


HEAVY = {
    "ai_edge_litert", "jinja2", "matplotlib", "numba", "polars", "scipy.optimize", "scipy.special",
    "scipy.stats", "torch",
}  # fmt: skip
"""Packages that take a tenth of a second or more to import."""


QUICK = (
    "--help",
    "benchmark --help",
    "list controllers",
    "benchmark --controller tvsf",
    "benchmark --ambient-c 300",
    "benchmark --controller tvfs --output /proc/x",
    "benchmark --controller empty",
    "benchmark --controller tvfs --output full",
    "run --controller tvsf",
    "run --controller tvfs --cooling fann",
    "run --controller tvfs --latency-ms 0.075",
    "run --controller tvfs --board linux --root empty",
    "characterise --board odroid-xu4",
    "train --algo ztt --steps 0",
    "report nothere",
    "replay nothere",
)
"""Commands that load none of these."""


def test_help_lists_and_mistakes_are_answered_before_anything_heavy_is_loaded(
    tmp_path: Path,
) -> None:
    script = f"""
import sys
from tvfs_gym.experiments.cli import main
for command in {QUICK!r}:
    sys.argv = ["tvfs-gym", *command.split()]
    try:
        main()
    except SystemExit:
        pass
    found = {HEAVY!r} & set(sys.modules)
    assert not found, (command, found)
"""
    write_files(tmp_path)
    call = [sys.executable, "-c", script]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_trace_is_refused_before_what_fits_it_is_loaded(tmp_path: Path) -> None:
    script = """
import sys
from tvfs_gym.experiments.cli import main
for command in ("identify table.csv --output x.toml", "validate odroid_xu4 table.csv"):
    sys.argv = ["tvfs-gym", *command.split()]
    try:
        main()
    except SystemExit as end:
        assert end.code == 2
    found = {"numba", "scipy.optimize", "matplotlib", "tvfs_gym.agents"} & set(sys.modules)
    assert not found, (command, found)
"""
    write_files(tmp_path)
    call = [sys.executable, "-c", script]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["adaptta recorded", "adaptta sweep"])
def test_findings_fit_one_screen_and_are_there_for_machines(cli: Cli, command: str) -> None:
    lines = cli(*command.split()).stdout.splitlines()
    assert len(lines) <= 15 and max(map(len, lines)) <= 80
    assert len(cli(*command.split(), "--full").stdout.splitlines()) > len(lines)
    keys = {"adaptta recorded": "tau images networks", "adaptta sweep": "front calibrated"}
    assert json.loads(cli(*command.split(), "--json").stdout).keys() == {*keys[command].split()}
    assert cli(*command.split(), "--quiet").stdout == ""


NETWORKS = files("tvfs_gym.envs.inference") / "zoo" / "digits"

ON_NETWORKS = {
    "models add": f"models add {NETWORKS}/digits_0.25_32.tflite {NETWORKS}/digits_0.5_32.tflite "
    f"--labels {NETWORKS}/labels.txt --images {{0}}/demo --output {{0}}/{{1}}.toml",
    "dev record": f"dev record --family digits --models {NETWORKS} --topology digits_0.25_32 "
    "--topology digits_0.5_32 --images {0}/demo --output {0}/{1}.npz",
    "adaptta live": f"adaptta live --family digits --models {NETWORKS} --topology digits_0.25_32 "
    "--topology digits_0.5_32 --images {0}/demo --output {0}/{1}",
}
"""Commands that run networks, with places for a folder and the name of what they write."""

KEYS = {
    "models add": "family outcomes images design run networks",
    "dev record": "outcomes images design run networks",
    "adaptta live": "folder tau images failed networks",
}


@pytest.mark.parametrize("command", ON_NETWORKS)
def test_what_networks_answer_fits_one_screen_and_is_there_for_machines(
    cli: Cli, tmp_path: Path, command: str
) -> None:
    (tmp_path / "demo").mkdir()
    pictures = ZipFile(str(NETWORKS / "pictures.zip"))
    listed = [line.split(",") for line in pictures.read("images.csv").decode().split()[1:31]]
    for name, _ in listed:
        pictures.extract(name, tmp_path / "demo")
    rows = [f"{name},{label}" for name, label in listed]
    (tmp_path / "demo" / "images.csv").write_text("\n".join(["file,label", *rows]))

    def run(name: str, *options: str) -> str:
        done = cli(*ON_NETWORKS[command].format(tmp_path, name).split(), *options)
        assert done.returncode == 0, done.stderr
        return done.stdout.replace(f"{tmp_path}/", "")

    lines = run("brief").splitlines()
    assert len(lines) <= 15 and max(map(len, lines)) <= 80
    assert sum("digits_0." in line for line in lines) >= 2
    full = run("full", "--full").splitlines()
    assert max(map(len, full)) <= 80 and len(full) >= len(lines)
    found = json.loads(run("json", "--json"))
    assert found.keys() == {*KEYS[command].split()} and found["images"] == 30
    assert run("quiet", "--quiet") == ""


def test_a_policy_is_described_in_few_words(cli: Cli) -> None:
    folder = files("tvfs_gym.agents.pretrained") / "pretrained"
    words = cli("policy", "check", str(folder)).stdout
    assert "whole and finite." in words
    assert max(len(line) for line in words.splitlines() if str(folder) not in line) <= 80
