"""AdapTTA: test-time augmentation that stops once the consensus is confident enough."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path
from time import perf_counter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tvfs_gym.envs.errors import InputError, unknown
from tvfs_gym.envs.inference.aggregation import Probabilities, aggregation_named
from tvfs_gym.envs.inference.augmentation import (
    DEFAULT_GEOMETRY,
    Codes,
    Geometry,
    Policy,
    policy_views,
    views,
)
from tvfs_gym.envs.inference.confidence import estimator_named
from tvfs_gym.envs.inference.images import open_image, to_rgb
from tvfs_gym.envs.inference.stopping import wants_another_pass
from tvfs_gym.envs.inference.topology import Topology
from tvfs_gym.envs.inference.transforms import Pixels

TAU = 0.8
"""The published confidence threshold (R. G. Rizzo, IWES 2021)."""

STOP_ON = ("consensus", "last")


def checked_tau(tau: float) -> float:
    """A confidence threshold that can be meant: up to 1, or infinity, which never stops early.

    Raises:
        InputError: It is another.
    """
    if not tau > 0:
        raise InputError(f"tau must be positive, not {tau}.")
    if 1.0 < tau < inf:
        raise InputError(
            f"tau is a confidence, at most 1, and not {tau:g}: 80 % are 0.8; inf never stops early."
        )
    return tau


Frame = Image.Image | NDArray[np.uint8] | Path | str
"""An image of any mode, RGB pixels of shape (height, width, 3), or the path of an image file."""


class Classifier(Protocol):
    """The part of a network that AdapTTA needs, e.g. a `TfliteClassifier`."""

    @property
    def topology(self) -> Topology:
        """The network's input size and label offset."""

    def encode(self, pixels: Pixels) -> Codes:
        """Turns pixels into what the input tensor holds, element by element."""

    def run(self, codes: Codes) -> Probabilities:
        """Runs one pass over a view, shape (input_px, input_px, 3)."""


@dataclass(frozen=True)
class Prediction:
    """The answer to one frame.

    Attributes:
        label: Class from 0 on, without background; -1 if the network said "background".
        confidence: Confidence that was compared with tau after the last pass, 0..1.
        passes: Forward passes spent.
        latency_s: Seconds from the decoded image to the answer.
    """

    label: int
    confidence: float
    passes: int
    latency_s: float


class AdapTTA:
    """Adaptive test-time augmentation (Mocerino et al., VLSI-SoC 2021, arXiv:2105.06183).

    Published are the 5C and 10C policies, the consensus of the aggregated predictions, tau = 0.8
    and the resulting mean numbers of passes; that policy, aggregation and confidence estimator are
    its three parts, with alternatives; and the kinds of transform. Reconstructed are the defaults:
    centre crop first, aggregation by the mean of the softmax vectors, confidence as the highest
    value of the running mean, ``>=``. ``docs/adaptta_readings.md`` has every other reading that
    the options here allow beside the published numbers, and why the defaults are these.

    Each view is made and run only when the previous ones did not suffice. None is prepared in a
    thread during a pass: once the frame is resized, all that this could hide is the copy of a
    slice. ``tvfs-gym dev perf inference`` measures both ways.

    Args:
        classifier: The network.
        policy: ``1C``, ``5C``, ``10C``, or views as `policy_views` takes them.
        aggregation: ``mean``, ``geometric``, ``vote`` or ``max``.
        confidence: ``max``, ``margin``, ``entropy`` or ``temperature:T``.
        tau: Stop when the confidence reaches it; ``math.inf`` gives static augmentation.
        max_passes: Most passes per frame; None for all views of the policy.
        order: Order of a named policy's views: ``centre_first``, ``interleaved`` or
            ``torchvision``.
        geometry: How the crops are cut.
        stop_on: ``consensus`` or ``last``: whether the confidence is that of the running
            consensus or of the newest view alone.
        exit_when_settled: Stop as well when no outputs of the remaining views could change the
            answer; see `Aggregation.settled`. The answer is that of the run without it.
        deadline_s: Latency constraint; a pass that would end after it is never started. None
            for no constraint.

    Raises:
        InputError: A name is unknown; tau or the deadline is not positive; or max_passes is not
            within the policy.
    """

    def __init__(
        self,
        classifier: Classifier,
        policy: Policy = "10C",
        aggregation: str = "mean",
        confidence: str = "max",
        tau: float = TAU,
        max_passes: int | None = None,
        *,
        order: str = "centre_first",
        geometry: Geometry = DEFAULT_GEOMETRY,
        stop_on: str = "consensus",
        exit_when_settled: bool = False,
        deadline_s: float | None = None,
    ) -> None:
        checked_tau(tau)
        if deadline_s is not None and not deadline_s > 0:
            raise InputError(f"the deadline must be positive, not {deadline_s} s.")
        if stop_on not in STOP_ON:
            raise unknown("stopping criterion", stop_on, STOP_ON)
        every = policy_views(policy, order)
        if max_passes is not None and not 1 <= max_passes <= len(every):
            raise InputError(
                f"max_passes lies within 1 and the policy's {len(every)} views, not {max_passes}."
            )
        self.classifier = classifier
        self.views = every[:max_passes]
        self.tau = tau
        self._geometry = geometry
        self._aggregation = aggregation_named(aggregation)
        self._estimate = estimator_named(confidence)
        self._stop_on_last = stop_on == "last"
        self._exit_when_settled = exit_when_settled
        self._deadline_s = math.inf if deadline_s is None else deadline_s

    def predict(
        self, image: Frame, *, waited_s: float = 0.0, expected_pass_s: float = 0.0
    ) -> Prediction:
        """Classifies one frame.

        Args:
            image: The frame.
            waited_s: How much of its deadline had passed before.
            expected_pass_s: Known upper end of a pass; this frame's own passes count as
                well.

        Raises:
            InputError: The file cannot be read, or the image cannot be cut into views.
        """
        frame = _decoded(image)
        consensus = self._aggregation(len(self.views))
        slowest_pass_s = expected_pass_s
        elapsed_s = 0.0
        confidence = 0.0
        start_s = perf_counter()
        for probabilities in self._outputs(frame):
            consensus.add(probabilities)
            confidence = float(
                self._estimate(probabilities if self._stop_on_last else consensus.scores)
            )
            before_s, elapsed_s = elapsed_s, perf_counter() - start_s
            slowest_pass_s = max(slowest_pass_s, elapsed_s - before_s)
            if not wants_another_pass(
                confidence,
                consensus.passes,
                len(self.views),
                self.tau,
                waited_s + elapsed_s,
                slowest_pass_s,
                self._deadline_s,
            ) or (self._exit_when_settled and consensus.settled):
                break
        label = int(consensus.answer) - self.classifier.topology.label_offset
        return Prediction(label, confidence, consensus.passes, elapsed_s)

    def predict_many(self, images: Iterable[Frame]) -> list[Prediction | InputError]:
        """Classifies frames one after the other.

        Returns:
            A prediction per frame; for one that cannot be read or cut, the error that says so
            stands in its place.
        """
        answers: list[Prediction | InputError] = []
        for image in images:
            try:
                answers.append(self.predict(image))
            except InputError as error:
                answers.append(error)
        return answers

    def outputs(self, image: Frame) -> Iterator[tuple[Probabilities, float]]:
        """Runs every view of a frame, confident or not, as for a recording.

        Yields:
            The output of each pass, shape (classes,), and the seconds it took, the view's
            preparation included.

        Raises:
            InputError: As for `predict`.
        """
        frame = _decoded(image)
        before_s = perf_counter()
        for probabilities in self._outputs(frame):
            now_s = perf_counter()
            yield probabilities, now_s - before_s
            before_s = perf_counter()

    def _outputs(self, frame: Image.Image) -> Iterator[Probabilities]:
        network = self.classifier
        px = network.topology.input_px
        for codes in views(frame, px, self.views, self._geometry, network.encode):
            yield network.run(codes)


def _decoded(image: Frame) -> Image.Image:
    if isinstance(image, str | Path):
        return open_image(Path(image))
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise InputError(
                f"pixels are uint8 of shape (height, width, 3), not {image.dtype} of shape "
                f"{image.shape}."
            )
        return Image.fromarray(image)
    try:
        return to_rgb(image)
    except Exception as error:  # an image opened but not decoded yet may turn out corrupt
        raise InputError(f"cannot use the image: {error}.") from error
