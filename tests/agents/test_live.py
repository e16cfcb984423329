"""Published methods that learn while they control, each board by itself."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tvfs_gym.agents.live import LiveLearner
from tvfs_gym.agents.training import LEARNERS
from tvfs_gym.baselines.controller import Design
from tvfs_gym.envs.board_env import BoardEnv
from tvfs_gym.envs.boards.board import OperatingPoint
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.topology import load_family
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv
from tvfs_gym.experiments.controllers import check_name, policy_named
from tvfs_gym.experiments.episodes import Episode, run_episodes

SCENARIO = Scenario(frames=2_500, latency_constraint_s=0.06)


def board_env(**values: Any) -> BoardEnv:
    board = TwinBoard(load_profile("odroid_xu4"), load_family("recorded"))
    return BoardEnv(board, SCENARIO.with_values(values), choose_passes=True)


@pytest.fixture
def design() -> Design:
    return Design.of(board_env(), None)


def episode(name: str, design: Design, seed: int, **values: Any) -> Episode:
    ran = Episode(board_env(**values), policy_named(name, design), seed)
    for _ in ran:
        pass
    return ran


@pytest.mark.parametrize("algorithm", LEARNERS)
def test_a_seed_explores_and_learns_alike_and_another_otherwise(
    design: Design, algorithm: str
) -> None:
    ran = [episode(f"learn:{algorithm}", design, seed, frames=400) for seed in (0, 0, 1)]
    first, again, other = (np.array(one.actions) for one in ran)
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    learnt = ran[0].learnt
    assert learnt is not None and learnt.card.training["live"] is True


def test_it_learns_while_it_runs(design: Design) -> None:
    """zTT's random choices end with its 60th update or so: then it earns more than before."""
    ran = episode("learn:ztt", design, 0)
    learner = policy_named("learn:ztt", design)
    assert isinstance(learner, LiveLearner)
    rewards = learner.rewards(np.array(ran.windows))
    exploring, learnt = rewards[:150], rewards[-50:]
    assert learnt.mean() > exploring.mean() + 0.03
    assert len({tuple(np.ravel(action)) for action in ran.actions[:150]}) == 9


def test_every_board_of_a_batch_has_a_learner_of_its_own(design: Design) -> None:
    seeds, short = [0, 1], SCENARIO.with_values({"frames": 300})
    twins = TwinVectorEnv(
        2, "odroid_xu4", scenario=[short] * 2, choose_passes=True, info_frames=True
    )
    batch = run_episodes(twins, policy_named("learn:q_table", design), seeds)
    for seed, (columns, row) in zip(seeds, batch, strict=True):
        alone = episode("learn:q_table", design, seed, frames=300)
        assert alone.row() == row
        assert all(np.array_equal(alone.columns()[name], columns[name]) for name in columns)


def test_a_shield_guards_what_explores(design: Design) -> None:
    bare, shielded = (
        episode(name, design, 0, ambient_c=45.0, t_max_c=65.0, frames=1_000).row()
        for name in ("learn:q_table", "shield:learn:q_table")
    )
    assert shielded["vetoes"] > 0
    assert shielded["above_t_max_share"] < 0.5 * bare["above_t_max_share"]


@pytest.mark.parametrize("levels", [1, 2, 3])
@pytest.mark.parametrize("algorithm", LEARNERS)
def test_few_levels_are_enough(design: Design, algorithm: str, levels: int) -> None:
    few = replace(design, operating_points=design.operating_points[:levels])
    policy = policy_named(f"learn:{algorithm}", few)
    assert isinstance(policy, LiveLearner)
    policy.begin([0], 10)
    (greedy,) = policy.policies()
    assert greedy.choices.min() >= 0 and greedy.choices[:, 1].max() == levels - 1
    assert len(np.unique(greedy.choices, axis=0)) == len(greedy.choices)


def test_what_cannot_be_measured_cannot_be_learnt_from(design: Design) -> None:
    blind = replace(
        design,
        operating_points=(OperatingPoint.model_construct(frequency_hz=1e9, voltage_v=np.nan),) * 3,
    )
    with pytest.raises(InputError, match="q_table cannot learn on this board"):
        policy_named("learn:q_table", blind)
    assert policy_named("learn:q_table:lotus", blind)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("learn:zzt", "unknown learner 'zzt': did you mean ztt"),
        ("learn:ppo", "unknown learner 'ppo'"),
        ("learn:ztt:lotos", "unknown reward 'lotos': did you mean lotus"),
    ],
)
def test_what_does_not_learn_on_a_board_is_refused(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_name(name)
