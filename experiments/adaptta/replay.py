"""Replay of AdapTTA's rules over recorded outputs of single views."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.inference.aggregation import Probabilities, aggregation_named
from tvfs_gym.envs.inference.confidence import estimator_named
from tvfs_gym.envs.inference.outcomes import Recording


@dataclass(frozen=True)
class Rule:
    """Aggregation, confidence estimator, and subject of the confidence; as for `AdapTTA`."""

    aggregation: str = "mean"
    confidence: str = "max"
    stop_on: str = "consensus"


@dataclass(frozen=True)
class AnswersByView:
    """Answers after 1, 2, ... views, arrays of shape (images, views).

    Attributes:
        confidence: Confidence, which is compared with tau.
        answer: Output index of the consensus' highest class.
        in_top5: True where the true class is among the consensus' five highest.
        settled: True where no outputs of the remaining views could change the answer.
    """

    confidence: NDArray[np.float32]
    answer: NDArray[np.intp]
    in_top5: NDArray[np.bool_]
    settled: NDArray[np.bool_]

    def recording(self, label_offset: int) -> Recording:
        """Converts output indices to classes.

        Args:
            label_offset: Output index of class 0.
        """
        label = (self.answer - label_offset).astype(np.int32)
        return Recording(self.confidence, label, self.in_top5)


def replay_views(outputs: Probabilities, truth: NDArray[np.intp], rule: Rule) -> AnswersByView:
    """Follows the consensus of all images, view by view, by the live classifier's own code.

    Args:
        outputs: Outputs of single views, in their order, shape (images, views, classes).
        truth: Output index of the true class, shape (images,).
        rule: Rule of aggregation and confidence.

    Raises:
        InputError: A name in the rule is unknown.
    """
    consensus = aggregation_named(rule.aggregation)(outputs.shape[1])
    estimate = estimator_named(rule.confidence)
    confidence, answer, in_top5, settled = [], [], [], []
    for view in range(outputs.shape[1]):
        newest = np.ascontiguousarray(outputs[:, view])
        consensus.add(newest)
        confidence.append(estimate(newest if rule.stop_on == "last" else consensus.scores))
        answer.append(consensus.answer)
        in_top5.append(consensus.ahead_of(truth) < 5)
        settled.append(consensus.settled)
    return AnswersByView(
        np.stack(confidence, axis=1).astype(np.float32),
        np.stack(answer, axis=1),
        np.stack(in_top5, axis=1),
        np.stack(settled, axis=1),
    )
