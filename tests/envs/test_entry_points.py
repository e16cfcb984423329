"""What users of Gymnasium type works as typed: make, make_vec, wrappers, videos, masks, boxes."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import SyncVectorEnv
from gymnasium.wrappers import HumanRendering, RecordEpisodeStatistics, TimeAwareObservation

from tests.conftest import ROOT
from tvfs_gym.envs import TwinEnv, TwinVectorEnv, Window
from tvfs_gym.envs.limits import MOST_FRAMES

XU4 = "tvfs_gym/OdroidXU4-v1"

SHORT = {"frames": 40}
"""An episode of four steps."""


def right_and_cool(window: Window) -> Any:
    """A user's reward, for one board and for a batch."""
    return window.on_time_correct_frames / window.frames - 0.5 * window.cost_temperature


def branching(window: Window) -> float:
    """A user's reward that takes no arrays."""
    return 1.0 if window.late_frames == 0 and max(0.0, window.energy_j) > 0 else -1.0


@pytest.mark.parametrize("reward", [right_and_cool, branching])
def test_a_users_reward_serves_one_twin_and_a_batch(reward: Any) -> None:
    alone = gymnasium.make(XU4, reward=reward, scenario=SHORT)
    batch = gymnasium.make_vec(XU4, 3, reward=reward, scenario=SHORT)
    alone.reset(seed=5)
    batch.reset(seed=5)
    for action in (10, 80, 130, 132):
        one = alone.step(action)
        many = batch.step(np.full(3, action))
        assert one[1] == many[1][0] == reward(Window(one[4]["window"]))


def test_the_info_of_a_sync_vector_env_and_of_a_batch_is_read_alike() -> None:
    sync = SyncVectorEnv([lambda: gymnasium.make(XU4, scenario=SHORT)] * 2)
    native = gymnasium.make_vec(XU4, 2, scenario=SHORT, info_frames=True)
    for envs in (sync, native):
        envs.reset(seed=3)
    for _ in range(3):
        infos = [envs.step(np.array([20, 90]))[4] for envs in (sync, native)]
        assert np.array_equal(infos[0]["window"], infos[1]["window"])
        assert np.array_equal(infos[0]["frames"], infos[1]["frames"], equal_nan=True)
        assert np.array_equal(infos[0]["cost"], infos[1]["cost"])
        assert Window(infos[0]["window"]).latency_mean_s.shape == (2,)


def test_the_time_limit_cuts_no_episode_short_but_one_can_be_given() -> None:
    env = gymnasium.make(XU4)
    assert env.spec is not None and env.spec.max_episode_steps == MOST_FRAMES
    limited = gymnasium.make(XU4, max_episode_steps=2)
    batch = gymnasium.make_vec(XU4, 2, max_episode_steps=2)
    limited.reset(seed=0)
    batch.reset(seed=0)
    assert [limited.step(5)[3] for _ in range(2)] == [False, True]
    assert [batch.step(np.full(2, 5))[3].tolist() for _ in range(2)] == [[False] * 2, [True] * 2]


def test_time_can_be_part_of_the_observation() -> None:
    env = TimeAwareObservation(gymnasium.make(XU4, max_episode_steps=200))
    env.reset(seed=0)
    assert env.step(3)[0][-1] == 1


def test_episode_statistics_are_recorded() -> None:
    env = RecordEpisodeStatistics(gymnasium.make(XU4, scenario=SHORT))
    env.reset(seed=0)
    assert [env.step(60)[4].get("episode", {}).get("l") for _ in range(4)][-1] == 4


def test_minari_records_episodes_with_their_infos(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for needed in ("h5py", "jax"):
        pytest.importorskip(needed)
    minari = pytest.importorskip("minari")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    env = minari.DataCollector(gymnasium.make(XU4, scenario=SHORT), record_infos=True)
    for seed in range(2):
        env.reset(seed=seed)
        while not any(env.step(env.action_space.sample())[2:4]):
            pass
    dataset = env.create_dataset("tvfs/random-v0", description="random actions")
    windows = [Window(episode.infos["window"]) for episode in dataset.iterate_episodes()]
    assert [window.frames.tolist() for window in windows] == [[0, 10, 10, 10, 10]] * 2
    assert dataset.recover_environment().spec.id == XU4


def test_rl_zoo3_enjoys_what_it_trained(tmp_path: Path) -> None:
    pytest.importorskip("rl_zoo3")
    (tmp_path / "ppo.yml").write_text(
        f"{XU4}:\n  n_timesteps: 64\n  policy: MlpPolicy\n  n_steps: 32\n  batch_size: 32\n"
    )
    common = ["--algo", "ppo", "--env", XU4, "--gym-packages", "tvfs_gym"]
    for module, arguments in {
        "train": ["--conf-file", "ppo.yml", "--eval-freq", "-1"],
        "enjoy": ["--folder", "logs", "--no-render", "--n-timesteps", "210"],
    }.items():
        done = subprocess.run([sys.executable, "-m", f"rl_zoo3.{module}", *common, *arguments],
                              cwd=tmp_path, capture_output=True, text=True)  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert "Episode Length 200" in done.stdout


def test_an_episode_is_recorded_as_a_video(tmp_path: Path) -> None:
    pytest.importorskip("moviepy")
    env = gymnasium.make(XU4, scenario=SHORT, render_mode="rgb_array")
    env = gymnasium.wrappers.RecordVideo(env, str(tmp_path), episode_trigger=lambda _: True)
    env.reset(seed=0)
    for _ in range(4):
        env.step(100)
    env.close()
    assert [path.suffix for path in tmp_path.iterdir()] == [".mp4"]


def test_a_batch_renders_as_a_mosaic() -> None:
    batch = gymnasium.make_vec(XU4, 20, scenario=SHORT, render_mode="rgb_array")
    batch.reset(seed=0)
    start: Any = batch.render()
    for _ in range(6):  # over the end of the episodes
        batch.step(np.arange(20))
    image: Any = batch.render()
    assert image.shape == (544, 960, 3) and image.dtype == np.uint8
    assert not np.array_equal(image, start)


def test_people_see_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pygame")
    monkeypatch.setitem(os.environ, "SDL_VIDEODRIVER", "dummy")
    env = gymnasium.make(XU4, scenario=SHORT, render_mode="human")
    env.reset(seed=0)
    env.step(100)
    assert env.render() is None
    env.close()
    wrapped = HumanRendering(gymnasium.make(XU4, scenario=SHORT, render_mode="rgb_array"))
    wrapped.reset(seed=0)
    wrapped.step(100)
    wrapped.close()


def test_without_pygame_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "pygame.py").write_text("raise ImportError\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "pygame", raising=False)
    with pytest.raises(gymnasium.error.DependencyNotInstalled, match=r"tvfs-gym\[render\]"):
        TwinEnv(render_mode="human")


def test_a_box_of_actions_reaches_every_configuration_of_its_corners() -> None:
    env = TwinEnv(action_space="box")
    env.reset(seed=0)
    corners = {(-1.0, -1.0): (0, 0), (1.0, -1.0): (0, 18), (-1.0, 1.0): (6, 0), (1.0, 1.0): (6, 18)}
    for (level, topology), expected in corners.items():
        configuration = env.configuration(np.array([level, topology], np.float32))
        assert (configuration.topology, configuration.vf_level) == expected
        assert np.allclose(env.action(configuration), (level, topology))
    assert gymnasium.make_vec(XU4, 2, action_space="box").action_space.shape == (2, 2)


def test_an_action_mask_leaves_out_what_cannot_make_sense_and_never_all() -> None:
    env = TwinEnv(scenario={"latency_constraint_s": 0.02})
    env.reset(seed=0)
    mask = env.action_masks().reshape(7, 19)
    assert mask.any() and not mask[-1].any()  # EfficientNet-Lite1 needs more than 20 ms
    assert mask[1, 18] and not mask[1, 0]  # MobileNetV1 0.5: at 2 GHz, not at 200 MHz
    env.reset(options={"latency_constraint_s": 1e-6})
    assert env.action_masks().nonzero()[0].tolist() == [18]


def test_a_batch_has_a_mask_per_twin() -> None:
    batch = TwinVectorEnv(2, scenario=[{}, {"latency_constraint_s": 0.02}])
    batch.reset(seed=0)
    masks = batch.action_masks()
    for i, scenario in enumerate(batch.scenarios):
        alone = TwinEnv(scenario=scenario)
        alone.reset(seed=i)
        assert np.array_equal(masks[i], alone.action_masks())
    assert masks[0].sum() > masks[1].sum()


def test_any_profile_has_an_environment(tmp_path: Path) -> None:
    shipped = ROOT / "envs" / "boards" / "profiles" / "raspberry_pi_4b.toml"
    mine = tmp_path / "mine.toml"
    mine.write_text(shipped.read_text().replace('name = "raspberry_pi_4b"', 'name = "mine"'))
    env: Any = gymnasium.make("tvfs_gym/Twin-v1", profile=str(mine)).unwrapped
    assert env.board.profile.name == "mine"


@pytest.mark.train
class TestStableBaselines:
    """stable-baselines3 and sb3-contrib, as their users type."""

    def test_an_id_is_enough(self) -> None:
        from stable_baselines3 import PPO

        PPO("MlpPolicy", XU4, n_steps=8, batch_size=8).learn(16)

    def test_make_vec_env(self) -> None:
        from stable_baselines3 import PPO
        from stable_baselines3.common.env_util import make_vec_env

        PPO("MlpPolicy", make_vec_env(XU4, n_envs=4), n_steps=8, batch_size=8).learn(32)

    def test_subprocesses(self) -> None:
        from stable_baselines3.common.env_util import make_vec_env
        from stable_baselines3.common.vec_env import SubprocVecEnv

        # A process of its own imports what stands before the colon.
        envs = make_vec_env(f"tvfs_gym:{XU4}", n_envs=2, vec_env_cls=SubprocVecEnv)
        envs.reset()
        assert envs.step(np.array([5, 100]))[0].shape == (2, 13)
        envs.close()

    def test_continuous_actions(self) -> None:
        from stable_baselines3 import SAC

        env = gymnasium.make(XU4, action_space="box")
        SAC("MlpPolicy", env, learning_starts=8, buffer_size=64).learn(16)

    def test_masks(self) -> None:
        contrib = pytest.importorskip("sb3_contrib")
        from tvfs_gym.agents import TwinVecEnv

        twins = TwinVecEnv(4, scenario={"latency_constraint_s": 0.03})
        model = contrib.MaskablePPO("MlpPolicy", twins, n_steps=8, batch_size=8).learn(32)
        masks = np.stack(twins.env_method("action_masks"))
        actions, _ = model.predict(twins.reset(), action_masks=masks)
        assert masks[np.arange(4), actions].all()

    def test_videos(self, tmp_path: Path) -> None:
        pytest.importorskip("moviepy")
        from stable_baselines3.common.vec_env import VecVideoRecorder

        from tvfs_gym.agents import TwinVecEnv

        twins = TwinVecEnv(3, scenario=SHORT, render_mode="rgb_array")
        recorder = VecVideoRecorder(twins, str(tmp_path), lambda step: step == 0, video_length=3)
        recorder.reset()
        for _ in range(4):
            recorder.step(np.array([5, 60, 130]))
        recorder.close()
        assert list(tmp_path.glob("*.mp4"))

    def test_what_was_learnt_is_saved_as_a_controller(self, tmp_path: Path) -> None:
        from stable_baselines3 import PPO

        from tvfs_gym.agents import TwinVecEnv, load_policy, save_policy

        twins = TwinVecEnv(4, profile="odroid_xu4", scenario=SHORT)
        model = PPO("MlpPolicy", twins, n_steps=8, batch_size=8).learn(32)
        save_policy(model, tmp_path / "ppo")
        observations = twins.reset()
        learnt, _ = model.predict(observations, deterministic=True)
        assert np.array_equal(load_policy(tmp_path / "ppo").predict(observations)[0], learnt)
