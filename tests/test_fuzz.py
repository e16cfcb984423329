"""Every reader refuses mutated files in a sentence; ``make fuzz`` mutates more of them.

Fuzzing forks, and a process with threads of earlier tests may lock up in the child: so it has a
process of its own.
"""

import json
import subprocess
import sys
from collections.abc import Iterable

import pytest

from tests.conftest import ROOT
from tests.fuzz_readers import COMPILED, READERS


def fuzzed(readers: Iterable[str], count: int) -> dict[str, int]:
    """How many inputs of all readers were refused, accepted or failed."""
    named = [argument for name in readers for argument in ("--reader", name)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", str(count), "--seed", "1", *named],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counts: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    assert counts.pop("reader") == "all"
    return counts


def test_a_mutated_file_is_refused_in_a_sentence_or_can_be_meant() -> None:
    readers = sorted(READERS.keys() - set(COMPILED))
    assert sum(fuzzed(readers, 12).values()) == 12 * len(readers)


@pytest.mark.slow
def test_a_mutated_file_does_no_harm_behind_the_compiled_twin() -> None:
    assert sum(fuzzed(COMPILED, 60).values()) == 60 * len(COMPILED)
