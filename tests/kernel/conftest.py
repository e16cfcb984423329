"""The boards under test: stock kernels in emulated machines."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kernel import arm, transcript, x86
from tests.kernel.guest import COOL_C
from tests.kernel.packages import UnavailableError
from tests.kernel.plant import Hardware

MACHINES: dict[str, tuple[Callable[[], None], Callable[[Path], Hardware]]] = {
    "x86": (x86.ready, x86.X86Board),
    "arm": (arm.ready, arm.ArmBoard),
}

SECTIONS: list[str] = []
"""Of the present board's transcript."""


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
    SECTIONS.clear()
    yield board
    if not request.session.testsfailed:
        transcript.write(board.name, transcript.versions(board), SECTIONS)
    board.guest.power_off()


@pytest.fixture
def board(machine: Hardware, request: pytest.FixtureRequest) -> Iterator[Hardware]:
    """A board, cool again after the test, which goes into the board's transcript."""
    yield machine
    title = request.function.__name__.removeprefix("test_").replace("_", " ")
    SECTIONS.append(transcript.section(machine, title, machine.guest.journal))
    machine.guest.journal.clear()
    machine.set_temperature_c(COOL_C)
