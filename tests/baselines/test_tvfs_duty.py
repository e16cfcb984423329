"""Time-shared neighbours: the program, the hot spot's bursts, and the interleaving."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tvfs_gym.baselines import Design, build
from tvfs_gym.baselines.characterisation.characterisation import Characterisation
from tvfs_gym.baselines.tvfs.duty import best_duty, duty_cycles
from tvfs_gym.envs.board_env import BoardEnv
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv
from tvfs_gym.experiments.episodes import run_episodes

GUARD_C = 3.0

ROWS = st.lists(
    st.tuples(st.floats(0.1, 1.0), st.floats(30.0, 120.0), st.floats(0.3, 2.0)),
    min_size=1,
    max_size=5,
)


@pytest.fixture
def env() -> BoardEnv:
    return TwinEnv("odroid_xu4", "recorded", choose_passes=True)


def brute_force(
    accuracy: np.ndarray, temperature_c: np.ndarray, duration_s: np.ndarray, limit_c: float
) -> float:
    """The best vertex: a row that may be held, or two rows on the bound."""
    heat = duration_s * (temperature_c - limit_c)
    reached = [float(accuracy[one]) for one in range(len(accuracy)) if heat[one] <= 0.0]
    for a, b in combinations(range(len(accuracy)), 2):
        if heat[a] * heat[b] < 0.0:
            share = heat[b] / (heat[b] - heat[a])
            reached.append(float(share * accuracy[a] + (1.0 - share) * accuracy[b]))
    return max(reached)


@given(rows=ROWS, limit_c=st.floats(30.0, 120.0))
def test_duty_cycles_are_those_of_brute_force(
    rows: list[tuple[float, float, float]], limit_c: float
) -> None:
    accuracy, temperature_c, duration_s = np.array(rows).T
    shares = duty_cycles(accuracy, temperature_c, duration_s, limit_c)
    if temperature_c.min() > limit_c:
        assert not len(shares)
        return
    assume(abs(temperature_c - limit_c).min() > 1e-3)
    assert shares.sum() == pytest.approx(1.0)
    assert shares @ (duration_s * (temperature_c - limit_c)) <= 1e-6
    best = brute_force(accuracy, temperature_c, duration_s, limit_c)
    assert shares @ accuracy == pytest.approx(best, abs=1e-6)


@given(
    hot_c=st.floats(86.0, 120.0),
    cool_c=st.floats(30.0, 80.0),
    fast_part=st.floats(0.05, 0.6),
    time_constant_s=st.floats(0.2, 1.0),
)
def test_no_burst_peaks_above_the_limit(
    hot_c: float, cool_c: float, fast_part: float, time_constant_s: float
) -> None:
    """The periodic steady state, by hand: a slow pole at the mean, and a fast one that follows."""
    step_s, limit_c = 0.7, 82.0

    def followed(duration_s: float) -> float:
        return fast_part * (1.0 - np.exp(-duration_s / time_constant_s))

    duty = best_duty(
        np.array([0.9, 0.8]),
        np.array([hot_c, cool_c]),
        np.array([step_s, step_s]),
        limit_c,
        followed,
    )
    if duty.hot == duty.cool:
        return
    mean_c = duty.share * hot_c + (1.0 - duty.share) * cool_c
    fast_c, carried, peak_c = mean_c, 0.0, 0.0
    for step in range(2000):
        carried += duty.share
        hot = carried >= 1.0
        carried -= hot
        kept = np.exp(-step_s / time_constant_s)
        fast_c = kept * fast_c + (1.0 - kept) * (hot_c if hot else cool_c)
        if step > 100:
            peak_c = max(peak_c, (1.0 - fast_part) * mean_c + fast_part * fast_c)
    assert peak_c <= limit_c + 1e-6


def test_a_row_that_can_be_held_is_held() -> None:
    duty = best_duty(
        np.array([0.9, 0.8, 0.7]),
        np.array([90.0, 70.0, 50.0]),
        np.ones(3),
        70.0,
        lambda _: 0.9,
    )
    assert duty == (1, 1, 1.0)


def test_nothing_cool_enough_leaves_the_coolest() -> None:
    duty = best_duty(np.array([0.9, 0.8]), np.array([90.0, 70.0]), np.ones(2), 50.0, lambda _: 0.5)
    assert duty == (1, 1, 1.0)


@pytest.mark.parametrize("ambient_c", [25.0, 28.0])
def test_on_the_twin_it_interleaves_below_t_max_and_beats_the_row_that_can_be_held(
    env: BoardEnv, recorded_characterisation: Characterisation, ambient_c: float
) -> None:
    """Over 30 episodes: a third of the images on a network that is 1 % better is little."""
    scenario = Scenario(ambient_c=ambient_c)
    made_from = Design.of(env, recorded_characterisation, scenario)
    seeds = list(range(400, 430))

    def episodes(name: str) -> list[tuple[Any, dict[str, Any]]]:
        twins = TwinVectorEnv(len(seeds), scenario=scenario, choose_passes=True, info_frames=True)
        return run_episodes(twins, build(name, made_from, guard_c=GUARD_C), seeds)

    ours, held = episodes("tvfs_duty"), episodes("tvfs_static")
    for steps, episode in ours:
        later = steps["vf_level"][40:]
        assert (np.diff(later) != 0).sum() > 20
        assert episode["above_t_max_share"] == 0.0
        assert episode["temperature_c_max"] > 85.0 - 3.0 * GUARD_C
    score, held_score = (
        np.mean([episode["on_time_accuracy"] for _, episode in rows]) for rows in (ours, held)
    )
    assert score > held_score
