"""Foresight: the heat that configurations would lead to, by a twin's own state.

No controller of a real board has it. It is for those that are told everything: references and
teachers.
"""

from typing import Any

from tvfs_gym.envs.boards.twin.arrays import Array, BoardArrays, Outcomes, P, S, board_of
from tvfs_gym.envs.boards.twin.kernel import leakage_w
from tvfs_gym.envs.jit import indices, jit
from tvfs_gym.envs.physics.thermal import die_temperature_c, propagate

PIECES = 4
"""Pieces of a step before its last frame; in each the leakage stays as at its beginning."""

C: Any = indices("MEAN_W", "BUSY_W", "VOLTAGE_V", "DURATION_S", "BUSY_S")
"""Columns of a candidate: switching power in the mean and while a pass runs; supply; length of its
step; time for which the board is busy with the last frame."""


@jit
def _hottest_c(
    board: BoardArrays,
    mean_w: float,
    busy_w: float,
    voltage_v: float,
    duration_s: float,
    busy_s: float,
) -> float:
    modes = board.nodes
    for k in range(len(modes)):
        modes[k] = board.modes[k]
    hottest_c = -1e9
    for piece in range(PIECES + 1):
        ends = piece == PIECES
        piece_s = busy_s if ends else (duration_s - busy_s) / PIECES
        _heat(board, modes, busy_w if ends else mean_w, voltage_v, piece_s)
        hottest_c = max(hottest_c, die_temperature_c(modes))
    return hottest_c


@jit
def _heat(
    board: BoardArrays, modes: Array, dynamic_w: float, voltage_v: float, duration_s: float
) -> None:
    parameters, size = board.parameters, len(modes)
    first = int(board.state[S.FAN_STATE]) * size
    network = board.networks[first : first + size]
    leaked_w = leakage_w(parameters, voltage_v, die_temperature_c(modes))
    power_w = dynamic_w + parameters[P.REST_W] + leaked_w
    propagate(modes, network, parameters[P.AMBIENT_C], power_w, duration_s)


@jit
def foresee(
    owns: Array,
    shared: Array,
    outcomes: Outcomes,
    windows: Array,
    candidates: Array,
    hottest_c: Array,
) -> None:
    """Finds how hot the dies of a batch of boards would become within a step.

    The heat is steady within it, but for a last frame at whose end the board is hottest. The boards
    stay as they are.

    Args:
        owns: One row per board, see `tvfs_gym.envs.boards.twin.arrays.Layout`.
        shared: Data common to all of them.
        outcomes: Recorded outcomes.
        windows: Not looked at, shape (n, len(W)).
        candidates: Columns `C`, shape (n, candidates, len(C)).
        hottest_c: Filled with the highest temperature, shape (n, candidates).
    """
    for i in range(len(owns)):
        board = board_of(owns[i], shared, outcomes, windows[i])
        for j in range(candidates.shape[1]):
            one = candidates[i, j]
            hottest_c[i, j] = _hottest_c(
                board, one[C.MEAN_W], one[C.BUSY_W], one[C.VOLTAGE_V], one[C.DURATION_S],
                one[C.BUSY_S],
            )  # fmt: skip
