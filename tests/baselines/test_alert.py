"""ALERT: its filter, its expected accuracy, and T_max as a constraint."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.driving import Driven
from tvfs_gym.baselines import Design, build
from tvfs_gym.baselines.characterisation.characterisation import Characterisation
from tvfs_gym.baselines.model_based.alert import (
    K_0,
    LEAST_Q,
    MU_0,
    REIMPLEMENTED_R,
    S2_0,
    Alert,
    R,
    filtered,
)
from tvfs_gym.envs.board_env import BoardEnv
from tvfs_gym.envs.twin_env import TwinEnv

START = tuple(np.array([one]) for one in (MU_0, S2_0, K_0, LEAST_Q))
SEEN = np.ones(1, bool)


@pytest.fixture
def env() -> BoardEnv:
    return TwinEnv("odroid_xu4", "recorded", choose_passes=True)


def test_one_step_by_hand() -> None:
    """y = 1, Q = max(0.1, 0.3 * 0.1 + 0.7 * 0.25) = 0.205, K = 0.255 / 0.256, ..."""
    mu, s2, k, q = (float(one[0]) for one in filtered(START, np.array([2.0]), SEEN))
    assert q == pytest.approx(0.205)
    assert k == pytest.approx(0.255 / 0.256)
    assert mu == pytest.approx(1.0 + 0.255 / 0.256)
    assert s2 == pytest.approx(0.1 / 256 + 0.205)


@given(slow_down=st.floats(0.5, 5.0))
def test_the_filter_follows_a_step_within_three_windows(slow_down: float) -> None:
    state = START
    for _ in range(3):
        state = filtered(state, np.array([slow_down]), SEEN)
    mu, s2, *_ = state
    assert mu[0] == pytest.approx(slow_down, rel=0.01)
    assert s2[0] >= LEAST_Q


def test_what_was_not_observed_changes_nothing() -> None:
    assert filtered(START, np.array([9.0]), ~SEEN) == START


def test_with_the_constants_of_the_re_implementation_it_stays_less_sure() -> None:
    """Observed without error, s2 settles at Q0 with an R of 0.001; else at 0.279, by hand:
    s2 = p R / (p + R) + Q0 with p = s2 gives s2^2 - Q0 s2 - Q0 R = 0.
    """
    states = [START, START]
    for _ in range(30):
        states = [
            filtered(state, np.ones(1), SEEN, r)
            for state, r in zip(states, (R, REIMPLEMENTED_R), strict=True)
        ]
    assert states[0][1][0] == pytest.approx(0.101, abs=0.001)
    assert states[1][1][0] == pytest.approx(0.279, abs=0.001)


def test_expected_accuracy_weighs_the_deadline_by_the_normal_distribution(
    env: BoardEnv, recorded_characterisation: Characterisation
) -> None:
    """With mu = sigma = 1, one pass that takes exactly L_c is in time in half of the cases."""
    alert = Alert(Design.of(env, recorded_characterisation))
    topology, level = 6, 9
    one_pass_s = float(recorded_characterisation.pass_median_s[topology, level])
    accuracy, time_s = alert._expected_outcome(one_pass_s, (0, 0))
    one_view = alert._replays.accuracy[topology, 0]
    assert accuracy[topology, level, 0] == pytest.approx(0.5 * one_view)
    assert time_s[topology, level, 0] == pytest.approx(one_pass_s)
    assert (np.diff(accuracy[topology, level]) >= -0.01).all()


def test_only_alert_t_minds_the_temperature(
    env: BoardEnv, recorded_characterisation: Characterisation
) -> None:
    """One that finds the chip hot again lowers the clock; the other does not look."""
    made_from = Design.of(env, recorded_characterisation)
    blind, minds = (Driven(build(name, made_from), env) for name in ("alert", "alert_t"))
    hot = {"latency_mean_s": 0.05, "passes_mean": 1.0, "topology": 5.0, "cap_level": 18.0}
    for driven in (blind, minds):
        driven(40.0, cap_level=18.0)
        driven(84.0, **hot)
    assert blind(84.0, **hot).vf_level > minds(84.0, **hot).vf_level


def test_throttling_is_a_slow_down_to_alert(
    env: BoardEnv, recorded_characterisation: Characterisation
) -> None:
    """Asked for a high level and run at 600 MHz, it takes a smaller network from then on."""
    driven = Driven(build("alert", Design.of(env, recorded_characterisation)), env)
    first = driven(40.0, cap_level=18.0)
    slow_s = float(recorded_characterisation.pass_median_s[first.topology, 4])
    throttled = driven(
        84.0,
        latency_mean_s=slow_s,
        passes_mean=1.0,
        topology=float(first.topology),
        vf_level=4.0,
        cap_level=4.0,
    )
    assert throttled.topology < first.topology
