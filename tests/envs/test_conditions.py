"""The distribution of conditions that policies are trained on."""

import numpy as np
import pytest

from tvfs_gym.envs.boards.profile import load_profile, profile_names
from tvfs_gym.envs.conditions import (
    CHANGE_RANGE_S,
    CONSTRAINT_RANGE,
    HALF_WAVES,
    MOST_BACKGROUND_LOAD,
    ONE_PASS_SHARE,
    T_MAX_RANGE_C,
    UNAWARE_SHARE,
    Conditions,
)
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.randomisation import DomainRandomisation
from tvfs_gym.envs.scenario import Change, Scenario, Sensing
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv

XU4 = load_profile("odroid_xu4")
NOMINAL_S = 0.065


def drawn(scenario: Scenario, count: int = 1000) -> list[Scenario]:
    randomisation = DomainRandomisation(XU4, Conditions(XU4, NOMINAL_S))
    return [randomisation.draw(scenario, (i, 0)) for i in range(count)]


def changes_of(scenario: Scenario, name: str) -> list[Change]:
    return [change for change in scenario.changes if getattr(change, name) is not None]


def test_constraints_and_arrivals_span_their_ranges() -> None:
    scenarios = drawn(Scenario())
    relative = np.array([one.latency_constraint_s for one in scenarios]) / NOMINAL_S
    assert (relative >= CONSTRAINT_RANGE[0]).all() and (relative <= CONSTRAINT_RANGE[1]).all()
    assert np.median(relative) == pytest.approx(np.sqrt(np.prod(CONSTRAINT_RANGE)), rel=0.1)
    limits_c = np.array([one.t_max_c for one in scenarios])
    assert (limits_c >= T_MAX_RANGE_C[0]).all() and (limits_c <= T_MAX_RANGE_C[1]).all()
    periods = [one.arrival_period_s / one.latency_constraint_s for one in scenarios]
    busy = [period for period in periods if period > 0]
    assert 400 < len(busy) < 600 and min(busy) >= 1 and max(busy) <= 2


def test_loads_are_steady_step_once_or_are_square_waves() -> None:
    loads = [
        np.array([one.background_load, *(c.background_load for c in changes)])
        for one in drawn(Scenario())
        for changes in [changes_of(one, "background_load")]
    ]
    assert all((course >= 0).all() and (course <= MOST_BACKGROUND_LOAD).all() for course in loads)
    loaded = [course for course in loads if course.any()]
    assert 400 < len(loaded) < 600
    shapes = [len(course) for course in loaded]
    assert set(shapes) == {1, 2, HALF_WAVES + 1}
    assert all(shapes.count(length) > 100 for length in set(shapes))


def test_half_of_the_episodes_change_something_else_once() -> None:
    scenarios = drawn(Scenario())
    others = [
        change for one in scenarios for change in one.changes if change.background_load is None
    ]
    assert 400 < len(others) < 600
    low_s, high_s = CHANGE_RANGE_S
    assert all(low_s <= change.at_s <= high_s for change in others)
    kinds = [next(iter(c.model_dump(exclude={"at_s"}, exclude_none=True))) for c in others]
    shares = {kind: kinds.count(kind) / len(kinds) for kind in kinds}
    assert set(shares) == {"latency_constraint_s", "ambient_c", "cooling"}
    assert min(shares.values()) > 0.15
    assert {change.cooling for change in others} == {None, "fan", "fan_failed"}


def test_classifier_kernel_cooling_and_sensor_differ_too() -> None:
    scenarios = drawn(Scenario())
    unaware = [not one.deadline_aware for one in scenarios]
    assert np.mean(unaware) == pytest.approx(UNAWARE_SHARE, abs=0.05)
    assert np.mean([one.policy == "1C" for one in scenarios]) == pytest.approx(
        ONE_PASS_SHARE, abs=0.03
    )
    assert {one.cooling for one in scenarios} == set(XU4.own_coolings)
    assert {one.throttling for one in scenarios} == set(XU4.throttling)
    deviations = [one.sensing for one in scenarios if one.sensing != Sensing()]
    assert 400 < len(deviations) < 600
    for name in Sensing.model_fields:
        usual = Sensing.model_fields[name].default
        assert 75 < sum(getattr(one, name) != usual for one in deviations) < 175


def test_what_a_scenario_names_stays() -> None:
    own = Scenario(
        cooling="fan_failed", throttling="vendor_xu4", deadline_aware=False,
        sensing=Sensing(lag_s=1.0),
    )  # fmt: skip
    for one in drawn(own, 50):
        assert (one.cooling, one.throttling) == ("fan_failed", "vendor_xu4")
        assert not one.deadline_aware and one.sensing == own.sensing


def test_a_scenario_s_own_changes_stay() -> None:
    own = Change(at_s=9.0, background_load=0.2)
    assert all(one.changes == (own,) for one in drawn(Scenario(changes=(own,)), 20))


def test_units_and_rooms_are_drawn_as_without_conditions() -> None:
    plain = DomainRandomisation(XU4)
    own = Scenario(cooling="fan")
    for i, one in enumerate(drawn(own, 20)):
        assert one.unit == plain.draw(own, (i, 0)).unit


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
