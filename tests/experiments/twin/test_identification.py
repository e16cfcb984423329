"""Identification: known networks come back, with honest errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tvfs_gym.envs.physics.thermal import RcNetwork
from tvfs_gym.experiments.twin.identification import (
    Trace,
    fit,
    free_run,
    model_of,
    network_of,
    responses,
)

TAU_S, GAINS = np.array([3.0, 60.0]), np.array([5.0, 8.0])


def synthetic(seed: int, noise_c: float = 0.5, samples: int = 3600) -> Trace:
    """An hour at 1 Hz of random load, in steps of half a minute, at 25 degC."""
    rng = np.random.default_rng(seed)
    heat = np.repeat(rng.uniform(0.5, 6.0, samples // 30), 30)
    blank = Trace("synthetic", np.arange(samples, dtype=float), heat, np.zeros(samples))
    temperature_c = 25.0 + responses(blank, TAU_S) @ GAINS + rng.normal(0, noise_c, samples)
    return Trace("synthetic", blank.time_s, heat, temperature_c)


def test_standard_errors_cover_the_truth_as_often_as_they_say() -> None:
    """100 noisy hours; 95 % expected, within three standard errors of that share."""
    inside = np.zeros(4)
    for seed in range(100):
        model = fit([synthetic(seed)], 2)
        off = np.concatenate([model.time_constants_s - TAU_S, model.gains - GAINS])
        inside += np.abs(off) < 1.96 * np.concatenate([model.time_constants_se_s, model.gains_se])
    assert (inside >= 88).all()
    assert inside.mean() == pytest.approx(95, abs=4)


def test_several_runs_may_start_hot_and_differ_in_ambient() -> None:
    runs = []
    for seed, (ambient_c, start_k) in enumerate([(25.0, 0.0), (31.0, 20.0)]):
        run = synthetic(seed, noise_c=0.1)
        warm = start_k * np.exp(-run.time_s / 60.0)
        runs.append(Trace("run", run.time_s, run.heat, run.temperature_c + ambient_c - 25 + warm))
    model = fit(runs, 2)
    assert model.time_constants_s == pytest.approx(TAU_S, rel=0.02)
    assert model.gains == pytest.approx(GAINS, rel=0.01)
    assert model.ambient_c == pytest.approx(28.0, abs=0.1)


def test_a_quantised_sensor_does_not_bias_the_network() -> None:
    smooth = synthetic(3, noise_c=0.2)
    coarse = Trace("coarse", smooth.time_s, smooth.heat, np.round(smooth.temperature_c))
    assert fit([coarse], 2).gains == pytest.approx(GAINS, rel=0.02)


def test_free_running_prediction_is_as_good_as_the_noise() -> None:
    model, other = fit([synthetic(1)], 2), synthetic(2)
    known = other.time_s < 120
    left_c = (free_run(model, other, known) - other.temperature_c)[~known]
    assert np.std(left_c) == pytest.approx(0.5, rel=0.05)


def test_one_node_too_many_is_seen() -> None:
    """A third node on data of two is no network, or its gain is within its error of nothing."""
    model = fit([synthetic(5)], 3)
    doubtful = np.abs(model.gains) < 3 * model.gains_se
    assert not model.physical or doubtful.any()


@given(
    st.integers(1, 3).flatmap(
        lambda n: st.tuples(
            st.tuples(*[st.floats(0.5, 20.0)] * n),
            st.tuples(*[st.floats(0.1 * 12**i, 0.4 * 12**i) for i in range(n)]),
        )
    )
)
def test_a_ladder_comes_back_from_its_modes(
    ladder: tuple[tuple[float, ...], tuple[float, ...]],
) -> None:
    network = RcNetwork(*ladder)
    model = model_of(network, 25.0)
    assert (np.diff(model.time_constants_s) > 0).all()
    again = network_of(model.time_constants_s, model.gains)
    assert again.resistances_k_w == pytest.approx(network.resistances_k_w, rel=1e-5)
    assert again.capacitances_j_k == pytest.approx(network.capacitances_j_k, rel=1e-5)
