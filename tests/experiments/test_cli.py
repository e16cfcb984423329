"""The command line: what it writes, and what it says of a user's mistake."""

import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import polars as pl
import psutil
import pytest
from typer.main import get_command

from tests import command_line
from tests.conftest import ROOT, Cli
from tvfs_gym.envs.boards.profile import PROFILES
from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.inference.topology import load_family
from tvfs_gym.experiments.cli import app, main
from tvfs_gym.experiments.results.cells import EPISODES, read_cells, read_episodes
from tvfs_gym.experiments.results.folder import read_json
from tvfs_gym.experiments.results.statistics import METRICS
from tvfs_gym.experiments.results.unfinished import UNFINISHED

QUICK = ("--seeds", "2", "--frames", "200", "--controller", "tvfs", "--controller", "performance")


def cells(folder: Path, kind: str) -> pl.DataFrame:
    config = read_json(folder, "config.json")
    return read_episodes(folder, config) if kind == EPISODES else read_cells(folder, kind, config)


@pytest.fixture(scope="module")
def benchmark(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder and the output of a short benchmark."""
    folder = tmp_path_factory.mktemp("benchmark") / "run"
    done = cli("benchmark", *QUICK, "--suite", "published", "--output", folder)
    assert done.returncode == 0, done.stderr
    assert not (folder / UNFINISHED).exists()
    return folder, done.stdout


def commands(command: Any, name: str = "tvfs-gym") -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its full name."""
    for sub_name, sub_command in getattr(command, "commands", {}).items():
        yield from commands(sub_command, f"{name} {sub_name}")
    if not hasattr(command, "commands"):
        yield name, command


COMMANDS = dict(commands(get_command(app)))


def test_help_lists_the_commands(cli: Cli) -> None:
    done = cli("--help")
    assert done.returncode == 0
    assert all(name.split()[1] in done.stdout for name in COMMANDS)


def test_the_readme_lists_every_command() -> None:
    readme = (ROOT / "README.md").read_text()
    for name in COMMANDS:
        listed = " ".join(name.split()[:3]) if " dev " in name else name
        assert f"| `{listed}" in readme, name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained_in_a_sentence_with_its_unit(name: str) -> None:
    units = {"_ms": "ms", "_s": " s", "_c": "degC", "_w": " W"}
    for option in COMMANDS[name].params:
        assert re.fullmatch(r"(linux: )?\S.*\.", option.help), option.name
        for suffix, unit in units.items():
            assert not option.name.endswith(suffix) or unit in option.help, option.name


def test_options_of_one_meaning_have_one_name() -> None:
    names: dict[str, set[str]] = {}
    for command in COMMANDS.values():
        for parameter in command.params:
            if parameter.opts[0].startswith("--"):
                names.setdefault(parameter.help, set()).add(parameter.opts[0])
    assert all(len(same) == 1 for same in names.values())


def test_the_entry_point_prints_a_mistake_and_ends_with_status_2(tmp_path: Path) -> None:
    running = command_line.start(tmp_path, ["benchmark", "--board", "odroid_xu5"])
    printed, said = running.communicate(timeout=60)
    assert (running.returncode, printed) == (2, "")
    assert said.startswith("tvfs-gym: unknown board 'odroid_xu5'") and said.count("\n") == 1


def test_the_version_is_the_packages(cli: Cli) -> None:
    assert cli("--version").stdout.strip() == version("tvfs-gym")


def test_a_benchmark_ends_in_a_ranking_on_one_screen(benchmark: tuple[Path, str]) -> None:
    folder, printed = benchmark
    lines = printed.splitlines()
    assert len(lines) <= 15
    assert all(len(line) <= 80 or str(folder) in line for line in lines)
    assert [line.split()[0] for line in lines if "█" in line] == ["performance", "tvfs"]
    assert "performance comes closest to the bound" in printed
    assert lines[-2:] == [
        f"report: {folder / 'report.html'}",
        f"all 2 in full: tvfs-gym report {folder} --full",
    ]


@pytest.mark.parametrize("columns", [80, 120, 250])
def test_every_metric_and_the_ranking_are_printed_in_full(
    benchmark: tuple[Path, str], cli: Cli, columns: int
) -> None:
    folder, brief = benchmark
    printed = cli("report", folder, "--full", COLUMNS=str(columns)).stdout
    words = set(printed.split())
    for heading, _, _ in METRICS.values():
        assert set(heading.split()) <= words
    for scenario in ("27 ms", "31.5 ms", "36.5 ms"):
        assert f"nominal, {scenario}" in printed
    assert printed.endswith(brief)
    assert max(len(line) for line in printed.removesuffix(brief).splitlines()) <= columns


def test_results_are_printed_for_machines(benchmark: tuple[Path, str], cli: Cli) -> None:
    folder, _ = benchmark
    results = json.loads(cli("report", folder, "--json").stdout)
    assert set(results) == {
        "folder", "report", "controllers", "ranking", "scenarios", "differences", "rewards",
    }  # fmt: skip
    best = results["ranking"][0]
    assert best["controller"] == "performance" and 0 < best["share_low"] <= best["share"] <= 1.02
    assert len(results["scenarios"]) == 3 * 2 and set(METRICS) <= set(results["scenarios"][0])
    assert cli("report", folder, "--quiet").stdout == ""
    both = cli("report", folder, "--quiet", "--json")
    assert both.returncode == 2 and "one of --full, --json and --quiet" in both.stderr


def test_a_benchmark_writes_rows_for_steps_and_episodes(benchmark: tuple[Path, str]) -> None:
    folder, _ = benchmark
    steps, episodes = cells(folder, "steps"), cells(folder, "episodes")
    config = json.loads((folder / "config.json").read_text())
    lengths = [-(-200 // case["frames_per_step"]) for case in config["scenarios"].values()]
    assert lengths == [8, 9, 10]
    assert steps.height == 2 * 2 * sum(lengths)
    assert episodes.height == 3 * 2 * 2
    assert {"scenario", "controller", "seed", "reward", *Window.fields} == set(steps.columns)
    assert set(METRICS) < set(episodes.columns)
    by_hand = steps.group_by("scenario", "controller", "seed", maintain_order=True).agg(
        pl.col("on_time_correct_frames").sum() / 200
    )
    assert by_hand["on_time_correct_frames"].to_list() == pytest.approx(
        episodes["on_time_accuracy"].to_list()
    )


def test_a_benchmark_says_how_it_was_made(benchmark: tuple[Path, str]) -> None:
    folder, _ = benchmark
    config = json.loads((folder / "config.json").read_text())
    assert config["seeds"] == [0, 1] and config["family"] == "mobilenet_v1_hosted"
    assert {s["frames"] for s in config["scenarios"].values()} == {200}
    versions = json.loads((folder / "versions.json").read_text())
    assert {"tvfs-gym", "gymnasium", "numpy", "python", "git_commit"} <= set(versions)
    assert (folder / "command.txt").read_text().startswith("tvfs-gym benchmark --seeds 2")


def test_the_report_is_self_contained(benchmark: tuple[Path, str]) -> None:
    page = (benchmark[0] / "report.html").read_text()
    assert len(page) < 200_000
    assert 'src="' not in page
    assert set(re.findall(r'href="([^"]*)"', page)) == {"#s1", "#s2", "#s3", "data:,"}
    assert all(heading in page for heading, _, _ in METRICS.values())


def test_a_report_is_redrawn_from_the_files_alone(
    benchmark: tuple[Path, str], cli: Cli, tmp_path: Path
) -> None:
    folder, printed = benchmark
    for name in ("steps", "episodes", "bounds"):
        shutil.copytree(folder / name, tmp_path / name)
    for name in ("config.json", "versions.json", "command.txt"):
        shutil.copy(folder / name, tmp_path)
    done = cli("report", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:-2] == printed.splitlines()[:-2]
    assert (tmp_path / "report.html").read_text() == (folder / "report.html").read_text()


def test_publishing_fills_the_documents(
    benchmark: tuple[Path, str], cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "README.md").write_text("<!-- adaptta:begin -->\n<!-- adaptta:end -->\nrest\n")
    assert cli("dev", "publish", "benchmark", benchmark[0], "--checkout", tmp_path).returncode == 0
    page = (tmp_path / "docs" / "benchmark_published.md").read_text()
    assert page.count("| `tvfs` |") == 3
    for figure in ("published_course.png", "published_ranking.png"):
        assert f"figures/{figure}" in page
        assert (tmp_path / "docs" / "figures" / figure).read_bytes().startswith(b"\x89PNG")
    assert cli("dev", "publish", "adaptta", "recorded", "--checkout", tmp_path).returncode == 0
    readme = (tmp_path / "README.md").read_text()
    assert "| mobilenet_v1_1.0_224 |" in readme and readme.endswith("rest\n")


def test_the_same_benchmark_gives_the_same_numbers_in_processes_of_its_own(
    benchmark: tuple[Path, str], cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tvfs_gym.experiments.benchmarks.benchmark.FEW_FRAMES", 0)
    assert cli("benchmark", *QUICK, "--suite", "published", "--output", tmp_path).returncode == 0
    for name in ("steps", "episodes"):
        one, two = (cells(folder, name) for folder in (benchmark[0], tmp_path))
        assert one.equals(two)


def test_results_are_numbered_when_no_folder_is_named(one_scenario: Path, tmp_path: Path) -> None:
    arguments = f"benchmark --suite {one_scenario} --seeds 1 --frames 50 --controller powersave"
    for number in (1, 2):
        done = command_line.run(tmp_path, arguments.split())
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "results" / f"benchmark_{number}" / "report.html").is_file()


def test_the_same_command_resumes_what_it_did_not_finish(
    one_scenario: Path, tmp_path: Path
) -> None:
    arguments = f"benchmark --suite {one_scenario} --seeds 1 --frames 50 --controller powersave"
    assert command_line.run(tmp_path, arguments.split()).returncode == 0
    first = tmp_path / "results" / "benchmark_1"
    for pid, resumed in ((os.getpid(), False), (2**22, True)):  # at work still, and gone
        created_s = psutil.Process(os.getpid()).create_time()
        (first / UNFINISHED).write_text(json.dumps([pid, created_s]))
        other = command_line.run(tmp_path, [*arguments.split(), "--t-max-c", "80"])
        assert other.returncode == 0 and "resuming" not in other.stderr
        again = command_line.run(tmp_path, arguments.split())
        assert again.returncode == 0, again.stderr
        assert ("resuming results/benchmark_1, which was stopped" in again.stderr) == resumed
    assert not (first / UNFINISHED).exists()


def test_an_interrupted_benchmark_keeps_what_it_ran(tmp_path: Path) -> None:
    (tmp_path / "suite.toml").write_text(
        'family = "recorded"\nlatency_constraints_s = [0.040, 0.075, 0.200]\n'
        "[conditions.nominal]\n[conditions.hot]\nscenario = { ambient_c = 40.0 }\n"
        '[conditions.fan_failure]\nscenario = { cooling = "fan_failed" }\n'
    )
    arguments = (
        "benchmark --suite suite.toml --output run --seeds 20 --frames 400 --controller powersave"
    )
    running = command_line.start(tmp_path, arguments.split())
    while not any((tmp_path / "run").glob("episodes/*.parquet")):
        time.sleep(0.05)
        assert running.poll() is None
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=240)
    assert running.returncode == 130 and "Traceback" not in said
    assert re.search(r"stopped: \d of 9 runs are kept in run; the same command resumes.\n$", said)
    assert cells(tmp_path / "run", "episodes").height % 20 == 0
    report = command_line.run(tmp_path, ["report", "run"])
    assert report.returncode == 0, report.stderr
    page = (tmp_path / "run" / "report.html").read_text()
    assert "nominal, 40 ms" in page and "fan_failure" not in page


def test_a_stopped_benchmark_is_resumed(
    benchmark: tuple[Path, str], cli: Cli, tmp_path: Path
) -> None:
    """What is there is left as it is; what is missing is computed; nothing else is written to."""
    folder = tmp_path / "run"
    shutil.copytree(benchmark[0], folder)
    kept, lost = sorted((folder / "episodes").iterdir())[:2]
    lost.unlink()
    shutil.rmtree(folder / "bounds")
    before = kept.stat().st_mtime_ns
    command = ("benchmark", *QUICK, "--suite", "published", "--output", folder)
    assert cli(*command).returncode == 0
    assert kept.stat().st_mtime_ns == before
    assert cells(folder, "episodes").equals(cells(benchmark[0], "episodes"))  # with their regret
    other = cli(*command, "--frames", "20")
    assert other.returncode == 2 and "holds results of another configuration" in other.stderr


def test_adaptta_stands_beside_the_published_counts(cli: Cli) -> None:
    done = cli("adaptta", "recorded", "--full")
    assert done.returncode == 0
    for name in load_family("recorded").names:
        assert f"  {name} " in done.stdout
    assert "2.81 / 4.57" in done.stdout
    assert "easier than the ImageNet validation set" in " ".join(done.stdout.split())


def test_recording_writes_outcomes_with_their_provenance(
    cli: Cli, models: Path, photographs: Path, tmp_path: Path
) -> None:
    rows = (photographs / "images.csv").read_text().splitlines()[:6]
    listed = "\n".join([rows[0], *(f"{photographs}/{row}" for row in rows[1:])])
    (tmp_path / "few.csv").write_text(listed + "\n")
    output = tmp_path / "few.npz"
    done = cli(
        "dev", "record", "--models", models, "--images", tmp_path / "few.csv", "--output", output,
        "--topology", "mobilenet_v1_0.25_128",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "1 networks, 5 images" in done.stdout
    table = cli("adaptta", "recorded", "--outcomes", output)
    assert table.returncode == 0 and "on 5 labelled photographs" in " ".join(table.stdout.split())


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """A folder of things that cannot be used."""
    xu4 = (PROFILES / "odroid_xu4.toml").read_text()
    (tmp_path / "key.toml").write_text("colour = 'red'\n" + xu4)
    (tmp_path / "unsorted.toml").write_text(xu4.replace("= 300e6", "= 100e6"))
    suite = 'family = "recorded"\nlatency_constraints_s = [-0.1]\n[conditions.nominal]\n'
    (tmp_path / "negative.toml").write_text(suite)
    (tmp_path / "nobody.py").write_text("from tvfs_gym.baselines import Controller\n")
    (tmp_path / "broken.py").write_text("import numpy\nnump.zeros(3)\n")
    (tmp_path / "few.csv").write_text("file,label\nno.png,1\n")
    (tmp_path / "high.csv").write_text("file,label\nno.png,1000\n")
    (tmp_path / "old.npz").touch()
    (tmp_path / "no.png").write_text("no image")
    (tmp_path / "mobilenet_v1_0.25_128_quant.tflite").write_text("no network")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("benchmark --board odroid_xu5", "unknown board 'odroid_xu5': did you mean odroid_xu4 or"),
        ("benchmark --controller {bad}/nobody.py", "nobody.py, found: none."),
        ("benchmark --controller {bad}/broken.py", "broken.py: NameError: name 'nump' is"),
        ("benchmark --controller tvsf", "unknown controller 'tvsf': did you mean tvfs"),
        ("benchmark --controller tvfs --controller tvfs", "every --controller must be named once"),
        ("benchmark --suite mian", "unknown suite 'mian': did you mean main?"),
        ("benchmark --board {bad}/key.toml", "key.toml: colour: unknown key"),
        ("benchmark --board {bad}/unsorted.toml", "must stand in ascending order of frequency_hz"),
        ("benchmark --board {bad}/none.toml", "none.toml: No such file"),
        ("benchmark --suite {bad}/negative.toml", "latency_constraint_s: Input should be greater"),
        ("benchmark --t-max-c 20", "t_max_c = 20.0 must lie above ambient_c"),
        ("benchmark --board odroid_xu4 --throttling none", "unknown throttling preset of odroid"),
        ("benchmark --seeds 0", "the number of seeds must be at least 1, not 0"),
        ("benchmark --output {bad}/full", "full already holds results"),
        ("report {bad}", "holds no results"),
        ("dev publish benchmark {bad} --checkout {bad}", "is not a checkout: it holds no README"),
        ("adaptta recorded --outcomes {bad}/few.csv", "few.csv holds no recorded outcomes"),
        ("dev record --topology mobilenet_v1_1.0 --models {bad} --images {bad}/few.csv "
         "--output n.npz", "unknown topology 'mobilenet_v1_1.0': did you mean mobilenet_v1_1.0"),
        ("dev record --models {bad}/full --images {bad}/few.csv --output n.npz",
         "there is no network"),
        ("dev record --topology mobilenet_v1_0.25_128 --models {bad} --images {bad}/few.csv "
         "--output n.npz", "is not the file that topology mobilenet_v1_0.25_128 names"),
        ("dev record --models {bad} --images {bad}/none.csv --output n.npz",
         "cannot read the image"),
        ("dev record --models {bad} --images {bad}/few.csv --output {bad}/old.npz",
         "already exists"),
        ("dev record --models {bad} --images {bad}/few.csv --output few", "name few.npz, not few"),
        ("dev record --models {bad} --images {bad}/few.csv --output {bad}/d/n.npz", "is no folder"),
        ("dev record --topology mobilenet_v1_0.25_128 --models {bad} --images {bad}/high.csv "
         "--output n.npz", "has the label 1000; mobilenet_v1_0.25_128 knows the classes 0 to 999"),
        ("dev perf envs --output {bad}/d/perf.md", "there is no folder"),
        ("identify {bad}/few.csv --output {bad}/d/p.toml", "there is no folder"),
        ("adaptta recorded --tau nan", "tau must be positive, not nan"),
        ("benchmark --t-max-c nan", "t_max_c: Input should be a finite number"),
        ("benchmark --board odroid_xu4 --t-max-c 250", "must lie below the board's critical 120.0"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(cli: Cli, bad: Path, arguments: str, message: str) -> None:
    done = cli(*arguments.format(bad=bad).split())
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr and done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_terminal_of_ascii_gets_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    written = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(written, "ascii", write_through=True))
    monkeypatch.setattr(sys, "argv", ["tvfs-gym", "list", "controllers"])
    with pytest.raises(SystemExit) as end:
        main()
    print("50 °C ± 2 … ē")
    assert not end.value.code and written.getvalue().endswith(b"50 deg C +- 2 ... \\u0113\n")


@pytest.mark.usefixtures("heeded")
@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_that_turns_into_an_import_error_is_a_stop(
    monkeypatch: pytest.MonkeyPatch, cli: Cli, sent: signal.Signals, status: int
) -> None:
    """Compiled modules make an ImportError of an interrupt that comes while they are loaded."""

    def load() -> None:
        try:
            signal.raise_signal(sent)
        except BaseException as error:
            raise ImportError("initialization failed") from error

    monkeypatch.setattr("tvfs_gym.experiments.cli.version", lambda name: load())
    stopped = cli("--version")
    assert stopped.returncode == status and stopped.stderr == "tvfs-gym: stopped.\n"


@pytest.mark.usefixtures("heeded")
@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_a_function_that_c_calls_is_a_stop(
    monkeypatch: pytest.MonkeyPatch, cli: Cli, sent: signal.Signals, status: int
) -> None:
    """As in numba's compiler: ctypes prints what such a function raises, and goes on."""

    def compile_something(name: str) -> str:
        ctypes.CFUNCTYPE(None)(lambda: signal.raise_signal(sent))()
        ctypes.CFUNCTYPE(None)(lambda: [][0])()  # as what was half made then
        time.sleep(1.0)
        return "the command went on"

    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)  # put back at the end
    monkeypatch.setattr("tvfs_gym.experiments.cli.version", compile_something)
    stopped = cli("--version")
    assert stopped.returncode == status and stopped.stdout == ""
    assert stopped.stderr in ("", "tvfs-gym: stopped.\n")


@pytest.mark.usefixtures("heeded")
@pytest.mark.skipif(sys.platform != "linux", reason="looks for the signal's handler in /proc")
def test_ctrl_c_before_anything_has_begun_is_silent(tmp_path: Path) -> None:
    call = [sys.executable, "-m", "tvfs_gym_command", "list", "boards"]
    started = subprocess.Popen(call, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    for caught in (True, False):  # by Python first, then by nobody while packages are imported
        while _catches_interrupts(started.pid) != caught:
            time.sleep(0.001)
    started.send_signal(signal.SIGINT)
    _, said = started.communicate(timeout=200)
    assert started.returncode in (-signal.SIGINT, 130, 0) and "Traceback" not in said


def _catches_interrupts(pid: int) -> bool:
    """Tells whether a process has a handler of SIGINT."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"SigCgt:\s+(\w+)", status)
    return found is not None and bool(int(found[1], 16) >> (signal.SIGINT - 1) & 1)


def test_an_unreadable_image_is_named_by_the_recorder(cli: Cli, bad: Path, models: Path) -> None:
    done = cli(
        "dev", "record", "--topology", "mobilenet_v1_0.25_128", "--models", models, "--images",
        bad / "few.csv", "--output", bad / "new.npz",
    )  # fmt: skip
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert f"cannot read the image {bad}/no.png" in done.stderr
    assert not (bad / "new.npz").exists()
