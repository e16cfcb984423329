"""Networks that people have: read rightly, or refused with the reason before anything is timed."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Cli
from tests.tflite_file import OUTPUTS, write_metadata, write_network
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.augmentation import views
from tvfs_gym.envs.inference.classifier import TfliteClassifier
from tvfs_gym.envs.inference.image_lists import LabelledImage
from tvfs_gym.envs.inference.images import open_image
from tvfs_gym.envs.inference.labels import Labels, labels_in
from tvfs_gym.envs.inference.outcomes import load_outcomes
from tvfs_gym.envs.inference.runtime import interpreter
from tvfs_gym.envs.inference.topology import Topology, load_family
from tvfs_gym.experiments.adaptta import recording
from tvfs_gym.experiments.models import add as add_module
from tvfs_gym.experiments.models import record
from tvfs_gym.experiments.models.network_options import OptionTexts
from tvfs_gym.experiments.models.reading import read_network

FLOAT = {"quantisation": None, "output_quantisation": None}
LABELS = Labels(tuple(f"sub-pixel {index}" for index in range(OUTPUTS)))

Read = Callable[..., tuple[Topology, str]]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledImage]:
    """Noise; the class is the brightest sub-pixel of the centre view at 8 x 8 pixels."""
    folder = tmp_path_factory.mktemp("pictures")
    noise, found = np.random.default_rng(0), []
    for index in range(6):
        pixels = noise.integers(0, 256, (24, 24, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
        view = next(views(open_image(folder / f"{index}.png"), 8))
        found.append(LabelledImage(folder / f"{index}.png", int(view.argmax())))
    rows = [f"{image.path.name},{image.label}" for image in found]
    (folder / "images.csv").write_text("\n".join(["file,label", *rows]))
    return found


@pytest.fixture
def read(tmp_path: Path, pictures: list[LabelledImage]) -> Read:
    """Writes a network, and reads it as ``models add`` does."""

    def reading(
        dtype: str = "uint8", labels: Labels = LABELS, options: Any = None, **network: Any
    ) -> tuple[Topology, str]:
        path = write_network(tmp_path / "net.tflite", dtype, **network)
        texts = OptionTexts(**(options or {}))
        understood = read_network(path, labels, texts.by_network([path])[path], pictures)
        return understood.topology, "\n".join(understood.lines)

    return reading


@pytest.mark.parametrize(
    ("network", "options", "told"),
    [
        ({"dtype": "uint8"}, {}, "uint8; codes are grey levels (mean 128, scale 128)"),
        ({"dtype": "uint8", "quantisation": (2 / 255, 127)}, {}, "(mean 127, scale 127.5)"),
        ({"dtype": "uint8", "quantisation": None}, {}, "its numbers are grey levels"),
        ({"dtype": "int8", "quantisation": (1 / 255, -128)}, {}, "less 128 (mean 0, scale 255)"),
        ({"dtype": "int8", "quantisation": (2 / 255, -1)}, {}, "(mean 127, scale 127.5)"),
        ({"dtype": "float32"} | FLOAT, {"pixel_mean": ["0"], "pixel_scale": ["255"]}, "as given"),
        ({"dtype": "float16"} | FLOAT, {"pixel_mean": ["127.5"], "pixel_scale": ["127.5"]},
         "float16; mean 127.5, scale 127.5, as given"),
        ({"dtype": "int16", "quantisation": (1 / 32768, 0)},
         {"pixel_mean": ["128"], "pixel_scale": ["128"]}, "int16; mean 128"),
        ({"dtype": "float32", "metadata": write_metadata([127.5], [127.5])} | FLOAT, {},
         "mean 127.5, scale 127.5, by its metadata"),
    ],
    ids=lambda value: str(value.get("dtype", "")) if isinstance(value, dict) else None,
)  # fmt: skip
def test_the_brightest_sub_pixel_is_found_whatever_the_tensors_hold(
    read: Read,
    tmp_path: Path,
    pictures: list[LabelledImage],
    network: dict[str, Any],
    options: dict[str, Any],
    told: str,
) -> None:
    signed = {"int8": (1 / 256, -128), "int16": (1 / 32768, 0)}
    if network["dtype"] in signed:
        network = {"output_quantisation": signed[network["dtype"]]} | network
    topology, lines = read(options={"last_layer": ["softmax"], **options}, **network)
    assert told in lines
    classifier = TfliteClassifier(topology, tmp_path)
    for picture in pictures:
        view = next(views(open_image(picture.path), 8))
        assert int(classifier.probabilities(view).argmax()) == picture.label


def test_a_vector_without_a_batch_is_one(read: Read, tmp_path: Path) -> None:
    topology, _ = read(output_shape=(OUTPUTS,), options={"last_layer": ["softmax"]})
    grey = np.full((8, 8, 3), 64, np.uint8)
    assert TfliteClassifier(topology, tmp_path).probabilities(grey) == pytest.approx(64 / 256)


def test_each_channel_has_its_own_normalisation(read: Read, tmp_path: Path) -> None:
    """As PyTorch's exports have it; the outputs of this network are its input."""
    given = {"pixel_mean": ["123.7,116.3,103.5"], "pixel_scale": ["58.4,57.1,57.4"]}
    topology, lines = read("float32", options=given | {"last_layer": ["softmax"]}, **FLOAT)
    assert "mean 123.7,116.3,103.5, scale 58.4,57.1,57.4" in lines
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    expected = (pixels - [123.7, 116.3, 103.5]) / [58.4, 57.1, 57.4]
    found = TfliteClassifier(topology, tmp_path).probabilities(pixels)
    assert found.reshape(8, 8, 3) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "network",
    [
        {"dtype": "uint8", "output_quantisation": (0.0989, 58)},
        {"dtype": "uint8", "quantisation": None, "output_quantisation": None},
        {"dtype": "float32", "metadata": write_metadata([0], [1])} | FLOAT,
    ],
    ids=["uint8", "codes", "float32"],
)
def test_logits_are_told_from_probabilities_and_get_a_softmax(
    read: Read, tmp_path: Path, network: dict[str, Any]
) -> None:
    topology, lines = read(**network)
    assert topology.output == "logits" and "logits (guessed: outputs from" in lines
    grey = np.full((8, 8, 3), 64, np.uint8)
    found = TfliteClassifier(topology, tmp_path).probabilities(grey)
    assert found == pytest.approx(1 / OUTPUTS, rel=1e-4)


def test_scores_that_add_up_to_neither_are_not_guessed(read: Read) -> None:
    with pytest.raises(InputError, match=r"which add up to [\d.]+: no softmax.*--last-layer"):
        read("uint8")
    assert "softmax (as given)" in read("uint8", options={"last_layer": ["softmax"]})[1]


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ({"output_shape": (1, 8, 8, 3)}, r"gives (1, 8, 8, 3), which is no vector of classes"),
        ({"output_dtype": "int64", "output_quantisation": None},
         "gives int64 numbers, which are answers, not scores"),
        ({"output_shape": (1, 10, 4), "input_shape": (1, 8, 5, 1)}, "grey pictures; expected one"),
        ({"outputs": 2}, "has 2 heads of 192 outputs, out0 and out1: export it with the one"),
        ({"inputs": 2}, "takes 2 inputs; expected one RGB picture"),
        ({"input_shape": (1, 3, 8, 8)}, "channels first; expected one square RGB image"),
        ({"input_shape": (1, 64, 3)}, "takes (1, 64, 3); expected one square RGB image"),
        ({"input_shape": (1, 28, 28), "output_shape": (1, 784)}, "takes (1, 28, 28); expected one"),
        ({"input_shape": (2, 8, 8, 3), "output_shape": (2, 192)}, "takes (2, 8, 8, 3); expected"),
        ({"input_shape": (1, 8, 8, 4), "output_shape": (1, 256)}, "takes (1, 8, 8, 4); expected"),
        ({"output_shape": (1, 1, 1, 192), "labels": Labels(LABELS.names[:100])},
         "has 192 outputs; expected 100 or 101, one for each class of the label list"),
        ({"output_shape": (1, 192), "other_output_shapes": [(1, 48, 4), (1, 64, 3)],
          "labels": Labels(LABELS.names[:10])}, "has 192 outputs; expected 10 or 11"),
        ({"output_shape": (1, 48, 4), "other_output_shapes": [(1, 64, 3)]},
         "has no vector of outputs; expected 192 or 193"),
        ({"input_shape": (1, 4, 16, 3)}, "pictures that are not square"),
        ({"input_shape": (1, 1, 1, 3), "output_shape": (1, 3), "signature": (-1, -1, -1, 3)},
         "takes pictures of any size: give --input-px"),
        ({"labels": Labels(LABELS.names[:10])}, "has 192 outputs; expected 10 or 11, one for"),
        ({"dtype": "float32"} | FLOAT, "does not say how its float32 input encodes grey levels"),
        ({"dtype": "int8", "quantisation": (0.0186, -14)}, "its int8 input encodes grey levels"),
        ({"custom_op": "edgetpu-custom-op"}, "is compiled for the Edge TPU: take the file"),
        ({"custom_op": "FlexMatMul"}, "needs operations of TensorFlow itself (Flex)"),
        ({"options": {"pixel_mean": ["0"]}}, "give net both --pixel-mean and --pixel-scale"),
        ({"options": {"input_px": ["16"]}}, "takes 8 x 8 px; --input-px is 16"),
    ],
    ids=lambda value: None if isinstance(value, str) else ",".join(value),
)  # fmt: skip
def test_what_classifies_no_rgb_pictures_is_refused(
    read: Read, network: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as refused:
        read(**network)
    assert message in str(refused.value) and len(str(refused.value).splitlines()) == 1


def test_a_network_whose_quantisation_no_runtime_takes_is_refused_in_a_sentence(
    read: Read, tmp_path: Path
) -> None:
    """As person_detect.tflite of 2019, whose scales lie along a dimension that a tensor lacks."""
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    flatbuffers = pytest.importorskip("flatbuffers")
    path = write_network(tmp_path / "net.tflite")
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(path.read_bytes(), 0))
    (output,) = model.subgraphs[0].outputs
    quantisation = model.subgraphs[0].tensors[output].quantization
    quantisation.scale, quantisation.zeroPoint = [1 / 256] * 2, [0] * 2
    quantisation.quantizedDimension = 3
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    with pytest.raises(InputError, match="is not a usable TFLite network") as refused:
        interpreter(path, threads=1)
    assert "quantized_dimension" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_a_network_of_any_size_takes_the_one_that_is_given(read: Read, tmp_path: Path) -> None:
    """Its RESHAPE gives what it is told, so only the input is looked at."""
    any_size: dict[str, Any] = {
        "input_shape": (1, 1, 1, 3),
        "output_shape": (1, 192),
        "signature": (1, -1, -1, 3),
    }
    options = {"input_px": ["8"], "last_layer": ["softmax"]}
    topology, _ = read(options=options, **any_size)
    assert topology.input_px == 8
    assert TfliteClassifier(topology, tmp_path).probabilities(np.zeros((8, 8, 3), np.uint8)).size


def test_the_head_of_the_classes_is_taken_wherever_it_stands(read: Read, tmp_path: Path) -> None:
    topology, _ = read(other_output_shapes=[(1, 48, 4)], options={"last_layer": ["softmax"]})
    grey = np.full((8, 8, 3), 64, np.uint8)
    assert TfliteClassifier(topology, tmp_path).probabilities(grey).shape == (OUTPUTS,)


def test_a_background_behind_the_classes_shifts_nothing(read: Read) -> None:
    """As in the lists of iNaturalist."""
    labels = Labels((*LABELS.names[:-1], "background"))
    topology, lines = read(labels=labels, options={"last_layer": ["softmax"]})
    assert topology.label_offset == 0 and "label offset 0" in lines


def test_a_label_list_with_a_background_fits_networks_with_and_without_one(read: Read) -> None:
    labels = labels_in("\n".join(["???", *LABELS.names[:-1]]).encode("utf-8-sig"), "list")
    topology, lines = read(labels=labels, options={"last_layer": ["softmax"]})
    assert topology.label_offset == 1 and "index 0 is the background\n" in f"{lines}\n"


def test_options_hold_for_all_networks_or_for_one() -> None:
    networks = [Path("a.tflite"), Path("b.tflite")]
    options = OptionTexts(
        pixel_mean=["0", "b=127.5"], pixel_scale=["255", "b.tflite=127.5"], last_layer=["a=logits"]
    ).by_network(networks)
    a, b = (options[network] for network in networks)
    assert (a.pixel_mean, a.pixel_scale, a.last_layer) == (0, 255, "logits")
    assert (b.pixel_mean, b.pixel_scale, b.last_layer) == (127.5, 127.5, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pixel_mean": ["1,2"]}, r"--pixel-mean takes a number, or R,G,B"),
        ({"pixel_scale": ["0"]}, r"--pixel-scale takes a number"),
        ({"pixel_mean": ["c=1"]}, r"unknown network of --pixel-mean 'c'"),
        ({"last_layer": ["sigmoid"]}, r"unknown last layer 'sigmoid'"),
        ({"label_offset": ["-1"]}, r"--label-offset takes a whole number"),
    ],
)
def test_a_wrong_option_is_said(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        OptionTexts(**options).by_network([Path("net.tflite")])


NET_IS_RIGHT = re.compile(r"^net .* 100\.0 ", re.M)
"""All answers with one view are."""


@pytest.fixture
def logits(tmp_path: Path) -> Path:
    """A network of logits, with the labels within its file."""
    network = write_network(tmp_path / "net.tflite", output_quantisation=(0.0989, 58))
    with ZipFile(network, "a") as archive:
        archive.writestr("labels.txt", "\n".join(LABELS.names))
    return network


def test_what_was_understood_is_printed_with_the_accuracy(
    cli: Cli, logits: Path, pictures: list[LabelledImage]
) -> None:
    """Logits, whose softmax goes into the recording, and labels from the file's metadata."""
    output = logits.parent / "own.toml"
    folder = pictures[0].path.parent
    done = cli("models", "add", logits, "--images", folder, "--output", output, "--full")
    assert done.returncode == 0, done.stderr
    assert "192 outputs, label offset 0: sub-pixel 0, sub-pixel 1, sub-pixel 2, ..." in done.stdout
    assert "last layer: logits (guessed" in done.stdout
    assert NET_IS_RIGHT.search(done.stdout) and "warning" not in done.stdout
    lines = [line for line in done.stdout.splitlines() if str(output.parent) not in line]
    assert max(map(len, lines)) <= 80
    (topology,) = load_family(str(output)).topologies
    assert topology.output == "logits"
    confidence = load_outcomes(output.with_suffix(".npz"))["net"].confidence
    assert confidence.min() > 0 and confidence.max() <= 1


def test_networks_of_different_kinds_are_added_at_once(
    cli: Cli, logits: Path, pictures: list[LabelledImage]
) -> None:
    """Grey levels as they are, and floats with any batch; numbered labels, as exports have them."""
    floats = write_network(
        logits.parent / "floats.tflite", "float32", signature=(-1, 8, 8, 3), quantisation=None,
        output_quantisation=None,
    )  # fmt: skip
    labels, output = logits.parent / "labels.txt", logits.parent / "own.toml"
    labels.write_text("\n".join(f"{index} {name}" for index, name in enumerate(LABELS.names)))
    done = cli(
        "models", "add", logits, floats, "--labels", labels, "--images", pictures[0].path.parent,
        "--output", output, "--pixel-mean", "floats=0", "--pixel-scale", "floats=255",
        "--last-layer", "floats=logits",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"^(net|floats) .* 100\.0 ", done.stdout, re.M)) == 2
    assert "warning" not in done.stdout
    assert len(load_family(str(output)).topologies) == 2


def test_labels_that_are_one_off_are_noticed(
    cli: Cli, logits: Path, pictures: list[LabelledImage]
) -> None:
    """A list that lacks a line, whichever it is, reads like one without background."""
    labels, output = logits.parent / "labels.txt", logits.parent / "own.toml"
    labels.write_text("\n".join(LABELS.names[:-1]))
    folder = pictures[0].path.parent
    add = ("models", "add", logits, "--labels", labels, "--images", folder, "--output", output)
    done = cli(*add, "--full")
    assert done.returncode == 0, done.stderr
    told = " ".join(done.stdout.split())
    assert "label offset 1" in told and "index 0 is the background, which the label list" in told
    assert "warning: net answers 0 of 6 images right, as a guess would" in told
    assert "would answer 6 of them right if the labels were shifted by one" in told
    assert "give --label-offset 0" in told
    output.unlink()
    output.with_suffix(".npz").unlink()
    done = cli(*add, "--label-offset", "0")
    assert NET_IS_RIGHT.search(done.stdout)


def test_a_network_that_is_not_usable_is_refused_before_it_is_timed(
    cli: Cli, tmp_path: Path, pictures: list[LabelledImage]
) -> None:
    network = write_network(tmp_path / "segments.tflite", output_shape=(1, 8, 8, 3))
    (tmp_path / "labels.txt").write_text("a\nb\nc\n")
    done = cli(
        "models", "add", network, "--labels", tmp_path / "labels.txt", "--images",
        pictures[0].path.parent, "--output", tmp_path / "own.toml",
    )  # fmt: skip
    assert done.returncode == 2 and "is no vector of classes" in done.stderr
    assert sorted(file.name for file in tmp_path.iterdir()) == ["labels.txt", "segments.tflite"]


def test_more_classes_than_16_bits_count(read: Read, tmp_path: Path) -> None:
    classes = 40_000
    px = 116  # 116 * 116 * 3 = 40 368
    count = px * px * 3
    labels = Labels(tuple(map(str, range(count))))
    given = {"last_layer": ["softmax"]}
    topology, _ = read(
        input_shape=(1, px, px, 3), output_shape=(1, count), labels=labels, options=given
    )
    image = np.zeros((px, px, 3), np.uint8)
    image.reshape(-1)[classes] = 255
    assert int(TfliteClassifier(topology, tmp_path).probabilities(image).argmax()) == classes


def test_a_bad_picture_is_listed_and_the_rest_is_recorded(
    cli: Cli, logits: Path, pictures: list[LabelledImage]
) -> None:
    folder, whole = logits.parent, pictures[0].path.read_bytes()
    for picture in pictures:
        (folder / f"{picture.label}").mkdir(exist_ok=True)
        name = folder / f"{picture.label}" / picture.path.name
        name.write_bytes(picture.path.read_bytes())
    (folder / f"{pictures[0].label}" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / f"{pictures[0].label}" / "page.jpg").write_bytes(b"<html></html>")
    done = cli("models", "add", logits, "--images", folder, "--output", folder / "own.toml")
    assert done.returncode == 0, done.stderr
    assert "left out: 2 of 8 images could not be used" in done.stdout
    failed = (folder / "own.failed.csv").read_text()
    assert "cut.png" in failed and "page.jpg" in failed
    assert len(load_outcomes(folder / "own.npz").truth) == 6
    assert not (folder / "own.recording").exists()


def test_a_recording_goes_on_where_it_stopped(
    cli: Cli,
    logits: Path,
    pictures: list[LabelledImage],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither timed again nor recorded again; on other pictures it is refused."""
    folder, output = pictures[0].path.parent, logits.parent / "own.toml"
    add = ("models", "add", logits, "--images", folder, "--output", output)
    with monkeypatch.context() as patch:
        patch.setattr(record, "provenance_of", interrupt)
        assert cli(*add).returncode == 130
    assert not output.exists()
    list_of_five = logits.parent / "images.csv"
    list_of_five.write_text(
        "file,label\n" + "".join(f"{one.path},{one.label}\n" for one in pictures[:5])
    )
    other = cli("models", "add", logits, "--images", list_of_five, "--output", output)
    assert (
        other.returncode == 2 and "an unfinished recording that differs in images" in other.stderr
    )
    with monkeypatch.context() as patch:
        patch.setattr(recording, "record_chunk", interrupt)
        patch.setattr(add_module, "change_shares", interrupt)
        assert cli(*add).returncode == 0
    assert "net" in load_outcomes(output.with_suffix(".npz")).recordings


def test_a_family_that_was_stopped_between_its_files_is_written(
    cli: Cli, logits: Path, pictures: list[LabelledImage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outcomes are there, the family is not: the same command goes on."""
    output = logits.parent / "own.toml"
    add = ("models", "add", logits, "--images", pictures[0].path.parent, "--output", output)
    with monkeypatch.context() as patch:
        patch.setattr(record, "label_doubts", interrupt)  # after the outcomes
        stopped = cli(*add)
    assert stopped.returncode == 130 and stopped.stderr.splitlines()[-1] == "tvfs-gym: stopped."
    assert output.with_suffix(".npz").exists() and not output.exists()
    again = cli(*add)
    assert again.returncode == 0, again.stderr
    assert output.exists() and not output.with_suffix(".recording").exists()


def interrupt(*_: object) -> None:
    """Stops a command as Ctrl-C does."""
    raise KeyboardInterrupt
