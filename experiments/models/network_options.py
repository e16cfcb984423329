"""Options of ``tvfs-gym models add`` that hold for all of its networks, or for one of them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tvfs_gym.envs.errors import InputError, unknown
from tvfs_gym.envs.inference.topology import PerChannel

LAST_LAYERS = ("softmax", "logits")

Value = TypeVar("Value")


@dataclass(frozen=True)
class NetworkOptions:
    """What the user says of a network; None for what is to be found out.

    Attributes:
        pixel_mean: Grey level that is read as 0.
        pixel_scale: Grey levels per unit of the real-valued input.
        input_px: Height and width of the pictures, of a network that takes any size.
        last_layer: Kind of its last layer: ``softmax`` or ``logits``.
        label_offset: Output index of class 0.
    """

    pixel_mean: PerChannel | None = None
    pixel_scale: PerChannel | None = None
    input_px: int | None = None
    last_layer: str | None = None
    label_offset: int | None = None


@dataclass(frozen=True)
class OptionTexts:
    """Options as they stand in a command: VALUE for all networks, or NETWORK=VALUE for one."""

    pixel_mean: Sequence[str] = ()
    pixel_scale: Sequence[str] = ()
    input_px: Sequence[str] = ()
    last_layer: Sequence[str] = ()
    label_offset: Sequence[str] = ()

    def by_network(self, networks: Sequence[Path]) -> dict[Path, NetworkOptions]:
        """Options of every network.

        Raises:
            InputError: A value is none, or stands for no network.
        """
        names = [network.stem for network in networks]
        means = _values("--pixel-mean", self.pixel_mean, names, _per_channel)
        scales = _values("--pixel-scale", self.pixel_scale, names, _per_channel)
        sizes = _values("--input-px", self.input_px, names, _whole)
        layers = _values("--last-layer", self.last_layer, names, _last_layer)
        offsets = _values("--label-offset", self.label_offset, names, _whole)
        found = {}
        for network, name in zip(networks, names, strict=True):
            if (means.get(name) is None) != (scales.get(name) is None):
                raise InputError(f"give {name} both --pixel-mean and --pixel-scale, or neither.")
            found[network] = NetworkOptions(
                means.get(name), scales.get(name), sizes.get(name), layers.get(name),
                offsets.get(name),
            )  # fmt: skip
        return found


def _values(
    option: str, texts: Sequence[str], names: Sequence[str], read: Callable[[str, str], Value]
) -> dict[str, Value]:
    """Values by network; one that names it goes before one for all."""
    for_all: dict[str, Value] = {}
    for_one: dict[str, Value] = {}
    for text in texts:
        name, equals, value = text.rpartition("=")
        name = name.removesuffix(".tflite")
        if not equals:
            for_all = dict.fromkeys(names, read(option, value))
        elif name in names:
            for_one[name] = read(option, value)
        else:
            raise unknown(f"network of {option}", name, names)
    return for_all | for_one


def _per_channel(option: str, text: str) -> PerChannel:
    try:
        numbers = [float(number) for number in text.split(",")]
    except ValueError:
        numbers = []
    positive = option != "--pixel-scale" or all(number > 0 for number in numbers)
    if len(numbers) not in (1, 3) or not positive or not all(map(math.isfinite, numbers)):
        raise InputError(
            f"{option} takes a number, or R,G,B such as 123.7,116.3,103.5; not {text}."
        )
    return (numbers[0], numbers[1], numbers[2]) if len(numbers) == 3 else numbers[0]


def _whole(option: str, text: str) -> int:
    lowest, highest = (1, 4096) if option == "--input-px" else (0, 1)
    if not text.isdecimal() or not lowest <= int(text) <= highest:
        raise InputError(f"{option} takes a whole number from {lowest} to {highest}, not {text}.")
    return int(text)


def _last_layer(option: str, text: str) -> str:
    if text not in LAST_LAYERS:
        raise unknown("last layer", text, LAST_LAYERS)
    return text
