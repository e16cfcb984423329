"""The twin's step in C, compiled here: the yardstick of the compiled Python."""

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.boards import window as summary
from tvfs_gym.envs.boards.board import Configuration
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.boards.twin import arrays, kernel
from tvfs_gym.envs.boards.twin.arrays import DRAWS_SIZE, Array
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.boards.twin.kernel import draw_frames, run_window
from tvfs_gym.envs.inference.topology import load_family
from tvfs_gym.envs.jit import jit
from tvfs_gym.envs.scenario import Scenario

SOURCE = Path(__file__).with_name("kernel.c")
SCENARIO = Scenario()
FLAGS = ("-O3", "-march=native", "-ffp-contract=off", "-shared", "-fPIC")


def compiler() -> str | None:
    """The machine's C compiler, if it has one."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


class Kernels:
    """The same boards, stepped by the C kernel or by the compiled Python; nothing but the kernels.

    Args:
        boards: How many.
        frames: Of a window.
        family: Topology family.

    Attributes:
        windows: What the last call delivered, shape (boards, WINDOW_SIZE).
    """

    def __init__(self, boards: int, frames: int, family: str) -> None:
        twin = TwinBoard(load_profile("odroid_xu4"), load_family(family))
        rng = np.random.default_rng(0)
        self._topologies = rng.integers(len(twin.topologies), size=(16, boards))
        self._levels = rng.integers(len(twin.levels), size=(16, boards))
        self._shared = (twin.levels, twin.topologies, twin.outcomes, twin.jitters)
        rows = []
        for i in range(boards):
            twin.reset(SCENARIO, (0, i))
            twin.apply(Configuration(0, 0))
            rows.append((twin.state, twin.parameters, twin.networks, twin.trips))
        self._boards: tuple[Array, Array, Array, Array] = (
            np.stack([row[0] for row in rows]),
            np.stack([row[1] for row in rows]),
            np.stack([row[2] for row in rows]),
            np.stack([row[3] for row in rows]),
        )
        self._draws = np.empty((frames, DRAWS_SIZE), np.int64)
        self._answers = np.empty((boards, frames, summary.FRAME_SIZE))
        self.windows = np.empty((boards, summary.WINDOW_SIZE))
        self._calls = 0

    def python(self) -> None:
        """A step, by the compiled Python."""
        self._act()
        _step(*self._boards, *self._shared, self._draws, self._answers, self.windows)

    def compiled(self, folder: Path) -> Callable[[], None]:
        """A step, by the C kernel.

        Args:
            folder: Where it is compiled to.
        """
        library = folder / "kernel.so"
        columns = {
            name: value
            for module in (arrays, summary, kernel)
            for name, value in vars(module).items()
            if name.isupper() and isinstance(value, int | float)
        }
        macros = [f"-D{name}={value}" for name, value in columns.items()]
        command = [str(compiler()), *FLAGS, *macros, str(SOURCE), "-o", str(library), "-lm"]
        subprocess.run(command, check=True)
        function = ctypes.CDLL(str(library)).step_boards
        outcomes, networks, trips = self._shared[2], self._boards[2], self._boards[3]
        boards, frames = self._answers.shape[:2]
        sizes = np.array(
            [boards, frames, *outcomes.shape[1:3], networks.shape[2], trips.shape[1],
             len(self._shared[0])]
        )  # fmt: skip
        operands = (sizes, *self._boards, *self._shared, self._answers, self.windows)
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in operands]

        def step() -> None:
            self._act()
            function(*pointers)

        return step

    def _act(self) -> None:
        states, now = self._boards[0], self._calls % len(self._topologies)
        states[:, arrays.TOPOLOGY] = self._topologies[now]
        states[:, arrays.REQUESTED_LEVEL] = self._levels[now]
        self._calls += 1


@jit
def _step(
    states: Array,
    parameters: Array,
    networks: Array,
    trips: Array,
    levels: Array,
    topologies: Array,
    outcomes: NDArray[np.float32],
    jitters: Array,
    draws: NDArray[np.int64],
    answers: Array,
    windows: Array,
) -> None:
    for i in range(len(states)):
        draw_frames(states[i], outcomes, answers.shape[1], draws)
        run_window(
            states[i],
            parameters[i],
            networks[i],
            trips[i],
            levels,
            topologies,
            outcomes,
            jitters,
            draws,
            answers[i],
            windows[i],
        )


def difference(boards: int, frames: int, steps: int, family: str) -> float:
    """The largest relative difference between the two kernels' windows after some steps."""
    python, other = Kernels(boards, frames, family), Kernels(boards, frames, family)
    with TemporaryDirectory() as folder:
        in_c = other.compiled(Path(folder))
        for _ in range(steps):
            python.python()
            in_c()
    scale = np.maximum(np.abs(python.windows), 1.0)
    return float((np.abs(python.windows - other.windows) / scale).max())
