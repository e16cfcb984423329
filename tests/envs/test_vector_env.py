"""The vector environment: the bits of so many scalar ones, in one call."""

import os
import subprocess
import sys
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from tvfs_gym.envs.board_env import BoardEnv
from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv

CHANGES = {
    "frames": 230,
    "changes": [
        {"at_s": 2.0, "latency_constraint_s": 0.1, "background_load": 0.2},
        {"at_s": 5.0, "cooling": "fan_failed", "ambient_c": 35.0},
    ],
}


SENSING = {"lag_s": 0.7, "bias_c": 3.0, "noise_c": 1.5, "resolution_c": 0.25}


def alone(env: BoardEnv, seed: int, actions: np.ndarray) -> list[tuple[Any, ...]]:
    """What a scalar environment gives; like NEXT_STEP, it spends a step on beginning anew."""
    results: list[tuple[Any, ...]] = [(env.reset(seed=seed)[0], 0.0, False, False)]
    over = False
    for action in actions.tolist():
        if over:
            observation, info = env.reset()
            results.append((observation, 0.0, False, False, info))
            over = False
        else:
            results.append(env.step(action))
            over = results[-1][2] or results[-1][3]
    return results


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"scenario": CHANGES, "choose_passes": True},
        {"randomise": True, "frames_per_step": 7, "scenario": {"frames": 100}},
        {"scenario": {"cooling": "fan_steps", "frames": 400, "ambient_c": 40.0}},
        {"family": "mobilenet_v1_hosted", "reward": "on_time_accuracy_cool"},
        {"profile": "raspberry_pi_4b", "scenario": {"arrival_period_s": 0.05, "frames": 300}},
        {"scenario": {"sensing": SENSING, "ambient_c": 40.0, "frames": 500}, "randomise": True},
    ],
    ids=["default", "changes", "randomised", "fan", "published", "raspberry_pi_4b", "sensing"],
)
def test_every_sub_environment_is_the_scalar_one_bit_for_bit(arguments: dict[str, Any]) -> None:
    together = TwinVectorEnv(5, info_frames=True, **arguments)
    actions = np.random.default_rng(0).integers(0, together.single_action_space.n, (90, 5))  # type: ignore[attr-defined]
    observations, info = together.reset(seed=11)
    steps = [(observations, np.zeros(5), np.zeros(5, bool), np.zeros(5, bool), info)]
    steps += [together.step(one) for one in actions]
    for i in range(5):
        expected = alone(TwinEnv(**{"profile": "odroid_xu4", **arguments}), 11 + i, actions[:, i])
        for step, (batch, one) in enumerate(zip(steps, expected, strict=True)):
            assert np.array_equal(batch[0][i], one[0]), step
            assert batch[1][i] == one[1] and batch[2][i] == one[2] and batch[3][i] == one[3]
            if len(one) > 4:
                assert np.array_equal(batch[4]["window"][i], one[4]["window"])
                frames = batch[4]["frames"][i], one[4]["frames"]
                assert np.array_equal(*frames, equal_nan=True)
                assert batch[4]["cost"][i] == one[4]["cost"]


def test_threads_change_nothing() -> None:
    results = []
    for threads in (1, 3):
        env = TwinVectorEnv(10, threads=threads, scenario={"frames": 60})
        env.reset(seed=1)
        actions = np.random.default_rng(1).integers(0, 133, (20, 10))
        results.append([env.step(one)[:2] for one in actions])
        env.close()
    for one, other in zip(*results, strict=True):
        assert np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1])


@pytest.mark.parametrize("numba", [True, False])
def test_the_bits_do_not_depend_on_numba(numba: bool) -> None:
    """A digest of 25 steps of 4 boards, in an interpreter of its own."""
    code = (
        "import hashlib, numpy as np\n"
        "from tvfs_gym.envs.twin_vector_env import TwinVectorEnv\n"
        "env = TwinVectorEnv(4, randomise=True, scenario={'frames': 100})\n"
        "env.reset(seed=5)\n"
        "rng, digest = np.random.default_rng(2), hashlib.sha256()\n"
        "for _ in range(25):\n"
        "    o, r, te, tr, i = env.step(rng.integers(0, 133, 4))\n"
        "    digest.update(o.tobytes() + r.tobytes() + np.array(i['window']).tobytes())\n"
        "print(digest.hexdigest())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "NUMBA_DISABLE_JIT": "0" if numba else "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert done.stdout.strip() == _digest_here()


def _digest_here() -> str:
    import hashlib

    env = TwinVectorEnv(4, randomise=True, scenario={"frames": 100})
    env.reset(seed=5)
    rng, digest = np.random.default_rng(2), hashlib.sha256()
    for _ in range(25):
        observations, rewards, _, _, info = env.step(rng.integers(0, 133, 4))
        digest.update(observations.tobytes() + rewards.tobytes())
        digest.update(np.array(info["window"]).tobytes())
    return digest.hexdigest()


def test_make_vec_gives_it() -> None:
    env = gymnasium.make_vec("tvfs_gym/OdroidC2-v1", num_envs=3)
    assert isinstance(env.unwrapped, TwinVectorEnv)
    assert env.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
    observations, _ = env.reset(seed=0)
    assert observations.shape == (3, 13) and env.observation_space.contains(observations)
    assert env.single_action_space == gymnasium.spaces.Discrete(42)
    env.close()


def test_same_step_hands_out_the_last_observation_and_the_first() -> None:
    env = TwinVectorEnv(
        3, scenario=[{"frames": f} for f in (20, 30, 40)], autoreset_mode=AutoresetMode.SAME_STEP
    )
    started = env.reset(seed=2)[0]
    actions = np.full(3, 40)
    first = env.step(actions)
    assert "final_obs" not in first[4]
    observations, rewards, terminated, truncated, info = env.step(actions)
    assert truncated.tolist() == [True, False, False] and not terminated.any()
    assert info["_final_obs"].tolist() == [True, False, False]
    assert (
        Window(info["final_info"]["window"]).time_s[0] > 0 and Window(info["window"]).time_s[0] == 0
    )
    assert np.array_equal(observations[0], started[0])
    assert not np.array_equal(info["final_obs"][0], observations[0])
    assert rewards[0] > 0
    assert env.step(actions)[3].tolist() == [False, True, False]


def test_what_was_handed_out_is_never_written_to_again() -> None:
    env = TwinVectorEnv(4)
    kept = [env.reset(seed=0)]
    copies = [(kept[0][0].copy(), np.array(kept[0][1]["window"]))]
    for action in (10, 80, 130):
        step = env.step(np.full(4, action))
        kept.append((step[0], step[4]))
        copies.append((step[0].copy(), np.array(step[4]["window"])))
    for (observations, info), (same, window) in zip(kept, copies, strict=True):
        assert np.array_equal(observations, same)
        assert np.array_equal(np.array(info["window"]), window)


def test_multi_discrete_actions_mean_the_same() -> None:
    plain, many = TwinVectorEnv(2), TwinVectorEnv(2, action_space="multi_discrete")
    plain.reset(seed=0), many.reset(seed=0)
    one = plain.step(np.array([4 * 19 + 7, 18]))
    assert np.array_equal(one[0], many.step(np.array([[4, 7], [0, 18]]))[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_envs": 0}, "num_envs must be at least 1, not 0"),
        ({"threads": 0}, "threads must be at least 1, not 0"),
        ({"reward": "speed"}, "unknown reward 'speed'"),
        ({"num_envs": 3, "scenario": [{}, {}]}, "expected one scenario for each of 3, not 2"),
        ({"render_mode": "ansi"}, "unknown render mode of a batch"),
        ({"autoreset_mode": AutoresetMode.DISABLED}, "must be NEXT_STEP or SAME_STEP"),
    ],
)
def test_a_wrong_argument_is_one_sentence(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        TwinVectorEnv(**arguments)
    assert message in str(caught.value)


def test_scenarios_of_one_batch_may_differ_in_their_fans_and_sensors() -> None:
    scenarios: list[dict[str, Any]] = [
        {"frames": 300},
        {"frames": 300, "cooling": "fan_steps", "throttling": "mainline_step_wise"},
        {"frames": 300, "sensing": SENSING},
        {"frames": 300, "sensing": {"lag_s": 4.0}},
    ]
    together = TwinVectorEnv(4, scenario=scenarios)
    observations, _ = together.reset(seed=3)
    alike = [TwinEnv(scenario=scenario) for scenario in scenarios]
    assert np.array_equal(observations, [env.reset(seed=3 + i)[0] for i, env in enumerate(alike)])
    actions = np.random.default_rng(0).integers(0, 133, (30, 4))
    for step in actions.tolist():
        observations = together.step(np.array(step))[0]
        expected = [env.step(action)[0] for env, action in zip(alike, step, strict=True)]
        assert np.array_equal(observations, expected)


@pytest.mark.parametrize("actions", [[0, 133], [-1, 0], [0.5, 1.0], [0], [[0, 0]]])
def test_an_action_outside_the_space_is_refused(actions: Any) -> None:
    env = TwinVectorEnv(2)
    env.reset(seed=0)
    with pytest.raises(gymnasium.error.InvalidAction):
        env.step(np.array(actions))


def test_a_step_before_the_first_reset_is_refused() -> None:
    with pytest.raises(gymnasium.error.ResetNeeded):
        TwinVectorEnv(2).step(np.zeros(2, int))
