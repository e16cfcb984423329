"""A board's characterisation: its file, resuming it, and the way from it to a profile."""

import json
import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Cli
from tvfs_gym.baselines.characterisation import file as characterisation_file
from tvfs_gym.baselines.characterisation.characterisation import characterise
from tvfs_gym.baselines.characterisation.measuring import MeasurementPlan, Point, Settled
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.experiments.board.characterise import _read as read_measurements
from tvfs_gym.experiments.twin.traces.folders import with_board

QUICK = ("characterise", "--passes", "20", "--levels", "6")


@pytest.fixture(scope="module")
def characterised(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a characterised twin."""
    folder = tmp_path_factory.mktemp("characterise") / "board"
    done = cli(*QUICK, "--output", folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_file_holds_what_was_measured_to_the_last_digit(characterised: Path) -> None:
    board = TwinEnv("odroid_xu4", "recorded").board
    content = characterisation_file.read(characterised)
    read = content.of(board)
    measured = characterise(board, Scenario(), MeasurementPlan(20, levels=(0, 4, 7, 11, 14, 18)))
    for field, value in vars(measured).items():
        assert field == "family" or np.array_equal(getattr(read, field), value), field
    assert content.provenance.command.startswith("tvfs-gym characterise --passes 20")


def test_levels_that_were_not_measured_are_near_those_that_are() -> None:
    board = TwinEnv("odroid_xu4", "recorded").board
    full = characterise(board, Scenario())
    sparse = characterise(board, Scenario(), MeasurementPlan(levels=(0, 4, 7, 11, 14, 18)))
    assert sparse.measured.sum() == 6 and full.measured.all()
    assert np.abs(sparse.pass_median_s / full.pass_median_s - 1).max() < 0.02
    unthrottled = ~full.extrapolated
    assert np.abs(sparse.temperature_c - full.temperature_c)[unthrottled].max() < 3.0


def test_a_characterisation_is_resumed(characterised: Path, cli: Cli) -> None:
    made = characterised / "measurements.jsonl"
    whole, table = made.read_text(), (characterised / "characterisation.toml").read_text()
    made.write_text(whole[: len(whole) // 2])  # cut off within a line
    done = cli(*QUICK, "--output", characterised)
    assert done.returncode == 0 and "resuming with" in done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) <= 15 and max(map(len, lines[:-2])) <= 80
    assert made.read_text() == whole
    again = (characterised / "characterisation.toml").read_text()
    assert table.split("[[levels]]", 1)[1] == again.split("[[levels]]", 1)[1]
    other = cli(*QUICK, "--settling-s", "60", "--output", characterised)
    assert other.returncode == 2 and "results of another configuration" in other.stderr


@pytest.mark.parametrize(
    ("key", "value"),
    [("temperature_c", -1e308), ("temperature_c", 2e3), ("p99_s", 0.0), ("power_w", -1.0)],
)
def test_what_cannot_have_been_measured_is_measured_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str, value: float
) -> None:
    settled = Settled(Point(0, 0), 60.0, 0.1, throttled=False, power_w=3.0)
    lines = [json.dumps(asdict(settled)), json.dumps({**asdict(settled), key: value})]
    file = tmp_path / "measurements.jsonl"
    file.write_text("\n".join(lines))
    assert read_measurements(file, {Point(0, 0)}) == [settled]
    assert "line 2 is damaged: measured anew" in capsys.readouterr().err


def test_controllers_are_built_from_the_file(
    characterised: Path, cli: Cli, one_scenario: Path, tmp_path: Path
) -> None:
    for command, *options in (("run",), ("benchmark", "--suite", one_scenario)):
        done = cli(
            command, *options, "--controller", "tvfs", "--seeds", "1", "--frames", "40",
            "--characterisation", characterised, "--output", tmp_path / str(command),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    wrong = cli(
        "run", "--controller", "tvfs", "--board", "odroid_c2", "--characterisation", characterised
    )
    assert wrong.returncode == 2 and "with 19 VF levels up to 2000 MHz" in wrong.stderr


def test_from_the_board_to_a_profile_to_its_twin(
    characterised: Path, cli: Cli, tmp_path: Path
) -> None:
    """The thermal network that comes out is the twin's, within what sensor and sampling leave."""
    profile = tmp_path / "mine.toml"
    done = cli("identify", characterised, "--output", profile, "--json")
    assert done.returncode == 0, done.stderr
    findings = json.loads(done.stdout)
    assert findings["profile"] == str(profile)
    assert [each["nodes"] for each in findings["candidates"]] == [1, 2, 3]
    found, true = load_profile(str(profile)), load_profile("odroid_xu4")
    resistance_k_w = sum(next(iter(found.cooling.values())).resistances_k_w)
    assert resistance_k_w == pytest.approx(sum(true.cooling_named(None).resistances_k_w), rel=0.04)
    assert found.operating_points == true.operating_points
    assert found.latency.clock_gcycles == pytest.approx(true.latency.clock_gcycles, rel=0.02)
    log = tmp_path / "log"
    ran = cli("run", "--controller", "frequency_reactive", "--frames", "1000", "--output", log)
    assert ran.returncode == 0, ran.stderr
    judged = cli("validate", profile, log)
    assert judged.returncode == 0, judged.stderr
    rmse_c = re.search(r"mean of 1\s+([\d.]+)", judged.stdout)
    assert rmse_c is not None and float(rmse_c[1]) < 1.0
    assert cli("identify", log, "--output", tmp_path / "other.toml").returncode == 0
    on_twin = cli("run", "--board", profile, "--controller", "tvfs", "--frames", "40")
    assert on_twin.returncode == 0, on_twin.stderr


def test_a_profile_takes_over_what_a_board_tells() -> None:
    """Five levels without voltages, and the kernel's own trip."""
    base = load_profile("odroid_xu4")
    points = [{"frequency_hz": 1e8 * n, "voltage_v": None} for n in (5, 8, 11, 14, 17)]
    told = {
        "operating_points": points, "description": "a board", "threads": 2,
        "measures_power": True, "critical_c": 105.0, "passive_c": [75.0],
    }  # fmt: skip
    profile = with_board(base, json.loads(json.dumps(told)))
    assert [one.voltage_v for one in profile.operating_points] == [0.9, 0.925, 1.0, 1.0625, 1.1625]
    assert "supplies assumed" in profile.operating_points_source
    assert profile.critical_c == 105.0 and profile.threads == 2 and profile.sensor.measures_power
    first = next(iter(profile.throttling.values()))
    assert first.trips[0].temperature_c == 75.0
    assert all(t.upper <= 4 for preset in profile.throttling.values() for t in preset.trips)
