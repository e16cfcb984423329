"""Transforms of a view."""

import numpy as np
import pytest

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.transforms import read_transform

VIEW = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)


def apply(text: str, view: np.ndarray = VIEW) -> np.ndarray:
    return read_transform(text)(view)


@pytest.mark.parametrize(
    "text", ["rotate:0", "zoom:1", "brightness:1", "contrast:1", "blur:0", "shuffle:RGB"]
)
def test_a_transform_of_no_strength_changes_nothing(text: str) -> None:
    assert np.array_equal(apply(text), VIEW)


@pytest.mark.parametrize(
    "text", ["rotate:20", "zoom:1.3", "brightness:0.5", "contrast:2", "blur:1.5", "shuffle:GRB"]
)
def test_a_transform_keeps_shape_and_type_and_leaves_its_input_alone(text: str) -> None:
    before = VIEW.copy()
    after = apply(text)
    assert after.shape == VIEW.shape and after.dtype == np.uint8
    assert not np.array_equal(after, before) and np.array_equal(VIEW, before)


def test_what_each_does() -> None:
    assert np.array_equal(apply("shuffle:BGR"), VIEW[..., ::-1])
    assert np.array_equal(apply("rotate:90"), np.rot90(VIEW))
    assert np.abs(apply("brightness:0.5").astype(int) - VIEW // 2).max() <= 1
    flat = np.full((8, 8, 3), 90, np.uint8)
    assert np.array_equal(apply("contrast:2", flat), flat)
    assert apply("blur:2").std() < VIEW.std() / 2
    dot = np.zeros((12, 12, 3), np.uint8)
    dot[3:9, 3:9] = 255
    assert (apply("zoom:2", dot)[1:-1, 1:-1] > 128).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("brigthness:1.2", "unknown transform 'brigthness': did you mean brightness"),
        ("blur", "blur takes a number, as in blur:1.2, not ''"),
        ("blur:much", "blur takes a number"),
        ("blur:-1", "blur takes a radius of at least 0"),
        ("zoom:0.5", "zoom takes a factor of at least 1"),
        ("rotate:nan", "rotate takes a finite number"),
        ("shuffle:RGG", "shuffle takes an order of R, G and B, not 'RGG'"),
    ],
)
def test_an_impossible_transform_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_transform(text)
