"""Mutates the files that every reader takes, and looks what becomes of the reader.

``python -m tests.fuzz COUNT [--seed N] [--reader NAME]`` mutates COUNT inputs per reader and prints
a line for each: how many were refused in a sentence, how many accepted, and what failed. A failure
is any other exception, the death of the process, more than `PATIENCE_S` or `MOST_BYTES`, or a file
that was accepted though nobody can mean it. Every input is read in a process of its own.
"""

import argparse
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

import numpy as np

from tvfs_gym.agents import policy_file as policies
from tvfs_gym.agents.pretrained import FOLDER as PRETRAINED
from tvfs_gym.baselines.characterisation import file as characterisations
from tvfs_gym.envs.boards.linux import guardian
from tvfs_gym.envs.boards.profile import PROFILES
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.image_lists import read_image_list, unpack_images
from tvfs_gym.envs.inference.images import open_image
from tvfs_gym.envs.inference.outcomes import outcome_tables
from tvfs_gym.envs.inference.topology import ZOO, load_family
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.experiments.benchmarks.suite import SUITES, load_suite
from tvfs_gym.experiments.twin.traces.record import read_record
from tvfs_gym.experiments.twin.traces.sweep import is_sweep, read_sweep

PATIENCE_S = 10
"""Longest time for an answer, s of processor time; a busy machine gets three times as long."""

MOST_BYTES = 1 << 30
"""Memory beyond what the process has before it reads."""

NUMBERS = ("nan", "inf", "-inf", "1e308", "-1e308", "1e-308", "0", "-1", "1e9", "9" * 5000, "null")
"""Values in place of a number in a text."""


class NonsenseError(Exception):
    """A file was accepted though nobody can mean it."""


def profile(folder: Path) -> None:
    """A board profile, and a few steps on its twin."""
    env = TwinEnv(str(folder / "input.toml"))
    env.reset(seed=0)
    for action in range(3):
        observation, reward, _, ended, info = env.step(action)
        if not np.isfinite(observation).all() or not 0 <= float(reward) <= 1:
            raise NonsenseError(f"observed {observation}, earned {reward}")
        if not -100 <= info["window"][0] < np.inf:
            raise NonsenseError("a temperature that no chip has")
        if ended:
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
    for name in (policies.ARRAYS, policies.CARD):
        if not (folder / name).exists():
            shutil.copy(PRETRAINED / "ztt" / name, folder / name)
    learnt: Any = policies.load(folder)
    env = TwinEnv("odroid_xu4", "recorded")
    observation, _ = env.reset(seed=0)
    choice, _ = learnt.choose(observation[np.newaxis])
    if not 0 <= choice.topology[0] < 10_000 or not 0 <= choice.vf_level[0] < 10_000:
        raise NonsenseError(f"chose {choice}")


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


def trace(folder: Path) -> None:
    """A trace or a sweep, in any format."""
    (path,) = folder.glob("input.*")
    if is_sweep(path):
        read_sweep(path)
        return
    for run in read_record(path).runs:
        if not np.isfinite(run.temperature_c).all() or not (np.diff(run.time_s) > 0).all():
            raise NonsenseError("a course that is none")


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


def reported(folder: Path) -> None:
    """The folder of a run, and its report."""
    from tvfs_gym.experiments.results.report import write_report

    write_report(folder / "run")


def network(folder: Path) -> None:
    """A TFLite network: loaded, and run once."""
    from tvfs_gym.envs.inference.classifier import TfliteClassifier

    topology = load_family("digits").topologies[0].model_copy(update={"file": "input.tflite"})
    px = topology.input_px
    values = TfliteClassifier(topology, folder).probabilities(np.zeros((px, px, 3), np.uint8))
    if values.shape != (topology.classes,):
        raise NonsenseError(f"outputs of shape {values.shape}")


Reader = Callable[[Path], None]
Seed = tuple[str, bytes, dict[str, bytes]]
"""Path of the file to mutate, its content, and the files beside it."""


def text(path: Any, name: str = "input.toml") -> Seed:
    """A file by itself."""
    return name, path.read_bytes(), {}


def run_seeds(folder: Path) -> list[Seed]:
    """Every file of a run's folder, the others beside it."""
    command("run", "--controller", "performance", "--frames", "100", "--output", folder / "run")
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
    "policy": (
        policy,
        lambda _: [
            text(PRETRAINED / folder / file, file)
            for folder, file in (
                ("ztt", policies.ARRAYS),
                ("q_table", policies.ARRAYS),
                ("ztt", policies.CARD),
            )
        ],
    ),
    "profile": (
        profile,
        lambda _: [text(PROFILES / f"{b}.toml") for b in ("odroid_xu4", "odroid_c2")],
    ),
    "replay": (replayed, run_seeds),
    "report": (reported, run_seeds),
}
"""What reads a folder, and the good inputs of it that are mutated."""

COMPILED = ("policy", "profile", "replay", "report")
"""Readers behind which the compiled twin stands, whose start takes long."""


def mutated(content: bytes, draw: random.Random) -> bytes:
    """A content with one to three changes, or none of it."""
    for _ in range(draw.randint(1, 3)):
        content = draw.choice(MUTATIONS)(content, draw)
    return content


def _place(content: bytes, draw: random.Random) -> int:
    return draw.randrange(len(content) + 1)


def _cut(content: bytes, draw: random.Random) -> bytes:
    return content[: _place(content, draw)]


def _flip(content: bytes, draw: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(min(len(changed), draw.choice([1, 1, 4, 32]))):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _insert(content: bytes, draw: random.Random) -> bytes:
    at = _place(content, draw)
    pieces = [draw.randbytes(8), b"\0" * 16, b"\x1b[31m", b"[" * 100_000, "ä€".encode("utf-16")]
    return content[:at] + draw.choice(pieces) + content[at:]


def _repeat(content: bytes, draw: random.Random) -> bytes:
    start, end = sorted((_place(content, draw), _place(content, draw)))
    return content[:end] + content[start:end] * draw.choice([1, 3]) + content[end:]


def _drop(content: bytes, draw: random.Random) -> bytes:
    start = _place(content, draw)
    return content[:start] + content[start + draw.choice([1, 10, 100]) :]


def _number(content: bytes, draw: random.Random) -> bytes:
    """Replaces a number of a text; flips bits of what is no text."""
    places = [n for n, byte in enumerate(content[:20_000]) if 48 <= byte <= 57]
    if not places or b"\0" in content[:100]:
        return _flip(content, draw)
    start = end = draw.choice(places)
    while start > 0 and content[start - 1 : start] in b"0123456789.-+eE_":
        start -= 1
    while end < len(content) and content[end : end + 1] in b"0123456789.-+eE_":
        end += 1
    return content[:start] + draw.choice(NUMBERS).encode() + content[end:]


def _empty(content: bytes, draw: random.Random) -> bytes:
    return b"" if draw.random() < 0.2 else _flip(content, draw)


MUTATIONS = (_cut, _flip, _insert, _repeat, _drop, _number, _number, _number, _empty)


def outcome_of(reader: Reader, folder: Path, limited: bool = True) -> str:
    """Reads an input in a process of its own; "refused", "accepted", or how it failed."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receive)
        message = _read(reader, folder, limited)
        os.write(send, message.encode()[:4000])
        os._exit(0)
    os.close(send)
    with os.fdopen(receive) as answer:
        message = answer.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number in (signal.SIGXCPU, signal.SIGALRM, signal.SIGKILL):
            return f"failed: hung for {PATIENCE_S} s"
        return f"failed: killed by {signal.Signals(number).name}"
    return message


def _read(reader: Reader, folder: Path, limited: bool) -> str:
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    if limited:  # a good input comes first, and may compile the twin
        resource.setrlimit(resource.RLIMIT_CPU, (PATIENCE_S, PATIENCE_S + 1))
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(9 * PATIENCE_S)
    had = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (had + 2 * MOST_BYTES, had + 2 * MOST_BYTES))
    try:
        reader(folder)
    except InputError as error:
        return f"refused: {str(error)[:200]}"
    except BaseException as error:
        last = traceback.extract_tb(error.__traceback__)[-3:]
        where = " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(last))
        return f"failed: {type(error).__name__}: {str(error)[:200]} at {where}"
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return "accepted" if peak < had + MOST_BYTES else f"failed: took {peak >> 20} MiB"


def fuzz(
    reader: Reader, inputs: list[Seed], count: int, seed: int
) -> tuple[Counter[str], list[str]]:
    """Mutates inputs of a reader.

    Returns:
        How many were refused, accepted and failed, and the failures, each with its number. A good
        input, which comes first, is a failure if it is not accepted.
    """
    counts, failures = Counter[str](), []
    for number in range(-len(inputs), count):
        draw = random.Random(f"{seed} {number}")
        name, content, beside = inputs[number % len(inputs)]
        content = content if number < 0 else mutated(content, draw)
        with TemporaryDirectory() as folder:
            for path, other in {**beside, name: content}.items():
                (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
                (Path(folder) / path).write_bytes(other)
            outcome = outcome_of(reader, Path(folder), limited=number >= 0)
        if number < 0:
            outcome = "" if outcome == "accepted" else f"failed: a good input was {outcome}"
        else:
            counts[outcome.partition(":")[0]] += 1
        if outcome.startswith("failed"):
            failures.append(f"{number} ({name}): {outcome.removeprefix('failed: ')}")
    return counts, failures


def command(*arguments: object) -> None:
    """Runs a command, or a script after ``-c``, as a process."""
    call = [sys.executable]
    call += [] if arguments[0] == "-c" else ["-m", "tvfs_gym.experiments.cli"]
    done = subprocess.run([*call, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def main() -> int:
    """Fuzzes all readers, or one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reader", choices=READERS, action="append")
    asked = parser.parse_args()
    total: Counter[str] = Counter()
    for name in asked.reader or READERS:
        reader, seeds = READERS[name]
        with TemporaryDirectory() as folder:
            counts, failures = fuzz(reader, seeds(Path(folder)), asked.count, asked.seed)
        counts["failed"] = len(failures)
        total += counts
        print(json.dumps({"reader": name, **counts}), flush=True)
        for failure in failures:
            print(f"  {failure}", flush=True)
    print(json.dumps({"reader": "all", **total}))
    return 1 if total["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
