"""DAgger: a student learns from a teacher, is written as trained, and goes on when killed."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import Cli
from tvfs_gym.agents import load_policy
from tvfs_gym.agents.dagger import training as dagger_training
from tvfs_gym.agents.dagger.fitting import Dataset, fit_rungs, loss_and_gradients
from tvfs_gym.agents.dagger.flights import Distribution, Lessons, fly, teach, teacher_named
from tvfs_gym.agents.dagger.training import DaggerPlan
from tvfs_gym.agents.interface.features import G, Q
from tvfs_gym.agents.interface.interface import Interface
from tvfs_gym.agents.network import Adam
from tvfs_gym.agents.policy import ARRAYS, CARD
from tvfs_gym.agents.policy_file import check_alike, load, write
from tvfs_gym.agents.rungs import RungController, RungNetwork, RungPolicy
from tvfs_gym.agents.training import Training
from tvfs_gym.baselines import design_of
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.experiments import benchmark

SHORT = Scenario(frames=150)
DISTRIBUTION = Distribution("odroid_xu4", "recorded", SHORT, False, "characterised")
PLAN = DaggerPlan(
    "tvfs", rounds=3, flights=2, units=3, fits=30, batch=64, hidden=(16,), judged_flights=2
)


def features(count: int, levels: int = 5, seed: int = 0) -> Any:
    drawn = np.random.default_rng(seed).normal(size=(count, len(G) + levels * len(Q)))
    drawn[:, len(G) + Q.ABOVE_CAP :: len(Q)] = np.arange(levels) > 3
    return drawn.astype(np.float32)


def network(seed: int = 0) -> RungNetwork:
    return RungNetwork.drawn((16, 8), np.random.default_rng(seed))


def test_scores_of_a_batch_are_those_of_each_alone_and_none_is_above_the_cap() -> None:
    seen, student = features(9), network()
    together = student.scores(seen)
    alone = [student.scores(row[np.newaxis])[0] for row in seen]
    assert np.array_equal(together, alone)
    assert np.isneginf(together[:, 4]).all() and np.isfinite(together[:, :4]).all()
    check_alike(student, student, seen)


@pytest.mark.parametrize("weigh", [False, True])
def test_the_gradients_are_the_slopes_of_the_loss(weigh: bool) -> None:
    student = network()
    values = np.random.default_rng(1).uniform(-1.0, 1.0, (20, 5)).astype(np.float32)
    lessons = Lessons(features(20), values)
    _, gradients = loss_and_gradients(student, lessons, weigh)
    for parameter, gradient in zip(student.network.parameters, gradients, strict=True):
        place = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
        if abs(gradient[place]) < 1e-6:
            assert gradient.shape == (1,)  # a bias of all scores changes no choice
            continue
        kept, step = parameter[place], np.float32(2e-3)
        parameter[place] = kept + step
        above, _ = loss_and_gradients(student, lessons, weigh)
        parameter[place] = kept - step
        below, _ = loss_and_gradients(student, lessons, weigh)
        parameter[place] = kept
        assert (above - below) / (2 * step) == pytest.approx(gradient[place], rel=0.05)


@pytest.mark.parametrize("weigh", [False, True])
def test_boards_with_other_numbers_of_rungs_are_learnt_from_together(weigh: bool) -> None:
    """A student fits a rule over both, and carries it to a board of a size that it never saw."""

    def shown(count: int, levels: int, seed: int) -> Lessons:
        seen = features(count, levels, seed)
        power = seen[:, len(G) + Q.POWER :: len(Q)].copy()
        power[:, 4:] = np.inf
        return Lessons(seen, -power.astype(np.float32))

    dataset, student = Dataset(), network()
    dataset.add(shown(1_000, 5, 0))
    dataset.add(shown(1_000, 8, 1))
    assert len(dataset) == 2_000
    fit_rungs(
        student, Adam(student.network.parameters), dataset, np.full(400, 1e-2), 128,
        weigh, np.random.default_rng(0),
    )  # fmt: skip
    unseen = shown(500, 6, 2)
    assert (student.best(unseen.features) == unseen.values.argmax(axis=1)).mean() > 0.9


def test_a_teacher_is_told_what_ran_instead_of_its_choice() -> None:
    """A student that always takes the lowest level does not confuse the teacher's filters."""

    class Low:
        def best(self, features: Any) -> Any:
            return np.zeros(len(features), np.int64)

    flight, predictive = DISTRIBUTION.flight(7, 2), teacher_named("predictive")
    lessons, outcome = teach(flight, Low(), predictive, 1.0, np.random.default_rng(0))
    own = fly(flight, None, predictive)
    assert len(lessons.values) == outcome.steps.sum()
    assert np.median(lessons.values.argmax(axis=1)) > 10
    assert outcome.reliable_accuracy.mean() < own.reliable_accuracy.mean()


def test_what_is_not_known_is_weighed_instead_of_guessed() -> None:
    """Two rungs, one better in seven cases of ten and much worse in the others, alike to see."""
    seen = np.repeat(features(1, 4, seed=3), 1_000, axis=0)
    often_better = np.random.default_rng(0).random(1_000) < 0.7
    values = np.full((1_000, 4), -1.0, np.float32)
    values[:, 1], values[:, 2] = 0.8, np.where(often_better, 0.9, 0.0)
    chosen = []
    for weigh in (False, True):
        dataset, student = Dataset(), network()
        dataset.add(Lessons(seen, values))
        adam = Adam(student.network.parameters)
        rng = np.random.default_rng(1)
        fit_rungs(student, adam, dataset, np.full(200, 1e-2), 128, weigh, rng)
        chosen.append(int(student.best(seen[:1])[0]))
    assert chosen == [2, 1]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dagger")
    small_training().run(folder, False)
    return folder


def small_training() -> Training:
    return Training(
        "dagger", {"scenario": SHORT.model_dump(include={"frames"}), "randomise": True}, dagger=PLAN
    )


def test_a_training_writes_what_the_others_write(trained: Path) -> None:
    history = np.load(trained / "evaluations" / "evaluations.npz")
    assert history["results"].shape == history["ep_lengths"].shape == (3, 16)
    card = json.loads((trained / CARD).read_text())
    training = card["training"]
    margins = training["judged_by_margin_c"]
    taken = margins[f"{card['margin_c']:g}"]
    assert taken == training["judged"]
    assert all(margins[margin] < taken for margin in margins if float(margin) > card["margin_c"])
    assert training["plan"]["teacher"] == "tvfs"
    assert training["environment"]["photographs"] == "design"
    round_kept = int(history["results"].mean(axis=1).argmax()) + 1
    assert training["rounds_done"] == round_kept
    assert training["steps_done"] == history["timesteps"][round_kept - 1]
    assert not (trained / "checkpoint" / "lessons").exists()
    policy = load_policy(trained, TwinEnv("odroid_xu4", choose_passes=True))
    assert isinstance(policy, RungController)
    with pytest.raises(InputError, match="load_policy"):
        load_policy(trained)


def test_a_training_that_was_killed_goes_on_to_the_same_end(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*arguments: Any, flown: Callable[..., Any] = dagger_training.fly) -> Any:
        if (tmp_path / "evaluations" / "evaluations.npz").exists():
            raise KeyboardInterrupt
        return flown(*arguments)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(dagger_training, "fly", killed)
        small_training().run(tmp_path, False)
    assert isinstance(load(tmp_path), RungPolicy)
    small_training().run(tmp_path, False)
    whole, resumed = (np.load(folder / ARRAYS) for folder in (trained, tmp_path))
    assert all(np.array_equal(whole[name], resumed[name]) for name in whole.files)
    assert len(whole.files) == 4
    (tmp_path / "checkpoint" / "state.npz").write_bytes(b"PK")
    with pytest.raises(InputError, match="is damaged"):
        small_training().run(tmp_path, False)


def test_a_policy_that_was_written_wrongly_is_refused(tmp_path: Path, trained: Path) -> None:
    policy = load(trained)
    assert isinstance(policy, RungPolicy)
    with pytest.raises(InputError, match="would choose otherwise"):
        check_alike(network(1), network(2), features(50))
    write(policy, tmp_path / "copy", features(50))
    assert sum(file.stat().st_size for file in (tmp_path / "copy").iterdir()) <= 200_000


def test_the_command_trains_and_the_benchmark_runs_what_it_learnt(
    cli: Cli, one_scenario: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dagger_training, "DaggerPlan", lambda **plan: replace(PLAN, **plan))
    command = "train", "--algo", "dagger", "--teacher", "tvfs", "--rounds", "1", "--randomise"
    for _ in range(2):  # the second time there is nothing left to do
        done = cli(*command, "--output", tmp_path / "student")
        assert done.returncode == 0, done.stderr
    ranking = benchmark([str(tmp_path / "student"), "tvfs"], str(one_scenario), seeds=1)
    assert set(ranking["controller"]) == {str(tmp_path / "student"), "tvfs"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--teacher", "predictve"), "did you mean"),
        (("--rounds", "0"), "at least 1"),
        (("--steps", "100"), "learns from a teacher"),
        (("--knowledge", "much"), "unknown knowledge"),
        (("--algo", "ppo", "--teacher", "tvfs"), "--teacher is an option of dagger"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    cli: Cli, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    done = cli("train", "--algo", "dagger", *options, "--output", tmp_path / "none")
    assert done.returncode == 2 and message in done.stderr
    assert not (tmp_path / "none").exists()


def test_on_boards_drawn_at_random_one_policy_is_learnt_for_any_board(tmp_path: Path) -> None:
    """A new board in every flight, by a teacher that looks at the twins; it runs on all others."""
    plan = DaggerPlan(
        "told", rounds=1, flights=3, units=2, fits=20, batch=64, hidden=(16,), judged_flights=2
    )
    environment = {"profile": "drawn", "scenario": {"frames": 60}, "randomise": True}
    Training("dagger", environment, dagger=plan, knowledge="generic").run(tmp_path, False)
    assert json.loads((tmp_path / CARD).read_text())["board"] == "any"
    boards = [
        Distribution("drawn", "recorded", SHORT, False, "generic", False).flight(seed, 1).profile
        for seed in (5, 6)
    ]
    assert boards == ["drawn:5", "drawn:6"]
    for board in ("raspberry_pi_4b", "drawn:5"):
        env = TwinEnv(board, choose_passes=True)
        policy = load_policy(tmp_path, env)
        assert isinstance(policy, RungController)
        observation, _ = env.reset(seed=0)
        action, _ = policy.predict(observation)
        assert env.configuration(action).topology == 0


def test_a_margin_makes_it_act_as_if_t_max_were_so_much_lower() -> None:
    env = TwinEnv("odroid_xu4", choose_passes=True)
    design = design_of(env)
    first, _ = env.reset(seed=0, options={"t_max_c": 80.0})
    lower, _ = env.reset(seed=0, options={"t_max_c": 77.0})
    seen, _ = Interface(design, "generic", margin_c=3.0).observe(first[np.newaxis])
    as_lower, _ = Interface(design, "generic").observe(lower[np.newaxis])
    assert seen == pytest.approx(as_lower, abs=1e-6)
