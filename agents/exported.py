"""What an algorithm of stable-baselines3 or sb3-contrib has learnt, run without PyTorch.

A network, recurrent or not, sees the observation and chooses topology and VF level; or it sees the
features of the learning interface, and chooses a rung.
"""

from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from tvfs_gym.agents.interface.interface import Interface
from tvfs_gym.agents.interface.interface import State as Memory
from tvfs_gym.agents.interface.rungs import nearest_choice
from tvfs_gym.agents.interface.tracker import rung_masks
from tvfs_gym.agents.network import Array, Network
from tvfs_gym.agents.policy import Card, write_policy
from tvfs_gym.agents.recurrent import RecurrentNetwork
from tvfs_gym.baselines.controller import Choice, Chooser, Design, State, begun
from tvfs_gym.envs.errors import InputError


class ExportedPolicy:
    """A trained network with its card; `on` makes a controller of a board of it.

    Args:
        card: Its card.
        network: Values the choices, or names them as numbers from -1 to 1.
    """

    def __init__(self, card: Card, network: Network | RecurrentNetwork) -> None:
        self.card = card
        self.network = network

    def on(self, design: Design) -> "ExportedController":
        """Makes it a controller of a board.

        Raises:
            InputError: See `Interface`; or its features are not those of the training.
        """
        return ExportedController(self, design)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays to save, by name."""
        return self.network.arrays()

    def save(self, folder: Path) -> None:
        """Writes the arrays and the card."""
        arrays: dict[str, Any] = self.arrays()
        write_policy(folder, arrays, self.card)

    def hidden(self, count: int) -> State:
        """Memory of the network where episodes begin."""
        return self.network.start(count) if isinstance(self.network, RecurrentNetwork) else ()

    def decide(self, inputs: NDArray[np.float32], hidden: State) -> tuple[NDArray[np.int64], State]:
        """Decides by the network alone.

        Args:
            inputs: Features of the interface, or observations, shape (batch, inputs).
            hidden: Memory of the network.

        Returns:
            Rungs, or numbers of the discrete actions, shape (batch,); and what to remember.
        """
        outputs, hidden = self._outputs(inputs, hidden)
        levels = self.card.vf_levels
        if self.card.outputs == "discrete":
            if self.card.masked:
                outputs = np.where(rung_masks(inputs), outputs, -np.inf)
            return np.asarray(outputs.argmax(axis=1), np.int64), hidden
        if self.card.knowledge is not None:
            return nearest_choice(outputs[:, 0], levels), hidden
        sizes = self.card.topologies, levels
        level, topology = (
            nearest_choice(outputs[:, column], sizes[factor])
            for column, factor in zip((0, 1), (1, 0), strict=True)
        )
        return topology * levels + level, hidden

    def _outputs(self, inputs: NDArray[np.float32], hidden: State) -> tuple[Array, State]:
        if isinstance(self.network, Network):
            outputs = self.network(inputs)
        else:
            outputs, hidden = self.network.step(inputs, (hidden[0], hidden[1]))
        return (np.tanh(outputs) if self.card.outputs == "squashed" else outputs), hidden


class ExportedController(Chooser):
    """An exported policy on a board; it has the two methods that every controller has.

    Args:
        policy: The policy.
        design: What is known of the board.
    """

    def __init__(self, policy: ExportedPolicy, design: Design) -> None:
        self.card = policy.card
        self.action_space: spaces.Space[Any] = design.actions.space
        self._policy = policy
        super().__init__(design.actions)
        self._interface: Interface | None = None
        if self.card.knowledge is not None:
            self._interface = Interface(design, self.card.knowledge)
            found, trained = self._interface.observation_space.shape[0], policy.network.inputs
            if found != trained:
                raise InputError(
                    f"the policy was trained with {trained} features, and there are {found} here: "
                    "name the board of its training, or train it anew with this version."
                )

    def choose(
        self,
        observations: NDArray[np.float32],
        state: State | None = None,
        episode_start: NDArray[np.bool_] | None = None,
    ) -> tuple[Choice, State]:
        """Chooses configurations; see `tvfs_gym.baselines.controller.Controller.choose`."""
        count = len(observations)
        if state is None:
            state = self.start(count)
        elif episode_start is not None and np.any(episode_start):
            state = begun(state, self.start(count), episode_start)
        if self._interface is None:
            numbers, state = self._policy.decide(observations, state)
            topology, level = np.divmod(numbers, self.card.vf_levels)
            return Choice(topology, level), state
        own = len(Memory._fields)
        features, memory = self._interface.observe(observations, Memory(*state[:own]))
        rungs, hidden = self._policy.decide(features, state[own:])
        choice, memory = self._interface.choice(rungs, memory)
        return choice, (*memory, *hidden)

    def start(self, count: int) -> State:
        """Memory of episodes that begin."""
        memory = () if self._interface is None else self._interface.start(count)
        return (*memory, *self._policy.hidden(count))
