"""Training the published methods, through the real command too; nothing here needs PyTorch."""

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import command_line
from tests.conftest import Cli
from tvfs_gym.agents.learners.learner import Experience
from tvfs_gym.agents.online import OnlineTraining
from tvfs_gym.agents.policy import NAMES, GreedyPolicy
from tvfs_gym.agents.pretrained import load_pretrained, pretrained_names
from tvfs_gym.agents.rungs import ANY_BOARD
from tvfs_gym.agents.training import (
    ALGORITHMS,
    ALONE,
    EVALUATION_SEED,
    LEARNERS,
    Training,
    load_policy,
    train,
)
from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.outcomes import outcome_tables
from tvfs_gym.envs.inference.topology import load_family
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv

PLACE: dict[str, Any] = {"profile": "odroid_xu4", "family": "recorded"}
LATENCY = NAMES.index("latency_mean")


def online(algorithm: str, seed: int = 0, envs: int = 2, **environment: Any) -> OnlineTraining:
    training = Training(algorithm, {**PLACE, **environment}, 100, envs, seed)
    make_learner = training.algorithm.learner
    assert make_learner is not None
    return OnlineTraining(
        make_learner, training.resolved_environment, envs, 100, training.seeds, training.card()
    )


def test_a_training_sees_the_photographs_of_design_time() -> None:
    """Neither it nor its evaluation sees those of run time."""
    twins = {half: TwinVectorEnv(1, photographs=half) for half in ("design", "run")}
    training = online("ztt")
    outcomes = training._twins.board.outcomes
    assert np.array_equal(outcomes, twins["design"].board.outcomes)
    assert not np.array_equal(outcomes, twins["run"].board.outcomes)
    assert training._environment["photographs"] == "design"


def test_an_episode_cut_off_goes_on_in_what_is_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows its last step is its own last window, not the next episode's empty start."""
    training = online("ztt", scenario={"frames": 30})
    seen: list[Experience] = []
    monkeypatch.setattr(training._learner, "learn", seen.append)
    training.run(4)
    assert not any(one.terminated.any() for one in seen)
    assert (seen[2].following[:, LATENCY] > 0).all()
    assert (seen[3].observation[:, LATENCY] == 0).all()
    assert all(np.array_equal(seen[i].following, seen[i + 1].observation) for i in range(2))
    assert (np.array([one.reward for one in seen]) != 0).all()


@pytest.mark.parametrize("algorithm", LEARNERS)
def test_the_same_seed_learns_the_same(algorithm: str) -> None:
    learnt = []
    for seed in (0, 0, 1):
        training = online(algorithm, seed, envs=8, randomise="conditions")
        training.run(40)
        arrays = training.policy.arrays()
        learnt.append(np.concatenate([arrays[name].ravel() for name in sorted(arrays)]))
    assert np.array_equal(learnt[0], learnt[1])
    assert not np.array_equal(learnt[0], learnt[2])


def test_a_method_s_own_reward_can_be_replaced() -> None:
    own, replaced = online("q_table"), online("q_table", reward="on_time_accuracy")
    judged = replaced.judge(2, EVALUATION_SEED)
    assert judged["results"] / judged["ep_lengths"] == pytest.approx(judged["on_time_accuracy"])
    assert own.judge(2, EVALUATION_SEED)["results"] != pytest.approx(judged["results"])


def dear(window: Window) -> Any:
    """A user's reward."""
    return -window.energy_j


def test_a_reward_of_a_user_s_file_or_function_is_learnt_from(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("def dear(window):\n    return -window.energy_j\n")
    learnt = []
    for number, reward in enumerate([f"{file}:dear", dear]):
        policy = train("q_table", tmp_path / str(number), steps=400, envs=4, reward=reward)
        assert isinstance(policy, GreedyPolicy)
        learnt.append(policy.arrays()["table"])
        history = np.load(tmp_path / str(number) / "evaluations" / "evaluations.npz")
        assert (history["results"] < 0).all()
        recorded = policy.card.training["environment"]["reward"]
        assert recorded == (reward if isinstance(reward, str) else f"{__name__}.dear")
    assert np.array_equal(learnt[0], learnt[1])


@pytest.mark.parametrize(
    ("written", "named", "message"),
    [
        (None, "mine.py:f", "there is no Python file .*mine.py"),
        ("import there_is_no_such", "mine.py:f", "cannot run .*ModuleNotFoundError"),
        ("g = 1", "mine.py:f", "expected a function .* under the name 'f' in .*, not nothing"),
        ("f = 3", "mine.py:f", "expected a function .* under the name 'f' in .*, not 3"),
        ("f = 3", "mine.py", "expected a function's name behind .*mine.py:NAME"),
    ],
)
def test_a_file_that_has_no_reward_is_the_user_s_to_know_of(
    cli: Cli, tmp_path: Path, written: str | None, named: str, message: str
) -> None:
    if written is not None:
        (tmp_path / "mine.py").write_text(written)
    done = cli("train", "--algo", "q_table", "--reward", tmp_path / named, "--output",
               tmp_path / "run")  # fmt: skip
    assert done.returncode == 2 and re.search(message, done.stderr) and done.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_the_algorithms_are_listed(cli: Cli) -> None:
    listed = cli("train", "--algorithms").stdout.splitlines()
    assert [line.split(":")[0] for line in listed] == list(ALGORITHMS)
    alone = ALONE
    assert all(("extra" in line) != (line.split(":")[0] in alone) for line in listed)


def test_the_table_learns_what_it_is_rewarded_for(tmp_path: Path) -> None:
    """On-time accuracy at the default scenario, from what the fastest topology reaches."""
    fastest = outcome_tables(load_family(PLACE["family"])).design.accuracy(0, 10, 0.8)
    environment = {**PLACE, "scenario": {"frames": 500}, "reward": "on_time_accuracy"}
    Training("q_table", environment, 30_000, 16, evaluations=5).run(tmp_path, False)
    history = np.load(tmp_path / "evaluations" / "evaluations.npz")
    assert history["timesteps"].tolist() == [6_000, 12_000, 18_000, 24_000, 30_000]
    reached = history["on_time_accuracy"].mean(axis=1)
    assert reached[0] == pytest.approx(fastest, abs=0.03) and reached[-1] > reached[0] + 0.05
    training = load_policy(tmp_path).card.training
    assert training["steps"] == 30_000  # as planned; the policy is the best of the evaluations
    assert training["steps_done"] in history["timesteps"]


@pytest.mark.parametrize("after", [1, 2])
def test_a_policy_of_a_training_that_was_stopped_tells_its_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    judge, judged = OnlineTraining.judge, list[int]()

    def stop(training: OnlineTraining, episodes: int, seed: int) -> Any:
        judged.append(1)
        if len(judged) > after:
            raise KeyboardInterrupt
        return judge(training, episodes, seed)

    monkeypatch.setattr(OnlineTraining, "judge", stop)
    with pytest.raises(KeyboardInterrupt):
        Training("q_table", PLACE, 800, 16, evaluations=5).run(tmp_path, False)
    steps = load_policy(tmp_path).card.training["steps_done"]
    assert steps in (160, 320) and steps <= 160 * after


def test_an_unknown_algorithm_names_the_nearest() -> None:
    with pytest.raises(InputError, match="unknown algorithm 'zzt': did you mean ztt"):
        Training("zzt", {})


@pytest.mark.parametrize("algorithm", ["ztt", "q_table"])
def test_a_training_benchmarks_without_pytorch(
    monkeypatch: pytest.MonkeyPatch, one_scenario: Path, tmp_path: Path, algorithm: str
) -> None:
    """Train, then benchmark the run's folder beside TVFS, where importing PyTorch fails."""
    for name in ("torch", "stable_baselines3"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('there is no PyTorch here')")
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    arguments = f"train --algo {algorithm} --conditions --steps 800 --envs 4 --output run"
    done = command_line.run(tmp_path, arguments.split())
    assert done.returncode == 0, done.stderr
    benchmark = f"--suite {one_scenario} --seeds 1 --frames 50 --controller run --controller tvfs"
    done = command_line.run(tmp_path, ["benchmark", *benchmark.split()])
    assert done.returncode == 0, done.stderr
    assert "  run " in done.stdout


@pytest.mark.parametrize("option", ["--latency-ms", "--t-max-c"])
def test_drawn_constraints_leave_none_to_be_given(cli: Cli, option: str) -> None:
    done = cli("train", "--algo", "ztt", "--conditions", option, "75")
    assert done.returncode == 2 and f"give {option} or --conditions" in done.stderr


@pytest.mark.parametrize("name", pretrained_names())
def test_a_policy_of_the_package_says_where_it_belongs(name: str) -> None:
    card = load_pretrained(name, "odroid_xu4").card
    board = ANY_BOARD if name == "pretrained" else "odroid_xu4"
    assert (card.board, card.family) == (board, "recorded")
    assert card.training["environment"]["randomise"] == "conditions"


def test_a_policy_of_the_package_is_left_out_elsewhere(
    cli: Cli, one_scenario: Path, tmp_path: Path
) -> None:
    name = pretrained_names()[0]
    done = cli("benchmark", "--suite", one_scenario, "--board", "raspberry_pi_4b", "--controller",
               name, "--controller", "powersave", "--seeds", "1", "--frames", "20",
               "--output", tmp_path / "bench")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"left out on raspberry_pi_4b: {name}, which was trained for another" in done.stderr
    assert "powersave" in done.stdout
    done = cli("benchmark", "--suite", one_scenario, "--board", "raspberry_pi_4b", "--controller",
               name, "--output", tmp_path / "other")  # fmt: skip
    assert done.returncode == 2 and "none of the controllers can run" in done.stderr
