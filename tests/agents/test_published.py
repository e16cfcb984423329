"""The published methods: their rewards, returns, exploration and cool-down."""

from math import e
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agents.tasks import LEVELS, TOPOLOGIES, observations, task
from tvfs_gym.agents.learners.dqn import Batch, QNetwork, Update
from tvfs_gym.agents.learners.learner import Experience
from tvfs_gym.agents.learners.lotus import Lotus
from tvfs_gym.agents.learners.q_table import QTable
from tvfs_gym.agents.learners.ztt import Ztt
from tvfs_gym.envs.boards.board import Configuration
from tvfs_gym.envs.boards.profile import relative_v2f
from tvfs_gym.envs.boards.window import F, W, Window, summarise
from tvfs_gym.envs.limits import GUARD_C
from tvfs_gym.envs.reward import REWARDS
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv

HOT_C = 83.0


def experience(rewards: list[float], terminated: bool = False) -> Experience:
    count = len(rewards)
    seen = observations(60.0, count=count)
    return Experience(
        seen, np.zeros(count, np.int64), np.array(rewards), seen, np.full(count, terminated)
    )


def window(**fields: float) -> Window:
    """A window with T_limit at 82 degC and these fields."""
    given = {"t_max_c": 82.0 + GUARD_C, "duration_s": 2.0, **fields}
    return Window(np.array([given.get(name, 0.0) for name in Window.fields]))


def test_ztt_s_reward() -> None:
    """On time, 12 degC below the limit, 5 W; half the frame rate, at the limit, 8 W."""
    cold = window(latency_mean_s=0.05, latency_constraint_s=0.075, temperature_c=70, energy_j=10)
    assert REWARDS["ztt"](cold) == pytest.approx(1.0 + 0.2 + 2 / 50)
    hot = window(latency_mean_s=0.15, latency_constraint_s=0.075, temperature_c=82, energy_j=16)
    assert REWARDS["ztt"](hot) == pytest.approx(0.5 - 2.0 + 2 / 80)


def test_lotus_reward() -> None:
    """tanh(0.5) + softsign(0.1) + 1; and -2 * 2 - 2 softsign(0.1) + 1 / (1 + 81.65)."""
    steady = window(latency_mean_s=0.3, latency_constraint_s=0.4, temperature_c=81.5)
    assert REWARDS["lotus"](steady) == pytest.approx(0.462117 + 0.090909 + 1.0, abs=1e-5)
    bad = -4.0 - 0.181818 + 1 / 82.649658
    for scale in (1.0, 0.1):
        shaky = window(latency_mean_s=0.5 * scale, latency_constraint_s=0.4 * scale,
                       temperature_c=84, latency_spread_s=0.08164966 * scale)  # fmt: skip
        assert REWARDS["lotus"](shaky) == pytest.approx(bad, abs=1e-5)


@pytest.mark.parametrize(
    ("latencies_s", "last"),
    [(range(10), [7, 8, 9]), ([7, 8], [7, 7, 8]), ([7], [7, 7, 7])],
)
def test_the_spread_is_that_of_the_last_three_frames(latencies_s: Any, last: list[float]) -> None:
    """Of the first one again where there are fewer."""
    frames = np.ones((len(latencies_s), len(F)))
    frames[:, F.LATENCY_S] = latencies_s
    vector = np.zeros(len(W))
    summarise(frames, vector)
    assert Window(vector).latency_spread_s == pytest.approx(np.std(last))


def test_the_table_s_reward() -> None:
    """On time; five times the least power, lambda 0.1; 1 degC too hot at half the most, rho 5."""
    power: dict[str, Any] = {"v2f": 0.5, "v2f_slowest": 0.1, "latency_constraint_s": 0.075}
    cold = window(latency_mean_s=0.05, temperature_c=79, **power)
    assert REWARDS["q_table"](cold) == pytest.approx(1.0 - 0.4)
    hot = window(latency_mean_s=0.15, temperature_c=83, **power)
    assert REWARDS["q_table"](hot) == pytest.approx(0.5 - 0.4 - 2.5)


@pytest.mark.parametrize("reward", ["ztt", "lotus", "q_table"])
def test_a_published_reward_serves_a_twin_and_a_batch(reward: str) -> None:
    alone = TwinEnv("odroid_xu4", reward=reward)
    batch = TwinVectorEnv(2, reward=reward)
    alone.reset(seed=5)
    batch.reset(seed=5)
    for action in (10, 80, 132):
        gained = alone.step(action)[1]
        assert np.isfinite(gained) and gained == batch.step(np.full(2, action))[1][0]


def test_a_window_tells_v2f_of_the_clock() -> None:
    env = TwinEnv("odroid_xu4", scenario={"ambient_c": 0.0})
    env.reset(seed=0)
    relative = relative_v2f(env.board.operating_points)
    for level in (0, 7, 18):
        delivered = Window(env.step(env.action(Configuration(0, level)))[4]["window"])
        assert delivered.v2f == pytest.approx(relative[level])
        assert delivered.v2f_slowest == pytest.approx(relative[0])


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
