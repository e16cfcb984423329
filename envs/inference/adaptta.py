"""AdapTTA: test-time augmentation that stops once the consensus is confident enough."""

import math
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
from PIL import Image

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.augmentation import views, views_of
from tvfs_gym.envs.inference.classifier import Probabilities, TfliteClassifier
from tvfs_gym.envs.inference.images import open_image
from tvfs_gym.envs.inference.stopping import wants_another_pass

TAU = 0.8
"""The published confidence threshold (R. G. Rizzo, IWES 2021)."""


class Consensus:
    """The running mean of the softmax vectors of a frame's passes."""

    def __init__(self) -> None:
        self.passes = 0
        self._sum: Probabilities = np.zeros((), np.float32)
        self.mean: Probabilities = np.zeros((), np.float32)

    def add(self, probabilities: Probabilities) -> None:
        """Takes in the output of one more pass."""
        self.passes += 1
        self._sum = np.asarray(self._sum + probabilities)
        self.mean = np.asarray(self._sum / np.float32(self.passes))

    @property
    def answer(self) -> int:
        """Output index of the highest mean."""
        return int(self.mean.argmax())

    @property
    def confidence(self) -> float:
        """The highest mean."""
        return float(self.mean.max())


@dataclass(frozen=True)
class Prediction:
    """The answer to one frame.

    Attributes:
        label: Class from 0 on, without background; -1 if the network said "background".
        confidence: Confidence of the consensus, 0..1.
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
    and the resulting mean numbers of passes. Reconstructed are the rest: centre crop first,
    aggregation by the mean of the softmax vectors, confidence as the highest value of the running
    mean, ``>=``.

    Args:
        classifier: The network.
        policy: ``1C``, ``5C`` or ``10C``.
        tau: Stop when the consensus' confidence reaches it; ``math.inf`` gives static
            augmentation.
        deadline_s: Latency constraint; a pass that would end after it is never started. None
            for no constraint.

    Raises:
        InputError: The policy is unknown, or tau or the deadline is not positive.
    """

    def __init__(
        self,
        classifier: TfliteClassifier,
        policy: str = "10C",
        tau: float = TAU,
        deadline_s: float | None = None,
    ) -> None:
        if not tau > 0:
            raise InputError(f"tau must be positive, not {tau}.")
        if deadline_s is not None and not deadline_s > 0:
            raise InputError(f"the deadline must be positive, not {deadline_s} s.")
        self.classifier = classifier
        self.policy = policy
        self.tau = tau
        self._max_passes = views_of(policy)
        self._deadline_s = math.inf if deadline_s is None else deadline_s

    def predict(self, image: Image.Image | Path) -> Prediction:
        """Classifies one frame.

        Args:
            image: An RGB image, or the path of an image file.

        Raises:
            InputError: The file cannot be read.
        """
        frame = open_image(image) if isinstance(image, Path) else image
        topology = self.classifier.topology
        consensus = Consensus()
        slowest_pass_s = 0.0
        elapsed_s = 0.0
        start_s = perf_counter()
        for view in views(frame, topology.input_px, self.policy):
            consensus.add(self.classifier.probabilities(view))
            before_s, elapsed_s = elapsed_s, perf_counter() - start_s
            slowest_pass_s = max(slowest_pass_s, elapsed_s - before_s)
            if not wants_another_pass(
                consensus.confidence,
                consensus.passes,
                self._max_passes,
                self.tau,
                elapsed_s,
                slowest_pass_s,
                self._deadline_s,
            ):
                break
        label = consensus.answer - topology.label_offset
        return Prediction(label, consensus.confidence, consensus.passes, elapsed_s)
