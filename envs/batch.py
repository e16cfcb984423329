"""A step of many twins in one call."""

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.jit import jit
from tvfs_gym.envs.observation import observe
from tvfs_gym.envs.physics.kernel import MAX_PASSES, REQUESTED_LEVEL, TOPOLOGY, Array, run_window
from tvfs_gym.envs.reward import named_reward


@jit
def step_boards(
    states: Array,
    parameters: Array,
    networks: Array,
    trips: Array,
    levels: Array,
    topologies: Array,
    outcomes: NDArray[np.float32],
    scales: Array,
    choices: NDArray[np.int64],
    most_passes: NDArray[np.int64],
    frames: NDArray[np.int64],
    answers: Array,
    windows: Array,
    rewards: Array,
    observations: NDArray[np.float32],
    reward: int,
) -> None:
    """Runs a window on every board, then rewards and observes it.

    Args:
        states: As `tvfs_gym.envs.physics.kernel.run_window` has it, one row per board.
        parameters: The same.
        networks: The same.
        trips: The same.
        levels: Shared by all boards, as are the next three.
        topologies: Shared.
        outcomes: Shared.
        scales: Shared; see `tvfs_gym.envs.observation`.
        choices: Topology, VF level and pass budget (0: as many as may be), shape (n, 3).
        most_passes: Upper limit of the budget, shape (n,).
        frames: Frames of each board's window; 0 leaves the board alone, shape (n,).
        answers: Filled, shape (n, frames, FRAME_SIZE).
        windows: Filled, shape (n, WINDOW_SIZE).
        rewards: Filled, shape (n,).
        observations: Filled, shape (n, features).
        reward: See `tvfs_gym.envs.reward.named_reward`.
    """
    for i in range(len(states)):
        if frames[i] > 0:
            wanted = choices[i, 2]
            states[i, TOPOLOGY] = choices[i, 0]
            states[i, REQUESTED_LEVEL] = choices[i, 1]
            states[i, MAX_PASSES] = most_passes[i] if wanted == 0 else min(wanted, most_passes[i])
            run_window(
                states[i],
                parameters[i],
                networks[i],
                trips[i],
                levels,
                topologies,
                outcomes,
                answers[i, : frames[i]],
                windows[i],
            )
            rewards[i] = named_reward(reward, windows[i])
            observe(windows[i], scales, observations[i])
