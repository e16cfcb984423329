"""Trainings with stable-baselines3: they go on from where they were stopped."""

import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import Cli
from tvfs_gym.agents.hyperparameters import load_hyperparameters
from tvfs_gym.agents.policy_file import load
from tvfs_gym.agents.training import Training
from tvfs_gym.envs.errors import InputError

pytestmark = pytest.mark.train

QUICK = {
    "ppo": ("n_steps:8", "batch_size:32"),
    "a2c": ("n_steps:8",),
    "dqn": ("learning_starts:64", "buffer_size:500", "batch_size:32", "target_update_interval:50"),
    "sac": ("learning_starts:64", "buffer_size:500", "batch_size:32"),
    "td3": ("learning_starts:64", "buffer_size:500", "batch_size:32"),
    "ppo_lstm": ("n_steps:8", "batch_size:32"),
    "ppo_mask": ("n_steps:8", "batch_size:32"),
}
"""Hyper-parameters with which an algorithm learns from a few hundred steps."""


def quick(algorithm: str, steps: int = 320, **arguments: Any) -> Training:
    return Training(
        algorithm,
        {"randomise": "conditions", "scenario": {"frames": 60}},
        steps,
        4,
        evaluation_episodes=4,
        evaluations=4,
        overrides=QUICK[algorithm],
        checkpoint_every=100,
        **arguments,
    )


def signal_halfway(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has SIGTERM come in the middle of a rollout, once."""
    from tvfs_gym.agents.stable_baselines_env import TwinVecEnv

    step, steps = TwinVecEnv.step_wait, 0

    def step_or_signal(self: TwinVecEnv) -> Any:
        nonlocal steps
        steps += self.num_envs
        if steps == 200:
            signal.raise_signal(signal.SIGTERM)
        return step(self)

    monkeypatch.setattr(TwinVecEnv, "step_wait", step_or_signal)


@pytest.mark.parametrize("algorithm", QUICK)
def test_a_training_that_was_stopped_ends_as_if_it_had_not_been(
    algorithm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    quick(algorithm).run(whole, False)
    with monkeypatch.context() as patch:
        signal_halfway(patch)
        with pytest.raises(KeyboardInterrupt):
            quick(algorithm).run(parts, False)
    assert (parts / "policy.npz").is_file() and not list((parts / "checkpoints").glob("320*"))
    quick(algorithm).run(parts, False)
    for name in ("policy.npz", "evaluations/evaluations.npz"):
        with np.load(whole / name) as expected, np.load(parts / name) as found:
            assert all(np.array_equal(expected[key], found[key]) for key in expected), name


def test_a_finished_training_is_left_as_it_is(cli: Cli, tmp_path: Path) -> None:
    arguments = ["train", "--algo", "a2c", "-n", "200", "--envs", "4", "-params", "n_steps:8"]
    for _ in range(2):
        done = cli(*arguments, "--output", tmp_path / "run")
        assert done.returncode == 0, done.stderr
    assert "goes on from" in done.stderr and "224_steps" in done.stderr
    done = cli(*arguments, "gamma:0.5", "--output", tmp_path / "run")
    assert done.returncode == 2 and "results of another configuration" in done.stderr


def test_impossible_hyper_parameters_end_a_training_before_it_begins(tmp_path: Path) -> None:
    for override, said in {
        "gama:0.9": "unknown hyper-parameter of ppo 'gama': did you mean gamma",
        "batch_size:0": "ppo refuses its hyper-parameters",
        "normalize:True": "observations are normalised already",
        "learning_rate:fast": "learning_rate must be a number or lin_NUMBER",
        "policy_kwargs:dict(activation_fn=nn.Relu)": "no torch.nn.Relu",
    }.items():
        with pytest.raises(InputError, match=said):
            Training("ppo", {}, 100, 4, overrides=(override,)).run(tmp_path, False)


def test_a_damaged_checkpoint_says_what_to_remove(tmp_path: Path) -> None:
    quick("a2c").run(tmp_path, False)
    (state,) = (tmp_path / "checkpoints").glob("320_steps/state.pkl")
    state.write_bytes(b"")
    with pytest.raises(InputError, match="is damaged or of another version: remove"):
        quick("a2c").run(tmp_path, False)


def test_rewards_may_be_normalised(tmp_path: Path) -> None:
    """The evaluation's are not."""
    training = quick("ppo")
    overrides = (*training.overrides, "normalize:{'norm_obs': False}")
    replace(training, overrides=overrides).run(tmp_path, False)
    with np.load(tmp_path / "evaluations" / "evaluations.npz") as file:
        assert ((file["results"] >= 0.0) & (file["results"] <= 6.0)).all()


def test_a_falling_learning_rate_ends_at_zero() -> None:
    from stable_baselines3.common.utils import FloatSchedule

    from tvfs_gym.agents.stable_baselines.algorithms import model_arguments

    hyperparameters = load_hyperparameters("ppo", "default", ["learning_rate:lin_0.01"])
    rate = FloatSchedule(model_arguments("ppo", hyperparameters, None)["learning_rate"])
    assert (rate(1.0), rate(0.5), rate(0.0)) == (0.01, 0.005, 0.0)


def test_without_the_table_network_and_level_are_chosen_and_taken_out(
    cli: Cli, tmp_path: Path
) -> None:
    """`-params env_wrapper:None` takes the interface away, and leaves a policy that runs."""
    small = "env_wrapper:None", "n_envs:2", "n_steps:16", "batch_size:32"
    command = "train", "--algo", "ppo", "--steps", "64", "-params", *small
    done = cli(*command, "--output", tmp_path / "plain")
    assert done.returncode == 0, done.stderr
    card = load(tmp_path / "plain").card
    assert (card.kind, card.knowledge) == ("network", None)
