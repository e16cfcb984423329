"""Trained policies as files: NumPy arrays and a card, run without what trained them."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Literal

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from pydantic import Field

from tvfs_gym.agents.interface.interface import Knowledge
from tvfs_gym.agents.network import Activation, Network
from tvfs_gym.baselines.controller import Choice, State
from tvfs_gym.envs.actions import action_masks
from tvfs_gym.envs.arrays import write_arrays
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.files import write_whole
from tvfs_gym.envs.limits import GUARD_C
from tvfs_gym.envs.observation import FEATURES, Reading, read
from tvfs_gym.envs.tables import Table

ARRAYS, CARD = "policy.npz", "policy.json"
"""The two files of a policy, in its folder."""

NAMES = tuple(feature[0] for feature in FEATURES)

Choices = NDArray[np.int64]
"""Choices of a policy: rows of topology and VF level."""


class Card(Table):
    """A policy's description: origin, inputs, board.

    Attributes:
        kind: ``network`` (the highest output is chosen), ``table`` (a choice per bucket), ``rungs``
            (the highest score is chosen, see `tvfs_gym.agents.rungs`) or ``exported`` (see
            `tvfs_gym.agents.exported`).
        algorithm: Algorithm that trained it.
        board: Profile that it was trained on.
        family: Topology family.
        topologies: How many the family has.
        vf_levels: How many the board has.
        scales: The board's, see `tvfs_gym.envs.observation`.
        inputs: Entries of the observation that it sees.
        activation: Activation of a network.
        cools_down: Whether, near T_max, it may only choose VF levels up to the present one.
        masked: True if it may only choose what `tvfs_gym.envs.actions.action_masks` marks.
        margin_c: Of a rung policy, by how much it takes T_max for lower than it is, K.
        knowledge: What a policy knows of the board that acts and sees by
            `tvfs_gym.agents.interface`; None for the others.
        outputs: ``discrete`` (the highest output is chosen), or what outputs mean in a ``box``: the
            nearest choice to each, or, ``squashed``, to its hyperbolic tangent.
        training: How it was trained.
    """

    kind: Literal["network", "table", "rungs", "exported"]
    algorithm: str
    board: str
    family: str
    topologies: int
    vf_levels: int
    scales: tuple[float, float, float, float]
    inputs: tuple[str, ...] = Field(min_length=1)
    activation: Activation = "relu"
    cools_down: bool = False
    masked: bool = False
    margin_c: float = Field(default=0.0, ge=0, le=50)
    knowledge: Knowledge | None = None
    outputs: Literal["discrete", "box", "squashed"] = "discrete"
    training: dict[str, Any] = Field(default={})


def hot(reading: Reading) -> NDArray[np.bool_]:
    """Tells whether a board is within `GUARD_C` of T_max, as the baselines have it; shape (batch,).

    This is the temperature limit of the published methods: it lies below the kernel's trip.
    """
    return reading.temperature_c >= reading.t_max_c - GUARD_C


def cooling(choices: Choices, level: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The choices that do not raise the clock, shape (batch, choices).

    Any topology counts: a smaller one does not cool a chip that runs back to back (Peluso et al.,
    JLPEA 2020). Below the lowest level among the choices, those of the lowest one remain.

    Args:
        choices: Rows of topology and VF level.
        level: VF levels that the clocks run at, shape (batch,).
    """
    lowest = choices[:, 1].min()
    return choices[:, 1] <= np.maximum(level, lowest)[:, np.newaxis]


class GreedyPolicy(ABC):
    """A learnt policy, without exploration; it has the two methods that every controller has.

    Args:
        card: Its card.
        choices: Choices to select from.
    """

    def __init__(self, card: Card, choices: Choices) -> None:
        self.card = card
        self.choices = choices
        self._scales = np.array(card.scales)
        self.action_space = spaces.Discrete(card.topologies * card.vf_levels)
        self._actions = choices[:, 0] * card.vf_levels + choices[:, 1]
        self.columns = columns(card.inputs)

    def predict(
        self,
        observation: NDArray[np.float32],
        state: State | None = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[Any, State | None]:
        """Chooses actions; see `tvfs_gym.baselines.controller.Controller.predict`."""
        batch = np.atleast_2d(observation)
        actions = self._actions[self.rows(batch)]
        return (actions if np.ndim(observation) > 1 else actions[0]), state

    def choose(
        self,
        observations: NDArray[np.float32],
        state: State | None = None,
        episode_start: NDArray[np.bool_] | None = None,
    ) -> tuple[Choice, State | None]:
        """Chooses configurations; see `tvfs_gym.baselines.controller.Controller.choose`."""
        topology, level = self.choices[self.rows(observations)].T
        return Choice(topology, level), state

    @abstractmethod
    def rows(self, observations: NDArray[np.float32]) -> NDArray[np.int64]:
        """Which of the choices it makes, shape (batch,)."""

    @abstractmethod
    def arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays to save, by name."""

    def save(self, folder: Path) -> None:
        """Writes the arrays and the card."""
        arrays: dict[str, Any] = {"choices": self.choices, **self.arrays()}
        write_policy(folder, arrays, self.card)


def write_policy(folder: Path, arrays: dict[str, Any], card: Card) -> None:
    """Writes a policy's files, each all or nothing, the card last."""
    write_arrays(folder / ARRAYS, arrays)
    write_whole(folder / CARD, f"{card.model_dump_json(indent=2)}\n".encode())


class NetworkPolicy(GreedyPolicy):
    """Chooses what its network values highest.

    Args:
        card: Its card.
        choices: One per output of the network.
        network: Values the choices.
        pass_latency_s: Of the board that it was trained on, by topology and level, if it is masked.
    """

    def __init__(
        self,
        card: Card,
        choices: Choices,
        network: Network,
        pass_latency_s: NDArray[np.float64] | None = None,
    ) -> None:
        super().__init__(card, choices)
        self.network = network
        self.pass_latency_s = pass_latency_s

    def hidden(self, count: int) -> State:
        """Memory of the network where episodes begin: none."""
        return ()

    def decide(self, inputs: NDArray[np.float32], hidden: State) -> tuple[NDArray[np.int64], State]:
        """Decides as `tvfs_gym.agents.exported.Exported.decide`: numbers of discrete actions."""
        topology, level = self.choices[self.rows(inputs)].T
        return topology * self.card.vf_levels + level, hidden

    def rows(self, observations: NDArray[np.float32]) -> NDArray[np.int64]:
        """The best choice, or the best of those that its card lets it choose."""
        values = self.network(observations[:, self.columns])
        reading = read(observations, self._scales)
        if self.card.cools_down:
            barred = hot(reading)[:, np.newaxis] & ~cooling(self.choices, reading.vf_level)
            values = np.where(barred, -np.inf, values)
        if self.pass_latency_s is not None:
            allowed = action_masks(
                self.choices, self.pass_latency_s, reading.cap_level, reading.latency_constraint_s
            )
            values = np.where(allowed, values, -np.inf)
        return np.asarray(values.argmax(axis=1), np.int64)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Weights and biases of the layers, and the latencies behind the masks."""
        arrays: dict[str, NDArray[Any]] = {**self.network.arrays()}
        if self.pass_latency_s is not None:
            arrays["pass_latency_s"] = self.pass_latency_s
        return arrays


class TablePolicy(GreedyPolicy):
    """Chooses by the bucket in which every entry of the observation lies.

    Args:
        card: Its card.
        choices: Choices that the table's entries number.
        edges: Between the buckets of each input.
        table: Row of the choices, one axis per input.
    """

    def __init__(
        self,
        card: Card,
        choices: Choices,
        edges: tuple[NDArray[np.float64], ...],
        table: NDArray[np.uint16],
    ) -> None:
        super().__init__(card, choices)
        self.edges = edges
        self.table = table

    def rows(self, observations: NDArray[np.float32]) -> NDArray[np.int64]:
        """The bucket's choice."""
        return self.table[buckets(observations[:, self.columns], self.edges)].astype(np.int64)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The table and its edges."""
        edges = {f"edges_{n}": edges for n, edges in enumerate(self.edges)}
        return {"table": self.table, **edges}


def columns(inputs: tuple[str, ...]) -> list[int]:
    """Where in the observation the inputs stand.

    Raises:
        InputError: The observation has no such entry.
    """
    for name in inputs:
        if name not in NAMES:
            raise InputError(f"the policy sees '{name}', which the observation does not hold.")
    return [NAMES.index(name) for name in inputs]


def buckets(
    inputs: NDArray[np.float32], edges: tuple[NDArray[np.float64], ...]
) -> tuple[NDArray[np.int64], ...]:
    """The bucket of every input, an array over the batch for each."""
    return tuple(
        np.searchsorted(borders, column, side="right").astype(np.int64)
        for borders, column in zip(edges, inputs.T, strict=True)
    )
