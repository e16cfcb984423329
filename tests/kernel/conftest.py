"""The boards under test: stock kernels in emulated machines."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kernel import arm, x86
from tests.kernel.guest import COOL_C
from tests.kernel.packages import UnavailableError
from tests.kernel.plant import Hardware

MACHINES: dict[str, tuple[Callable[[], None], Callable[[Path], Hardware]]] = {
    "x86": (x86.ready, x86.X86Board),
    "arm": (arm.ready, arm.ArmBoard),
}


@pytest.fixture(scope="session", params=sorted(MACHINES, reverse=True))
def machine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hardware]:
    """A board, powered on once for all tests."""
    ready, make = MACHINES[request.param]
    try:
        ready()
    except UnavailableError as missing:
        pytest.skip(f"no real kernel: {missing}")
    board = make(tmp_path_factory.mktemp(request.param))
    yield board
    board.guest.power_off()


@pytest.fixture
def board(machine: Hardware) -> Iterator[Hardware]:
    """A board, cool, as it was after power-on; put right again after the test."""
    yield machine
    machine.set_temperature_c(COOL_C)
