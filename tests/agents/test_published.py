"""The published methods: their rewards, returns, exploration and cool-down."""

from math import e

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.agents.tasks import LEVELS, TOPOLOGIES, observations, task
from tvfs_gym.agents.learners import lotus, q_table, ztt
from tvfs_gym.agents.learners.dqn import Batch, QNetwork, Update
from tvfs_gym.agents.learners.learner import Experience
from tvfs_gym.agents.learners.lotus import Lotus
from tvfs_gym.agents.learners.q_table import QTable
from tvfs_gym.agents.learners.ztt import Ztt
from tvfs_gym.envs.boards.window import F

HOT_C = 83.0


def one(value: float) -> NDArray[np.float64]:
    """A batch of one."""
    return np.array([value])


def experience(rewards: list[float], terminated: bool = False) -> Experience:
    count = len(rewards)
    seen = observations(60.0, count=count)
    return Experience(
        seen, np.zeros(count, np.int64), np.array(rewards), seen, np.full(count, terminated)
    )


def test_ztt_s_reward() -> None:
    """On time, 12 degC below the limit, 5 W; half the frame rate, at the limit, 8 W."""
    cold = ztt.reward(one(0.05), one(0.075), one(70.0), one(82.0), one(5.0))
    assert cold == pytest.approx(1.0 + 0.2 + 2 / 50)
    hot = ztt.reward(one(0.15), one(0.075), one(82.0), one(82.0), one(8.0))
    assert hot == pytest.approx(0.5 - 2.0 + 2 / 80)


def test_lotus_reward() -> None:
    """tanh(0.5) + softsign(0.1) + 1; and -2 * 2 - 2 softsign(0.1) + 1 / (1 + 81.65)."""
    steady = np.full((1, 3), 0.3)
    good = lotus.reward(one(0.3), one(0.4), steady, one(81.5), one(82.0))
    assert good == pytest.approx(0.462117 + 0.090909 + 1.0, abs=1e-5)
    shaky = np.array([[0.5, 0.4, 0.6]])
    bad = lotus.reward(one(0.5), one(0.4), shaky, one(84.0), one(82.0))
    assert bad == pytest.approx(-4.0 - 0.181818 + 1 / 82.649658, abs=1e-5)
    tenth = lotus.reward(one(0.05), one(0.04), shaky / 10, one(84.0), one(82.0))
    assert tenth == pytest.approx(bad)


def test_lotus_looks_at_the_last_three_frames_of_a_window() -> None:
    frames = np.full((2, 10, 5), np.nan)
    frames[0, :10, F.LATENCY_S] = np.arange(10)
    frames[1, :2, F.LATENCY_S] = [7.0, 8.0]
    assert lotus.last_three(frames, np.array([10, 2])).tolist() == [[7, 8, 9], [7, 7, 8]]


def test_the_table_s_reward() -> None:
    """On time; five times the least power, lambda 0.1; 1 degC too hot at half the most, rho 5."""
    cold = q_table.reward(one(0.05), one(0.075), one(3.0), one(0.5), 0.1)
    assert cold == pytest.approx(1.0 - 0.4)
    hot = q_table.reward(one(0.15), one(0.075), one(-1.0), one(0.5), 0.1)
    assert hot == pytest.approx(0.5 - 0.4 - 2.5)


def batch(ended: list[bool]) -> Batch:
    rng = np.random.default_rng(0)
    count = len(ended)
    inputs, following = rng.random((2, count, 4)).astype(np.float32)
    rewards = np.arange(count, dtype=np.float32)
    return Batch(inputs, np.zeros(count, np.int64), rewards, following, np.array(ended))


def test_as_released_the_return_is_the_reward() -> None:
    values = QNetwork((4, 6, 3), Update(0.99, myopic=True), np.random.default_rng(1))
    assert values.returns(batch([False, True])).tolist() == [0.0, 1.0]


def test_as_intended_only_a_board_that_shut_down_ends_the_return() -> None:
    values = QNetwork((4, 6, 3), Update(0.99), np.random.default_rng(1))
    some = batch([False, True, False])
    best = values.target(some.following).max(axis=1)
    expected = [0.99 * best[0], 1.0, 2.0 + 0.99 * best[2]]
    assert values.returns(some) == pytest.approx(expected)


def test_a_step_of_learning_lowers_the_loss_and_the_target_follows() -> None:
    values = QNetwork((4, 16, 3), Update(0.9, target_share=0.5), np.random.default_rng(1))
    some = batch([True, True, True])
    before = values.target.copy()

    def loss() -> float:
        return float(((values.network(some.inputs)[:, 0] - some.reward) ** 2).sum())

    first = loss()
    values.learn(some, 0.01)
    halfway = [(a + b) / 2 for a, b in zip(before.parameters, values.network.parameters)]  # noqa: B905
    for expected, followed in zip(halfway, values.target.parameters, strict=True):
        assert followed == pytest.approx(expected, abs=1e-6)
    for _ in range(100):
        values.learn(some, 0.01)
    assert loss() < first / 10


@given(level=st.integers(0, LEVELS - 1), seed=st.integers(0, 99), epsilon=st.sampled_from([0, 1]))
def test_a_hot_board_is_never_clocked_higher(level: int, seed: int, epsilon: int) -> None:
    """Learning, and what zTT learnt; below the lowest level that can be chosen, that one."""
    seen = observations(HOT_C, level, count=20)
    first, second = Ztt(task(seed), myopic=False), Lotus(task(seed))
    first.epsilon = epsilon
    learnt = first.policy().predict(seen)[0] % LEVELS
    assert (learnt <= max(level, first.choices[:, 1].min())).all()
    for learner in (first, second):
        lowest = learner.choices[:, 1].min()
        assert (learner.choices[learner.act(seen), 1] <= max(level, lowest)).all()


def test_lotus_cools_down_less_often_with_time_where_it_is_greedy() -> None:
    """Random, it always does; greedy, in half of the cases in the end; validated, never."""
    learner = Lotus(task())
    assert learner.cool_down == 1.0
    seen = observations(HOT_C, 0, count=2000)
    greedy = learner.choices[learner._values.network(seen[:1, learner._columns]).argmax()]
    for _ in range(10):
        learner.act(observations(HOT_C))
    learner._hot_steps = 10_000
    assert learner.cool_down == pytest.approx(0.5)

    def raised() -> float:
        return float((learner.choices[learner.act(seen), 1] > 0).mean())

    assert greedy[1] > 0 and 0.03 < raised() < 0.07
    learner._steps = 10**9
    assert learner.epsilon == pytest.approx(0.01) and 0.45 < raised() < 0.55
    assert not learner.policy().card.cools_down
    assert set((learner.policy().predict(seen)[0] % LEVELS).tolist()) == {greedy[1]}


def test_ztt_goes_faster_at_random_when_cold_and_late() -> None:
    learner = Ztt(task(), myopic=True)
    learner.epsilon = 0.0
    level, topology = 11, 3
    late = observations(60.0, level, topology, relative_latency=1.5, count=4000)
    rows = learner.act(late)
    greedy = np.bincount(rows).argmax()
    others = learner.choices[rows[rows != greedy]]
    assert (others[:, 1] >= level).all() and (others[:, 0] <= topology).all()
    assert 0.15 < len(others) / len(rows) <= 0.33
    for calm in (
        observations(60.0, level, topology, 0.9),
        observations(78.0, level, topology, 1.5),
    ):
        assert len(set(np.concatenate([learner.act(calm) for _ in range(50)]).tolist())) == 1


def test_ztt_stores_notable_steps_threefold() -> None:
    learner = Ztt(task(), myopic=False)
    learner.learn(experience([-0.1, 0.5, 1.2]))
    assert len(learner._replay) == 7


def test_ztt_explores_less_with_every_update_once_it_has_200_steps() -> None:
    learner = Ztt(task(), myopic=False)
    for _ in range(19):
        learner.learn(experience([0.5] * 10))
    assert learner.epsilon == 1.0
    for _ in range(4):
        learner.learn(experience([0.5] * 10))
    assert learner.epsilon == pytest.approx(0.95**4)


def test_lotus_explores_less_with_every_step() -> None:
    learner = Lotus(task())
    assert learner.epsilon == pytest.approx(0.9) and learner.learning_rate == pytest.approx(0.01)
    learner._steps = 10_000
    assert learner.epsilon == pytest.approx(0.01 + 0.89 / e)
    assert learner.learning_rate == pytest.approx(1e-4)


def test_lotus_keeps_bad_steps_apart_from_good_ones() -> None:
    learner = Lotus(task())
    for _ in range(300):
        learner.learn(experience([0.5] * 10))
    learner.learn(experience([-0.5] * 3))
    assert [len(replay) for replay in learner._replays] == [3, 2000]


def test_the_table_learns_by_the_rule() -> None:
    learner = QTable(task())
    assert learner.choices.shape == (10 * TOPOLOGIES, 2)
    assert learner.values.shape == (6, 10, 10, 5, 10 * TOPOLOGIES)
    learner.learn(experience([2.0]))
    assert learner.values.max() == pytest.approx(0.1 * 2.0)
    learner.learn(experience([2.0]))
    assert learner.values.max() == pytest.approx(0.2 + 0.1 * (2.0 + 0.9 * 0.2 - 0.2))
    learner.learn(experience([2.0], terminated=True))
    assert learner.values.max() == pytest.approx(0.398 + 0.1 * (2.0 - 0.398))


def test_the_table_explores_a_fifth_of_the_time() -> None:
    learner = QTable(task())
    rows = learner.act(observations(60.0, count=5000))
    assert 0.17 < (rows != np.bincount(rows).argmax()).mean() < 0.23


def test_ztt_s_choices_are_three_by_three() -> None:
    choices = Ztt(task(), myopic=True).choices
    assert np.unique(choices[:, 0]).tolist() == [1, 3, 5]
    assert np.unique(choices[:, 1]).tolist() == [5, 11, 18]
