"""Views: the published 5C and 10C policies."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.augmentation import CROP_FRACTION, crop_boxes, views, views_of

SIZES = st.tuples(st.integers(1, 400), st.integers(1, 400))


def picture(width: int, height: int) -> Image.Image:
    grey = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(grey)


@given(SIZES)
def test_crops_are_squares_inside_the_image(size: tuple[int, int]) -> None:
    width, height = size
    for left, top, right, bottom in crop_boxes(width, height):
        assert right - left == pytest.approx(bottom - top)
        assert right - left == pytest.approx(CROP_FRACTION * min(size))
        assert left >= 0 and top >= 0 and right <= width + 1e-9 and bottom <= height + 1e-9


@given(SIZES)
def test_centre_first_then_the_corners(size: tuple[int, int]) -> None:
    centre, top_left, top_right, bottom_left, bottom_right = crop_boxes(*size)
    assert centre[0] == pytest.approx(size[0] - centre[2])
    assert centre[1] == pytest.approx(size[1] - centre[3])
    assert top_left[:2] == (0, 0)
    assert (top_right[2], top_right[1]) == pytest.approx((size[0], 0))
    assert (bottom_left[0], bottom_left[3]) == pytest.approx((0, size[1]))
    assert bottom_right[2:] == pytest.approx(size)


@given(SIZES, st.sampled_from(["1C", "5C", "10C"]))
def test_every_view_has_the_networks_size(size: tuple[int, int], policy: str) -> None:
    made = list(views(picture(*size), 32, policy))
    assert len(made) == views_of(policy)
    assert all(view.shape == (32, 32, 3) and view.dtype == np.uint8 for view in made)


@given(SIZES)
def test_10c_is_5c_and_its_mirror_images(size: tuple[int, int]) -> None:
    ten = list(views(picture(*size), 16, "10C"))
    for plain, mirrored in zip(ten[:5], ten[5:], strict=True):
        assert np.array_equal(plain[:, ::-1], mirrored)
    for plain, same in zip(views(picture(*size), 16, "5C"), ten[:5], strict=True):
        assert np.array_equal(plain, same)


def test_views_are_made_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    image = picture(64, 64)
    resized = []
    resize = Image.Image.resize

    def counted(*arguments: Any, **options: Any) -> Image.Image:
        resized.append(arguments)
        return resize(*arguments, **options)

    monkeypatch.setattr(Image.Image, "resize", counted)
    next(views(image, 32, "10C"))
    assert len(resized) == 1


def test_an_unknown_policy_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"unknown augmentation policy '10c'.*10C"):
        views_of("10c")
