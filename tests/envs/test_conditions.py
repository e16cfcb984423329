"""The distribution of conditions that policies are trained on."""

import numpy as np
import pytest

from tvfs_gym.envs.boards.profile import load_profile, profile_names
from tvfs_gym.envs.conditions import (
    CHANGE_RANGE_S,
    CONSTRAINT_RANGE,
    MOST_BACKGROUND_LOAD,
    T_MAX_RANGE_C,
    Conditions,
)
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.randomisation import DomainRandomisation
from tvfs_gym.envs.scenario import Change, Scenario
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv

XU4 = load_profile("odroid_xu4")
NOMINAL_S = 0.065


def drawn(scenario: Scenario, count: int = 1000) -> list[Scenario]:
    randomisation = DomainRandomisation(XU4, Conditions(XU4, NOMINAL_S))
    return [randomisation.draw(scenario, (i, 0)) for i in range(count)]


def test_constraints_loads_and_arrivals_span_their_ranges() -> None:
    scenarios = drawn(Scenario())
    relative = np.array([one.latency_constraint_s for one in scenarios]) / NOMINAL_S
    assert (relative >= CONSTRAINT_RANGE[0]).all() and (relative <= CONSTRAINT_RANGE[1]).all()
    assert np.median(relative) == pytest.approx(np.sqrt(np.prod(CONSTRAINT_RANGE)), rel=0.1)
    limits_c = np.array([one.t_max_c for one in scenarios])
    assert (limits_c >= T_MAX_RANGE_C[0]).all() and (limits_c <= T_MAX_RANGE_C[1]).all()
    loads = np.array([one.background_load for one in scenarios])
    assert 0.4 < (loads > 0).mean() < 0.6 and 0.4 < loads.max() <= MOST_BACKGROUND_LOAD
    periods = [one.arrival_period_s / one.latency_constraint_s for one in scenarios]
    busy = [period for period in periods if period > 0]
    assert 400 < len(busy) < 600 and min(busy) >= 1 and max(busy) <= 2


def test_half_of_the_episodes_change_once_in_one_of_four_ways() -> None:
    changes = [one.changes[0] for one in drawn(Scenario()) if one.changes]
    assert 400 < len(changes) < 600
    low_s, high_s = CHANGE_RANGE_S
    assert all(low_s <= change.at_s <= high_s for change in changes)
    kinds = [next(iter(c.model_dump(exclude={"at_s"}, exclude_none=True))) for c in changes]
    shares = {kind: kinds.count(kind) / len(kinds) for kind in kinds}
    assert set(shares) == {"latency_constraint_s", "ambient_c", "background_load", "cooling"}
    assert min(shares.values()) > 0.15
    assert {change.cooling for change in changes} == {None, "fan_failed"}


def test_a_scenario_s_own_changes_stay() -> None:
    own = Change(at_s=9.0, background_load=0.2)
    assert all(one.changes == (own,) for one in drawn(Scenario(changes=(own,)), 20))


def test_units_and_rooms_are_drawn_as_without_conditions() -> None:
    plain = DomainRandomisation(XU4)
    for i, one in enumerate(drawn(Scenario(), 20)):
        assert one.unit == plain.draw(Scenario(), (i, 0)).unit


@pytest.mark.parametrize("profile", profile_names())
def test_every_board_can_be_trained_so(profile: str) -> None:
    twins = TwinVectorEnv(64, profile, scenario={"frames": 300}, randomise="conditions")
    observation, _ = twins.reset(seed=0)
    assert len(np.unique(observation[:, -2])) == 64
    for _ in range(35):
        observation, rewards, _, _, _ = twins.step(twins.action_space.sample() * 0)
        assert twins.observation_space.contains(observation) and (rewards >= 0).all()


def test_an_unknown_randomisation_is_refused() -> None:
    with pytest.raises(InputError, match="unknown randomisation 'weather'"):
        TwinEnv("odroid_xu4", randomise="weather")  # type: ignore[arg-type]
