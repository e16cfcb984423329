"""AdapTTA: its stopping rule, its options, and its live form against a re-computation."""

import math
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference import adaptta as module
from tvfs_gym.envs.inference.adaptta import AdapTTA, Frame, Prediction
from tvfs_gym.envs.inference.augmentation import Geometry, policy_views, views
from tvfs_gym.envs.inference.classifier import TfliteClassifier
from tvfs_gym.envs.inference.image_lists import read_image_list
from tvfs_gym.envs.inference.images import open_image
from tvfs_gym.envs.inference.outcomes import passes_spent
from tvfs_gym.envs.inference.stopping import wants_another_pass
from tvfs_gym.envs.inference.topology import Topology, load_family
from tvfs_gym.experiments.adaptta.replay import Rule, replay_views

TOPOLOGY = load_family("recorded").topologies[0].model_copy(update={"input_px": 8, "classes": 5})


class Scripted:
    """A classifier that gives set outputs, pass by pass."""

    def __init__(self, outputs: list[list[float]], topology: Topology = TOPOLOGY) -> None:
        self.outputs = iter(outputs)
        self.topology = topology
        self.seen: list[np.ndarray] = []

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        return pixels

    def run(self, codes: np.ndarray) -> np.ndarray:
        self.seen.append(codes.copy())
        return np.array(next(self.outputs), np.float32)


def for_class_3(top: list[float]) -> Scripted:
    """A classifier that gives the class 3 a set probability, pass by pass."""
    return Scripted([[(1 - p) / 4, (1 - p) / 4, (1 - p) / 4, p, (1 - p) / 4] for p in top])


PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 20, 3), np.uint8))


def predict(top: list[float], **options: Any) -> Prediction:
    return AdapTTA(for_class_3(top), **options).predict(PICTURE)


def test_it_stops_once_the_consensus_is_confident() -> None:
    assert predict([0.9]).passes == 1
    assert predict([0.6, 0.9, 1.0]).passes == 3  # means 0.6, 0.75, 0.83


def test_the_consensus_is_the_mean_not_the_last_view() -> None:
    answer = predict([0.5, 0.9, 0.9, 0.7, 0.9], policy="5C")
    assert (answer.passes, answer.confidence) == (5, pytest.approx(0.78))


def test_it_can_stop_on_the_last_view_instead() -> None:
    answer = predict([0.5, 0.9], stop_on="last")
    assert (answer.passes, answer.confidence) == (2, pytest.approx(0.9))


def test_a_confidence_of_exactly_tau_suffices() -> None:
    assert predict([0.75], tau=0.75).passes == 1


def test_aggregation_and_confidence_are_options() -> None:
    assert predict([0.6, 0.85], aggregation="max").passes == 2
    assert predict([0.9] * 10, aggregation="vote", policy="5C").passes == 4  # 4 votes of 5
    assert predict([0.83, 0.85], confidence="margin", tau=0.8).passes == 2  # 0.7875, then 0.8
    assert predict([0.8], confidence="temperature:0.5").passes == 1


def test_background_is_taken_off_the_label() -> None:
    assert predict([0.9]).label == 2


def test_an_infinite_tau_is_static_augmentation() -> None:
    assert predict([1.0] * 10, tau=math.inf).passes == 10


def test_passes_can_be_limited_below_the_policy() -> None:
    assert predict([0.5] * 10, max_passes=3).passes == 3


def test_views_come_in_the_order_that_is_asked_for() -> None:
    for order in ("centre_first", "interleaved", "torchvision"):
        network = for_class_3([0.1] * 10)
        AdapTTA(network, order=order).predict(PICTURE)
        expected = views(PICTURE, 8, policy_views("10C", order), Geometry())
        for one, other in zip(network.seen, expected, strict=True):
            assert np.array_equal(one, other)


def test_a_policy_may_be_the_users_own() -> None:
    network = for_class_3([0.1] * 3)
    assert AdapTTA(network, "C, C+flip, C+brightness:1.3").predict(PICTURE).passes == 3
    assert np.array_equal(network.seen[0][:, ::-1], network.seen[1])


def test_a_settled_answer_ends_a_frame_early() -> None:
    sure = [1.0] * 10
    assert predict(sure, tau=math.inf, exit_when_settled=True).passes == 6
    assert predict(sure, tau=math.inf).passes == 10


@given(st.integers(0, 2**32 - 1), st.sampled_from(["mean", "geometric", "vote", "max"]))
def test_leaving_when_settled_never_changes_the_answer(seed: int, aggregation: str) -> None:
    random = np.random.default_rng(seed)
    outputs = random.dirichlet(random.uniform(0.05, 2, 5), 10).tolist()
    plain, early = (
        AdapTTA(
            Scripted(outputs), aggregation=aggregation, tau=tau, exit_when_settled=exit_when_settled
        ).predict(PICTURE)
        for tau, exit_when_settled in ((0.9, False), (0.9, True))
    )
    assert early.label == plain.label and early.passes <= plain.passes


def test_a_pass_that_would_end_after_the_deadline_is_not_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter([0.0, 0.03, 0.07, 0.10, 0.13])  # passes of 30, 40, 30, 30 ms
    monkeypatch.setattr(module, "perf_counter", lambda: next(clock))
    answer = predict([0.5] * 10, deadline_s=0.13)
    assert (answer.passes, answer.latency_s) == (3, 0.10)  # a fourth might take 40 ms again


def test_the_first_pass_is_always_run() -> None:
    assert predict([0.5], deadline_s=1e-9).passes == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tau": 0.0}, "must be positive"),
        ({"tau": math.nan}, "must be positive"),
        ({"deadline_s": -1.0}, "must be positive"),
        ({"max_passes": 0}, "max_passes lies within 1 and the policy's 10 views, not 0"),
        ({"max_passes": 6, "policy": "5C"}, "the policy's 5 views, not 6"),
        ({"stop_on": "newest"}, "unknown stopping criterion 'newest'"),
        ({"aggregation": "sum"}, "unknown aggregation 'sum'"),
        ({"confidence": "softmax"}, "unknown confidence estimator 'softmax'"),
        ({"policy": "6C"}, "unknown augmentation policy '6C'"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        predict([0.5], **options)


def test_frames_come_as_files_images_or_pixels(tmp_path: Path) -> None:
    PICTURE.save(tmp_path / "one.png")
    frames: list[Frame] = [
        PICTURE,
        np.asarray(PICTURE),
        tmp_path / "one.png",
        str(tmp_path / "one.png"),
    ]
    network = for_class_3([0.9] * len(frames))
    answers = AdapTTA(network).predict_many(frames)
    assert [isinstance(one, Prediction) and one.label for one in answers] == [2] * len(frames)
    assert all(np.array_equal(view, network.seen[0]) for view in network.seen)


def test_a_bad_file_does_not_lose_the_other_answers(tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff")
    answers = AdapTTA(for_class_3([0.9] * 2)).predict_many(
        [PICTURE, tmp_path / "bad.jpg", tmp_path / "none.jpg", PICTURE]
    )
    assert [isinstance(one, Prediction) for one in answers] == [True, False, False, True]
    assert "bad.jpg" in str(answers[1]) and "none.jpg" in str(answers[2])


@pytest.mark.parametrize(
    "pixels", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)]
)
def test_pixels_that_are_none_are_refused(pixels: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"pixels are uint8 of shape \(height, width, 3\), not"):
        AdapTTA(for_class_3([0.9])).predict(pixels)


@given(st.floats(0, 1), st.integers(1, 10), st.integers(1, 10), st.floats(0.1, 1), st.floats(0, 1))
def test_never_more_passes_than_the_policy_has(
    confidence: float, passes: int, most: int, tau: float, elapsed_s: float
) -> None:
    another = wants_another_pass(confidence, passes, most, tau, elapsed_s, 0.1, 0.5)
    assert another == (confidence < tau and passes < most and elapsed_s + 0.1 <= 0.5)


@pytest.mark.parametrize("name", ["mobilenet_v1_0.25_128", "mobilenet_v1_0.5_160"])
def test_live_prediction_is_the_one_recomputed_from_its_views(
    models: Path, photographs: Path, name: str
) -> None:
    topology = next(t for t in load_family("recorded").topologies if t.name == name)
    classifier = TfliteClassifier(topology, models)
    for photograph in read_image_list(photographs)[:10]:
        answer = AdapTTA(classifier).predict(photograph.path)
        made = views(
            open_image(photograph.path), topology.input_px, policy_views("10C"), Geometry()
        )
        outputs = np.array([classifier.probabilities(view) for view in made])
        means = (
            np.cumsum(outputs, axis=0, dtype=np.float32)
            / np.arange(1, 11, dtype=np.float32)[:, None]
        )
        confident = means.max(axis=1) >= np.float64(0.8)
        stop = int(confident.argmax()) if confident.any() else 9
        assert answer.passes == stop + 1
        assert answer.confidence == means[stop].max()
        assert answer.label == means[stop].argmax() - 1


def test_every_rule_live_is_its_replay_bit_for_bit(models: Path, photographs: Path) -> None:
    topology = load_family("recorded").topologies[0]
    classifier = TfliteClassifier(topology, models)
    files = [image.path for image in read_image_list(photographs)[:6]]
    adaptta = AdapTTA(classifier, "5C")
    outputs = np.array([[output for output, _ in adaptta.outputs(file)] for file in files])
    rules = product(
        ("mean", "geometric", "vote", "max"),
        ("max", "margin", "entropy", "temperature:0.7"),
        ("consensus", "last"),
    )
    for rule in rules:
        aggregation, confidence, stop_on = rule
        found = replay_views(
            outputs, np.zeros(len(files), int), Rule(aggregation, confidence, stop_on)
        )
        passes = passes_spent(found.confidence, 0.4)
        live = AdapTTA(classifier, "5C", aggregation, confidence, 0.4, stop_on=stop_on)
        for row, file in enumerate(files):
            answer = live.predict(file)
            assert answer.passes == passes[row], rule
            assert answer.label == found.answer[row, passes[row] - 1] - 1
            assert np.float32(answer.confidence) == found.confidence[row, passes[row] - 1]
