"""Networks in NumPy: gradients against differences, and batches against single rows."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tvfs_gym.agents.network import Activation, Adam, Network


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_gradients_are_those_of_the_loss(activation: Activation) -> None:
    rng = np.random.default_rng(3)
    network = Network.drawn((5, 7, 6, 4), rng)
    # In double precision, so that differences are exact enough.
    weights: Any = [one.astype(np.float64) for one in network.weights]
    biases: Any = [rng.normal(size=one.shape) for one in network.biases]
    network.weights, network.biases = weights, biases
    network.activation = activation
    inputs = rng.normal(size=(8, 5)).astype(np.float32)
    wanted: Any = rng.normal(size=(8, 4))

    def loss() -> float:
        return float(((network.layers(inputs)[-1] - wanted) ** 2).sum() / 2)

    layers = network.layers(inputs)
    for parameter, gradient in zip(
        network.parameters, network.gradients(layers, layers[-1] - wanted), strict=True
    ):
        place = tuple(rng.integers(size) for size in parameter.shape)
        kept, step = parameter[place], 1e-6
        losses = []
        for parameter[place] in (kept - step, kept + step):
            losses.append(loss())
        parameter[place] = kept
        assert gradient[place] == pytest.approx((losses[1] - losses[0]) / (2 * step), rel=1e-4)


def test_adam_s_first_step_is_the_learning_rate_down_the_gradient() -> None:
    parameter = np.zeros(3, np.float32)
    Adam([parameter]).step([np.array([5.0, -0.1, 0.0], np.float32)], 0.05)
    assert parameter == pytest.approx([-0.05, 0.05, 0.0], rel=1e-4)


@given(count=st.integers(1, 40), seed=st.integers(0, 1000))
def test_a_row_gets_the_same_bits_in_any_batch(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = Network.drawn((13, 64, 128, 133), rng)
    inputs = rng.random((count, 13)).astype(np.float32)
    together = network(inputs)
    alone = np.concatenate([network(row[np.newaxis]) for row in inputs])
    assert np.array_equal(together, alone)
