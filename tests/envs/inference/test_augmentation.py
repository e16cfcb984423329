"""Views: policies, orders, and the geometry of their crops."""

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.augmentation import (
    CROPS,
    ORDERS,
    RESIZERS,
    Geometry,
    View,
    crop_boxes,
    policy_views,
    read_view,
    views,
    views_of,
)

SIZES = st.tuples(st.integers(1, 300), st.integers(1, 300)).filter(
    lambda size: max(size) <= 16 * min(size)
)
BOXES, ONCE = Geometry("boxes"), Geometry("resize_once")


def picture(width: int, height: int) -> Image.Image:
    grey = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(grey)


@given(SIZES)
def test_crops_are_squares_inside_the_image(size: tuple[int, int]) -> None:
    width, height = size
    for left, top, right, bottom in crop_boxes(width, height).values():
        assert right - left == pytest.approx(bottom - top)
        assert right - left == pytest.approx(0.875 * min(size))
        assert left >= 0 and top >= 0 and right <= width + 1e-9 and bottom <= height + 1e-9


@given(SIZES)
def test_centre_and_corners(size: tuple[int, int]) -> None:
    boxes = crop_boxes(*size)
    assert list(boxes) == list(CROPS)
    centre, top_left, top_right, bottom_left, bottom_right = boxes.values()
    assert centre[0] == pytest.approx(size[0] - centre[2])
    assert centre[1] == pytest.approx(size[1] - centre[3])
    assert top_left[:2] == (0, 0)
    assert (top_right[2], top_right[1]) == pytest.approx((size[0], 0))
    assert (bottom_left[0], bottom_left[3]) == pytest.approx((0, size[1]))
    assert bottom_right[2:] == pytest.approx(size)


@pytest.mark.parametrize("geometry", [BOXES, ONCE], ids=lambda one: one.method)
@given(SIZES, st.sampled_from(["1C", "5C", "10C"]))
def test_every_view_has_the_networks_size(
    geometry: Geometry, size: tuple[int, int], policy: str
) -> None:
    made = list(views(picture(*size), 32, policy_views(policy), geometry))
    assert len(made) == views_of(policy)
    assert all(view.shape == (32, 32, 3) and view.dtype == np.uint8 for view in made)


@given(SIZES)
def test_10c_is_5c_and_its_mirror_images(size: tuple[int, int]) -> None:
    ten = list(views(picture(*size), 16, policy_views("10C")))
    for plain, mirrored in zip(ten[:5], ten[5:], strict=True):
        assert np.array_equal(plain[:, ::-1], mirrored)
    for plain, same in zip(views(picture(*size), 16, policy_views("5C")), ten[:5], strict=True):
        assert np.array_equal(plain, same)


def five_crop(image: np.ndarray, size: int) -> list[np.ndarray]:
    """torchvision's documented rule: top left, top right, bottom left, bottom right, centre.

    The centre crop begins at int(round((height - size) / 2.0)), and likewise across.
    """
    height, width = image.shape[:2]
    top, left = round((height - size) / 2.0), round((width - size) / 2.0)
    return [
        image[0:size, 0:size],
        image[0:size, width - size : width],
        image[height - size : height, 0:size],
        image[height - size : height, width - size : width],
        image[top : top + size, left : left + size],
    ]


@given(SIZES, st.sampled_from([16, 21, 32]))
@example((299, 299), 224)
def test_resize_once_is_torchvisions_resize_and_ten_crop(size: tuple[int, int], px: int) -> None:
    """Resize of the shorter side, the longer one int(size * long / short), then ten_crop."""
    image = picture(*size)
    shorter = round(px / 0.875)
    width, height = size
    if width <= height:
        resized = image.resize((shorter, int(shorter * height / width)), RESIZERS["bilinear"])
    else:
        resized = image.resize((int(shorter * width / height), shorter), RESIZERS["bilinear"])
    whole = np.asarray(resized)
    expected = five_crop(whole, px) + five_crop(whole[:, ::-1], px)
    found = list(views(image, px, policy_views("10C", "torchvision"), ONCE))
    for one, other in zip(found, expected, strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("resizer", RESIZERS)
@given(st.integers(1, 400), st.sampled_from([28, 56, 224]))
@example(299, 224)
def test_on_a_square_image_one_resize_gives_the_boxes_bit_for_bit(
    resizer: str, side: int, px: int
) -> None:
    image = picture(side, side)
    found = views(image, px, policy_views("5C"), Geometry("boxes", resizer=resizer))
    for view, box in zip(found, crop_boxes(side, side).values(), strict=True):
        assert np.array_equal(view, np.asarray(image.resize((px, px), RESIZERS[resizer], box=box)))


@given(SIZES, st.sampled_from([32, 224]))
def test_boxes_are_resized_one_by_one(size: tuple[int, int], px: int) -> None:
    image = picture(*size)
    found = views(image, px, policy_views("5C"), BOXES)
    for view, box in zip(found, crop_boxes(*size).values(), strict=True):
        assert np.array_equal(
            view, np.asarray(image.resize((px, px), RESIZERS["bilinear"], box=box))
        )


@pytest.mark.parametrize(
    ("geometry", "side", "resizes"), [(BOXES, 60, 5), (BOXES, 64, 5), (ONCE, 60, 1)]
)
def test_views_are_made_only_when_asked_for(
    geometry: Geometry, side: int, resizes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = picture(side, 64)
    resized = []
    resize = Image.Image.resize

    def counted(*arguments: Any, **options: Any) -> Image.Image:
        resized.append(arguments)
        return resize(*arguments, **options)

    monkeypatch.setattr(Image.Image, "resize", counted)
    made = views(image, 32, policy_views("10C"), geometry)
    next(made)
    assert len(resized) == 1
    assert len(list(made)) == 9 and len(resized) == resizes


def test_pixels_are_encoded_before_they_are_cut() -> None:
    """Once per plane, not once per view."""
    planes = []

    def encode(pixels: np.ndarray) -> np.ndarray:
        planes.append(pixels.shape)
        return pixels.astype(np.int8)

    made = list(views(picture(64, 64), 28, policy_views("10C"), BOXES, encode))
    assert planes == [(32, 32, 3)] * 2
    plain = views(picture(64, 64), 28, policy_views("10C"), BOXES)
    for one, other in zip(made, plain, strict=True):
        assert np.array_equal(one, other.astype(np.int8))


@pytest.mark.parametrize("geometry", [BOXES, ONCE], ids=lambda one: one.method)
def test_a_transformed_view_is_the_crop_transformed_then_encoded(geometry: Geometry) -> None:
    image = picture(50, 40)
    policy = policy_views("TR+flip, TR+flip+shuffle:BGR+brightness:0.5")
    plain, changed = views(image, 16, policy, geometry)
    halved = plain[..., ::-1] // 2
    assert np.abs(changed.astype(int) - halved).max() <= 1


def test_orders_hold_the_same_ten_views() -> None:
    for order in ORDERS.values():
        assert set(order) == set(ORDERS["centre_first"]) and len(order) == 10
    assert [view.crop for view in policy_views("5C")] == ["C", "TL", "TR", "BL", "BR"]
    assert [view.crop for view in policy_views("5C", "torchvision")][-1] == "C"
    assert policy_views("10C", "interleaved")[:2] == (View("C"), View("C", True))
    for name in ORDERS:
        assert policy_views("1C", name) == (View("C"),)


def test_a_view_is_read_from_text() -> None:
    assert read_view("TL") == View("TL")
    assert read_view(" BR+flip ") == View("BR", True)
    assert read_view("C+flip+flip") == View("C")
    assert policy_views(["C", View("TL", True)]) == (View("C"), View("TL", True))
    assert len(read_view("C+rotate:5+blur:1").transforms) == 2


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("10c", r"unknown augmentation policy '10c'.*10C"),
        ("C,TM", "unknown crop 'TM'"),
        ("C+sharpen:2", "unknown transform 'sharpen'"),
        ([], "a policy needs at least one view"),
    ],
)
def test_an_impossible_policy_is_refused(policy: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        policy_views(policy)


def test_an_unknown_order_names_the_nearest() -> None:
    with pytest.raises(
        InputError, match="unknown order of views 'center_first': did you mean cent"
    ):
        policy_views("10C", "center_first")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "box"}, "unknown crop method 'box': did you mean boxes"),
        ({"resizer": "lanczos"}, "unknown resizer 'lanczos'"),
        ({"crop_fraction": 0.0}, "the crop fraction lies within 0..1"),
        ({"crop_fraction": 1.1}, "the crop fraction lies within 0..1"),
    ],
)
def test_an_impossible_geometry_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Geometry(**options)


def test_an_image_too_long_for_one_resize_is_refused() -> None:
    with pytest.raises(InputError, match=r"17 x 1 pixels; resize_once takes .* use boxes"):
        next(views(picture(17, 1), 16, policy_views("1C"), ONCE))
    assert next(views(picture(17, 1), 16, policy_views("1C"), BOXES)).shape == (16, 16, 3)
