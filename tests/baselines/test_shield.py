"""The safety shield: it vetoes what would grow too hot, and leaves alone what stays cool."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tvfs_gym.baselines import Design, Shield, build
from tvfs_gym.baselines.controller import Policy
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv
from tvfs_gym.experiments.controllers import policy_named
from tvfs_gym.experiments.episodes import Row, run_episodes

SEEDS = [0, 1]


def rows(policy: Policy, count: int = len(SEEDS)) -> list[Row]:
    """Episodes under a camera-less load in a warm room."""
    scenario = Scenario(ambient_c=40.0, frames=800, latency_constraint_s=0.075)
    twins = TwinVectorEnv(
        count, "odroid_xu4", scenario=[scenario] * count, randomise=True, choose_passes=True,
        photographs="design", info_frames=True,
    )  # fmt: skip
    return [row for _, row in run_episodes(twins, policy, SEEDS[:count])]


def performance(design: Design) -> Policy:
    return build("performance", design)


def ppo(design: Design) -> Policy:
    return policy_named("ppo", design)


@pytest.fixture(scope="module", params=["profile", "generic model"])
def known(request: pytest.FixtureRequest, xu4: Design) -> Design:
    """What the shield knows of the board."""
    return xu4 if request.param == "profile" else replace(xu4, profile=None)


def test_full_clock_is_kept_below_t_max(xu4: Design, known: Design) -> None:
    bare, shielded = rows(performance(xu4)), rows(Shield(performance(xu4), known))
    assert "vetoes" not in bare[0] and sum(row["vetoes"] for row in shielded) > 10
    assert sum(row["above_t_max_share"] for row in bare) > 0.1
    assert sum(row["above_t_max_share"] for row in shielded) < 0.01


@pytest.mark.parametrize("name", ["powersave", "predictive"])
def test_what_stays_cool_is_left_alone(xu4: Design, name: str) -> None:
    bare, shielded = rows(build(name, xu4), 1), rows(Shield(build(name, xu4), xu4), 1)
    assert shielded == [{**bare[0], "vetoes": 0}]


@pytest.mark.parametrize("make", [performance, ppo])
def test_vetoes_and_memory_are_of_every_board_alone(
    xu4: Design, make: Callable[[Design], Policy]
) -> None:
    batch = rows(Shield(make(xu4), xu4))
    alone = rows(Shield(make(xu4), xu4), 1)
    assert batch[0] == alone[0]


def test_an_episode_that_begins_has_no_vetoes(xu4: Design) -> None:
    shield = Shield(performance(xu4), xu4)
    observation = TwinVectorEnv(2, "odroid_xu4").reset(seed=0)[0]
    _, state = shield.choose(observation)
    for _ in range(3):
        _, state = shield.choose(observation, state)
    *bank, asked, _ = state
    _, state = shield.choose(observation, (*bank, asked, np.array([5, 7])), np.array([True, False]))
    first, second = shield.vetoes(state)
    assert first <= 1 and second >= 7
