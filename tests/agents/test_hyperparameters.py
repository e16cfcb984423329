"""Files of hyper-parameters, in rl-zoo's format; no PyTorch is needed to read them."""

from pathlib import Path

import pytest

from tests.conftest import Cli
from tvfs_gym.agents.hyperparameters import DEFAULT, evaluated, load_hyperparameters
from tvfs_gym.agents.stable_baselines.algorithms import CLASSES
from tvfs_gym.agents.training import Training
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv

FILE = """
default:
  n_timesteps: !!float 1e5
  n_envs: 8
  gamma: 0.5
tvfs_gym/OdroidXU4-v1:
  n_timesteps: 1000
  n_envs: 4
  normalize: "{'norm_obs': False}"
  policy_kwargs: "dict(net_arch=dict(pi=[8], vf=[8]), activation_fn=nn.ReLU)"
  env_wrapper:
    - a.package.First
    - a.package.Second:
        width: 3
"""


@pytest.mark.parametrize("algorithm", CLASSES)
def test_every_algorithm_has_a_file_whose_environment_exists(algorithm: str) -> None:
    hyperparameters = load_hyperparameters(algorithm, DEFAULT)
    assert hyperparameters.n_envs > 1 and 0.0 < hyperparameters.values["gamma"] < 1.0
    TwinVectorEnv(2, **hyperparameters.env_kwargs)


def test_an_environment_has_its_own_entry_or_the_default(tmp_path: Path) -> None:
    file = tmp_path / "mine.yml"
    file.write_text(FILE)
    own = load_hyperparameters("ppo", "tvfs_gym/OdroidXU4-v1", file=file)
    assert (own.n_timesteps, own.n_envs, own.normalize) == (1000, 4, {"norm_obs": False})
    assert own.wrappers == [("a.package.First", {}), ("a.package.Second", {"width": 3})]
    assert own.of_the_model == {
        "policy_kwargs": {"net_arch": {"pi": [8], "vf": [8]}, "activation_fn": "nn.ReLU"}
    }
    other = load_hyperparameters("ppo", "tvfs_gym/OdroidC2-v1", file=file)
    assert (other.n_timesteps, other.wrappers, other.normalize) == (100_000, [], None)


def test_the_command_line_s_values_come_first() -> None:
    values = load_hyperparameters("ppo", DEFAULT, ["gamma:0.5", "ent_coef:0.01"]).values
    assert (values["gamma"], values["ent_coef"]) == (0.5, 0.01)
    training = Training("ppo", {}, overrides=("n_envs:8", "n_timesteps:1e4"))
    assert (training.resolved_envs, training.resolved_steps) == (8, 10_000)
    assert Training("ppo", {}, 20, 2).resolved_envs == 2


def test_passes_are_chosen_by_the_table_alone() -> None:
    assert load_hyperparameters("ppo", DEFAULT).env_kwargs["choose_passes"]
    assert (
        "choose_passes" not in load_hyperparameters("ppo", DEFAULT, ["env_wrapper:None"]).env_kwargs
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [("3e-4", 3e-4), ("[64, 64]", [64, 64]), ("(1, 'step')", (1, "step")), ("-1", -1),
     ("True", True), ("lin_1e-3", "lin_1e-3"), ("MlpPolicy", "MlpPolicy"),
     ("__import__('os').getcwd()", "__import__('os').getcwd()")],
)  # fmt: skip
def test_texts_are_read_as_literals_and_never_run(text: str, value: object) -> None:
    assert evaluated(text) == value


@pytest.mark.parametrize(
    ("override", "said"),
    [("gamma", "NAME:VALUE"), ("gamma:", "NAME:VALUE"), ("gamma:1.5", "between 0 and 1, not 1.5"),
     ("gamma:high", "between 0 and 1"), ("n_envs:0", "at least 1")],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(override: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Training("ppo", {}, overrides=(override,))


def test_files_that_are_none_are_refused(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "mine.yml"
    for text, said in {
        "a: [": "is no YAML file",
        "3": "expected keys and values",
        "tvfs_gym/Twin-v1: {}": "has no hyper-parameters",
    }.items():
        file.write_text(text)
        done = cli("train", "-conf", file)
        assert done.returncode == 2 and said in done.stderr
    done = cli("train", "-conf", tmp_path / "none.yml")
    assert done.returncode == 2 and "cannot read " in done.stderr


def test_published_methods_take_no_hyper_parameters(cli: Cli) -> None:
    done = cli("train", "--algo", "ztt", "-params", "gamma:0.9")
    assert done.returncode == 2 and "ztt has values of its own" in done.stderr
