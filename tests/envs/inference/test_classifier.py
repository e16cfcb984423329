"""Networks: what fits, what does not, and what the runtimes agree on."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference import runtime
from tvfs_gym.envs.inference.augmentation import views
from tvfs_gym.envs.inference.classifier import TfliteClassifier
from tvfs_gym.envs.inference.image_lists import read_image_list
from tvfs_gym.envs.inference.images import open_image
from tvfs_gym.envs.inference.topology import Topology, load_family

FAMILY = load_family("recorded")
SMALL = FAMILY.topologies[0]


def test_a_missing_network_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no network at .*0\.25_128_quant\.tflite"):
        TfliteClassifier(SMALL, tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a network", bytes(4096)])
def test_a_corrupt_network_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / SMALL.file).write_bytes(content)
    with pytest.raises(InputError, match="is not a usable TFLite network"):
        TfliteClassifier(SMALL, tmp_path)


def test_a_truncated_network_is_named(tmp_path: Path, models: Path) -> None:
    if runtime.runtime_package() == "tflite-runtime":
        pytest.skip("tflite-runtime does not verify a file, and crashes on this one")
    whole = (models / SMALL.file).read_bytes()
    (tmp_path / SMALL.file).write_bytes(whole[:1000])
    with pytest.raises(InputError, match="is not a usable TFLite network"):
        TfliteClassifier(SMALL, tmp_path)


def test_an_input_that_does_not_fit_is_refused(models: Path) -> None:
    wrong = SMALL.model_copy(update={"input_px": 160})
    with pytest.raises(InputError, match=r"takes inputs of shape .*128.*; expected \(1, 160"):
        TfliteClassifier(wrong, models)


def test_a_label_count_that_does_not_fit_is_refused(models: Path) -> None:
    wrong = SMALL.model_copy(update={"classes": 1000})
    with pytest.raises(InputError, match="has 1001 outputs; expected 1000, one for each class"):
        TfliteClassifier(wrong, models)


@pytest.mark.parametrize("topology", FAMILY.topologies + FAMILY.variants, ids=lambda t: t.name)
def test_every_recorded_network_knows_a_photograph(
    topology: Topology, models: Path, photographs: Path
) -> None:
    """Of ten photographs any of the networks gets at least two right, by chance none."""
    if topology.file.endswith("_ffc.tflite") and "litert" not in runtime.runtime():
        pytest.skip("this file runs right under ai-edge-litert only")
    classifier = TfliteClassifier(topology, models)
    right = 0
    for photograph in read_image_list(photographs)[:10]:
        view = next(views(open_image(photograph.path), topology.input_px))
        output = classifier.probabilities(view)
        assert output.dtype == np.float32 and 0.5 < output.sum() < 1.5
        right += int(output.argmax()) - topology.label_offset == photograph.label
    assert right >= 2


def test_both_runtimes_agree_within_their_known_difference(
    models: Path,
    photographs: Path,
    both_runtimes: Sequence[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Up to 17/256 per output between LiteRT 2.3 and tflite-runtime 2.14."""
    view = next(views(open_image(read_image_list(photographs)[0].path), SMALL.input_px))
    outputs = {}
    for package in both_runtimes:
        monkeypatch.setenv(runtime.VARIABLE, package)
        outputs[package] = TfliteClassifier(SMALL, models).probabilities(view)
    first, second = outputs.values()
    assert np.abs(first - second).max() <= 17 / 256


@pytest.mark.parametrize("name", ["efficientnet_lite0", "efficientnet_lite1"])
def test_a_network_that_is_wrong_under_a_runtime_is_refused_there(
    name: str, models: Path, both_runtimes: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The networks whose last layer is float answer 0 of 12 photographs under tflite-runtime."""
    monkeypatch.setenv(runtime.VARIABLE, "tflite-runtime")
    topology = next(t for t in FAMILY.topologies if t.name == name)
    with pytest.raises(
        InputError, match=r"gives wrong answers under tflite-runtime.*pip install ai"
    ):
        TfliteClassifier(topology, models)


def test_a_missing_runtime_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(runtime.VARIABLE, raising=False)
    monkeypatch.setattr(runtime, "RUNTIMES", {"no-such-runtime": "none"})
    with pytest.raises(InputError, match="a TFLite runtime is not installed: run pip install"):
        runtime.runtime()
    monkeypatch.setenv(runtime.VARIABLE, "no-such-runtime")
    with pytest.raises(InputError, match="no-such-runtime is not installed: run pip install"):
        runtime.runtime()


def test_an_unknown_runtime_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(runtime.VARIABLE, "no-such")
    with pytest.raises(InputError, match="unknown TVFS_GYM_RUNTIME 'no-such': choose one of ai"):
        runtime.runtime()


def test_full_int8_input_saturates_instead_of_wrapping(models: Path, tmp_path: Path) -> None:
    lite = next(t for t in FAMILY.variants if t.name == "efficientnet_lite0_int8")
    shutil.copy(models / lite.file, tmp_path)
    codes = TfliteClassifier(lite, tmp_path).encode(np.arange(256, dtype=np.uint8))
    assert codes[0] < codes[128] < codes[250] <= codes[255] == 127


@pytest.mark.parametrize("name", ["mobilenet_v1_0.25_128", "efficientnet_lite0_int8"])
def test_outputs_are_the_tensors_codes_dequantised(
    name: str, models: Path, photographs: Path
) -> None:
    """Unsigned and signed codes alike; the interpreter's own reading of its tensor is the judge."""
    topology = FAMILY.recordable([name])[0]
    classifier = TfliteClassifier(topology, models)
    view = next(views(open_image(read_image_list(photographs)[0].path), topology.input_px))
    output = classifier.probabilities(view)
    codes = classifier._interpreter.get_tensor(classifier._output["index"])[0]
    scale, zero_point = classifier._output["quantization"]
    assert np.array_equal(output, (codes.astype(np.float32) - zero_point) * np.float32(scale))


def test_a_slice_gives_what_its_copy_gives(models: Path) -> None:
    classifier = TfliteClassifier(SMALL, models)
    plane = np.random.default_rng(0).integers(0, 256, (150, 150, 3), np.uint8)
    part = plane[3:131, 7:135]
    assert np.array_equal(classifier.run(part), classifier.run(part.copy()))
    assert 0 < classifier.invoke_s < 10


@pytest.mark.parametrize("options", [{"threads": 2}, {"xnnpack": False}])
def test_threads_and_xnnpack_change_the_speed_not_the_answer(
    options: dict[str, Any], models: Path, photographs: Path
) -> None:
    view = next(views(open_image(read_image_list(photographs)[0].path), SMALL.input_px))
    usual = TfliteClassifier(SMALL, models).probabilities(view)
    other = TfliteClassifier(SMALL, models, **options).probabilities(view)
    assert np.abs(usual - other).max() <= 17 / 256


def test_no_thread_at_all_is_refused(models: Path) -> None:
    with pytest.raises(InputError, match="at least 1 thread, not 0"):
        TfliteClassifier(SMALL, models, threads=0)


def test_logits_become_a_softmax(models: Path) -> None:
    """The softmax of a network's probabilities, as nothing here gives logits by itself."""
    view = np.full((128, 128, 3), 60, np.uint8)
    plain = TfliteClassifier(SMALL, models).probabilities(view).astype(float)
    logits = SMALL.model_copy(update={"output": "logits"})
    found = TfliteClassifier(logits, models).probabilities(view)
    assert found.dtype == np.float32 and found.sum() == pytest.approx(1, abs=1e-5)
    assert found == pytest.approx(np.exp(plain) / np.exp(plain).sum(), rel=1e-5)
