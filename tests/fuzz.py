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
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fuzz_readers import READERS, Reader, Seed, characterised
from tests.mutations import mutated, restructured
from tvfs_gym.envs.errors import InputError

PATIENCE_S = 10
"""Longest time for an answer, s of processor time; a busy machine gets three times as long."""

MOST_BYTES = 1 << 30
"""Memory beyond what the process has before it reads."""


def outcome_of(reader: Reader, folder: Path, change: Callable[[], object] | None) -> str:
    """Reads an input in a process of its own; "refused", "accepted", or how it failed.

    Args:
        reader: Reads it.
        folder: Where it lies.
        change: Changes it before; None for a good input, which may compile the twin.
    """
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receive)
        message = _read(reader, folder, change)
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


def _read(reader: Reader, folder: Path, change: Callable[[], object] | None) -> str:
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    if change is not None:
        change()
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
        with TemporaryDirectory() as folder:
            for path, other in {**beside, name: content}.items():
                (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
                (Path(folder) / path).write_bytes(other)
            change = partial(_change, Path(folder) / name, content, draw)
            outcome = outcome_of(reader, Path(folder), None if number < 0 else change)
        if number < 0:
            outcome = "" if outcome == "accepted" else f"failed: a good input was {outcome}"
        else:
            counts[outcome.partition(":")[0]] += 1
        if outcome.startswith("failed"):
            failures.append(f"{number} ({name}): {outcome.removeprefix('failed: ')}")
    return counts, failures


def _change(path: Path, content: bytes, draw: random.Random) -> None:
    """Writes a mutated content: of every second input the bytes, of the others what they say."""
    whole = draw.random() < 0.5
    path.write_bytes(mutated(content, draw) if whole else restructured(path.name, content, draw))


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
        if name == "policy":
            characterised()
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
