"""Learned controllers: what stable-baselines3 needs of the environment."""

import warnings
from pathlib import Path

import gymnasium
import numpy as np
import pytest

import tvfs_gym  # noqa: F401
from tests.conftest import Cli
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.experiments.episodes import run_episode

pytestmark = pytest.mark.train
IDS = [name for name in gymnasium.registry if name.startswith("tvfs_gym/") and "Linux" not in name]


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("action_space", ["discrete", "multi_discrete"])
def test_its_checker_finds_nothing(env_id: str, action_space: str) -> None:
    from stable_baselines3.common.env_checker import check_env

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make(env_id, action_space=action_space))


@pytest.mark.parametrize("algorithm", ["PPO", "DQN", "A2C"])
def test_a_trained_policy_runs_like_a_baseline(algorithm: str) -> None:
    import stable_baselines3

    env = TwinEnv("odroid_xu4", scenario={"frames": 200})
    model = getattr(stable_baselines3, algorithm)("MlpPolicy", env, seed=0)
    model.learn(100)
    steps, episode = run_episode(env, model, 0)
    assert len(steps["reward"]) == 20 and 0 <= episode["on_time_accuracy"] <= 1
    again = run_episode(env, model, 0)
    assert np.array_equal(steps["reward"], again[0]["reward"])


def test_the_batch_is_stable_baselines3_s_kind_of_environment() -> None:
    """Its arrays are the caller's own; an episode's end carries its last observation.

    It shows the photographs of design time, as it is made for training.
    """
    from tvfs_gym.agents.stable_baselines_env import TwinVecEnv

    twins = TwinVecEnv(3, scenario=[{"frames": frames} for frames in (20, 30, 40)])
    twins.seed(4)
    first = twins.reset()
    assert isinstance(first, np.ndarray)
    kept = first.copy()
    actions = np.full(3, 70)
    results = [twins.step(actions) for _ in range(2)]
    assert np.array_equal(first, kept)
    observations, _, done, infos = results[1]
    assert done.tolist() == [True, False, False]
    assert infos[0]["TimeLimit.truncated"] and infos[0]["episode"]["l"] == 2
    assert infos[0]["episode"]["r"] == pytest.approx(results[0][1][0] + results[1][1][0])
    assert not np.array_equal(infos[0]["terminal_observation"], observations[0])
    assert infos[1] == {}
    alone = TwinEnv("odroid_xu4", scenario={"frames": 20}, photographs="design")
    alone.reset(seed=4)
    alone.step(70)
    last = alone.step(70)
    assert np.array_equal(infos[0]["terminal_observation"], last[0])
    assert twins.get_attr("frames_per_step", [0, 2]) == [10, 10]
    twins.close()


def test_evaluations_are_of_the_same_episodes() -> None:
    from stable_baselines3.common.evaluation import evaluate_policy

    from tvfs_gym.agents.pretrained import load_pretrained
    from tvfs_gym.agents.stable_baselines_env import TwinVecEnv

    judged = TwinVecEnv(4, scenario={"frames": 100}, randomise="conditions")
    judged.begin_each_reset_with(7)
    policy = load_pretrained("ztt")
    first, again = (
        evaluate_policy(policy, judged, 4, return_episode_rewards=True) for _ in range(2)
    )
    assert first == again and len(set(first[0])) > 1


@pytest.mark.parametrize("algorithm", ["ppo", "dqn", "a2c"])
def test_a_training_benchmarks_beside_the_baselines(
    cli: Cli, tmp_path: Path, algorithm: str
) -> None:
    """The whole way: train, then benchmark the run's folder beside TVFS."""
    folder = tmp_path / "run"
    done = cli("train", "--algo", algorithm, "--steps", "4000", "--envs", "16", "--family",
               "mobilenet_v1_hosted", "--output", folder)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (folder / f"{algorithm}.zip").is_file() and (folder / "best/best_model.zip").is_file()
    assert (folder / "evaluations" / "evaluations.npz").is_file()
    assert list((folder / "tensorboard").rglob("events*"))
    done = cli("benchmark", "--suite", "published", "--controller", folder, "--controller", "tvfs",
               "--seeds", "1", "--frames", "100", "--output", tmp_path / "bench")  # fmt: skip
    assert done.returncode == 0, done.stderr
    other = cli("benchmark", "--suite", "main", "--controller", folder, "--seeds", "1",
                "--output", tmp_path / "other")  # fmt: skip
    assert other.returncode == 2 and "which was trained for another" in other.stderr


def test_an_empty_folder_is_no_controller(cli: Cli, tmp_path: Path) -> None:
    done = cli("benchmark", "--controller", tmp_path, "--seeds", "1", "--frames", "50")
    assert done.returncode == 2 and "holds no policy" in done.stderr


def test_a_reward_of_a_user_s_own_is_learnt_from(tmp_path: Path) -> None:
    from tvfs_gym.agents import train

    policy = train("a2c", tmp_path, steps=2048, envs=64, reward=lambda window: -window.energy_j)
    assert policy.card.training["environment"]["reward"].endswith("<lambda>")
    history = np.load(tmp_path / "evaluations" / "evaluations.npz")
    assert (history["results"] < 0).all()


def test_an_exported_policy_masks_its_choices_as_the_environment_does(tmp_path: Path) -> None:
    contrib = pytest.importorskip("sb3_contrib")
    from tvfs_gym.agents import TwinVecEnv, load_policy, save_policy

    twins = TwinVecEnv(64, randomise="conditions")
    model = contrib.MaskablePPO("MlpPolicy", twins, n_steps=8, batch_size=64, seed=0).learn(1024)
    save_policy(model, tmp_path)
    policy = load_policy(tmp_path)
    assert policy.card.masked and policy.card.algorithm == "maskableppo"
    observations, changed = twins.reset(), 0
    for _ in range(40):
        masks = np.stack(twins.env_method("action_masks"))
        expected, _ = model.predict(observations, action_masks=masks, deterministic=True)
        assert np.array_equal(policy.predict(observations)[0], expected)
        changed += (model.predict(observations, deterministic=True)[0] != expected).sum()
        observations = twins.step(np.array([twins.action_space.sample() for _ in range(64)]))[0]
    assert changed > 0
