"""The pass budget as a third knob: what it promises, and when a lower one helps."""

from dataclasses import astuple
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tvfs_gym.baselines import Design, build
from tvfs_gym.baselines.characterisation.characterisation import Characterisation
from tvfs_gym.baselines.model_based.budgets import (
    accuracy_within,
    expected_outcome,
    passes_in_time,
    replays_of,
)
from tvfs_gym.baselines.tvfs.passes import table_with_passes
from tvfs_gym.baselines.tvfs.tvfs import Row, table
from tvfs_gym.envs.board_env import BoardEnv
from tvfs_gym.envs.boards.board import Configuration
from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.outcomes import outcome_tables
from tvfs_gym.envs.inference.topology import load_family
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.experiments.episodes import run_episode


@pytest.fixture
def env() -> BoardEnv:
    return TwinEnv("odroid_xu4", "recorded", choose_passes=True)


def design(characterisation: Characterisation, **scenario: Any) -> Design:
    env = TwinEnv("odroid_xu4", "recorded", choose_passes=True)
    return Design.of(env, characterisation, Scenario(**scenario))


def best_within(rows: list[Row], temperature_c: float) -> float:
    return max((row.accuracy for row in rows if row.temperature_c <= temperature_c), default=0.0)


def test_replays_are_the_recorded_outcomes(recorded_characterisation: Characterisation) -> None:
    replayed = replays_of(design(recorded_characterisation))
    outcomes = outcome_tables(load_family("recorded")).design
    for topology in (0, 6):
        for budget in (1, 2, 10):
            expected_accuracy = outcomes.accuracy(topology, budget, 0.8)
            assert replayed.accuracy[topology, budget - 1] == pytest.approx(expected_accuracy)
    assert replayed.spent.sum(axis=2) == pytest.approx(1.0)
    assert replayed.passes[:, 0] == pytest.approx(1.0)
    assert (np.diff(replayed.passes, axis=1) >= 0).all()


@given(
    constraint_s=st.floats(0.01, 0.5),
    limit_c=st.floats(30.0, 110.0),
    aware=st.booleans(),
    policy=st.sampled_from(["1C", "5C", "10C"]),
    period=st.sampled_from([0.0, 1.0, 1.5, 3.0]),
)
def test_with_passes_the_table_is_never_worse(
    recorded_characterisation: Characterisation,
    constraint_s: float,
    limit_c: float,
    aware: bool,
    policy: str,
    period: float,
) -> None:
    """At every temperature, but for less than one image in a thousand.

    Frames that would queue are no promise of TVFS' that could be kept, so there is no period
    shorter than L_c.
    """
    made_from = design(
        recorded_characterisation,
        latency_constraint_s=constraint_s,
        deadline_aware=aware,
        policy=policy,
        arrival_period_s=period * constraint_s * 1.1,
    )
    try:
        without = table(made_from, constraint_s)
    except InputError:
        return
    ours = table_with_passes(made_from, constraint_s)
    assert best_within(ours, limit_c) >= best_within(without, limit_c) - 0.001
    temperatures_c = [row.temperature_c for row in ours]
    assert temperatures_c == sorted(temperatures_c, reverse=True)


def test_back_to_back_under_a_known_deadline_a_lower_budget_gains_nothing(
    recorded_characterisation: Characterisation,
) -> None:
    for constraint_s in (0.04, 0.075, 0.2):
        made_from = design(recorded_characterisation, latency_constraint_s=constraint_s)
        ours, without = table_with_passes(made_from, constraint_s), table(made_from, constraint_s)
        assert [row.accuracy for row in ours] == pytest.approx([row.accuracy for row in without])
        assert [row.temperature_c for row in ours] == [row.temperature_c for row in without]


def test_where_the_deadline_is_not_known_a_budget_of_one_saves_the_accuracy(
    env: BoardEnv, recorded_characterisation: Characterisation
) -> None:
    """All ten passes of any network but the smallest ones take longer than 75 ms."""
    made_from = design(recorded_characterisation, deadline_aware=False)
    assert table(made_from, 0.075)[0].accuracy < 0.75
    best = table_with_passes(made_from, 0.075)[0].configuration
    assert (best.topology, best.max_passes) == (6, 1)
    env.scenario = Scenario(deadline_aware=False)
    tvfs, ours = (
        run_episode(env, build(name, made_from), 300)[1]["on_time_accuracy"]
        for name in ("tvfs", "tvfs_passes")
    )
    assert ours > tvfs + 0.1


def test_with_a_camera_rows_are_as_cool_as_their_share_of_busy_time(
    env: BoardEnv, recorded_characterisation: Characterisation
) -> None:
    """The table foresees the temperature that the twin reaches."""
    scenario = Scenario(arrival_period_s=0.15, policy="5C", frames=1500)
    made_from = design(recorded_characterisation, arrival_period_s=0.15, policy="5C")
    row = table_with_passes(made_from, 0.075)[0]
    topology, level = row.configuration.topology, row.configuration.vf_level
    assert row.temperature_c < recorded_characterisation.temperature_c[level] - 10.0
    env.scenario = scenario
    env.reset(seed=1)
    action = env.actions.action(row.configuration)
    readings_c = [Window(env.step(action)[4]["window"]).temperature_mean_c for _ in range(150)]
    assert np.mean(readings_c[-20:]) == pytest.approx(row.temperature_c, abs=3.0)
    assert topology == 6


@pytest.mark.parametrize(("aware", "constraint_s"), [(True, 0.075), (True, 0.2), (False, 0.2)])
def test_expected_accuracy_and_time_are_what_the_twin_delivers(
    recorded_characterisation: Characterisation, aware: bool, constraint_s: float
) -> None:
    """Within the noise of 2000 frames, which show the photographs that the expectation is from; at
    levels where a pass just fits or just does not."""
    env = TwinEnv("odroid_xu4", "recorded", choose_passes=True, photographs="design")
    scenario = Scenario(
        latency_constraint_s=constraint_s, deadline_aware=aware, ambient_c=10.0, t_max_c=115.0
    )
    made_from = Design.of(env, recorded_characterisation, scenario)
    accuracy, time_s = expected_outcome(made_from, constraint_s)
    env.scenario = scenario
    for configuration in (Configuration(6, 15, 2), Configuration(5, 9, 3), Configuration(3, 5, 4)):
        topology, level, budget = astuple(configuration)
        env.reset(seed=5)
        action = env.actions.action(configuration)
        windows = [Window(env.step(action)[4]["window"]) for _ in range(200)]
        on_time = sum(window.on_time_correct_frames for window in windows) / 2000
        mean_s = np.mean([window.latency_mean_s for window in windows])
        assert accuracy[topology, level, budget - 1] == pytest.approx(on_time, abs=0.03)
        assert time_s[topology, level, budget - 1] == pytest.approx(mean_s, rel=0.03)


def test_passes_in_time_are_those_of_the_characterisation(
    recorded_characterisation: Characterisation,
) -> None:
    made_from = design(recorded_characterisation)
    most = recorded_characterisation.passes_within(0.2, made_from.known)
    assert (passes_in_time(made_from, 0.2)[..., -1] == most).all()
    best = accuracy_within(made_from, 0.2).max(axis=2)
    assert (best >= made_from.accuracy(0.2) - 1e-9).all()


def test_not_one_pass_within_the_constraint_is_said(
    recorded_characterisation: Characterisation,
) -> None:
    with pytest.raises(InputError, match=r"the fastest one needs 1\.\d* ms\."):
        accuracy_within(design(recorded_characterisation), 0.001)
