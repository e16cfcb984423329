"""A step of one twin or of many: window, reward and observation in one compiled call."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.boards.twin.arrays import MAX_PASSES, REQUESTED_LEVEL, TOPOLOGY, Array
from tvfs_gym.envs.boards.twin.kernel import draw_frames, run_window
from tvfs_gym.envs.boards.window import W_SHUT_DOWN
from tvfs_gym.envs.jit import jit
from tvfs_gym.envs.observation import observe
from tvfs_gym.envs.reward import named_reward

BLOCK = 64
"""Boards whose frames are drawn ahead of all their passes."""


class Shared(NamedTuple):
    """What the twins of one board and family have in common.

    Attributes:
        levels: See `tvfs_gym.envs.boards.twin.kernel.run_window`, as for the next three.
        topologies: Of the family.
        outcomes: Of the same.
        jitters: Of the board.
        scales: See `tvfs_gym.envs.observation`.
    """

    levels: Array
    topologies: Array
    outcomes: NDArray[np.float32]
    jitters: Array
    scales: Array


@jit
def _step_drawn(
    shared: Shared,
    state: Array,
    parameters: Array,
    networks: Array,
    trips: Array,
    draws: NDArray[np.int64],
    answers: Array,
    window: Array,
    observation: NDArray[np.float32],
    reward: int,
) -> float:
    """Runs a window whose frames are drawn, and observes it; returns its reward."""
    answered = run_window(
        state,
        parameters,
        networks,
        trips,
        shared.levels,
        shared.topologies,
        shared.outcomes,
        shared.jitters,
        draws,
        answers,
        window,
    )
    answers[answered:] = np.nan
    observe(window, shared.scales, observation)
    return named_reward(reward, window)


@jit
def _apply(state: Array, topology: int, level: int, wanted: int, most_passes: int) -> None:
    """Takes an action.

    Args:
        state: Of the board.
        topology: Index.
        level: VF level.
        wanted: Pass budget; 0 for as many as may be.
        most_passes: Upper limit of the budget.
    """
    state[TOPOLOGY] = topology
    state[REQUESTED_LEVEL] = level
    state[MAX_PASSES] = most_passes if wanted == 0 else min(wanted, most_passes)


@jit
def step_board(
    levels: Array,
    topologies: Array,
    outcomes: NDArray[np.float32],
    jitters: Array,
    scales: Array,
    state: Array,
    parameters: Array,
    networks: Array,
    trips: Array,
    reward: int,
    topology: int,
    level: int,
    wanted: int,
    most_passes: int,
    draws: NDArray[np.int64],
    answers: Array,
    window: Array,
    observation: NDArray[np.float32],
) -> float:
    """One board's step; the arguments are those of `step_boards`, without its first axis.

    Returns:
        The reward.
    """
    shared = Shared(levels, topologies, outcomes, jitters, scales)
    _apply(state, topology, level, wanted, most_passes)
    draw_frames(state, outcomes, len(answers), draws)
    return _step_drawn(
        shared, state, parameters, networks, trips, draws, answers, window, observation, reward
    )


@jit
def step_boards(
    levels: Array,
    topologies: Array,
    outcomes: NDArray[np.float32],
    jitters: Array,
    scales: Array,
    states: Array,
    parameters: Array,
    networks: Array,
    trips: Array,
    reward: int,
    choices: NDArray[np.int64],
    actions: NDArray[np.int64],
    most_passes: NDArray[np.int64],
    frames_left: NDArray[np.int64],
    draws: NDArray[np.int64],
    answers: Array,
    windows: Array,
    observations: NDArray[np.float32],
    rewards: Array,
    terminated: NDArray[np.bool_],
    truncated: NDArray[np.bool_],
) -> int:
    """Runs a window on every board whose episode is not over; rewards and observes it.

    Args:
        levels: Shared by all boards, as are the next four: see `Shared`.
        topologies: Shared.
        outcomes: Shared.
        jitters: Shared.
        scales: Shared.
        states: As `tvfs_gym.envs.boards.twin.kernel.run_window` has it, one row per board.
        parameters: The same.
        networks: The same.
        trips: The same.
        reward: See `tvfs_gym.envs.reward.named_reward`.
        choices: Topology, VF level and pass budget by action; see `Actions.table`.
        actions: Rows of the choices, shape (n,).
        most_passes: Upper limit of the budget, shape (n,).
        frames_left: Frames until the episode's end, shape (n,); updated.
        draws: Room for the draws of `BLOCK` boards, shape (BLOCK, frames, DRAWS_SIZE).
        answers: Filled, NaN where a frame was not answered, shape (n, frames, FRAME_SIZE).
        windows: Filled but for boards whose episode is over, shape (n, WINDOW_SIZE).
        observations: The same, shape (n, features).
        rewards: Filled, shape (n,).
        terminated: Filled, shape (n,).
        truncated: Filled, shape (n,).

    Returns:
        How many episodes were over before or are now.
    """
    shared = Shared(levels, topologies, outcomes, jitters, scales)
    over = 0
    for start in range(0, len(states), BLOCK):
        end = min(start + BLOCK, len(states))
        for i in range(start, end):
            draw_frames(
                states[i], outcomes, min(frames_left[i], answers.shape[1]), draws[i - start]
            )
        for i in range(start, end):
            frames = min(frames_left[i], answers.shape[1])
            answers[i, frames:] = np.nan
            rewards[i] = 0.0
            terminated[i] = truncated[i] = False
            if frames > 0:
                choice = choices[actions[i]]
                _apply(states[i], choice[0], choice[1], choice[2], most_passes[i])
                rewards[i] = _step_drawn(
                    shared,
                    states[i],
                    parameters[i],
                    networks[i],
                    trips[i],
                    draws[i - start],
                    answers[i, :frames],
                    windows[i],
                    observations[i],
                    reward,
                )
                terminated[i] = windows[i, W_SHUT_DOWN] > 0.0
                frames_left[i] = 0 if terminated[i] else frames_left[i] - frames
                truncated[i] = frames_left[i] == 0 and not terminated[i]
            if frames_left[i] == 0:
                over += 1
    return over
