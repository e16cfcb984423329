"""The learning interface: rungs to act on, a history to see."""

from functools import lru_cache
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import FrameStackObservation
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tvfs_gym.agents import (
    HistoryObservation,
    Interface,
    TableActions,
    VectorHistoryObservation,
    VectorTableActions,
)
from tvfs_gym.agents.interface.features import LIMIT, G, Q
from tvfs_gym.baselines import Design, design_of
from tvfs_gym.baselines.model_based.budgets import expected_outcome
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.observation import ENTRY, HIGH, LOW
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv

KNOWLEDGE = ("characterised", "generic")
CONDITIONS: dict[str, Any] = {
    "randomise": "conditions", "scenario": {"frames": 60}, "choose_passes": True,
    "photographs": "design",
}  # fmt: skip


@lru_cache
def design(**known: Any) -> Design:
    return design_of(TwinEnv("odroid_xu4", choose_passes=True)).under(Scenario(**known))


@lru_cache
def interface(knowledge: Any) -> Interface:
    return Interface(design(), knowledge)


def observation(seed: int, sensor: bool = True) -> NDArray[np.float32]:
    drawn = np.random.default_rng(seed).uniform(LOW, HIGH).astype(np.float32)
    drawn[ENTRY.LATENCY_CONSTRAINT] += 0.1
    if not sensor:
        drawn[ENTRY.TEMPERATURE] = drawn[ENTRY.HEADROOM] = np.nan
    return drawn


@pytest.mark.parametrize("knowledge", KNOWLEDGE)
@given(windows=st.lists(st.tuples(st.integers(0, 10**6), st.booleans()), min_size=1, max_size=4))
def test_whatever_is_observed_the_features_are_finite_and_small(
    knowledge: Any, windows: list[tuple[int, bool]]
) -> None:
    """Also where the sensor fails, and before the first window."""
    boards, state = interface(knowledge), None
    for seed, sensor in windows:
        features, state = boards.observe(observation(seed, sensor)[np.newaxis], state)
        assert boards.observation_space.contains(features[0])
        choice, state = boards.choice(np.array([seed % boards.levels]), state)
        assert choice.vf_level.tolist() == [seed % boards.levels]
    assert np.abs(features).max() <= LIMIT


@given(seeds=st.lists(st.integers(0, 10**6), min_size=6, max_size=6), begins=st.booleans())
def test_a_row_of_a_batch_is_what_it_is_alone(seeds: list[int], begins: bool) -> None:
    boards = interface("characterised")
    first, second = np.array([observation(seed) for seed in seeds]).reshape(2, 3, -1)
    rungs = np.array([0, 5, 18])
    start = np.array([False, begins, False])
    _, state = boards.observe(first)
    _, state = boards.choice(rungs, state)
    together, _ = boards.observe(second, state, start)
    for i in range(3):
        _, own = boards.observe(first[i : i + 1])
        _, own = boards.choice(rungs[i : i + 1], own)
        alone, _ = boards.observe(second[i : i + 1], own, start[i : i + 1])
        assert np.array_equal(alone[0], together[i])
    fresh, _ = boards.observe(second[1:2])
    assert np.array_equal(fresh[0], together[1]) == begins


def test_a_rung_is_the_most_accurate_configuration_of_its_level() -> None:
    env = TwinEnv("odroid_xu4", choose_passes=True)
    seen, _ = env.reset(seed=0)
    _, state = interface("characterised").observe(seen[np.newaxis])
    accuracy, _ = expected_outcome(design(), env.scenario.latency_constraint_s)
    for level in range(19):
        choice, _ = interface("characterised").choice(np.array([level]), state)
        topology, _, budget = (int(factor[0]) for factor in choice if factor is not None)
        best = accuracy[:, level].max()
        given_up = 0.05 if level == 0 else 0.001  # the lowest one is a refuge from heat
        assert best - accuracy[topology, level, budget - 1] <= given_up + 0.004


def test_a_slow_down_leaves_smaller_networks() -> None:
    """Within a window, and back within one."""
    env = TwinEnv("odroid_xu4", choose_passes=True, scenario={
        "background_load": 0.5, "changes": [{"at_s": 10.0, "background_load": 0.0}]
    })  # fmt: skip
    boards, level = interface("characterised"), np.array([9])
    seen, _ = env.reset(seed=0)
    topologies: list[int] = []
    state, over = None, False
    while not over and len(topologies) < 60:
        features, state = boards.observe(seen[np.newaxis], state)
        choice, state = boards.choice(level, state)
        topologies.append(int(choice.topology[0]))
        seen, _, over, *_ = env.step(env.actions.batch(*choice)[0])
    assert topologies[0] == topologies[-1] > topologies[3]
    assert features[0, G.HIGHEST_SLOW_DOWN] > 0.1 > abs(features[0, G.SLOW_DOWN])


def test_a_board_that_nobody_timed_begins_with_one_pass_of_the_fastest_network() -> None:
    env = TwinEnv("odroid_xu4", choose_passes=True)
    boards = interface("generic")
    seen, _ = env.reset(seed=0)
    _, state = boards.observe(seen[np.newaxis])
    choice, state = boards.choice(np.array([12]), state)
    assert [int(factor[0]) for factor in choice if factor is not None] == [0, 12, 1]
    seen, *_ = env.step(env.actions.batch(*choice)[0])
    _, state = boards.observe(seen[np.newaxis], state)
    later, _ = boards.choice(np.array([12]), state)
    assert later.topology[0] > 0


@pytest.mark.parametrize("knowledge", KNOWLEDGE)
@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_a_batch_sees_what_each_environment_sees_and_the_functional_core_says(
    knowledge: Any, mode: AutoresetMode
) -> None:
    """Through the ends of episodes, under conditions that differ."""
    twins = TwinVectorEnv(3, autoreset_mode=mode, **CONDITIONS)
    batch = VectorHistoryObservation(VectorTableActions(twins, knowledge))
    alone = [HistoryObservation(TableActions(TwinEnv(**CONDITIONS), knowledge)) for _ in range(3)]
    seen, _ = batch.reset(seed=7)
    singles = np.stack([env.reset(seed=7 + i)[0] for i, env in enumerate(alone)])
    rng = np.random.default_rng(0)
    ended = np.zeros(3, bool)
    for _ in range(20):
        assert np.array_equal(seen, singles)
        rungs = rng.integers(19, size=3)
        seen, rewards, terminated, truncated, info = batch.step(rungs)
        for i, env in enumerate(alone):
            if mode == AutoresetMode.NEXT_STEP and ended[i]:
                singles[i], _ = env.reset()
                continue
            singles[i], reward, end, cut, _ = env.step(rungs[i])
            assert (reward, end, cut) == (rewards[i], terminated[i], truncated[i])
            if mode == AutoresetMode.SAME_STEP and (end or cut):
                assert np.array_equal(info["final_obs"][i], singles[i])
                singles[i], _ = env.reset()
        ended = terminated | truncated


def test_a_wrapper_acts_as_the_functional_core() -> None:
    env = HistoryObservation(TableActions(TwinEnv("odroid_xu4", choose_passes=True)))
    plain = TwinEnv("odroid_xu4", choose_passes=True)
    seen, _ = env.reset(seed=1)
    raw, _ = plain.reset(seed=1)
    boards, state = Interface(design()), None
    for rung in (18, 18, 3, 7):
        features, state = boards.observe(raw[np.newaxis], state)
        assert np.array_equal(seen, features[0])
        choice, state = boards.choice(np.array([rung]), state)
        raw, *_ = plain.step(plain.actions.batch(*choice)[0])
        seen, *_ = env.step(rung)


@pytest.mark.parametrize("outer_table", [True, False])
def test_the_order_of_the_wrappers_does_not_matter(outer_table: bool) -> None:
    env: Any = TwinEnv("raspberry_pi_4b", choose_passes=True)
    wrappers = (
        (HistoryObservation, TableActions) if outer_table else (TableActions, HistoryObservation)
    )
    for wrapper in wrappers:
        env = wrapper(env)
    seen, _ = env.reset(seed=0)
    for rung in (9, 4, 2):
        seen, *_ = env.step(rung)
    levels = env.action_space.n
    chosen = seen[len(G) + Q.CHOSEN :: len(Q)]
    assert len(chosen) == levels and chosen.argmax() == 2
    assert env.get_wrapper_attr("action_masks")().all()


def test_the_history_serves_any_action_space() -> None:
    env = HistoryObservation(TwinEnv("odroid_xu4", action_space="box"), "generic")
    env.reset(seed=0)
    seen, *_ = env.step(np.array([1.0, -1.0], np.float32))
    assert seen[len(G) + Q.CHOSEN :: len(Q)].argmax() == 18


@pytest.mark.parametrize("knowledge", KNOWLEDGE)
def test_gymnasium_s_checker_finds_nothing(knowledge: Any) -> None:
    env = gymnasium.make("tvfs_gym/OdroidC2-v1", choose_passes=True)
    check_env(HistoryObservation(TableActions(env, knowledge)), skip_render_check=True)


def test_frames_stack_on_top() -> None:
    env = FrameStackObservation(HistoryObservation(TwinEnv(), "generic"), 4)
    seen, _ = env.reset(seed=0)
    assert env.observation_space.contains(seen) and len(seen) == 4


def test_what_cannot_be_meant_is_refused() -> None:
    env = TwinEnv("odroid_xu4")
    with pytest.raises(InputError, match="did you mean generic"):
        TableActions(env, "genric")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="inner wrapper"):
        HistoryObservation(TableActions(env, "generic"), "characterised")
    with pytest.raises(InputError, match="environment of this package"):
        TableActions(gymnasium.make("CartPole-v1"))
    table = TableActions(env, "generic")
    table.reset(seed=0)
    with pytest.raises(gymnasium.error.InvalidAction):
        table.step(19)


@pytest.mark.train
def test_stable_baselines3_trains_on_it_alone_and_in_a_batch() -> None:
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_checker import check_env as check

    from tvfs_gym.agents import TwinVecEnv

    check(HistoryObservation(TableActions(TwinEnv(choose_passes=True))))
    arguments = {**CONDITIONS, "choose_passes": True}
    twins = TwinVecEnv(8, table_actions=True, history=True, **arguments)
    PPO("MlpPolicy", twins, n_steps=8, batch_size=32, n_epochs=1).learn(64)
    twins.seed(3)
    seen = twins.reset()
    assert twins.action_space.n == 19 and twins.env_method("action_masks")[0].shape == (19,)
    for _ in range(8):
        seen, _, done, infos = twins.step(np.full(8, 4))
        for i in np.flatnonzero(done).tolist():
            assert infos[i]["terminal_observation"].shape == seen[i].shape
