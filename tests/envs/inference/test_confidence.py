"""Confidence estimators."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.confidence import estimator_named

SCORES = arrays(np.float32, 6, elements=st.floats(0.0078125, 1, width=32))
NAMES = ("max", "margin", "entropy", "temperature:1", "temperature:0.5", "temperature:2")


@pytest.mark.parametrize(
    ("name", "confidence"),
    [
        ("max", 0.5),
        ("margin", 0.25),
        ("entropy", 1 - (0.5 * np.log(2) + 0.5 * np.log(4)) / np.log(4)),
        ("temperature:1", 0.5),
        ("temperature:0.5", 0.25 / (0.25 + 2 * 0.0625)),
    ],
)
def test_known_values(name: str, confidence: float) -> None:
    scores = np.array([0.25, 0.5, 0.25, 0.0], np.float32)
    assert estimator_named(name)(scores) == pytest.approx(confidence)


@pytest.mark.parametrize("name", NAMES)
def test_certain_and_undecided(name: str) -> None:
    certain, undecided = np.array([0, 1, 0, 0.0]), np.full(4, 0.25)
    assert estimator_named(name)(certain) == pytest.approx(1)
    assert estimator_named(name)(undecided) <= 0.25 + 1e-6


@given(SCORES)
def test_confidence_lies_within_0_and_1(scores: np.ndarray) -> None:
    for name in NAMES:
        assert -1e-6 <= estimator_named(name)(scores) <= 1 + 1e-6


@given(SCORES, st.floats(0.2, 3), st.floats(1.01, 2))
def test_a_higher_temperature_never_raises_the_confidence(
    scores: np.ndarray, temperature: float, factor: float
) -> None:
    cool, warm = (estimator_named(f"temperature:{t}") for t in (temperature, temperature * factor))
    assert warm(scores) <= cool(scores) + 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_many_frames_at_once_are_the_frames_one_by_one(name: str) -> None:
    scores = np.random.default_rng(0).dirichlet(np.full(1001, 0.1), 20).astype(np.float32)
    together = estimator_named(name)(scores)
    assert together.tolist() == [estimator_named(name)(one).tolist() for one in scores]


@pytest.mark.parametrize(
    "name", ["temperature:0", "temperature:-1", "temperature:warm", "temperature"]
)
def test_an_impossible_temperature_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="a temperature is a positive number"):
        estimator_named(name)


def test_an_unknown_estimator_names_the_nearest() -> None:
    with pytest.raises(
        InputError, match=r"unknown confidence estimator 'entrpy': did you mean ent"
    ):
        estimator_named("entrpy")
