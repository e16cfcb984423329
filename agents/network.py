"""Small fully connected networks in NumPy: what runs on a board, and learns without PyTorch."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Activation = Literal["relu", "tanh"]


class Network:
    """Layers of weights and biases with an activation between them; the last one is linear.

    Args:
        weights: Weights of each layer, shape (inputs, outputs).
        biases: Biases of each layer, shape (outputs,).
        activation: Between the layers.
    """

    def __init__(
        self, weights: Sequence[Array], biases: Sequence[Array], activation: Activation = "relu"
    ) -> None:
        self.weights, self.biases = list(weights), list(biases)
        self.activation = activation

    @classmethod
    def drawn(cls, sizes: Sequence[int], rng: np.random.Generator) -> "Network":
        """A new network for ReLU, with the uniform weights of He et al. (2015) and zero biases."""
        shapes = list(pairwise(sizes))
        weights = [rng.uniform(-1, 1, shape) * np.sqrt(6.0 / shape[0]) for shape in shapes]
        return cls(
            [weight.astype(np.float32) for weight in weights],
            [np.zeros(outputs, np.float32) for _, outputs in shapes],
        )

    @property
    def parameters(self) -> list[Array]:
        """All weights, then all biases: the arrays themselves."""
        return [*self.weights, *self.biases]

    @property
    def inputs(self) -> int:
        """How many inputs it has."""
        return len(self.weights[0])

    def arrays(self) -> dict[str, Array]:
        """Weights and biases of the layers by name, to save."""
        weights = {f"w_{n}": weight for n, weight in enumerate(self.weights)}
        return weights | {f"b_{n}": bias for n, bias in enumerate(self.biases)}

    def copy(self) -> "Network":
        """Another network with the same numbers."""
        copies = [parameter.copy() for parameter in self.parameters]
        layers = len(self.weights)
        return Network(copies[:layers], copies[layers:], self.activation)

    def __call__(self, inputs: NDArray[np.floating]) -> Array:
        """Outputs of a batch, shape (batch, outputs), each row as it would be alone, bit for bit.

        A matrix product may add up in another order when the batch is larger, so here every row is
        a product of its own.
        """
        x = inputs.astype(np.float32)[:, np.newaxis]
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = x @ weight + bias
            if layer < len(self.weights) - 1:
                x = self._activated(x)
        return x[:, 0]

    def layers(self, inputs: NDArray[np.floating]) -> list[Array]:
        """Inputs of every layer, and the outputs, of a batch to learn from."""
        outputs = [inputs.astype(np.float32)]
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = outputs[-1] @ weight + bias
            outputs.append(self._activated(x) if layer < len(self.weights) - 1 else x)
        return outputs

    def gradients(self, layers: Sequence[Array], output_gradient: Array) -> list[Array]:
        """Gradients of a loss, in the order of `parameters`, by back-propagation.

        Args:
            layers: As from `layers`.
            output_gradient: Gradient of the loss by the outputs, shape (batch, outputs).
        """
        weights: list[Array] = []
        biases: list[Array] = []
        gradient = output_gradient
        for layer in reversed(range(len(self.weights))):
            weights.insert(0, layers[layer].T @ gradient)
            biases.insert(0, gradient.sum(axis=0))
            if layer > 0:
                gradient = (gradient @ self.weights[layer].T) * self._slope(layers[layer])
        return [*weights, *biases]

    def _activated(self, x: Array) -> Array:
        return np.maximum(x, 0.0) if self.activation == "relu" else np.tanh(x)

    def _slope(self, activated: Array) -> Array:
        """Derivative of the activation, from its value."""
        if self.activation == "relu":
            return (activated > 0.0).astype(np.float32)
        return 1.0 - activated**2


class Adam:
    """Adam (Kingma and Ba, 2015) with its usual decay rates.

    Args:
        parameters: Changed in place.
    """

    BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7

    def __init__(self, parameters: Sequence[Array]) -> None:
        self._parameters = parameters
        self._means = [np.zeros_like(parameter) for parameter in parameters]
        self._squares = [np.zeros_like(parameter) for parameter in parameters]
        self._steps = np.zeros((), np.int64)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that it remembers, the arrays themselves, by name."""
        means = {f"mean_{n}": mean for n, mean in enumerate(self._means)}
        squares = {f"square_{n}": square for n, square in enumerate(self._squares)}
        return {**means, **squares, "adam_steps": self._steps}

    def step(self, gradients: Sequence[Array], learning_rate: float) -> None:
        """Takes one step down the gradients."""
        self._steps += 1
        steps = int(self._steps)
        unbiased = np.sqrt(1.0 - self.BETA_2**steps) / (1.0 - self.BETA_1**steps)
        rows = zip(self._parameters, gradients, self._means, self._squares, strict=True)
        for parameter, gradient, mean, square in rows:
            mean += (1.0 - self.BETA_1) * (gradient - mean)
            square += (1.0 - self.BETA_2) * (gradient**2 - square)
            parameter -= learning_rate * unbiased * mean / (np.sqrt(square) + self.EPSILON)
