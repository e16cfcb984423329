"""The observer: it propagates as the twin does, and finds out what the profile cannot know."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tvfs_gym.baselines.characterisation.characterisation import Characterisation
from tvfs_gym.baselines.controller import Design
from tvfs_gym.baselines.model_based.board_model import BoardModel
from tvfs_gym.baselines.model_based.observer import (
    GAIN_SIGMA,
    HIGHEST_GAIN,
    LOWEST_GAIN,
    Belief,
    Observer,
)
from tvfs_gym.envs.board_env import BoardEnv
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.physics.power import dynamic_power_w, leakage_power_w
from tvfs_gym.envs.physics.thermal import propagate, sensor_reading_c
from tvfs_gym.envs.twin_env import TwinEnv

NETWORK = load_profile("odroid_xu4").cooling_named(None).networks[0]
STEP_S = 0.7


@pytest.fixture(scope="module")
def model(recorded_characterisation: Characterisation) -> BoardModel:
    design = Design.of(TwinEnv("odroid_xu4", "recorded"), recorded_characterisation)
    return BoardModel(design, "test")


@pytest.fixture(scope="module")
def observer(model: BoardModel) -> Observer:
    return Observer(model)


def followed(
    observer: Observer,
    powers_w: np.ndarray,
    gain: float,
    ambient_c: float = 25.0,
    resolution_c: float = 1.0,
) -> tuple[Belief, float]:
    """A unit whose resistances are `gain` times the profile's, seen by the observer.

    Returns:
        What it believes at the end, and the true temperature of the die.
    """
    unit = NETWORK.scaled(gain, 1.0 / gain)  # the same time constants
    modes = unit.modes_of(unit.steady_nodes_c(ambient_c, 0.5))
    belief = observer.start(1)
    sure = np.zeros(1, bool)
    for index, power_w in enumerate([0.5, *powers_w.tolist()]):
        duration_s = STEP_S if index else 0.0
        propagate(modes, unit.modes, ambient_c, power_w, duration_s)
        read_c = sensor_reading_c(float(modes.sum()), resolution_c)
        reading, power, duration = (np.array([one]) for one in (read_c, power_w, duration_s))
        belief, _ = observer.follow(belief, reading, power, duration, sure)
    return belief, float(modes.sum())


def test_power_is_the_twins(model: BoardModel, recorded: BoardEnv) -> None:
    profile = recorded.board.profile
    assert profile is not None
    power, point = profile.power, profile.operating_points[9]
    activity = recorded.board.family.topologies[-1].activity
    inputs = point.frequency_hz / 1e9, point.voltage_v, 4.0, activity
    expected_w = dynamic_power_w(*inputs, power.cluster_nf, power.thread_nf) + power.rest_w
    assert model.busy_w[-1, 9] == expected_w
    leakage = profile.leakage
    for temperature_c in (20.0, 63.4, 110.5):
        given_w = model.leakage_w(np.array(point.voltage_v), np.array(temperature_c))
        expected_w = leakage_power_w(
            point.voltage_v, temperature_c, leakage.c1_a_k2, leakage.c2_k, leakage.gate_a
        )
        assert given_w == pytest.approx(expected_w, abs=1e-3)


@given(
    power_w=st.floats(0.0, 10.0),
    duration_s=st.floats(0.0, 30.0),
    ambient_c=st.floats(0.0, 60.0),
    nodes_c=st.tuples(st.floats(0.0, 100.0), st.floats(0.0, 100.0)),
)
def test_the_transition_is_the_twins_propagation(
    observer: Observer,
    power_w: float,
    duration_s: float,
    ambient_c: float,
    nodes_c: tuple[float, float],
) -> None:
    modes = NETWORK.modes_of(np.array(nodes_c))
    state = np.array([*modes, ambient_c, 1.0])
    matrix = observer.transition(np.array(power_w), np.array(duration_s))
    propagate(modes, NETWORK.modes, ambient_c, power_w, duration_s)
    assert matrix @ state == pytest.approx([*modes, ambient_c, 1.0], abs=1e-9)
    belief = Belief(state[np.newaxis], np.zeros((1, 4, 4)), np.ones(1))
    predicted_c, _ = observer.predict(belief, np.array([[power_w]]), np.array([[duration_s]]))
    assert predicted_c[0, 0] == pytest.approx(modes.sum(), abs=1e-9)


@given(seed=st.integers(0, 1000), gain=st.sampled_from([0.8, 1.0, 1.3]))
def test_the_gain_of_another_unit_is_found(observer: Observer, seed: int, gain: float) -> None:
    """Excited by changes of level, from readings rounded to 1 degC: within 5 %."""
    powers_w = np.random.default_rng(seed).choice([1.5, 3.0, 5.0], size=150)
    belief, _ = followed(observer, powers_w, gain)
    assert belief.state[0, -1] == pytest.approx(gain, abs=0.05)


@pytest.mark.parametrize("ambient_c", [15.0, 45.0])
def test_the_room_is_found(observer: Observer, ambient_c: float) -> None:
    powers_w = np.random.default_rng(1).choice([1.5, 3.0, 5.0], size=300)
    belief, die_c = followed(observer, powers_w, 1.0, ambient_c)
    assert belief.state[0, -2] == pytest.approx(ambient_c, abs=3.0)
    assert observer.die_c(belief)[0] == pytest.approx(die_c, abs=0.5)


def test_steady_heat_winds_nothing_up(observer: Observer) -> None:
    """Thousands of steps without excitation: the gain is neither forgotten nor believed in more."""
    belief, die_c = followed(observer, np.full(5000, 3.0), 1.0, ambient_c=35.0)
    assert belief.covariance[0, -1, -1] <= GAIN_SIGMA**2 + 1e-12
    assert belief.state[0, -1] == pytest.approx(1.0, abs=0.25)
    assert np.linalg.eigvalsh(belief.covariance[0]).min() >= -1e-9
    predicted_c, sigma_c = observer.predict(belief, np.array([[3.0]]), np.array([[STEP_S]]))
    assert abs(predicted_c[0, 0] - die_c) < 1.0 and sigma_c[0, 0] < 1.5


def test_a_gain_beyond_all_units_is_not_believed(observer: Observer) -> None:
    powers_w = np.random.default_rng(1).choice([0.5, 3.0], size=100)
    for gain, bound in ((4.0, HIGHEST_GAIN), (0.1, LOWEST_GAIN)):
        belief, _ = followed(observer, powers_w, gain)
        assert belief.state[0, -1] == pytest.approx(bound, abs=0.1)


def test_wrong_predictions_widen_the_guard_and_right_ones_narrow_it(observer: Observer) -> None:
    """A room that warms by 20 degC at once is a surprise."""
    calm = followed(observer, np.full(200, 3.0), 1.0)[0]
    sure, power_w, duration_s = np.zeros(1, bool), np.array([3.0]), np.array([STEP_S])
    hotter_c = observer.die_c(calm) + 20.0
    shocked, _ = observer.follow(calm, hotter_c, power_w, duration_s, sure)

    def sigma_c(belief: Belief) -> float:
        return float(observer.predict(belief, np.array([[5.0]]), np.array([[STEP_S]]))[1][0, 0])

    assert sigma_c(shocked) > 2.0 * sigma_c(calm)
    settled = shocked
    for _ in range(200):
        reading_c = np.rint(observer.die_c(settled))
        settled, _ = observer.follow(settled, reading_c, power_w, duration_s, sure)
    assert sigma_c(settled) < 1.5 * sigma_c(calm)
