"""Networks that come in two files."""

from pathlib import Path
from shutil import copy

import numpy as np
import pytest
import tomlkit

from tests.tflite_file import INPUT, OUTPUTS, write_network
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.runtime import interpreter
from tvfs_gym.envs.inference.topology import load_family
from tvfs_gym.experiments.models import fetch as module
from tvfs_gym.experiments.models.joining import one_network

MIDDLE = (1, OUTPUTS)


@pytest.fixture
def parts(tmp_path: Path) -> tuple[Path, Path]:
    """A network of two files, which turns pixels into outputs."""
    body = write_network(tmp_path / "body.tflite")
    quantised = (1 / 256, 0)
    head = write_network(tmp_path / "head.tflite", input_shape=MIDDLE, quantisation=quantised)
    return body, head


def answer(path: Path, picture: np.ndarray) -> np.ndarray:
    network = interpreter(path, threads=1)
    network.allocate_tensors()
    network.set_tensor(network.get_input_details()[0]["index"], picture)
    network.invoke()
    return np.asarray(network.get_tensor(network.get_output_details()[0]["index"]))


def test_two_files_answer_as_one(parts: tuple[Path, Path], tmp_path: Path) -> None:
    body, head = parts
    whole = tmp_path / "whole.tflite"
    whole.write_bytes(one_network(body.read_bytes(), head.read_bytes()))
    picture = np.arange(OUTPUTS, dtype=np.uint8).reshape(INPUT)
    assert np.array_equal(answer(whole, picture), answer(head, answer(body, picture)))
    assert answer(whole, picture).argmax() == OUTPUTS - 1


def test_files_that_do_not_fit_are_not_joined(parts: tuple[Path, Path], tmp_path: Path) -> None:
    body, head = (part.read_bytes() for part in parts)
    other = write_network(tmp_path / "other.tflite", input_shape=MIDDLE, quantisation=(1 / 128, 0))
    with pytest.raises(InputError, match="quantisation differ"):
        one_network(body, other.read_bytes())
    with pytest.raises(InputError, match="no TFLite file"):
        one_network(body, b"<html>")
    with pytest.raises(InputError, match="2 outputs and 1 inputs"):
        one_network(write_network(tmp_path / "two.tflite", outputs=2).read_bytes(), head)


def test_both_are_fetched_and_joined(
    parts: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"name": "net", "file": "net.tflite", "input_px": 8, "classes": 192, "label_offset": 0}
    row |= {"pixel_mean": 128, "pixel_scale": 128, "relative_latency": 1.0, "source": "a test"}
    row |= {
        "top1_published": 50.0,
        "url": "http://x/body.tflite",
        "head_url": "http://x/head.tflite",
    }
    path = tmp_path / "family.toml"
    path.write_text(tomlkit.dumps({"name": "f", "description": "d", "topologies": [row]}))
    monkeypatch.setattr(
        module, "download", lambda url, part, *_: copy(tmp_path / url.rsplit("/", 1)[1], part)
    )
    family = load_family(str(path))
    assert module.fetch_networks(family, family.topologies, tmp_path / "models")
    found = sorted(file.name for file in (tmp_path / "models").iterdir())
    assert found == [module.LOCK, "net.tflite"]
    whole = (tmp_path / "models" / "net.tflite").read_bytes()
    assert whole == one_network(*(part.read_bytes() for part in parts))


def test_every_network_of_the_default_family_has_an_address_or_an_origin() -> None:
    family = load_family("recorded")
    page = (Path(__file__).parents[3] / "docs" / "networks.md").read_text(encoding="utf-8")
    for topology in family.topologies + family.variants:
        assert topology.url or "docs/networks.md" in str(topology.origin)
        if topology.url is None:
            assert topology.file.removesuffix(".tflite") in page
