"""Calibration: sweeps, Pareto fronts, and settings for a target."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.outcomes import halves, load_outcomes
from tvfs_gym.envs.inference.topology import ZOO
from tvfs_gym.experiments.adaptta.calibration import (
    TAUS,
    CalibrationData,
    SweepPoint,
    choose,
    evaluate_setting,
    pareto_front,
    sweep_settings,
    tau_that_keeps_accuracy,
)

SHIPPED = load_outcomes(ZOO / "recorded.npz")
NAME = "mobilenet_v1_1.0_224"
DATA = CalibrationData(SHIPPED[NAME].confidence, SHIPPED.correct(NAME))
TIMED = CalibrationData(DATA.confidence, DATA.correct, np.full((1000, 10), 0.01))


def test_a_point_is_adaptta_replayed() -> None:
    right, passes = SHIPPED.adaptta(NAME, 5, 0.8)
    point = evaluate_setting(TIMED, 5, 0.8)
    assert (point.accuracy, point.passes) == pytest.approx((right.mean(), passes))
    assert point.latency_s == pytest.approx(0.05)  # more than 5 % of the images take all passes


def test_an_infinite_tau_is_static_augmentation() -> None:
    point = evaluate_setting(DATA, 10, math.inf)
    assert (point.accuracy, point.passes) == (DATA.correct[:, -1].mean(), 10)


def test_a_sweep_covers_the_named_policies() -> None:
    points = sweep_settings(DATA)
    assert {point.max_passes for point in points} == {1, 5, 10}
    assert len(points) == 3 * len(TAUS)
    assert {point.max_passes for point in sweep_settings(DATA.only(np.arange(1000)), [3])} == {3}


POINTS = st.builds(
    SweepPoint,
    st.integers(1, 10),
    st.floats(0.1, 1),
    st.integers(0, 10).map(lambda tenths: tenths / 10),
    st.integers(1, 10).map(float),
    st.none(),
)


@given(st.lists(POINTS, min_size=1))
def test_nothing_beats_a_point_of_the_front_and_everything_else_is_beaten(
    points: list[SweepPoint],
) -> None:
    front = pareto_front(points)
    for best in front:
        for point in points:
            assert not (point.passes <= best.passes and point.accuracy > best.accuracy)
            assert not (point.passes < best.passes and point.accuracy >= best.accuracy)
    for point in points:
        assert any(
            best.passes <= point.passes and best.accuracy >= point.accuracy for best in front
        )


@given(st.lists(POINTS, min_size=1), st.floats(0, 1), st.floats(1, 10))
def test_a_choice_meets_its_target_at_the_least_cost(
    points: list[SweepPoint], accuracy: float, passes: float
) -> None:
    if max(point.accuracy for point in points) >= accuracy:
        chosen = choose(points, accuracy=accuracy)
        assert chosen.accuracy >= accuracy
        assert chosen.passes == min(point.passes for point in points if point.accuracy >= accuracy)
    else:
        with pytest.raises(InputError, match="no setting reaches an accuracy"):
            choose(points, accuracy=accuracy)
    if min(point.passes for point in points) <= passes:
        chosen = choose(points, passes=passes)
        assert chosen.passes <= passes
        assert chosen.accuracy == max(point.accuracy for point in points if point.passes <= passes)


def test_a_latency_budget_holds_for_95_of_100_images() -> None:
    chosen = choose(sweep_settings(TIMED), latency_s=0.055)
    assert chosen.max_passes == 5
    with pytest.raises(InputError, match=r"no setting reaches 5 ms; the best is 10\.0 ms"):
        choose(sweep_settings(TIMED), latency_s=0.005)


def test_a_latency_budget_takes_measured_latencies() -> None:
    with pytest.raises(InputError, match="these outcomes hold no latencies"):
        choose(sweep_settings(DATA), latency_s=0.1)


@pytest.mark.parametrize("targets", [{}, {"accuracy": 0.5, "passes": 3.0}])
def test_exactly_one_target_is_taken(targets: dict[str, float]) -> None:
    with pytest.raises(InputError, match="takes one target"):
        choose(sweep_settings(DATA), **targets)


@pytest.mark.parametrize("name", SHIPPED.recordings)
def test_a_calibrated_tau_keeps_the_accuracy_of_unseen_images(name: str) -> None:
    """Chosen on the design half; on the run half within a point of static augmentation."""
    data = CalibrationData(SHIPPED[name].confidence, SHIPPED.correct(name))
    parts = halves(SHIPPED.truth)
    tau = tau_that_keeps_accuracy(data.only(parts.design))
    unseen = data.only(parts.run)
    point = evaluate_setting(unseen, 10, tau)
    lost = unseen.correct[:, -1].sum() - round(point.accuracy * len(parts.run))
    assert abs(lost) <= 0.01 * len(parts.run)
    assert point.passes < 10


def test_a_network_that_needs_every_view_keeps_them() -> None:
    confidence = np.full((100, 5), 0.99, np.float32)
    correct = np.zeros((100, 5), bool)
    correct[:, -1] = True
    assert tau_that_keeps_accuracy(CalibrationData(confidence, correct)) == math.inf
