"""The whole loop on the emulated x86 board: ``python -m tests.kernel.loop``.

Board -> profile -> twin -> policy -> board: doctor and characterisation on the board, a profile
identified from its own logs, a policy trained on the twin of that profile, and the policy, TVFS and
the kernel's own throttling run on the board again. Heat is the twin of a Raspberry Pi 3B; time and
inference are real, and a quota makes the guest as slow as its clock says.
"""

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.kernel import transcript, x86
from tests.kernel.guest import COOL_C
from tests.kernel.packages import ROOT
from tests.kernel.plant import Plant
from tests.kernel.quota import CpuQuota
from tests.kernel.transcript import WIDTH
from tests.kernel.x86 import SHARED, X86Board
from tvfs_gym.envs.boards.profile import load_profile

PROFILE, COOLING = "raspberry_pi_3b", "bare"
AMBIENT_C = 20.0
T_MAX_C = 68.0
"""Just below the kernel's trip at 70 degC."""

LATENCY_MS = 400.0
SPEED = 10.0
"""How much faster than on a real board heat moves: an hour's characterisation takes minutes."""

SHARE = 0.8
"""Of a host's CPU for each CPU of the guest at the highest clock."""

STEP_S = 3600.0
"""Longest time for a step of the loop."""

TERMINAL = "env TERM=dumb NO_COLOR=1"
"""The guest's serial line draws no colours."""

TABLE_WIDTH = 240

RESULTS = ROOT / "results" / "kernels" / "loop"
CHARACTERISATION = (
    "--levels 4 --passes 15 --settling-s 20 --averaged-s 8 "
    "--board-option settle_s=2 --board-option cooldown_limit_s=120"
)


class Loop:
    """The board, the host, and a transcript of what is done on either."""

    def __init__(self, board: X86Board) -> None:
        self._board = board
        self.sections: list[str] = []

    def on_board(self, title: str, arguments: str) -> None:
        """Runs ``tvfs-gym`` in the guest."""
        print(f"board: tvfs-gym {arguments}", flush=True)
        guest = self._board.guest
        guest.journal.clear()
        program = f"{TERMINAL} {self._board.python} -m tvfs_gym.experiments.cli"
        told = guest.run(f"{program} {arguments}", STEP_S)
        self._write(title, f"{_typed('board#', arguments)}\n{told}")

    def on_host(self, title: str, arguments: str) -> None:
        """Runs ``tvfs-gym`` outside."""
        print(f"host: tvfs-gym {arguments}", flush=True)
        command = [sys.executable, "-m", "tvfs_gym.experiments.cli", *arguments.split()]
        done = subprocess.run(
            command, cwd=RESULTS, capture_output=True, text=True, timeout=STEP_S, env=os.environ
        )
        if done.returncode:
            raise RuntimeError(f"{arguments} failed:\n{done.stdout}{done.stderr}")
        self._write(title, f"{_typed('host$', arguments)}\n{done.stdout}")

    def tell_plant(self, plant: Plant) -> None:
        """Writes what the board's heat did."""
        self._board.guest.journal.clear()
        transcript.tell(self._board, plant)
        self._write("the heat of all that", "\n".join(self._board.guest.journal))

    def _write(self, title: str, text: str) -> None:
        print(text, flush=True)
        text = text.replace(str(RESULTS), "loop")
        self.sections.append(transcript.section(self._board, title, [text], TABLE_WIDTH))


def _typed(prompt: str, arguments: str) -> str:
    """A command as one would type it, over several lines."""
    return " \\\n    ".join(
        textwrap.wrap(f"{prompt} tvfs-gym {arguments}", WIDTH, break_on_hyphens=False)
    )


def bring(shared: Path, name: str) -> None:
    """Copies a folder that the guest wrote into the results."""
    shutil.copytree(shared / name, RESULTS / name)


def run_all(loop: Loop, board: X86Board, steps: int) -> None:
    """All steps of the loop."""
    loop.on_board("what the board can", "doctor")
    characterised = f"{SHARED}/characterised"
    conditions = f"--t-max-c {T_MAX_C} --ambient-c {AMBIENT_C}"
    loop.on_board(
        "the board measured",
        f"characterise --board linux {conditions} {CHARACTERISATION} --output {characterised}",
    )
    bring(board.shared, "characterised")
    loop.on_host(
        "its profile identified from its own logs",
        f"identify characterised --board {PROFILE} --name emulated --output emulated.toml",
    )
    shutil.copy(RESULTS / "emulated.toml", board.shared)
    controllers = "--controller predictive --controller tvfs --controller performance"
    if importlib.util.find_spec("stable_baselines3"):
        loop.on_host(
            "a policy trained on the twin of that profile",
            f"train --board emulated.toml --family digits --reward on_time_accuracy_cool "
            f"--latency-ms {LATENCY_MS} {conditions} --steps {steps} --output trained",
        )
        shutil.copytree(RESULTS / "trained", board.shared / "trained")
        controllers += f" --controller {SHARED}/trained"
    loop.on_board(
        "policy, predictive controller, TVFS and the kernel's throttling on the board",
        f"run --board linux {controllers} --characterisation {characterised} {conditions} "
        f"--frames 150 --frames-per-step 5 --seeds 2 --latency-ms {LATENCY_MS} "
        f"--board-option profile={SHARED}/emulated.toml --board-option settle_s=2 "
        f"--output {SHARED}/run",
    )
    bring(board.shared, "run")
    loop.on_host("how far the twin is from the board", "validate emulated.toml run")
    loop.on_host("what another controller would have chosen", "replay run --controller predictive")


def main() -> None:
    """Powers the board on, and runs the loop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train-steps", type=int, default=1_000_000)
    steps = parser.parse_args().train_steps
    x86.ready()
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)
    with TemporaryDirectory() as folder:
        board = X86Board(Path(folder))
        loop = Loop(board)
        plant_of = load_profile(PROFILE)
        try:
            with (
                CpuQuota(board.guest, SHARE) as quota,
                Plant(board, plant_of, COOLING, AMBIENT_C, SPEED, quota.follow) as plant,
            ):
                run_all(loop, board, steps)
            loop.tell_plant(plant)
            board.set_temperature_c(COOL_C)
            transcript.write("loop", transcript.versions(board), loop.sections)
        finally:
            board.guest.power_off()


if __name__ == "__main__":
    main()
