"""The bits of whole episodes: observations, rewards, windows of every board, alone and in batches.

`tests.test_golden` compares summaries with a tolerance, across platforms; this compares digests.
They hold where the twin's inputs (parameters, networks, jitters, start) have the bits that they had
when the digests were written; another library of linear algebra may round those differently, and
such a platform is skipped with a reason. After a change of the numbers on purpose, write the
digests again with ``python -m tests.test_bits``.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tvfs_gym.envs.boards.twin.arrays import P, S
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv

DIGESTS = Path(__file__).parent / "golden" / "bits.json"

BOARDS = ("odroid_xu4", "odroid_c2", "raspberry_pi_4b", "raspberry_pi_3b")

CHANGES = (
    {"at_s": 2.0, "latency_constraint_s": 0.1, "background_load": 0.2},
    {"at_s": 6.0, "ambient_c": 45.0},
)

EPISODES: dict[str, dict[str, Any]] = {
    **{f"{board}: nominal": {"profile": board} for board in BOARDS},
    **{
        f"{board}: changes": {"profile": board, "scenario": {"frames": 900, "changes": CHANGES}}
        for board in BOARDS
    },
    **{f"{board}: conditions": {"profile": board, "randomise": "conditions"} for board in BOARDS},
    "fan fails": {
        "scenario": {"ambient_c": 35.0, "changes": [{"at_s": 5.0, "cooling": "fan_failed"}]},
        "choose_passes": True,
    },
    "fan driven": {
        "scenario": {
            "cooling": "fan_steps",
            "throttling": "mainline_step_wise",
            "ambient_c": 40.0,
            "start_temperature_c": 60.0,
        },
        "reward": "accuracy_latency",
    },
    "shut down": {
        "scenario": {"cooling": "fan_failed", "ambient_c": 90.0, "t_max_c": 119.0,
                     "start_temperature_c": 118.0, "throttling": "vendor_xu4"},
    },
    "published": {
        "family": "mobilenet_v1_hosted",
        "reward": "on_time_accuracy_cool",
        "action_space": "multi_discrete",
        "frames_per_step": 7,
    },
    "camera": {
        "profile": "raspberry_pi_3b",
        "scenario": {"arrival_period_s": 0.2, "latency_constraint_s": 0.15},
        "frames_per_step": 1,
    },
}  # fmt: skip
"""Arguments of each environment, by name."""

DEFAULTS = {"profile": "odroid_xu4", "reward": "on_time_accuracy"}

TWINS = 6
"""Twins of a batch."""


FIELDS, FRAME_FIELDS, STATES = 29, 5, 15
"""Columns of a window, a frame and the state that the digests hold; others are later."""


class Digest:
    """A digest of arrays, each as doubles or, if it is an observation, as it is."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, *values: Any) -> None:
        for value in values:
            array = np.asarray(value)
            if array.dtype != np.float32:
                array = array.astype(np.float64)
            self._hash.update(np.ascontiguousarray(array).tobytes())

    def __str__(self) -> str:
        return self._hash.hexdigest()[:32]


def _answered(frames: Any) -> np.ndarray:
    """Rows of the frames that were answered."""
    rows = np.asarray(frames).reshape(-1, np.asarray(frames).shape[-1])
    return rows[~np.isnan(rows[:, 0])][:, :FRAME_FIELDS]


def _window(window: Any) -> np.ndarray:
    """A window's fields in order; of a batch one row per twin."""
    return np.asarray(window, np.float64)[..., :FIELDS]


def alone(arguments: dict[str, Any]) -> tuple[str, str]:
    """Digests of what an episode of one twin is made from, and of what it delivers."""
    env = TwinEnv(**{**DEFAULTS, **arguments})
    actions = _actions(env.action_space)
    inputs, outputs = Digest(), Digest()
    observation, info = env.reset(seed=7)
    board = env.board
    arrays = board.arrays
    # The state in one piece, and the parameters without the sizes behind them.
    heat = len(P) + len(S), len(P) + len(S) + 2 * len(arrays.modes) + len(arrays.trip_state)
    inputs.add(np.concatenate([arrays.state[:STATES], board.own[slice(*heat)]]))
    inputs.add(arrays.parameters[: P.MOST_PASSES], arrays.networks, arrays.trips, board.jitters)
    inputs.add(board.levels, board.topologies, board.outcomes, env.scales)
    outputs.add(observation, _window(info["window"]))
    ended = False
    while not ended:
        observation, reward, terminated, truncated, info = env.step(next(actions))
        outputs.add(observation, reward, terminated, truncated, _window(info["window"]))
        outputs.add(_answered(info["frames"]))
        ended = terminated or truncated
    return str(inputs), str(outputs)


def together(arguments: dict[str, Any]) -> str:
    """A digest of what a batch of twins delivers, over the longest of its episodes."""
    env = TwinVectorEnv(TWINS, info_frames=True, **{**DEFAULTS, **arguments})
    actions = [_actions(env.single_action_space, seed) for seed in range(TWINS)]
    outputs = Digest()
    observations, info = env.reset(seed=7)
    outputs.add(observations, _of_batch(info))
    over = np.zeros(TWINS, bool)
    while not over.all():
        chosen = np.array([next(own) for own in actions])
        observations, rewards, terminated, truncated, info = env.step(chosen)
        outputs.add(observations, rewards, terminated, truncated, _of_batch(info))
        outputs.add(_answered(info["frames"]))
        over |= terminated | truncated
    return str(outputs)


def _of_batch(info: dict[str, Any]) -> np.ndarray:
    return _window(info["window"])


def _actions(space: Any, seed: int = 0) -> Any:
    """Random actions, drawn without the space's own generator."""
    rng = np.random.default_rng((3, seed))
    sizes = space.nvec if hasattr(space, "nvec") else space.n
    while True:
        yield rng.integers(0, sizes)


def digests() -> dict[str, dict[str, str]]:
    """Digests of all episodes."""
    found = {}
    for name, arguments in EPISODES.items():
        inputs, outputs = alone(arguments)
        found[name] = {"inputs": inputs, "alone": outputs, "together": together(arguments)}
    return found


@pytest.mark.parametrize("name", EPISODES)
def test_an_episode_has_the_bits_that_it_had(name: str) -> None:
    expected = json.loads(DIGESTS.read_text())[name]
    inputs, outputs = alone(EPISODES[name])
    if inputs != expected["inputs"]:
        pytest.skip("this platform's linear algebra rounds the twin's parameters differently")
    assert outputs == expected["alone"]
    assert together(EPISODES[name]) == expected["together"]


if __name__ == "__main__":
    DIGESTS.write_text(json.dumps(digests(), indent=1) + "\n")
