"""The readers that `tests.fuzz` fuzzes, how far each goes, and good inputs of them.

A reader takes a folder; it raises `InputError` for a file that it refuses, and `NonsenseError` if
it did not though nobody can mean it.
"""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
from gymnasium import spaces

from tvfs_gym.agents import policy_file as policies
from tvfs_gym.agents.pretrained import FOLDER as PRETRAINED
from tvfs_gym.baselines.characterisation import file as characterisations
from tvfs_gym.baselines.characterisation.characterisation import Characterisation, characterise
from tvfs_gym.baselines.characterisation.measuring import MeasurementPlan, measurement_points
from tvfs_gym.baselines.controller import Design
from tvfs_gym.envs.boards.linux import guardian
from tvfs_gym.envs.boards.profile import PROFILES, load_profile
from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.image_lists import read_image_list, unpack_images
from tvfs_gym.envs.inference.images import open_image
from tvfs_gym.envs.inference.labels import read_labels
from tvfs_gym.envs.inference.outcomes import outcome_tables
from tvfs_gym.envs.inference.topology import ZOO, load_family
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.experiments.benchmarks.suite import SUITES, load_suite
from tvfs_gym.experiments.models.fetch import read_lock
from tvfs_gym.experiments.twin.traces.record import read_record
from tvfs_gym.experiments.twin.traces.sweep import is_sweep, read_sweep


class NonsenseError(Exception):
    """A file was accepted though nobody can mean it."""


STEPS = 40
"""Steps that are run with a profile or a policy."""


def checked_step(env: TwinEnv, action: object) -> tuple[Any, bool]:
    """Steps a twin; what it observes, and whether the episode has ended.

    Raises:
        NonsenseError: It shows what no board can.
    """
    observation, reward, terminated, truncated, info = env.step(action)
    window = Window(info["window"])
    if not np.isfinite(observation).all() or not 0 <= float(reward) <= 1:
        raise NonsenseError(f"observed {observation}, earned {reward}")
    if not -100 <= window.temperature_c <= 1000 or not -100 <= window.temperature_max_c <= 1000:
        raise NonsenseError(f"{window.temperature_c} degC, at most {window.temperature_max_c}")
    if not 0 <= window.latency_mean_s <= window.latency_max_s + 1e-9 < np.inf:
        raise NonsenseError(f"latencies of {window.latency_mean_s} s")
    return observation, bool(terminated or truncated)


def profile(folder: Path) -> None:
    """A board profile, and some steps on its twin."""
    env = TwinEnv(str(folder / "input.toml"), scenario={"frames": 10 * STEPS})
    env.reset(seed=0)
    draw = random.Random(0)
    for _ in range(STEPS):
        if checked_step(env, draw.randrange(spaces.flatdim(env.action_space)))[1]:
            break


def suite(folder: Path) -> None:
    """A suite."""
    load_suite(str(folder / "input.toml")).cases("odroid_xu4", {})


def family(folder: Path) -> None:
    """A family of networks."""
    load_family(str(folder / "input.toml"))


def outcomes(folder: Path) -> None:
    """Recorded outcomes of a family."""
    named = load_family("digits").model_copy(update={"outcomes": folder / "input.npz"})
    table = outcome_tables(named).run
    if not ((table.confidence >= 0) & (table.confidence <= 1.01)).all():
        raise NonsenseError("confidences outside 0..1")


def policy(folder: Path) -> None:
    """A learnt policy and its card."""
    from tvfs_gym.experiments.controllers import policy_named

    env = TwinEnv("odroid_xu4", "recorded", scenario={"frames": 10 * STEPS})
    learnt = policy_named(str(folder), Design.of(env, characterised()))
    observation, _ = env.reset(seed=0)
    state, start = None, np.ones(1, bool)
    for _ in range(STEPS):
        choice, state = learnt.choose(observation[np.newaxis], state, start)
        start = np.zeros(1, bool)
        sizes = len(env.board.family.topologies), len(env.board.operating_points)
        for chosen, size in zip(choice[:2], sizes, strict=True):
            if not 0 <= int(chosen[0]) < size:
                raise NonsenseError(f"chose {choice}")
        observation, ended = checked_step(env, env.actions.batch(*choice)[0])
        if ended:
            break


@cache
def characterised() -> Characterisation:
    """The twin that policies run on, measured once before anything forks."""
    return characterise(TwinEnv("odroid_xu4", "recorded").board, Scenario())


def characterisation(folder: Path) -> None:
    """A characterisation."""
    characterisations.read(folder / "input.toml")


def image_list(folder: Path) -> None:
    """A list of labelled images."""
    read_image_list(folder / "input.csv")


def image(folder: Path) -> None:
    """A picture."""
    open_image(next(folder.glob("input.*")))


def archive(folder: Path) -> None:
    """A zip archive of pictures."""
    unpack_images(folder / "input.zip", folder / "images")
    if {path.name for path in folder.iterdir()} - {"input.zip", "images"}:
        raise NonsenseError("it left its folder")


def trace(folder: Path, path: Path | None = None) -> None:
    """A trace or a sweep, in any format."""
    path = path or next(folder.glob("input.*"))
    if is_sweep(path):
        read_sweep(path)
        return
    for run in read_record(path).runs:
        if not np.isfinite(run.temperature_c).all() or not (np.diff(run.time_s) > 0).all():
            raise NonsenseError("a course that is none")
        if np.abs(run.temperature_c).max() > 1000:
            raise NonsenseError(f"{np.abs(run.temperature_c).max()} degC")


def saved_state(folder: Path) -> None:
    """The guardian's saved state."""
    os.chmod(folder / "input.json", 0o600)
    try:
        guardian.settings_of(guardian.read_private(folder / "input.json"), Path("/sys"))
    except (ValueError, TypeError, RecursionError) as error:  # which the guardian catches
        raise InputError(str(error)) from error


def replayed(folder: Path) -> None:
    """The folder of a run: its configuration and its cells."""
    from tvfs_gym.experiments.board.replay import run

    run(folder / "run", "powersave", None)
    run(folder / "run", None, None)


def reported(folder: Path) -> None:
    """The folder of a run, and its report."""
    from tvfs_gym.experiments.results.report import write_report

    summary = write_report(folder / "run").summary
    for name, (least, most) in {"accuracy": (0, 1.0001), "temperature_c_max": (-100, 500)}.items():
        values = summary[name].drop_nans()
        if len(values) and not values.is_between(least, most).all():
            raise NonsenseError(f"{name} of {values.to_list()}")


def identified(folder: Path) -> None:
    """The folder of a run, as a trace for ``identify``."""
    from tvfs_gym.experiments.twin.traces.folders import recorded_board, with_board

    found = recorded_board([folder / "run"])
    if found is not None:
        with_board(load_profile("odroid_xu4"), found)
    trace(folder, folder / "run")


def measurements(folder: Path) -> None:
    """The measurements of a characterisation that was stopped; damaged ones are made anew."""
    from tvfs_gym.experiments.board.characterise import _read

    board = TwinEnv("odroid_xu4", "recorded").board
    timed, settled = measurement_points(board, MeasurementPlan())
    for each in _read(folder / "measurements.jsonl", {*timed, *settled}):
        numbers = [value for value in vars(each).values() if isinstance(value, float)]
        if not np.isfinite(numbers).all() or not all(0 <= value < 1e4 for value in numbers):
            raise NonsenseError(f"measured {each}")


def trainings(folder: Path) -> None:
    """The file of a sweep."""
    from tvfs_gym.experiments.learning.sweep_file import read_trainings

    _ = read_trainings(folder / "input.yaml").trainings


def labels(folder: Path) -> None:
    """A list of labels."""
    read_labels(folder / "input.txt")


def lock(folder: Path) -> None:
    """The pins of downloaded networks."""
    read_lock(folder)


def network(folder: Path) -> None:
    """A TFLite network: loaded, and run once."""
    from tvfs_gym.envs.inference.classifier import TfliteClassifier

    topology = load_family("digits").topologies[0].model_copy(update={"file": "input.tflite"})
    px = topology.input_px
    classifier = TfliteClassifier(topology, folder)
    classifier.check_outputs()
    values = classifier.probabilities(np.zeros((px, px, 3), np.uint8))
    if values.shape != (topology.classes,):
        raise NonsenseError(f"outputs of shape {values.shape}")


def command(*arguments: object) -> None:
    """Runs a command, or a script after ``-c``, as a process."""
    call = [sys.executable]
    call += [] if arguments[0] == "-c" else ["-m", "tvfs_gym.experiments.cli"]
    done = subprocess.run([*call, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


Reader = Callable[[Path], None]
Seed = tuple[str, bytes, dict[str, bytes]]
"""Path of the file to mutate, its content, and the files beside it."""


def text(path: Any, name: str = "input.toml") -> Seed:
    """A file by itself."""
    return name, path.read_bytes(), {}


def run_seeds(folder: Path) -> list[Seed]:
    """Every file of a run's folder, the others beside it."""
    command("run", "--controller", "performance", "--frames", "600", "--output", folder / "run")
    whole = {
        f"run/{path.relative_to(folder / 'run')}": path.read_bytes()
        for path in (folder / "run").rglob("*")
        if path.suffix in (".parquet", ".json", ".txt") and path.name != "summary.parquet"
    }
    kinds = (".parquet", "config.json")
    return [(name, content, whole) for name, content in whole.items() if name.endswith(kinds)]


def archive_seeds(folder: Path) -> list[Seed]:
    """A small archive of pictures."""
    with ZipFile(ZOO / "digits" / "pictures.zip") as pictures:
        names = [name for name in pictures.namelist() if not name.endswith("images.csv")][:3]
        with ZipFile(folder / "few.zip", "w") as few:
            for name in names:
                few.writestr(name, pictures.read(name))
            few.writestr("images.csv", "file,label\n" + "".join(f"{n},1\n" for n in names))
    return [text(folder / "few.zip", "input.zip")]


def picture_seeds(folder: Path) -> list[Seed]:
    """One picture."""
    with ZipFile(ZOO / "digits" / "pictures.zip") as pictures:
        name = next(n for n in pictures.namelist() if not n.endswith("images.csv"))
        return [(f"input{Path(name).suffix}", pictures.read(name), {})]


def trace_seeds(folder: Path) -> list[Seed]:
    """A trace as CSV, Parquet and of stressberry, and a sweep."""
    samples = [(t, 40 + 20 * (1 - 0.98**t) - (t > 60) * 10, float(t < 60)) for t in range(120)]
    rows = "".join(f"{t},{c:.2f},{5 * load:.1f}\n" for t, c, load in samples)
    csv = folder / "trace.csv"
    csv.write_text("time_s,temperature_c,power_w\n" + rows)
    yaml = "# This file was created by stressberry v0.3.0\ntemperature:\n"
    yaml += "".join(f"- {c:.1f}\n" for _, c, _ in samples)
    yaml += "time:\n" + "".join(f"- {8 * t}\n" for t, _, _ in samples)
    clocks = range(200, 2000, 200)
    sweep = "frequency_mhz,latency_ms\n" + "".join(f"{f},{9e4 / f + 5}\n" for f in clocks)
    parquet = folder / "trace.parquet"
    script = f"pl.read_csv({str(csv)!r}).write_parquet({str(parquet)!r})"
    command("-c", f"import polars as pl; {script}")  # its threads would not survive a fork
    return [
        text(csv, "input.csv"),
        ("input.data", yaml.encode(), {}),
        ("input.csv", sweep.encode(), {}),
        text(parquet, "input.parquet"),
    ]


def characterisation_seeds(folder: Path) -> list[Seed]:
    """A characterisation, made of the file's model."""
    level = "{ frequency_hz = 1e9, voltage_v = 1.0, temperature_c = 60.0, extrapolated = false, "
    level += "measured = true }"
    topology = '{ name = "a", throttled_p99_s = 0.1, pass_median_s = [0.1], pass_p99_s = [0.2] }'
    provenance = {
        "board": "b", "machine": "m", "command": "c", "date": "d", "version": "v", "runtime": "r",
        "t_max_c": 85.0, "passes": 1, "settling_s": 1.0, "averaged_s": 1.0, "threads": 1,
        "measures_power": False, "nominal_latency_s": 0.1,
    }  # fmt: skip
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in provenance.items())
    document = f'family = "f"\nlevels = [{level}]\ntopologies = [{topology}]\n[provenance]\n{lines}'
    return [("input.toml", document.encode(), {})]


def measurement_seeds(folder: Path) -> list[Seed]:
    """The measurements of a twin."""
    command("characterise", "--passes", "20", "--levels", "3", "--output", folder / "out")
    return [text(folder / "out" / "measurements.jsonl", "measurements.jsonl")]


def policy_seeds(folder: Path) -> list[Seed]:
    """Arrays and cards of every kind of policy that ships for the board."""
    kinds = ("ztt", "q_table", "ppo", "student/odroid_xu4", "pretrained")
    files = (policies.ARRAYS, policies.CARD)
    whole = [{name: (PRETRAINED / kind / name).read_bytes() for name in files} for kind in kinds]
    return [(name, policy[name], policy) for policy in whole for name in files]


PINS = b'[networks."a.tflite"]\nurl = "http://a/a.tflite"\nsha256 = "' + b"0" * 64 + b'"\n'
SWEEP = b"algo: [ztt, lotus]\nseed: [0, 1]\nsteps: 6000\nscenario: {ambient_c: 30.0}\n"
LIST = b"file,label\n" + b"".join(b"a%d.png,%d\n" % (n, n) for n in range(20))
STATE = guardian.state_of([guardian.Setting("/sys/devices/x", "ondemand")])

READERS: dict[str, tuple[Reader, Callable[[Path], list[Seed]]]] = {
    "suite": (suite, lambda _: [text(SUITES / f"{n}.toml") for n in ("main", "published")]),
    "family": (family, lambda _: [text(ZOO / f"{n}.toml") for n in ("digits", "recorded")]),
    "outcomes": (outcomes, lambda _: [text(ZOO / "digits.npz", "input.npz")]),
    "characterisation": (characterisation, characterisation_seeds),
    "image_list": (image_list, lambda _: [("input.csv", LIST, {})]),
    "image": (image, picture_seeds),
    "archive": (archive, archive_seeds),
    "trace": (trace, trace_seeds),
    "saved_state": (saved_state, lambda _: [("input.json", STATE, {})]),
    "network": (
        network,
        lambda _: [text(ZOO / "digits" / load_family("digits").topologies[0].file, "input.tflite")],
    ),
    "labels": (labels, lambda _: [text(ZOO / "digits" / "labels.txt", "input.txt")]),
    "lock": (lock, lambda _: [("models.lock.toml", PINS, {})]),
    "trainings": (trainings, lambda _: [("input.yaml", SWEEP, {})]),
    "measurements": (measurements, measurement_seeds),
    "policy": (policy, policy_seeds),
    "profile": (
        profile,
        lambda _: [text(PROFILES / f"{b}.toml") for b in ("odroid_xu4", "odroid_c2")],
    ),
    "replay": (replayed, run_seeds),
    "report": (reported, run_seeds),
    "identify": (identified, run_seeds),
}
"""What reads a folder, and the good inputs of it that are mutated."""

COMPILED = ("policy", "profile", "replay", "report", "identify", "measurements")
"""Readers behind which the compiled twin stands, whose start takes long."""
