"""Broken sensors, busy buses and vanishing files: no run hangs, makes readings up, or lies."""

import pytest

from tests.envs.boards.faults import fuse_opens, inject_many

WHERE = [
    pytest.param(False, id="calls"),
    pytest.param(
        True,
        id="fuse",
        marks=pytest.mark.skipif(
            not fuse_opens(),
            reason="no file system in user space can be mounted here (libfuse, /dev/fuse)",
        ),
    ),
]


@pytest.mark.parametrize("with_fuse", WHERE)
def test_random_faults_are_borne(with_fuse: bool) -> None:
    """`python -m tests.envs.boards.faults 200` injects more."""
    assert inject_many(10, 1, with_fuse)[0] == []


@pytest.mark.slow
@pytest.mark.parametrize("with_fuse", WHERE)
def test_two_hundred_random_faults_are_borne(with_fuse: bool) -> None:
    problems, kinds = inject_many(200, 0, with_fuse)
    assert problems == [] and len(kinds) >= 10
