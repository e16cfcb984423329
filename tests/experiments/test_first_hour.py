"""The first hour of a newcomer: likely mistakes, lists of names, and how soon an answer comes."""

import json
import re
import subprocess
import sys
from pathlib import Path

import gymnasium
import pytest

from tests.conftest import Cli
from tvfs_gym.baselines import CONTROLLERS, HINDSIGHT
from tvfs_gym.envs.boards.profile import profile_names
from tvfs_gym.envs.errors import InputError
from tvfs_gym.experiments.lists import LISTS, completing


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """A folder with a text file, an empty folder, and files of controllers that cannot be used."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "policy.txt").touch()
    (tmp_path / "none.py").touch()
    (tmp_path / "imports.py").write_text("import nothere")
    (tmp_path / "syntax.py").write_text("def f(:")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ("benchmrk", "Did you mean 'benchmark'"),
        ("benchmark --controler tvfs", "No such option: --controler"),
        ("benchmark tvfs", "unexpected extra argument"),
        ("benchmark --controller tvsf", "unknown controller 'tvsf': did you mean tvfs?"),
        ("benchmark --controller TVFS", "unknown controller 'TVFS': did you mean tvfs"),
        ("benchmark --controller tvfs,performance", "repeat the option"),
        ("benchmark --controller {few}/policy.txt", "expected a Python file or the folder of a"),
        ("benchmark --controller {few}/nothere.py", "there is no file or folder"),
        ("benchmark --controller {few}/none.py", "none.py, found: none."),
        ("benchmark --controller {few}/imports.py", "ModuleNotFoundError: No module named"),
        ("benchmark --controller {few}/syntax.py", "SyntaxError: invalid syntax"),
        ("benchmark --controller {few}/empty", "holds no policy"),
        ("benchmark --suite v1", "unknown suite 'v1': did you mean v2?"),
        ("benchmark --board odroid-xu4", "unknown board 'odroid-xu4': did you mean odroid_xu4"),
        ("benchmark --board raspberry_pi_5", "did you mean raspberry_pi_4b or raspberry_pi_3b?"),
        ("benchmark --seeds -3", "the number of seeds must be at least 1, not -3."),
        ("benchmark --frames -5", "frames: Input should be greater than 0"),
        ("benchmark --frames 0.5", "Invalid value for '--frames'"),
        ("benchmark --ambient-c 300", "ambient_c: Input should be less than or equal to 100"),
        ("benchmark --ambient-c 90", "no controller can cool a board below its surroundings"),
        ("benchmark --family nope", "unknown topology family 'nope': choose one of digits"),
        ("run", "Missing option '--controller'"),
        ("run --controller tvfs --latency-ms 0.075", "the fastest one needs 1.88 ms."),
        ("run --controller tvfs --latency-ms 75000", "L_c is at most 10 s, not 75 s"),
        ("run --controller tvfs --latency-ms -4", "latency_constraint_s: Input should be greater"),
        ("run --controller tvfs --tau 80", "tau is a confidence, at most 1, and not 80"),
        ("run --controller tvfs --policy 7C", "did you mean 5C or 1C?"),
        ("run --controller tvfs --cooling fann", "unknown cooling of odroid_xu4 'fann'"),
        ("run --controller tvfs --throttling nope", "unknown throttling preset of odroid_xu4"),
        ("train --algo ztt --steps 0", "the number of steps must be at least 1, not 0."),
        ("train --algo ztt --envs 0", "the number of twins, --envs, must be at least 1, not 0."),
        ("train --algo ztt --reward on_tiem", "unknown reward 'on_tiem': did you mean on_time_"),
        ("adaptta recorded --tau 2", "tau is a confidence, at most 1, and not 2"),
        ("report {few}/empty", "holds no results of a benchmark"),
        ("list controler", "unknown kind of names 'controler': did you mean controllers"),
        ("list scenarios --suite mian", "unknown suite 'mian': did you mean main?"),
        ("models list --family recorde", "did you mean recorded?"),
    ],
)
def test_a_likely_mistake_is_answered_and_leaves_nothing_behind(
    cli: Cli, few: Path, arguments: str, answer: str
) -> None:
    before = sorted(few.rglob("*"))
    done = cli(*arguments.format(few=few).split())
    assert done.returncode == 2 and done.stdout == ""
    assert answer in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr
    assert sorted(few.rglob("*")) == before


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


@pytest.mark.parametrize(
    "arguments", ["benchmark --controller tvsf", "run --controller tvsf", "report nothere"]
)
def test_no_figures_or_statistics_are_loaded_before_a_mistake_is_found(arguments: str) -> None:
    script = f"""
import sys
from tvfs_gym.experiments.cli import main
sys.argv = ["tvfs-gym", *{arguments.split()!r}]
try:
    main()
except SystemExit:
    heavy = {{"matplotlib", "scipy.stats", "torch", "jinja2", "ai_edge_litert"}}
    print(heavy & set(sys.modules) or "none")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "none\n", done.stderr
