"""A policy that scores every rung of a board by one small network, which all rungs share.

So it runs on any board, however many VF levels that has. It sees the board's history and the rung,
as `tvfs_gym.agents.interface` tells them, and takes the rung with the highest score among those
that throttling allows.
"""

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from tvfs_gym.agents.interface.features import G, Q
from tvfs_gym.agents.interface.interface import Interface, Knowledge, State
from tvfs_gym.agents.network import Network
from tvfs_gym.agents.policy import Card
from tvfs_gym.baselines.controller import Choice, Chooser, Design

Features = NDArray[np.float32]

INPUTS = tuple(f"board_{name.lower()}" for name in G._fields) + tuple(
    f"rung_{name.lower()}" for name in Q._fields
)
"""Inputs of the network, in order."""

ANY_BOARD = "any"
"""Board of a policy that runs on every one."""


class RungNetwork:
    """Scores of rungs.

    Its first layer is split: what it makes of the board is computed once for all rungs.

    Args:
        network: Sees the features of a board, then those of a rung; has one output.
    """

    def __init__(self, network: Network) -> None:
        self.network = network

    @classmethod
    def drawn(cls, hidden: tuple[int, ...], rng: np.random.Generator) -> "RungNetwork":
        """A new one."""
        return cls(Network.drawn((len(INPUTS), *hidden, 1), rng))

    def scores(self, features: Features) -> Features:
        """Scores of the rungs of a batch of boards, each as it would be alone, bit for bit.

        Args:
            features: As from `tvfs_gym.agents.interface.interface.Interface.observe`.

        Returns:
            Shape (batch, levels); rungs above the cap have the score -inf.
        """
        first, *later = self.network.weights
        bias, *biases = self.network.biases
        board = features[:, np.newaxis, : len(G)]
        rungs = features[:, len(G) :].reshape(len(features), -1, len(Q))
        x = rungs @ first[len(G) :]
        x += board @ first[: len(G)] + bias
        for weight, bias in zip(later, biases, strict=True):
            np.maximum(x, 0.0, out=x)
            x = x @ weight
            x += bias
        scores = x[..., 0]
        scores[rungs[..., Q.ABOVE_CAP] > 0.0] = -np.inf
        return scores

    def best(self, features: Features) -> NDArray[np.int64]:
        """Rungs with the highest scores, shape (batch,)."""
        return self.scores(features).argmax(axis=1)


def inputs_of(features: Features) -> tuple[Features, NDArray[np.bool_]]:
    """Inputs of the network, a row per rung, and which rungs may be chosen (batch, levels)."""
    rungs = features[:, len(G) :].reshape(len(features), -1, len(Q))
    board = np.broadcast_to(features[:, np.newaxis, : len(G)], (*rungs.shape[:2], len(G)))
    inputs = np.concatenate([board, rungs], axis=2).reshape(-1, len(G) + len(Q))
    return inputs, rungs[..., Q.ABOVE_CAP] == 0.0


class RungPolicy:
    """A trained network with its card; `on` makes a controller of a board of it.

    Args:
        card: Its card.
        network: Scores the rungs.
    """

    def __init__(self, card: Card, network: RungNetwork) -> None:
        self.card = card
        self.network = network

    @property
    def knowledge(self) -> Knowledge:
        """What it knows of a board."""
        assert self.card.knowledge is not None
        return self.card.knowledge

    def on(self, design: Design) -> "RungController":
        """Makes it a controller of a board."""
        return RungController(self, Interface(design, self.knowledge, self.card.margin_c))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays to save, by name."""
        return self.network.network.arrays()


class RungController(Chooser):
    """A rung policy on a board; it has the two methods that every controller has.

    Args:
        policy: The policy.
        interface: The board's.
    """

    def __init__(self, policy: RungPolicy, interface: Interface) -> None:
        self.card, self.network = policy.card, policy.network
        self.interface = interface
        super().__init__(interface.design.actions)

    @property
    def action_space(self) -> spaces.Space[Any]:
        """The board's."""
        return self.actions.space

    def choose(
        self,
        observations: NDArray[np.float32],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
    ) -> tuple[Choice, State]:
        """Chooses configurations; see `tvfs_gym.baselines.controller.Controller.choose`."""
        features, state = self.interface.observe(observations, state, episode_start)
        return self.interface.choice(self.network.best(features), state)
