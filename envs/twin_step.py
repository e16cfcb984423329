"""A step of one twin or of many: action, window and observation in one compiled call."""

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.boards.twin.arrays import Array, BoardArrays, Outcomes, P, S, board_of
from tvfs_gym.envs.boards.twin.kernel import draw_frames, run_window
from tvfs_gym.envs.boards.window import W
from tvfs_gym.envs.jit import jit
from tvfs_gym.envs.observation import SCALES, observe
from tvfs_gym.envs.reward import default_reward

BLOCK = 64
"""Boards whose frames are drawn ahead of all their passes."""


@jit
def _apply(board: BoardArrays, topology: int, level: int, wanted: int) -> None:
    state, most = board.state, board.parameters[P.MOST_PASSES]
    state[S.TOPOLOGY] = topology
    state[S.REQUESTED_LEVEL] = level
    state[S.MAX_PASSES] = most if wanted == 0 else min(float(wanted), most)


@jit
def step_board(
    own: Array,
    shared: Array,
    outcomes: Outcomes,
    topology: int,
    level: int,
    wanted: int,
    frames: Array,
    window: Array,
    observation: NDArray[np.float32],
) -> tuple[float, float, float, float, float]:
    """Runs a window on one board and observes it.

    Args:
        own: The board's buffer, see `tvfs_gym.envs.boards.twin.arrays.Layout`.
        shared: The observation's scales, then `TwinBoard.shared`.
        outcomes: Recorded outcomes.
        topology: Index.
        level: VF level.
        wanted: Pass budget; 0 for as many as the scenario's policy has.
        frames: Filled, NaN where a frame was not answered; columns `F`.
        window: Filled, entries as in `W`.
        observation: Filled.

    Returns:
        Of the window, as plain numbers: shut down, its three costs, and the default reward.
    """
    board = board_of(own, shared[SCALES:], outcomes, window)
    _apply(board, topology, level, wanted)
    draw_frames(board, len(frames))
    run_window(board, frames)
    observe(window, shared[:SCALES], observation)
    costs = window[W.COST], window[W.COST_TEMPERATURE], window[W.COST_DEADLINE]
    return window[W.SHUT_DOWN], *costs, default_reward(window)


@jit
def step_boards(
    owns: Array,
    shared: Array,
    outcomes: Outcomes,
    choices: NDArray[np.int64],
    actions: NDArray[np.int64],
    frames_left: NDArray[np.int64],
    frames: Array,
    windows: Array,
    observations: NDArray[np.float32],
    ended: NDArray[np.bool_],
) -> int:
    """Runs a window on every board whose episode is not over, and observes it.

    Args:
        owns: One row per board, as `step_board` has it.
        shared: As there.
        outcomes: As there.
        choices: Topology, VF level and pass budget by action; see `Actions.table`.
        actions: Rows of the choices, shape (n,).
        frames_left: Frames until the episode's end, shape (n,); updated.
        frames: Filled, NaN where a frame was not answered, shape (n, frames, len(F)); or scratch
            space for fewer boards, over and over.
        windows: Filled but for boards whose episode is over, shape (n, len(W)).
        observations: Observations, shape (n, features).
        ended: Filled with terminated and truncated, shape (2, n).

    Returns:
        How many episodes were over before or are now.
    """
    scales, shared = shared[:SCALES], shared[SCALES:]
    over = 0
    for start in range(0, len(owns), BLOCK):
        end = min(start + BLOCK, len(owns))
        for i in range(start, end):
            board = board_of(owns[i], shared, outcomes, windows[i])
            draw_frames(board, min(frames_left[i], frames.shape[1]))
        for i in range(start, end):
            count = min(frames_left[i], frames.shape[1])
            rows = frames[i % len(frames)]
            rows[count:] = np.nan
            ended[0, i] = ended[1, i] = False
            if count > 0:
                choice = choices[actions[i]]
                board = board_of(owns[i], shared, outcomes, windows[i])
                _apply(board, choice[0], choice[1], choice[2])
                run_window(board, rows[:count])
                observe(windows[i], scales, observations[i])
                shut_down = windows[i, W.SHUT_DOWN] > 0.0
                frames_left[i] = 0 if shut_down else frames_left[i] - count
                ended[0, i] = shut_down
                ended[1, i] = frames_left[i] == 0 and not shut_down
            if frames_left[i] == 0:
                over += 1
    return over
