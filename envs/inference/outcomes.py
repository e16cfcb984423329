"""Recorded outcomes: what real networks answered, per image and number of views.

Photographs are split into two fixed halves, so that nobody is judged on what they were made from:
accuracy tables, characterisation, calibration and training see the design half, episodes the run
half. `halves` is the rule.
"""

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.arrays import read_arrays, write_arrays
from tvfs_gym.envs.errors import InputError, unknown
from tvfs_gym.envs.inference.topology import Family
from tvfs_gym.envs.tables import Traversable

Value = TypeVar("Value", bound=np.generic)
Part = TypeVar("Part")

MOST_CONFIDENCE = 1.01
"""Confidences may exceed 1 by the rounding of a quantised output."""

HalfName = Literal["design", "run"]


@dataclass(frozen=True)
class Halves(Generic[Part]):
    """Two halves of a family's photographs, or what belongs to each.

    Attributes:
        design: Of design time: accuracy tables, characterisation, calibration, training.
        run: Of run time: episodes, and what knows them in hindsight.
    """

    design: Part
    run: Part

    def named(self, name: HalfName) -> Part:
        """The half of a name.

        Raises:
            InputError: There is no such half.
        """
        if name not in vars(self):
            raise unknown("half of the photographs", name, vars(self))
        part: Part = getattr(self, name)
        return part


def halves(truth: Sequence[int] | NDArray[np.int32]) -> Halves[NDArray[np.intp]]:
    """Splits photographs into halves, class by class.

    Within each class the photographs go, in the recorded order, alternately to the design half and
    the run half. Classes of an odd count, in ascending order, give their extra photograph to the
    two in turn, the design half first. So the halves differ by at most one photograph, in every
    class and in all. A single photograph belongs to both.

    Args:
        truth: Classes of the photographs, in the recorded order.

    Returns:
        Indices of each half's photographs, ascending.
    """
    by_class = np.argsort(np.asarray(truth), kind="stable")  # an odd class ends on the other half
    if len(by_class) < 2:
        return Halves(by_class, by_class)
    return Halves(np.sort(by_class[::2]), np.sort(by_class[1::2]))


@dataclass(frozen=True)
class Recording:
    """Answers of one topology: arrays of shape (images, views), after 1, 2, ... views.

    Attributes:
        confidence: Confidence of the consensus.
        label: Its class, from 0 on without background; -1 for "background".
        in_top5: True if the image's true class is among its five highest.
    """

    confidence: NDArray[np.float32]
    label: NDArray[np.int32]
    in_top5: NDArray[np.bool_]


def passes_spent(confidence: NDArray[np.float32], tau: float) -> NDArray[np.intp]:
    """Passes until the confidence reaches tau, or all of them, shape (images,).

    Args:
        confidence: After 1, 2, ... views of the policy, shape (images, views).
        tau: Confidence threshold.
    """
    confident = confidence.astype(float) >= tau  # as the live rule and the twin compare
    confident[:, -1] = True
    return confident.argmax(axis=1) + 1


def at_stop(values: NDArray[Value], passes: NDArray[np.intp]) -> NDArray[Value]:
    """Selects from values of shape (images, views) those after each image's passes."""
    return values[np.arange(len(passes)), passes - 1]


@dataclass(frozen=True)
class RecordedOutcomes:
    """The recordings of several topologies over the same images.

    Attributes:
        truth: The images' classes, shape (images,).
        recordings: By topology name.
        provenance: The command, runtime, networks' hashes, images and resizer that made them.
    """

    truth: NDArray[np.int32]
    recordings: Mapping[str, Recording]
    provenance: Mapping[str, Any]

    def __getitem__(self, topology: str) -> Recording:
        """The recording of a topology.

        Raises:
            InputError: It was not recorded.
        """
        if topology not in self.recordings:
            raise unknown("recorded topology", topology, self.recordings)
        return self.recordings[topology]

    def correct(self, topology: str) -> NDArray[np.bool_]:
        """Correctness of the consensus, shape (images, views)."""
        return self[topology].label == self.truth[:, np.newaxis]

    def passes(self, topology: str, views: int, tau: float) -> NDArray[np.intp]:
        """Passes that AdapTTA spends on each image, shape (images,).

        Args:
            topology: A recorded topology.
            views: Views of the policy: the most passes.
            tau: Confidence threshold.
        """
        return passes_spent(self[topology].confidence[:, :views], tau)

    def adaptta(self, topology: str, views: int, tau: float) -> tuple[NDArray[np.bool_], float]:
        """Replays AdapTTA over all images.

        Returns:
            Whether each image was answered correctly, and the mean number of passes.
        """
        passes = self.passes(topology, views, tau)
        return at_stop(self.correct(topology), passes), float(passes.mean())

    def save(self, path: Path) -> None:
        """Writes them to one compressed .npz file."""
        arrays: dict[str, Any] = {"truth": self.truth}
        for name, recording in self.recordings.items():
            for field, array in vars(recording).items():
                arrays[f"{name}/{field}"] = array
        arrays["provenance"] = np.array(json.dumps(self.provenance))
        write_arrays(path, arrays)


def load_outcomes(path: Path | Traversable) -> RecordedOutcomes:
    """Reads recorded outcomes.

    Raises:
        InputError: The file is missing or holds no recorded outcomes.
    """
    try:
        data = read_arrays(path, "recorded outcomes")
    except OSError as error:
        raise InputError(f"cannot read recorded outcomes from {path}: {error.strerror}.") from error
    try:
        names = dict.fromkeys(key.rsplit("/", 1)[0] for key in data if "/" in key)
        recordings = {
            name: Recording(
                data[f"{name}/confidence"], data[f"{name}/label"], data[f"{name}/in_top5"]
            )
            for name in names
        }
        for name, recording in recordings.items():
            _check(name, recording, data["truth"])
        provenance = json.loads(str(data["provenance"]))
        if not isinstance(provenance, dict):
            raise ValueError("their provenance is no table")
    except KeyError as error:
        raise InputError(f"{path} holds no recorded outcomes: it lacks {error}.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} holds no recorded outcomes: {error}.") from error
    return RecordedOutcomes(data["truth"], recordings, provenance)


def _check(name: str, recording: Recording, truth: NDArray[Any]) -> None:
    """Refuses what no network can have answered.

    Raises:
        ValueError: Shapes or types do not fit, or a confidence is none.
    """
    kinds = {"confidence": "f", "label": "i", "in_top5": "b"}
    shape = recording.confidence.shape
    if truth.ndim != 1 or truth.dtype.kind != "i" or len(shape) != 2 or not all(shape):
        raise ValueError(f"{name} has confidences of shape {shape} for images of {truth.shape}")
    for field, kind in kinds.items():
        array: NDArray[Any] = getattr(recording, field)
        if array.dtype.kind != kind or array.shape != (len(truth), shape[1]):
            raise ValueError(f"{name}/{field} is {array.dtype} of shape {array.shape}")
    confidence = recording.confidence
    if not ((confidence >= 0) & (confidence <= MOST_CONFIDENCE)).all():  # nor may they be NaN
        raise ValueError(f"{name} has confidences outside 0..1")


@dataclass(frozen=True)
class OutcomeTable:
    """The outcomes of a family, as the twin replays them.

    Attributes:
        confidence: Confidence of the consensus, shape (topologies, images, views).
        correct: 1 where the consensus is right, same shape.
    """

    confidence: NDArray[np.float32]
    correct: NDArray[np.uint8]

    @property
    def views(self) -> int:
        """Views recorded per image: the most passes a frame can get."""
        return self.confidence.shape[2]

    @property
    def most_accurate(self) -> int:
        """Index of the topology that answers most images right in a single pass."""
        return int(self.correct[:, :, 0].mean(axis=1).argmax())

    def only(self, images: NDArray[np.intp]) -> "OutcomeTable":
        """Selects a part of the images."""
        return OutcomeTable(self.confidence[:, images], self.correct[:, images])

    def accuracy(self, topology: int, max_passes: int, tau: float) -> float:
        """Share of the images that AdapTTA answers right with at most so many passes.

        Args:
            topology: Index in the family.
            max_passes: At least 1.
            tau: Confidence threshold.
        """
        passes = passes_spent(self.confidence[topology, :, :max_passes], tau)
        return float(at_stop(self.correct[topology], passes).mean())


PUBLISHED_IMAGES = 2000
"""Images that stand for a published top-1 accuracy: printed to 0.1 %, it holds in both halves."""


@lru_cache
def outcome_tables(family: Family) -> Halves[OutcomeTable]:
    """The outcomes of a family, of either half of its photographs.

    Where it has but one photograph, both halves are that one, and a warning says so.

    Raises:
        InputError: Its file of recorded outcomes cannot be read, or lacks one of its topologies.
    """
    if family.outcomes is None:
        table, truth = _published(family), np.zeros(PUBLISHED_IMAGES, np.int32)
    else:
        table, truth = _recorded(family, load_outcomes(family.outcomes))
    if len(truth) < 2:
        warnings.warn(
            f"the family {family.name} has a single photograph, which design time and run time "
            "share: record more for an accuracy on photographs that no controller has seen.",
            stacklevel=2,
        )
    parts = halves(truth)
    return Halves(table.only(parts.design), table.only(parts.run))


def _recorded(family: Family, outcomes: RecordedOutcomes) -> tuple[OutcomeTable, NDArray[np.int32]]:
    confidence = np.stack([outcomes[name].confidence for name in family.names])
    correct = np.stack([outcomes.correct(name) for name in family.names])
    return OutcomeTable(confidence, correct.astype(np.uint8)), outcomes.truth


def _published(family: Family) -> OutcomeTable:
    """One pass per image; the images are ranked by difficulty, alike for all topologies.

    They stand in that order and count as one class, so the halves take every other rank.

    The published tables give no confidence; the accuracy itself stands for it.
    """
    accuracy = np.array([topology.top1_published for topology in family.topologies], float) / 100
    rank = np.arange(PUBLISHED_IMAGES)
    correct = rank < np.round(accuracy * PUBLISHED_IMAGES)[:, np.newaxis]
    confidence = np.broadcast_to(accuracy[:, np.newaxis, np.newaxis], (*correct.shape, 1))
    return OutcomeTable(confidence.astype(np.float32), correct[..., np.newaxis].astype(np.uint8))
