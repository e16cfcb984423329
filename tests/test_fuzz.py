"""Every reader refuses mutated files in a sentence; ``make fuzz`` mutates more of them."""

from pathlib import Path

import pytest

from tests.fuzz import COMPILED, READERS, fuzz

QUICK = sorted(READERS.keys() - set(COMPILED))

# A process of many threads, as after other tests, may lock up in the child that it forks.
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", QUICK)
def test_a_mutated_file_is_refused_in_a_sentence_or_can_be_meant(name: str, tmp_path: Path) -> None:
    reader, seeds = READERS[name]
    counts, failures = fuzz(reader, seeds(tmp_path), 12, seed=1)
    assert not failures and sum(counts.values()) == 12


@pytest.mark.parametrize("name", COMPILED)
def test_a_mutated_file_does_no_harm_behind_the_compiled_twin(name: str, tmp_path: Path) -> None:
    reader, seeds = READERS[name]
    _, failures = fuzz(reader, seeds(tmp_path), 60, seed=1)
    assert not failures
