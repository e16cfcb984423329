"""Baselines: known readings, known actions; and the tables they are made from."""

from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import gymnasium
import numpy as np
import pytest

from tests.driving import Driven, observation
from tvfs_gym.baselines import CONTROLLERS, HINDSIGHT, UNMEASURED, Design, build, make
from tvfs_gym.baselines.characterisation.characterisation import Characterisation, characterise
from tvfs_gym.baselines.controller import Controller
from tvfs_gym.baselines.tvfs.tvfs import table
from tvfs_gym.envs.board_env import BoardEnv
from tvfs_gym.envs.boards.board import Configuration
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.outcomes import outcome_tables
from tvfs_gym.envs.inference.topology import load_family
from tvfs_gym.envs.physics.latency import jitter_factor, pass_latency_s
from tvfs_gym.envs.scenario import Change, Scenario
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv
from tvfs_gym.experiments.episodes import run_episode, run_episodes

TOP = 18
GUARD_C, HYSTERESIS_C = 3.0, 10.0
LEVEL_GHZ = [0.2 + 0.1 * level for level in range(19)]


def design(env: BoardEnv, characterisation: Characterisation, **scenario: Any) -> Design:
    env.scenario = Scenario(**scenario)
    return Design.of(env, characterisation)


def choice(controller: Controller, env: BoardEnv, temperature_c: float) -> Configuration:
    """What a controller chooses first."""
    return Driven(controller, env)(temperature_c)


def test_characterisation_finds_the_profiles_latency(
    hosted_characterisation: Characterisation, hosted: BoardEnv
) -> None:
    """Within the noise of the median over 100 passes."""
    assert hosted.board.profile is not None
    latency = hosted.board.profile.latency
    for index, topology in enumerate(hosted.board.family.topologies):
        for level in (0, 9, TOP):
            expected_s = pass_latency_s(
                LEVEL_GHZ[level], topology.relative_latency, latency.clock_gcycles, latency.memory_s
            )
            measured_s = hosted_characterisation.pass_median_s[index, level]
            assert measured_s == pytest.approx(expected_s, rel=0.015)
    spread = hosted_characterisation.pass_p99_s / hosted_characterisation.pass_median_s
    assert spread == pytest.approx(jitter_factor(latency.jitter_log_sigma, 0.99), rel=0.01)


@pytest.mark.parametrize("ambient_c", [55.0, 70.0])
def test_heat_does_not_spoil_the_timing(ambient_c: float) -> None:
    """Where the board throttles within the timed passes, it is let cool in between."""
    env = TwinEnv("odroid_xu4", "recorded")
    hot = characterise(env.board, Scenario(ambient_c=ambient_c, start_temperature_c=84.0))
    spread = hot.pass_p99_s / hot.pass_median_s
    assert spread == pytest.approx(1.073, rel=0.01)
    assert hot.pass_median_s[-1, TOP] == pytest.approx(0.0332 * 1.9473, rel=0.02)


def test_a_board_that_is_throttled_at_once_cannot_be_characterised() -> None:
    env = TwinEnv("odroid_xu4", "recorded")
    with pytest.raises(InputError, match="throttled at once: characterise it in a cooler place"):
        characterise(env.board, Scenario(ambient_c=84.0))


def test_characterisation_sees_where_throttling_cuts_in(
    recorded_characterisation: Characterisation,
) -> None:
    assert recorded_characterisation.extrapolated.tolist() == [False] * 17 + [True] * 2
    assert (np.diff(recorded_characterisation.temperature_c) > 0).all()
    assert (
        recorded_characterisation.temperature_c[16]
        < 85
        < recorded_characterisation.temperature_c[17]
    )


@pytest.mark.parametrize("constraint_s", [0.03, 0.04, 0.075, 0.2, 0.5])
def test_the_table_has_the_best_of_each_level_and_no_dominated_row(
    recorded: BoardEnv, recorded_characterisation: Characterisation, constraint_s: float
) -> None:
    made_from = design(recorded, recorded_characterisation, latency_constraint_s=constraint_s)
    rows = table(made_from, constraint_s)
    accuracy = made_from.accuracy()
    levels = [row.configuration.vf_level for row in rows]
    assert levels == sorted(levels, reverse=True)
    assert rows[0].accuracy == accuracy.max()
    for row, cooler in pairwise(rows):
        assert row.accuracy > cooler.accuracy and row.temperature_c > cooler.temperature_c
    for row in rows:
        topology, level = row.configuration.topology, row.configuration.vf_level
        assert row.accuracy == accuracy[:, level].max() == accuracy[topology, level]
        assert recorded_characterisation.pass_p99_s[topology, level] <= constraint_s


def test_the_published_table_keeps_the_diagonal_of_topologies(
    hosted: BoardEnv, hosted_characterisation: Characterisation
) -> None:
    """At the latency that 1.0 224 needs at 2 GHz: it, then 1.0 192, then 1.0 160."""
    made_from = design(hosted, hosted_characterisation, latency_constraint_s=0.0365)
    names = [hosted.board.family.names[r.configuration.topology] for r in table(made_from, 0.0365)]
    assert names[:3] == [f"mobilenet_v1_1.0_{size}" for size in (224, 192, 160)]


def test_passes_within_a_constraint_leave_room_for_the_last_one(
    recorded: BoardEnv, recorded_characterisation: Characterisation
) -> None:
    scenario = Scenario(latency_constraint_s=0.2)
    passes = recorded_characterisation.passes_within(0.2, scenario)
    p99, median = recorded_characterisation.pass_p99_s, recorded_characterisation.pass_median_s
    some = (passes > 0) & (passes < 10)
    assert ((passes - 1) * median + p99 <= 0.2)[some].all()
    assert (passes * median + p99 > 0.2)[some].all()
    assert (p99[passes == 0] > 0.2).all()


def test_without_deadline_awareness_all_passes_must_fit(
    recorded: BoardEnv, recorded_characterisation: Characterisation
) -> None:
    scenario = Scenario(deadline_aware=False, policy="5C")
    passes = recorded_characterisation.passes_within(0.1, scenario)
    assert set(np.unique(passes)) == {0, 5}
    assert (5 * recorded_characterisation.pass_p99_s[passes == 5] <= 0.1).all()


def test_tvfs_walks_down_near_t_max_and_up_when_the_better_row_stays_clear(
    recorded: BoardEnv, recorded_characterisation: Characterisation
) -> None:
    made_from = design(recorded, recorded_characterisation)
    rows = table(made_from, 0.075)
    tvfs = build("tvfs", made_from, guard_c=GUARD_C)
    limit_c = 85.0 - GUARD_C
    step_c = rows[0].temperature_c - rows[1].temperature_c
    driven = Driven(tvfs, recorded)
    assert driven(40.0) == rows[0].configuration
    assert driven(limit_c - 1) == rows[0].configuration
    assert driven(limit_c) == rows[1].configuration
    assert driven(limit_c - step_c) == rows[1].configuration
    assert driven(limit_c - step_c - 1) == rows[0].configuration
    for _ in range(2 * len(rows)):
        last = driven(90.0)
    assert last == rows[-1].configuration
    assert choice(tvfs, recorded, 40.0) == rows[0].configuration


def test_tvfs_takes_another_table_when_the_constraint_changes(
    recorded: BoardEnv, recorded_characterisation: Characterisation
) -> None:
    """One that no configuration meets gets the fastest one, at a clock that heat allows."""
    made_from = design(recorded, recorded_characterisation)
    driven = Driven(build("tvfs", made_from), recorded)
    for constraint_s in (0.075, 0.04):
        chosen = driven(40.0, latency_constraint_s=constraint_s)
        assert chosen == table(made_from, constraint_s)[0].configuration
    assert driven(40.0, latency_constraint_s=0.001) == Configuration(0, TOP)
    assert driven(90.0, latency_constraint_s=0.001) == Configuration(0, TOP - 1)


def test_static_tvfs_takes_the_best_sustainable_row(
    recorded: BoardEnv, recorded_characterisation: Characterisation
) -> None:
    made_from = design(recorded, recorded_characterisation)
    best = next(r for r in table(made_from, 0.075) if r.temperature_c <= 85.0 - GUARD_C)
    assert (
        choice(build("tvfs_static", made_from, guard_c=GUARD_C), recorded, 40.0)
        == best.configuration
    )


def test_static_tvfs_on_a_board_that_is_always_too_hot_takes_the_coolest_row(
    recorded: BoardEnv, recorded_characterisation: Characterisation
) -> None:
    hot = replace(recorded_characterisation, temperature_c=np.full(19, 99.0))
    made_from = design(recorded, hot)
    last = table(made_from, 0.075)[-1].configuration
    assert choice(build("tvfs_static", made_from), recorded, 40.0) == last


def test_reactive_frequency_scaling_moves_one_level_with_hysteresis(
    recorded: BoardEnv, recorded_characterisation: Characterisation
) -> None:
    values = {"guard_c": GUARD_C, "hysteresis_c": HYSTERESIS_C}
    made_from = design(recorded, recorded_characterisation)
    driven = Driven(build("frequency_reactive", made_from, **values), recorded)
    low, high = 85.0 - GUARD_C - HYSTERESIS_C, 85.0 - GUARD_C
    courses = [(40.0, TOP), (high - 1, TOP), (high, TOP - 1), (high + 3, TOP - 2)]
    courses += [(low, TOP - 2), (low - 1, TOP - 1), (low - 1, TOP), (low - 1, TOP)]
    topologies = set()
    for temperature_c, level in courses:
        configuration = driven(temperature_c)
        assert configuration.vf_level == level
        topologies.add(configuration.topology)
    assert len(topologies) == 1


def test_proactive_frequency_scaling_takes_the_highest_sustainable_level(
    recorded: BoardEnv, recorded_characterisation: Characterisation
) -> None:
    made_from = design(recorded, recorded_characterisation)
    controller = build("frequency_proactive", made_from, guard_c=GUARD_C)
    level = choice(controller, recorded, 40.0).vf_level
    reached_c = recorded_characterisation.temperature_c
    assert reached_c[level] <= 85.0 - GUARD_C < reached_c[level + 1]


def test_in_the_cold_proactive_frequency_scaling_is_on_time(
    recorded: BoardEnv, recorded_characterisation: Characterisation
) -> None:
    """Its network is the best that meets L_c at its own clock, as that of all fixed clocks is."""
    cold = {"latency_constraint_s": 0.046, "ambient_c": 5.0}
    made_from = design(recorded, recorded_characterisation, **cold)
    for name in ("frequency_proactive", "userspace_half", "powersave", "performance"):
        held = choice(build(name, made_from), recorded, 40.0)
        assert held == made_from.most_accurate(held.vf_level)
    row = run_episode(recorded, build("frequency_proactive", made_from), 0)[1]
    assert row["reliable_accuracy"] > 0.8 and row["late_share"] < 0.01


def test_governors_stay_at_the_ends(
    recorded: BoardEnv, recorded_characterisation: Characterisation
) -> None:
    made_from = design(recorded, recorded_characterisation)
    performance = choice(build("performance", made_from), recorded, 90.0)
    assert performance == Configuration(
        recorded.board.family.names.index("efficientnet_lite1"), TOP
    )
    assert choice(build("powersave", made_from), recorded, 30.0).vf_level == 0


def test_topology_scaling_meets_the_constraint_at_the_throttled_clock(
    recorded: BoardEnv, recorded_characterisation: Characterisation
) -> None:
    made_from = design(recorded, recorded_characterisation)
    chosen = choice(build("topology_scaling", made_from), recorded, 40.0)
    assert chosen.vf_level == TOP
    throttled_s = recorded_characterisation.throttled_p99_s
    assert throttled_s[chosen.topology] <= 0.075 < throttled_s[chosen.topology + 1]


def test_best_fixed_is_at_least_as_good_as_any_other_fixed_choice(
    recorded: BoardEnv, recorded_characterisation: Characterisation
) -> None:
    """On episodes it was not searched on, within the noise of the draw of images."""
    made_from = design(recorded, recorded_characterisation, ambient_c=40.0)
    fixed = {
        name: build(name, made_from)
        for name in ("tvfs_static", "frequency_proactive", "performance", "powersave")
    }
    fixed["best_fixed"] = HINDSIGHT["best_fixed"](
        made_from,
        lambda scenarios: TwinVectorEnv(len(scenarios), scenario=scenarios),
        [recorded.scenario],
    )
    scores = {
        name: run_episode(recorded, controller, 0)[1]["on_time_accuracy"]
        for name, controller in fixed.items()
    }
    assert scores["best_fixed"] >= max(scores.values()) - 0.01


@pytest.mark.parametrize("name", CONTROLLERS)
def test_a_batch_of_boards_is_controlled_as_each_alone(
    name: str, recorded: BoardEnv, recorded_characterisation: Characterisation
) -> None:
    """Bit for bit, whatever ran before: a controller remembers nothing but its state."""
    scenario = Scenario(
        frames=300, ambient_c=45.0, changes=(Change(at_s=9.0, latency_constraint_s=0.05),)
    )
    controller = build(name, design(recorded, recorded_characterisation, **scenario.model_dump()))
    batch = run_episodes(
        TwinVectorEnv(3, scenario=scenario, info_frames=True), controller, [5, 6, 7]
    )
    for seed, (steps, episode) in zip((5, 6, 7), batch, strict=True):
        alone_steps, alone = run_episode(recorded, controller, seed)
        assert episode == alone
        assert all(np.array_equal(steps[key], alone_steps[key]) for key in alone_steps)


@pytest.mark.parametrize("name", CONTROLLERS)
def test_an_episode_that_begins_within_a_batch_begins_afresh(
    name: str, recorded: BoardEnv, recorded_characterisation: Characterisation
) -> None:
    controller = build(name, design(recorded, recorded_characterisation))
    cold, hot = (observation(recorded, temperature_c=one) for one in (40.0, 90.0))
    state = None
    for seen in (cold, hot, hot):
        _, state = controller.predict(np.stack([seen, seen]), state)
    actions, _ = controller.predict(np.stack([cold, cold]), state, np.array([True, False]))
    first, _ = controller.predict(cold)
    later, _ = controller.predict(np.stack([cold, cold]), state)
    assert actions[0] == first and actions[1] == later[1]


def test_a_controller_knows_nothing_of_the_room_the_unit_or_what_will_change(
    recorded: BoardEnv, recorded_characterisation: Characterisation
) -> None:
    later = {"at_s": 9.0, "latency_constraint_s": 0.05}
    met = {"ambient_c": 40.0, "background_load": 0.5, "unit": {"resistance": 1.3}}
    known = design(recorded, recorded_characterisation, changes=[later], **met).known
    assert known == design(recorded, recorded_characterisation).known


def test_all_passes_count_where_the_deadline_is_not_known_of(
    recorded: BoardEnv, recorded_characterisation: Characterisation
) -> None:
    made_from = design(
        recorded, recorded_characterisation, latency_constraint_s=0.015, deadline_aware=False
    )
    with pytest.raises(InputError, match=r"of 15 ms: the fastest one needs 18\.\d ms"):
        build("powersave", made_from)


def test_an_unmeetable_constraint_is_said_at_once(
    recorded: BoardEnv, recorded_characterisation: Characterisation
) -> None:
    made_from = design(recorded, recorded_characterisation, latency_constraint_s=0.001)
    for name in CONTROLLERS.keys() - set(UNMEASURED):
        with pytest.raises(InputError, match="no configuration meets a latency constraint of 1 ms"):
            build(name, made_from)


def test_an_unknown_controller_names_the_nearest(
    recorded: BoardEnv, recorded_characterisation: Characterisation
) -> None:
    with pytest.raises(InputError, match="unknown controller 'tfvs': did you mean tvfs"):
        build("tfvs", design(recorded, recorded_characterisation))


def test_more_confidence_is_never_less_accurate_than_one_pass() -> None:
    """On these networks AdapTTA within any budget does not lose accuracy (within 0.3 points)."""
    outcomes = outcome_tables(load_family("recorded"))
    for topology, half in product(range(7), (outcomes.design, outcomes.run)):
        one = half.accuracy(topology, 1, 0.8)
        for most in range(2, 11):
            assert half.accuracy(topology, most, 0.8) >= one - 0.003


def test_a_baseline_is_made_for_an_environment_in_one_call(
    recorded_characterisation: Characterisation,
) -> None:
    env = gymnasium.make("tvfs_gym/OdroidXU4-v1")
    measured = make("tvfs", env)
    observation, _ = env.reset(seed=0)
    assert (
        measured.predict(observation)[0]
        == make("tvfs", env, recorded_characterisation).predict(observation)[0]
    )
    with pytest.raises(InputError, match="did you mean tvfs"):
        make("tvsf", env)
    with pytest.raises(InputError, match="needs an environment of this package"):
        make("tvfs", gymnasium.make("CartPole-v1"))
