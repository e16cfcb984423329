"""A small recurrent network in NumPy: a long short-term memory, and layers on its outputs."""

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.agents.network import Array, Network

Hidden = tuple[Array, Array]
"""Outputs and cells of the memory, each of shape (batch, units)."""

MEMORY = ("input_weights", "hidden_weights", "bias")
"""Arrays of the memory."""


class RecurrentNetwork:
    """A long short-term memory (Hochreiter and Schmidhuber, 1997), with gates as PyTorch has them.

    Args:
        input_weights: Weights of the inputs, shape (inputs, 4 units): input gate, forget gate,
            candidate, output gate.
        hidden_weights: Weights of the outputs of the step before, shape (units, 4 units).
        bias: Shape (4 units,).
        head: Layers on the outputs.
    """

    def __init__(
        self, input_weights: Array, hidden_weights: Array, bias: Array, head: Network
    ) -> None:
        self.input_weights, self.hidden_weights, self.bias = input_weights, hidden_weights, bias
        self.head = head

    @property
    def inputs(self) -> int:
        """How many inputs it has."""
        return len(self.input_weights)

    def arrays(self) -> dict[str, Array]:
        """Weights and biases by name, to save."""
        memory = {name: getattr(self, name) for name in MEMORY}
        return memory | self.head.arrays()

    def start(self, count: int) -> Hidden:
        """Memory of episodes that begin."""
        units = len(self.hidden_weights)
        return np.zeros((count, units), np.float32), np.zeros((count, units), np.float32)

    def step(self, inputs: NDArray[np.floating], hidden: Hidden) -> tuple[Array, Hidden]:
        """Outputs of a batch, shape (batch, outputs), and its memory; each row as if alone.

        Args:
            inputs: Shape (batch, inputs).
            hidden: Memory of the step before.
        """
        output, cell = hidden
        # A product for each row: see `Network.__call__`.
        rows = inputs.astype(np.float32)[:, np.newaxis] @ self.input_weights
        gates = (rows + output[:, np.newaxis] @ self.hidden_weights)[:, 0] + self.bias
        units = len(self.hidden_weights)
        # A sigmoid by the hyperbolic tangent cannot overflow.
        opened = 0.5 * (np.tanh(0.5 * gates) + 1.0)
        enters, stays, leaves = (
            opened[:, :units],
            opened[:, units : 2 * units],
            opened[:, 3 * units :],
        )
        cell = stays * cell + enters * np.tanh(gates[:, 2 * units : 3 * units])
        output = leaves * np.tanh(cell)
        return self.head(output), (output, cell)
