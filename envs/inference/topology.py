"""Topologies: the ConvNet configurations a controller chooses between, and their families."""

from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from tvfs_gym.envs.errors import unknown
from tvfs_gym.envs.inference.labels import Labels, read_labels
from tvfs_gym.envs.tables import FileName, Table, read_toml

ZOO = Path(str(files("tvfs_gym.envs.inference") / "zoo"))
DEFAULT_FAMILY = "recorded"

PerChannel = float | tuple[float, float, float]
"""A number for red, green and blue alike, or one for each."""


class Topology(Table):
    """One ConvNet configuration: a .tflite file with its input size.

    Attributes:
        name: Its name in results, e.g. ``mobilenet_v1_1.0_224``.
        file: Name of the TFLite file.
        sha256: Hash of that file, if it is at hand.
        url: Its publisher's address: of the file itself, or of a .tgz archive that holds it.
        head_url: Address of its last layers, if they are a file of their own, to be joined behind
            those of ``url``.
        origin: How the file was made, if no address has it.
        width: Width multiplier, if the network has one.
        input_px: Height and width of the square RGB input, pixels.
        classes: Length of the output vector.
        label_offset: Output index of class 0 (1 where index 0 is "background").
        pixel_mean: Grey level that the network reads as 0, of all channels or of each.
        pixel_scale: Grey levels per unit of the network's real-valued input, likewise.
        output: Kind of the network's last layer: ``softmax`` or ``logits``.
        top1_published: Published ImageNet top-1 accuracy, percent; None for another network.
        relative_latency: Latency of a pass relative to MobileNetV1 1.0 224's on the same board. In
            a family of small networks it may be relative to the slowest of them, which then
            stands for MobileNetV1 1.0 224; its source says so.
        activity: Switching activity of its passes relative to MobileNetV1 1.0 224's.
        change_share: Time that a change to it from another resident network costs, relative to one
            of its passes; 0 where that was not measured.
        runtimes: TFLite runtimes that the file runs right under; None for any.
        source: Where these numbers were read.
    """

    name: FileName
    file: FileName = Field(pattern=r"\.tflite$")
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    url: str | None = None
    head_url: str | None = None
    origin: str | None = None
    width: float | None = Field(default=None, gt=0)
    input_px: int = Field(gt=0, le=4096)
    classes: int = Field(gt=1, le=100_000)
    label_offset: int = Field(ge=0, le=1)
    pixel_mean: PerChannel
    pixel_scale: PerChannel
    output: Literal["softmax", "logits"] = "softmax"
    top1_published: float | None = Field(default=None, gt=0, le=100)
    relative_latency: float = Field(ge=1e-4, le=1e4)
    activity: float = Field(default=1.0, ge=0.01, le=100)
    change_share: float = Field(default=0.0, ge=0, le=100)
    runtimes: tuple[str, ...] | None = None
    source: str

    @field_validator("pixel_scale")
    @classmethod
    def _scale_positive(cls, scale: PerChannel) -> PerChannel:
        if not np.all(np.asarray(scale) > 0):
            raise ValueError(f"pixel_scale must be positive, not {scale}")
        return scale


class Family(Table):
    """Topologies that may stand in one table, fastest first.

    Attributes:
        name: Its name in results.
        description: One line about it.
        outcomes: The file of recorded outcomes; None if each topology's published top-1 accuracy
            and one pass per frame stand in for them. In a TOML file, this and the next three
            paths are relative to it.
        models: The folder that holds the networks' files; None if they do not ship with it.
        images: The zip archive of labelled test images, with ``images.csv`` in it, if one comes
            along.
        labels: The list of its classes' names, if one comes along.
        topologies: Its members, in ascending order of latency.
        variants: Other files of the same networks, recorded beside them, outside the family.
    """

    name: FileName
    description: str
    outcomes: Path | None = None
    models: Path | None = None
    images: Path | None = None
    labels: Path | None = None
    topologies: tuple[Topology, ...] = Field(min_length=1)
    variants: tuple[Topology, ...] = ()

    @field_validator("topologies")
    @classmethod
    def _fastest_first(cls, topologies: tuple[Topology, ...]) -> tuple[Topology, ...]:
        latencies = [topology.relative_latency for topology in topologies]
        if latencies != sorted(latencies):
            raise ValueError("topologies must stand in ascending order of relative_latency")
        return topologies

    @model_validator(mode="after")
    def _accuracy_known(self) -> "Family":
        unknown_accuracy = [t.name for t in self.topologies if t.top1_published is None]
        if self.outcomes is None and unknown_accuracy:
            raise ValueError(
                f"without outcomes, every topology needs its top1_published; "
                f"{unknown_accuracy[0]} has none"
            )
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its topologies, fastest first."""
        return tuple(topology.name for topology in self.topologies)

    @property
    def class_labels(self) -> Labels:
        """Names of its classes; none if no list of them comes along.

        Raises:
            InputError: The list cannot be read.
        """
        return Labels(()) if self.labels is None else read_labels(self.labels)

    def recordable(self, names: Sequence[str]) -> tuple[Topology, ...]:
        """Its topologies and variants of these names, in the family's order; all if none is named.

        Raises:
            InputError: The family has no such topology.
        """
        every = self.topologies + self.variants
        known = [topology.name for topology in every]
        for name in names:
            if name not in known:
                raise unknown("topology", name, known)
        return tuple(sensor for sensor in every if not names or sensor.name in names)


def family_names() -> tuple[str, ...]:
    """Lists the families that ship with the package."""
    return tuple(
        sorted(f.name.removesuffix(".toml") for f in ZOO.iterdir() if f.name.endswith(".toml"))
    )


@lru_cache
def load_family(family: str) -> Family:
    """Loads a family.

    Args:
        family: A name from `family_names`, or the path of a TOML file.

    Raises:
        InputError: There is no such family, or the file does not describe one.
    """
    if not family.endswith(".toml") and family not in family_names():
        raise unknown("topology family", family, family_names())
    path = Path(family).resolve() if family.endswith(".toml") else ZOO / f"{family}.toml"
    read = read_toml(path, Family)
    named = {key: getattr(read, key) for key in ("outcomes", "models", "images", "labels")}
    located = {key: path.parent / value for key, value in named.items() if value is not None}
    return read.model_copy(update=located)
