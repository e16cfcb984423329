"""Predictive control: it takes the most accurate candidate that stays below T_max, and no other."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.driving import Driven, observation
from tvfs_gym.baselines import Design, build
from tvfs_gym.baselines.characterisation.characterisation import Characterisation
from tvfs_gym.baselines.model_based.candidates import LEAST_GAIN, concave, pareto
from tvfs_gym.baselines.model_based.follower import HEAT, NONE_YET
from tvfs_gym.baselines.model_based.lag import Bank
from tvfs_gym.baselines.model_based.predictive import RATIO_STEP, Predictive
from tvfs_gym.envs.board_env import BoardEnv
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.observation import read
from tvfs_gym.envs.scenario import Change, Scenario, Unit
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv
from tvfs_gym.experiments.episodes import run_episodes

SEEDS = [200, 201]

GUARD_SIGMAS = 2.5

VALUES = {
    "predictive": {"guard_sigmas": GUARD_SIGMAS, "margin_c": 0.0, "slow_down_drift": 0.001},
    "tvfs_open_loop": {"guard_c": 3.0},
}
"""What is tested is the method, whatever values were found for it."""


@pytest.fixture
def env() -> BoardEnv:
    return TwinEnv("odroid_xu4", "recorded", choose_passes=True)


@pytest.fixture(scope="module")
def predictive(recorded_characterisation: Characterisation) -> Predictive:
    env = TwinEnv("odroid_xu4", "recorded", choose_passes=True)
    design = Design.of(env, recorded_characterisation)
    return Predictive(design, lags=1, guard_sigmas=GUARD_SIGMAS, margin_c=0.0)


def episodes(
    name: str, characterisation: Characterisation, scenario: Scenario
) -> list[dict[str, Any]]:
    env = TwinEnv("odroid_xu4", "recorded", choose_passes=True)
    controller = build(name, Design.of(env, characterisation, scenario), **VALUES[name])
    twins = TwinVectorEnv(len(SEEDS), scenario=scenario, choose_passes=True, info_frames=True)
    return [row for _, row in run_episodes(twins, controller, SEEDS)]


def mean(rows: list[dict[str, Any]], figure: str) -> float:
    return float(np.mean([row[figure] for row in rows]))


@given(
    modes_c=st.tuples(st.floats(20.0, 60.0), st.floats(0.0, 40.0)),
    ambient_c=st.floats(0.0, 60.0),
    gain=st.floats(0.6, 1.8),
    sigma_c=st.floats(0.1, 5.0),
    constraint_s=st.sampled_from([0.03, 0.04, 0.075, 0.2]),
    t_max_c=st.floats(50.0, 100.0),
    cap=st.integers(0, 18),
)
def test_no_choice_is_predicted_too_hot_where_another_is_not(
    predictive: Predictive,
    modes_c: tuple[float, float],
    ambient_c: float,
    gain: float,
    sigma_c: float,
    constraint_s: float,
    t_max_c: float,
    cap: int,
) -> None:
    """Nor is a more accurate one left that stays cool; and none lies above the cap."""
    seen = observation(
        TwinEnv("odroid_xu4", "recorded"),
        temperature_c=sum(modes_c),
        latency_constraint_s=constraint_s,
        t_max_c=t_max_c,
        cap_level=float(cap),
    )
    reading = read(seen[np.newaxis], predictive.design.scales)
    state = np.array([[[*modes_c, ambient_c, gain]]])
    none = np.zeros((1, 1))
    covariance = sigma_c**2 * np.eye(4)
    bank = Bank(state, covariance[np.newaxis, np.newaxis], none + 1.0, none, none, none, none > 0.0)
    latency = predictive._latency_start(1)
    choice, after = predictive.decide(reading, (*bank, np.array([NONE_YET]), *latency))
    key = predictive._latency_key(after[HEAT + 1 :])
    candidates = predictive._tables.of(reading.latency_constraint_s, key, reading.cap_level)
    predicted_c, guard_c = predictive._heat.looked_ahead(
        predictive._heat.now(Bank(*after[:HEAT])),
        candidates.switching_w,
        candidates.voltage_v,
        reading.t_max_c,
        candidates.duration_s,
    )
    # The governor takes all levels from 700 MHz on away when the sensor, to 1 degC, reads T_max.
    limit_c = reading.t_max_c[0] - np.where(candidates.vf_level[0] > 4, 0.5, 0.0)
    cool = (predicted_c + GUARD_SIGMAS * guard_c)[0] < limit_c
    chosen = np.flatnonzero(
        (candidates.vf_level[0] == choice.vf_level[0])
        & (candidates.topology[0] == choice.topology[0])
    )[0]
    assert choice.vf_level[0] <= cap
    assert not cool[:chosen].any()
    assert cool[chosen] or not cool.any()


@given(
    points=st.lists(st.tuples(st.floats(0.5, 10.0), st.floats(0.0, 1.0)), min_size=1, max_size=30)
)
def test_no_time_shared_pair_beats_the_hull(points: list[tuple[float, float]]) -> None:
    power_w, accuracy = np.array(points).T
    front, hull = pareto(power_w, accuracy), concave(power_w, accuracy)
    assert set(hull) <= set(front)
    assert accuracy[front[0]] >= accuracy.max() - LEAST_GAIN
    assert hull[0] == front[0] and hull[-1] == front[-1]
    level_w = power_w[hull][::-1]
    for number in front:
        on_hull = np.interp(power_w[number], level_w, accuracy[hull][::-1])
        assert accuracy[number] <= on_hull + 1e-12


def test_it_begins_with_the_best_when_cold_and_ends_with_the_coolest_when_hot(
    env: BoardEnv, predictive: Predictive
) -> None:
    driven = Driven(predictive, env)
    first = driven(30.0, cap_level=18.0)
    names = env.board.family.names
    assert names[first.topology] == "efficientnet_lite1" and first.vf_level >= 16
    hot = Driven(predictive, env)(99.0, cap_level=18.0)
    assert hot.vf_level == 0


def test_under_a_cap_it_takes_what_is_best_at_that_clock(
    env: BoardEnv, predictive: Predictive
) -> None:
    chosen = Driven(predictive, env)(30.0, cap_level=4.0)
    accuracy = predictive.design.accuracy()
    assert chosen.vf_level <= 4
    assert accuracy[chosen.topology, chosen.vf_level] == accuracy[:, :5].max()


@pytest.mark.parametrize("slow_down", [0.9, 1.25, 2.0])
def test_a_slow_down_is_learnt_in_two_windows(
    env: BoardEnv, predictive: Predictive, slow_down: float
) -> None:
    median_s = predictive.design.characterisation.pass_median_s
    state = predictive.start(1)
    chosen = None
    for _ in range(3):
        told: dict[str, float] = {"temperature_c": 40.0, "cap_level": 18.0}
        if chosen is not None:
            topology, level = int(chosen.topology[0]), int(chosen.vf_level[0])
            latency_s = slow_down * median_s[topology, level]
            told |= {"latency_mean_s": latency_s, "latency_max_s": latency_s, "passes_mean": 1.0}
            told |= {"topology": float(topology), "vf_level": float(level)}
        reading = read(observation(env, **told)[np.newaxis], predictive.design.scales)
        chosen, state = predictive.decide(reading, state)
    assert chosen is not None
    assert np.exp(state[HEAT + 1][0]) == pytest.approx(slow_down, rel=3 * RATIO_STEP)
    assert slow_down * median_s[chosen.topology[0], chosen.vf_level[0]] < 0.075


@pytest.mark.parametrize("preset", ["mainline_step_wise", "vendor_xu4"])
def test_a_level_that_the_kernel_would_take_away_is_not_used_above_its_trip(
    preset: str, recorded_characterisation: Characterisation
) -> None:
    """The mainline map lowers the clock by up to two levels from 70 degC on, the vendor's by four
    from 85: with a frame's time cut so fine, throttling would make frames late."""
    rows = episodes(
        "predictive", recorded_characterisation, Scenario(throttling=preset, ambient_c=30.0)
    )
    assert mean(rows, "throttled_share") < 0.01
    assert mean(rows, "late_share") < 0.005


def test_it_needs_a_model(recorded_characterisation: Characterisation, env: BoardEnv) -> None:
    unknown = replace(Design.of(env, recorded_characterisation), profile=None)
    with pytest.raises(InputError, match="needs the board's thermal and power model"):
        build("predictive", unknown)


CONDITIONS = {
    "hot room": Scenario(ambient_c=42.0),
    "another unit": Scenario(unit=Unit(resistance=1.3, switching=1.15)),
    "failed fan": Scenario(changes=(Change(at_s=12.0, cooling="fan_failed"),)),
    "slow unit": Scenario(unit=Unit(latency=1.1)),
    "bursts of load": Scenario(
        changes=tuple(
            Change(at_s=10.0 * k, background_load=0.35 if k % 2 else 0.0) for k in range(1, 8)
        )
    ),
    "other deadlines": Scenario(
        changes=(
            Change(at_s=20.0, latency_constraint_s=0.04),
            Change(at_s=35.0, latency_constraint_s=0.2),
        )
    ),
}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_it_beats_the_table_in_what_the_table_does_not_foresee_and_keeps_t_max(
    condition: str, recorded_characterisation: Characterisation
) -> None:
    """On seeds that nothing was tuned on, with the same images for both; two of the units are
    among the conditions of the tuning."""
    scenario = CONDITIONS[condition]
    ours, table = (
        episodes(name, recorded_characterisation, scenario)
        for name in ("predictive", "tvfs_open_loop")
    )
    assert mean(ours, "on_time_accuracy") >= mean(table, "on_time_accuracy") - 0.001
    assert mean(ours, "above_t_max_share") <= 0.002
    assert mean(ours, "late_share") < 0.03  # a burst of load costs a window before it is seen
