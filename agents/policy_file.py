"""Trained policies as files: read with every doubt, written if they act as what was trained."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from tvfs_gym.agents.exported import ExportedPolicy
from tvfs_gym.agents.interface.features import G, Q
from tvfs_gym.agents.network import Network
from tvfs_gym.agents.policy import (
    ARRAYS,
    CARD,
    NAMES,
    Card,
    Choices,
    GreedyPolicy,
    NetworkPolicy,
    TablePolicy,
    columns,
    write_policy,
)
from tvfs_gym.agents.recurrent import RecurrentNetwork
from tvfs_gym.agents.rungs import INPUTS, Features, RungNetwork, RungPolicy, inputs_of
from tvfs_gym.envs.arrays import read_arrays
from tvfs_gym.envs.errors import InputError, invalid
from tvfs_gym.envs.files import write_whole

TrainedPolicy = GreedyPolicy | RungPolicy | ExportedPolicy
"""What was trained; the last two are put `on` a board before they act."""

NEAR = 1e-3
"""Scores so near to each other that rounding may decide between them."""


def load(folder: Path) -> TrainedPolicy:
    """Loads a policy, and checks whatever a damaged or foreign file could have wrong.

    Raises:
        InputError: The folder holds none, or its files are damaged or do not fit each other.
    """
    stored = _Stored(folder)
    card = stored.card
    if card.kind in ("rungs", "exported"):
        policy = _rung_policy(stored) if card.kind == "rungs" else _exported_policy(stored)
        stored.check_all_taken()
        return policy
    choices = _choices(stored)
    if card.kind == "table":
        table = _table_policy(stored, choices)
        stored.check_all_taken()
        return table
    columns(card.inputs)
    network = stored.network(len(card.inputs), len(choices))
    pass_latency_s = None
    if card.masked:
        pass_latency_s = stored.take("pass_latency_s", (card.topologies, card.vf_levels))
    stored.check_all_taken()
    return NetworkPolicy(card, choices, network, pass_latency_s)


def write(policy: RungPolicy, folder: Path, features: Features) -> None:
    """Writes a policy, once what was written has been read again and acts as it was trained to.

    Args:
        policy: The policy.
        folder: Made if need be.
        features: Features that it has met, on which both must choose alike.

    Raises:
        InputError: They do not.
    """
    with TemporaryDirectory() as draft:
        content: dict[str, Any] = policy.arrays()
        write_policy(Path(draft), content, policy.card)
        read = load(Path(draft))
        assert isinstance(read, RungPolicy)
        check_alike(policy.network, read.network, features)
        for name in (ARRAYS, CARD):
            write_whole(folder / name, (Path(draft) / name).read_bytes())


def check_alike(trained: RungNetwork, read: RungNetwork, features: Features) -> None:
    """Checks that a network chooses what the trainer's own arithmetic does with another.

    Raises:
        InputError: It does not, and rounding does not explain it.
    """
    inputs, allowed = inputs_of(features)
    scores = trained.network.layers(inputs)[-1].reshape(allowed.shape)
    scores = np.where(allowed, scores, -np.inf)
    chosen = scores[np.arange(len(features)), read.best(features)]
    differing = int((chosen < scores.max(axis=1) - NEAR).sum())
    if differing:
        raise InputError(
            f"the policy would choose otherwise than it was trained to in {differing} of "
            f"{len(features)} cases: it is not written."
        )


class _Stored:
    """Card and arrays of a folder; arrays are taken out one by one.

    Raises:
        InputError: The folder holds no policy, or its files are damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            self.card = Card.model_validate_json((folder / CARD).read_bytes())
            self._arrays = read_arrays(folder / ARRAYS)
        except ValidationError as error:
            raise invalid(str(folder / CARD), error) from error
        except FileNotFoundError as error:
            raise InputError(f"{folder} holds no policy: no {ARRAYS} with {CARD}.") from error
        except NotADirectoryError as error:
            raise InputError(f"expected the folder of a policy, not the file {folder}.") from error
        except (OSError, ValueError) as error:
            raise InputError(f"{folder / ARRAYS} is damaged: {error}.") from error

    def take(self, name: str, shape: tuple[int | None, ...], kinds: str = "f") -> NDArray[Any]:
        """Takes an array out.

        Args:
            name: Name of the array.
            shape: Its shape, None for any length.
            kinds: NumPy's letters of its possible types.

        Raises:
            InputError: It is missing, has another shape or type, or is not finite.
        """
        if name not in self._arrays:
            raise self.wrong(f"the array '{name}' is missing")
        array = self._arrays.pop(name)
        if array.ndim != len(shape) or any(
            wanted not in (None, found) for wanted, found in zip(shape, array.shape, strict=True)
        ):
            expected = tuple("any" if length is None else length for length in shape)
            raise self.wrong(f"the array '{name}' has the shape {array.shape}, not {expected}")
        if array.dtype.kind not in kinds:
            raise self.wrong(f"the array '{name}' is of the type {array.dtype}")
        if not np.isfinite(array).all():
            raise self.wrong(f"the array '{name}' holds NaN or infinity")
        return array

    def has(self, name: str) -> bool:
        """Tells whether there is such an array."""
        return name in self._arrays

    def network(self, inputs: int, outputs: int) -> Network:
        """Takes a network out.

        Raises:
            InputError: A layer is missing, or does not fit its neighbours.
        """
        count = sum(name.startswith("w_") for name in self._arrays)
        if count == 0:
            raise self.wrong("the array 'w_0' is missing")
        weights, biases = [], []
        for layer in range(count):
            width = outputs if layer == count - 1 else None
            weights.append(self.take(f"w_{layer}", (inputs, width)))
            inputs = weights[-1].shape[1]
            biases.append(self.take(f"b_{layer}", (inputs,)))
        return Network(weights, biases, self.card.activation)

    def check_all_taken(self) -> None:
        """Refuses arrays that belong to no such policy.

        Raises:
            InputError: There are some.
        """
        if self._arrays:
            raise self.wrong(f"the array '{min(self._arrays)}' belongs to no such policy")

    def wrong(self, what: str) -> InputError:
        """The error of files that cannot be a policy."""
        return InputError(f"{self._folder} holds no usable policy: {what}; train or copy it anew.")


def _rung_policy(stored: _Stored) -> RungPolicy:
    card = stored.card
    if card.inputs != INPUTS:
        raise stored.wrong("it sees features that this version of tvfs-gym does not tell")
    if card.knowledge is None or card.activation != "relu":
        raise stored.wrong("its card does not tell its knowledge, or a wrong activation")
    return RungPolicy(card, RungNetwork(stored.network(len(INPUTS), 1)))


def _exported_policy(stored: _Stored) -> ExportedPolicy:
    card = stored.card
    if card.inputs != (NAMES if card.knowledge is None else INPUTS):
        raise stored.wrong("it sees features that this version of tvfs-gym does not tell")
    rungs = card.vf_levels if card.outputs == "discrete" else 1
    configurations = card.topologies * card.vf_levels if card.outputs == "discrete" else 2
    outputs = configurations if card.knowledge is None else rungs
    inputs = len(NAMES) if card.knowledge is None else len(G) + card.vf_levels * len(Q)
    if not stored.has("hidden_weights"):
        return ExportedPolicy(card, stored.network(inputs, outputs))
    hidden = stored.take("hidden_weights", (None, None))
    units = len(hidden)
    if hidden.shape[1] != 4 * units:
        raise stored.wrong("the array 'hidden_weights' has not four gates for each unit")
    weights = stored.take("input_weights", (inputs, 4 * units))
    bias = stored.take("bias", (4 * units,))
    head = stored.network(units, outputs)
    return ExportedPolicy(card, RecurrentNetwork(weights, hidden, bias, head))


def _choices(stored: _Stored) -> Choices:
    card = stored.card
    choices = stored.take("choices", (None, 2), "iu")
    highest = card.topologies, card.vf_levels
    if len(choices) == 0 or (choices < 0).any() or (choices >= highest).any():
        raise stored.wrong(
            f"its choices lie outside the {highest[0]} topologies and {highest[1]} VF levels of "
            "its card"
        )
    return choices


def _table_policy(stored: _Stored, choices: Choices) -> TablePolicy:
    card = stored.card
    columns(card.inputs)
    edges = tuple(stored.take(f"edges_{n}", (None,)) for n in range(len(card.inputs)))
    if any((np.diff(each) < 0).any() for each in edges):
        raise stored.wrong("edges of its table do not rise")
    table = stored.take("table", tuple(len(each) + 1 for each in edges), "u")
    if (table >= len(choices)).any():
        raise stored.wrong("its table names choices that it does not have")
    return TablePolicy(card, choices, edges, table)
