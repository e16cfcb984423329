"""The driver at work in a guest, told by the host what to do."""

import json
from typing import Any

from tests.kernel.guest import patience
from tests.kernel.plant import Hardware

START_S = 600.0
"""Longest time from the first line of Python to an open board: imports are slow under emulation."""

ANSWER_S = 300.0
FOLDER = "/run/pilot"


def brief(answer: Any) -> str:
    """An answer for the reader: numbers with six digits."""
    if isinstance(answer, dict):
        return ", ".join(f"{key} {brief(value)}" for key, value in answer.items())
    if isinstance(answer, list):
        return f"[{', '.join(map(brief, answer))}]"
    return f"{answer:.6g}" if isinstance(answer, float) else str(answer)


class Pilot:
    """A process of the guest that holds the board; see ``guest/pilot.py``.

    Attributes:
        pid: Its process in the guest.
        about: What it found when it opened the board.
    """

    def __init__(self, board: Hardware, **arguments: Any) -> None:
        """Starts it, and has it open the board.

        Args:
            board: The emulated board.
            **arguments: Of the environment ``tvfs_gym/LinuxBoard-v1``.
        """
        self._guest = board.guest
        script = board.scripts / "pilot.py"
        self._guest.run(f"rm -rf {FOLDER}; mkdir {FOLDER}; mkfifo {FOLDER}/asked {FOLDER}/told")
        command = f"{board.python} {script} {FOLDER} >{FOLDER}/log 2>&1 & echo $!"
        self.pid = int(self._guest.run(command))
        self.about = self.ask("open", arguments, START_S)

    def ask(self, name: str, value: Any = None, timeout_s: float = ANSWER_S) -> Any:
        """Has it do something; returns its answer.

        Raises:
            GuestError: It is dead, or does not answer.
        """
        line = f"{name} {json.dumps(value)}"
        # The pipes block until the other side is there, or for ever if it has died.
        command = (
            f"timeout {timeout_s * patience():.0f} sh -c 'echo '\\''{line}'\\'' >{FOLDER}/asked; "
            f"head -n 1 {FOLDER}/told' || {{ cat {FOLDER}/log; false; }}"
        )
        answer = json.loads(self._guest.run(command, timeout_s + 30.0))
        asked = f"{name} {json.dumps(value)}" if value is not None else name
        self._guest.journal[-1] = f"driver> {asked}\n{brief(answer)}"
        return answer

    def kill(self) -> None:
        """Ends it with SIGKILL."""
        self._guest.run(f"kill -KILL {self.pid}")
