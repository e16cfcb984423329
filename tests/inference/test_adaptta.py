"""AdapTTA: its stopping rule, and its live form against an independent re-computation."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference import adaptta as module
from tvfs_gym.envs.inference.adaptta import AdapTTA, Consensus
from tvfs_gym.envs.inference.augmentation import views
from tvfs_gym.envs.inference.classifier import TfliteClassifier
from tvfs_gym.envs.inference.images import read_image_list
from tvfs_gym.envs.inference.stopping import wants_another_pass
from tvfs_gym.envs.inference.topology import load_family


class Scripted:
    """A classifier that gives the class 3 a set probability, pass by pass."""

    topology: Any = SimpleNamespace(input_px=8, label_offset=1)

    def __init__(self, top: list[float]) -> None:
        self.top = iter(top)

    def probabilities(self, view: np.ndarray) -> np.ndarray:
        top = next(self.top)
        rest = (1 - top) / 4
        return np.array([rest, rest, rest, top, rest], np.float32)


PICTURE = Image.new("RGB", (20, 16))


def predict(top: list[float], **options: Any) -> module.Prediction:
    return AdapTTA(Scripted(top), **options).predict(PICTURE)  # type: ignore[arg-type]


def test_it_stops_once_the_consensus_is_confident() -> None:
    assert predict([0.9]).passes == 1
    assert predict([0.6, 0.9, 1.0]).passes == 3  # means 0.6, 0.75, 0.83


def test_the_consensus_is_the_mean_not_the_last_view() -> None:
    answer = predict([0.5, 0.9, 0.9, 0.7, 0.9], policy="5C")
    assert (answer.passes, answer.confidence) == (5, pytest.approx(0.78))


def test_a_confidence_of_exactly_tau_suffices() -> None:
    assert predict([0.75], tau=0.75).passes == 1


def test_background_is_taken_off_the_label() -> None:
    assert predict([0.9]).label == 2


def test_an_infinite_tau_is_static_augmentation() -> None:
    assert predict([1.0] * 10, tau=math.inf).passes == 10


def test_a_pass_that_would_end_after_the_deadline_is_not_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter([0.0, 0.03, 0.07, 0.10, 0.13])  # passes of 30, 40, 30, 30 ms
    monkeypatch.setattr(module, "perf_counter", lambda: next(clock))
    answer = predict([0.5] * 10, deadline_s=0.13)
    assert (answer.passes, answer.latency_s) == (3, 0.10)  # a fourth might take 40 ms again


def test_the_first_pass_is_always_run() -> None:
    assert predict([0.5], deadline_s=1e-9).passes == 1


@pytest.mark.parametrize("options", [{"tau": 0.0}, {"tau": math.nan}, {"deadline_s": -1.0}])
def test_impossible_options_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(InputError, match="must be positive"):
        predict([0.5], **options)


@given(st.floats(0, 1), st.integers(1, 10), st.integers(1, 10), st.floats(0.1, 1), st.floats(0, 1))
def test_never_more_passes_than_the_policy_has(
    confidence: float, passes: int, most: int, tau: float, elapsed_s: float
) -> None:
    another = wants_another_pass(confidence, passes, most, tau, elapsed_s, 0.1, 0.5)
    assert another == (confidence < tau and passes < most and elapsed_s + 0.1 <= 0.5)


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=10))
def test_the_consensus_is_the_running_mean(values: list[float]) -> None:
    consensus = Consensus()
    for value in values:
        consensus.add(np.array([value, 0.5], np.float32))
    assert consensus.passes == len(values)
    assert consensus.mean == pytest.approx([np.mean(values), 0.5], abs=1e-6)


@pytest.mark.parametrize("name", ["mobilenet_v1_0.25_128", "mobilenet_v1_0.5_160"])
def test_live_prediction_is_the_one_recomputed_from_its_views(
    models: Path, photographs: Path, name: str
) -> None:
    topology = next(t for t in load_family("recorded").topologies if t.name == name)
    classifier = TfliteClassifier(topology, models)
    for photograph in read_image_list(photographs)[:10]:
        answer = AdapTTA(classifier).predict(photograph.path)
        image = Image.open(photograph.path).convert("RGB")
        outputs = np.array([classifier.probabilities(v) for v in views(image, topology.input_px)])
        means = (
            np.cumsum(outputs, axis=0, dtype=np.float32)
            / np.arange(1, 11, dtype=np.float32)[:, None]
        )
        confident = means.max(axis=1) >= np.float64(0.8)
        stop = int(confident.argmax()) if confident.any() else 9
        assert answer.passes == stop + 1
        assert answer.confidence == means[stop].max()
        assert answer.label == means[stop].argmax() - 1
