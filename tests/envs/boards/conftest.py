"""A board to play with."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.envs.boards import fake_sysfs
from tests.envs.boards.fake_sysfs import FakeKernel
from tvfs_gym.envs.boards.linux.board import LinuxBoard
from tvfs_gym.envs.boards.linux.machine import Machine
from tvfs_gym.envs.inference.topology import load_family

Opened = Callable[..., Any]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A sysfs tree without a kernel."""
    fake_sysfs.build(tmp_path / "sys")
    return tmp_path / "sys"


@pytest.fixture
def kernel(root: Path, monkeypatch: pytest.MonkeyPatch) -> FakeKernel:
    """Its kernel."""
    return FakeKernel(root).install(monkeypatch)


@pytest.fixture
def machine(root: Path, tmp_path: Path) -> Iterator[Opened]:
    """Makes machines over the tree, and closes them."""
    opened: list[Machine] = []

    def make(**options: Any) -> Machine:
        opened.append(Machine(root, state_folder=tmp_path / "state", **options))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def board(root: Path, tmp_path: Path) -> Iterator[Opened]:
    """Makes boards over the tree that run the digits' networks, and closes them."""
    opened: list[LinuxBoard] = []

    def make(frames: Any = None, **options: Any) -> LinuxBoard:
        options = {"state_folder": tmp_path / "state", "settle_s": 0.0, **options}
        opened.append(LinuxBoard(load_family("digits"), None, frames, 1, root, options))
        return opened[-1]

    yield make
    for one in opened:
        one.close()
