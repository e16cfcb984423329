"""Results that a power cut damaged, and names that were chosen to do harm."""

from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import polars as pl
import pytest
import typer

from tests.conftest import Cli
from tvfs_gym.experiments.results.cells import BOUNDS, EPISODES, STEPS, cell_name
from tvfs_gym.experiments.results.folder import CONFIG
from tvfs_gym.experiments.results.unfinished import kept_when_stopped

COMMAND = ("benchmark", "--seeds", "1", "--frames", "50", "--controller", "tvfs", "--controller")
HOT, MARKED = "hot-room", "[/bold] $x$ ../../../out \x1b[31m"


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A suite of two scenarios whose names read alike in a file name."""
    path = tmp_path_factory.mktemp("suite") / "suite.toml"
    conditions = f'[conditions."{HOT}"]\n[conditions."hot room"]\nscenario = {{ ambient_c = 10.0 }}'
    path.write_text(f'family = "recorded"\nlatency_constraints_s = [0.075]\n{conditions}\n')
    return path


@pytest.fixture(scope="module")
def finished(cli: Cli, suite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results") / "all[x] *"
    done = cli(*COMMAND, "performance", "--suite", suite, "--output", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    return Path(copytree(finished, tmp_path / "copy[1]"))


def content(folder: Path) -> dict[str, pl.DataFrame]:
    return {
        f"{kind}/{file.name}": pl.read_parquet(file, glob=False).drop("control_s", strict=False)
        for kind in (STEPS, EPISODES, BOUNDS)
        for file in (folder / kind).iterdir()
    }


def same(folder: Path, other: Path) -> bool:
    one, two = content(folder), content(other)
    return one.keys() == two.keys() and all(one[name].equals(two[name]) for name in one)


def test_scenarios_whose_names_read_alike_are_kept_apart(finished: Path) -> None:
    cells = [pl.read_parquet(file, glob=False) for file in (finished / EPISODES).iterdir()]
    assert len(cells) == 4
    assert set(pl.concat(cells)["scenario"]) == {"hot-room, 75 ms", "hot room, 75 ms"}


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def overwritten(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[:4] + bytes(len(whole) - 8) + whole[-4:])


@pytest.mark.parametrize("kind", [STEPS, EPISODES, BOUNDS])
@pytest.mark.parametrize("damage", [emptied, cut_short, overwritten, Path.unlink])
def test_a_damaged_cell_is_named_and_computed_anew(
    folder: Path, finished: Path, suite: Path, cli: Cli, kind: str, damage: Callable[[Path], None]
) -> None:
    name = cell_name("hot-room, 75 ms", *([] if kind == BOUNDS else ["tvfs"]))
    file = folder / kind / f"{name}.parquet"
    damage(file)
    if damage is not Path.unlink:
        told = cli("report", folder)
        assert told.returncode == 2 and f"{file} is damaged" in told.stderr
    again = cli(*COMMAND, "performance", "--suite", suite, "--output", folder)
    assert again.returncode == 0, again.stderr
    assert damage is Path.unlink or f"{file} is damaged" in again.stderr
    assert same(folder, finished)


@pytest.mark.parametrize("damage", [emptied, cut_short, Path.unlink])
def test_a_damaged_configuration_is_written_anew_from_the_same_command_only(
    folder: Path, finished: Path, suite: Path, cli: Cli, damage: Callable[[Path], None]
) -> None:
    damage(folder / CONFIG)
    before = {file: file.stat().st_mtime_ns for file in (folder / STEPS).iterdir()}
    other = cli(*COMMAND, "powersave", "--suite", suite, "--output", folder)
    assert other.returncode == 2 and "of another configuration" in other.stderr
    again = cli(*COMMAND, "performance", "--suite", suite, "--output", folder)
    assert again.returncode == 0 and f"{folder / CONFIG} is damaged" in again.stderr
    assert (folder / CONFIG).read_bytes() == (finished / CONFIG).read_bytes()
    assert before == {file: file.stat().st_mtime_ns for file in (folder / STEPS).iterdir()}


def test_a_name_is_shown_and_not_obeyed(cli: Cli, tmp_path: Path) -> None:
    suite = tmp_path / "suite.toml"
    text = 'family = "recorded"\nlatency_constraints_s = [0.075]\n[conditions.'
    name = MARKED.replace("\x1b", "")
    suite.write_text(f'{text}"{name}"]\n')
    folder = tmp_path / "deep" / "deeper" / "run"
    done = cli(*COMMAND, "performance", "--suite", suite, "--output", folder, "--full")
    assert done.returncode == 0, done.stderr
    assert f"{name}, 75 ms" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"suite.toml", "deep"}
    assert len(list((folder / "figures").iterdir())) == 4
    suite.write_text(f'{text}"{name}\\u001b[31m"]\n')
    refused = cli(*COMMAND, "performance", "--suite", suite, "--output", tmp_path / "other")
    assert refused.returncode == 2 and "\\x1b[31m" in refused.stderr


@pytest.mark.parametrize(
    ("stop", "status", "told"),
    [(KeyboardInterrupt(), 130, 1), (SystemExit(143), 143, 1), (SystemExit(1), 1, 0)],
)
def test_whoever_stops_a_run_is_told_what_is_kept(
    caplog: pytest.LogCaptureFixture, stop: BaseException, status: int, told: int
) -> None:
    with (
        pytest.raises((SystemExit, typer.Exit)) as end,
        kept_when_stopped(Path("r"), lambda: "3 of 8"),
    ):
        raise stop
    code = getattr(end.value, "exit_code", None) or getattr(end.value, "code", None)
    line = "stopped: 3 of 8 are kept in r; the same command resumes."
    assert code == status and caplog.messages == [line] * told
