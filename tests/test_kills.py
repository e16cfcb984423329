"""Every long command goes on after a kill, and comes to the same; ``make kills`` kills more."""

import sys

import pytest

from tests.killed_commands import COMMANDS
from tests.kills import KINDS, kill_many


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize("name", [name for name in COMMANDS if "dagger" not in name])
def test_a_command_that_was_killed_goes_on(name: str) -> None:
    kills = kill_many([name], len(KINDS), seed=5)
    assert len(kills) == len(KINDS)
    assert not [kill for kill in kills if kill.problems]
