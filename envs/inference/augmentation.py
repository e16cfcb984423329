"""Augmented views of an image: policies, their order, and the geometry of their crops."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tvfs_gym.envs.errors import InputError, unknown
from tvfs_gym.envs.inference.transforms import Pixels, Transform, read_transform

POLICIES = {"1C": 1, "5C": 5, "10C": 10}
"""Number of views per policy: the centre crop; four corner crops more; the mirrored five more."""

CROPS = ("C", "TL", "TR", "BL", "BR")

METHODS = ("boxes", "resize_once")

RESIZERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
"""Pillow's filters; both are antialiased."""

LONGEST = 16
"""The longest image that `resize_once` takes, in multiples of its shorter side: beyond, the resized
image outgrows a board's memory."""

Codes = NDArray[Any]
"""A view as a network's input tensor holds it, shape (input_px, input_px, 3)."""


@dataclass(frozen=True)
class View:
    """One altered version of a frame.

    Attributes:
        crop: ``C``, ``TL``, ``TR``, ``BL`` or ``BR``: which part of the frame.
        mirrored: True if that part is flipped left to right.
        transforms: Transforms of it, in this order.
    """

    crop: str
    mirrored: bool = False
    transforms: tuple[Transform, ...] = ()

    def __post_init__(self) -> None:
        if self.crop not in CROPS:
            raise unknown("crop", self.crop, CROPS)


def read_view(text: str) -> View:
    """Reads a view as it stands in a policy, e.g. ``TL``, ``C+flip`` or ``C+rotate:10+blur:1``.

    Raises:
        InputError: It names no crop, or an impossible transform.
    """
    crop, *alterations = text.strip().split("+")
    mirrored = alterations.count("flip") % 2 == 1
    return View(
        crop,
        mirrored,
        tuple(read_transform(alteration) for alteration in alterations if alteration != "flip"),
    )


ORDERS: dict[str, tuple[View, ...]] = {
    "centre_first": tuple(View(crop, flip) for flip in (False, True) for crop in CROPS),
    "interleaved": tuple(View(crop, flip) for crop in CROPS for flip in (False, True)),
    "torchvision": tuple(
        [View(crop) for crop in ("TL", "TR", "BL", "BR", "C")]
        + [View(crop, True) for crop in ("TR", "TL", "BR", "BL", "C")]
    ),
}
"""The ten views in the orders that are offered. ``torchvision`` is that of its ``ten_crop``
(corners first; the later five are the crops of the mirrored image, whose left is the image's
right), the others put the centre first, the sensible order for an early exit. AdapTTA's is not
published."""

Policy = str | Sequence[str | View]


def views_of(policy: str) -> int:
    """Number of views of a named policy.

    Raises:
        InputError: There is no such policy.
    """
    if policy not in POLICIES:
        raise unknown("augmentation policy", policy, POLICIES)
    return POLICIES[policy]


def policy_views(policy: Policy, order: str = "centre_first") -> tuple[View, ...]:
    """The views of a policy, first to last.

    Args:
        policy: ``1C``, ``5C``, ``10C``; views separated by commas, as in ``C, C+flip, TL+blur:1``;
            or a sequence of views or their texts.
        order: A key of `ORDERS`, for the named policies; a list of views has its own.

    Raises:
        InputError: There is no such policy, order, crop or transform, or no view.
    """
    if order not in ORDERS:
        raise unknown("order of views", order, ORDERS)
    if isinstance(policy, str) and policy not in POLICIES:
        parts = policy.split(",")
        if len(parts) == 1 and parts[0].partition("+")[0].strip() not in CROPS:
            raise unknown("augmentation policy", policy, POLICIES)
        policy = parts
    if not isinstance(policy, str):
        if not policy:
            raise InputError("a policy needs at least one view, e.g. C.")
        return tuple(view if isinstance(view, View) else read_view(view) for view in policy)
    if policy == "1C":
        return (View("C"),)
    return tuple(view for view in ORDERS[order] if policy == "10C" or not view.mirrored)


@dataclass(frozen=True)
class Geometry:
    """How crops are cut out of a frame.

    Attributes:
        method: ``boxes`` cuts a square of ``crop_fraction`` of the frame's shorter side out of the
            centre and every corner and resizes each by itself. The recorded outcomes were made so;
            it is the default for that reason. ``resize_once`` resizes the frame's shorter side to
            input / ``crop_fraction`` pixels and cuts plain slices out of it, as torchvision's
            ``Resize`` and ``FiveCrop`` do: several times faster on frames that are not square, and
            what a camera's live stream wants. The two differ by less than a pixel's shift; on a
            square frame they agree bit for bit wherever one grid holds all crops, which is so for
            networks of 224 pixels.
        crop_fraction: Side of a crop relative to the frame's shorter side. 0.875: TensorFlow Lite's
            ImageNet evaluator, ``kCroppingFraction`` in image_classification_stage.cc, and
            EfficientNet-Lite's preprocessing.py.
        resizer: ``bilinear`` or ``bicubic``.

    Raises:
        InputError: A name is unknown or the fraction is not within 0..1.
    """

    method: str = "boxes"
    crop_fraction: float = 0.875
    resizer: str = "bilinear"

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise unknown("crop method", self.method, METHODS)
        if self.resizer not in RESIZERS:
            raise unknown("resizer", self.resizer, RESIZERS)
        if not 0 < self.crop_fraction <= 1:
            raise InputError(f"the crop fraction lies within 0..1; {self.crop_fraction} does not.")

    @property
    def description(self) -> str:
        """Description of the preparation of images, for a recording's provenance."""
        cut = (
            f"squares of {self.crop_fraction} of the shorter side"
            if self.method == "boxes"
            else f"shorter side resized to input / {self.crop_fraction}, plain crops"
        )
        return f"{cut}: C, TL, TR, BL, BR, mirrored"

    @property
    def resizer_description(self) -> str:
        """Library and filter."""
        return f"Pillow {self.resizer}, antialiased"


DEFAULT_GEOMETRY = Geometry()


def crop_boxes(
    width: int, height: int, fraction: float = Geometry.crop_fraction
) -> dict[str, tuple[float, float, float, float]]:
    """Boxes (left, top, right, bottom) of the five square crops, in pixels of the frame."""
    side = fraction * min(width, height)
    right, bottom = width - side, height - side
    corners = {
        "C": (right / 2, bottom / 2),
        "TL": (0.0, 0.0),
        "TR": (right, 0.0),
        "BL": (0.0, bottom),
        "BR": (right, bottom),
    }
    return {name: (left, top, left + side, top + side) for name, (left, top) in corners.items()}


def views(
    image: Image.Image,
    input_px: int,
    policy: Sequence[View] = ORDERS["centre_first"],
    geometry: Geometry = DEFAULT_GEOMETRY,
    encode: Callable[[Pixels], Codes] = lambda pixels: pixels,
) -> Iterator[Codes]:
    """Yields the views of an RGB image, each made only when asked for.

    Args:
        image: An RGB image of any size.
        input_px: Height and width of every view.
        policy: The views, as from `policy_views`.
        geometry: How they are cut.
        encode: Turns pixels into what the network's input tensor holds, element by element.

    Yields:
        Arrays of shape (input_px, input_px, 3); they may be slices of a larger one.

    Raises:
        InputError: The image is too long for ``resize_once``.
    """
    crops = _crops(image, input_px, geometry, encode)
    for view in policy:
        if view.transforms:
            pixels = np.ascontiguousarray(crops.pixels(view.crop, view.mirrored))
            for transform in view.transforms:
                pixels = transform(pixels)
            yield encode(pixels)
        else:
            yield crops.codes(view.crop, view.mirrored)


def _crops(
    image: Image.Image, px: int, geometry: Geometry, encode: Callable[[Pixels], Codes]
) -> "_Boxes | _Grid":
    resample = RESIZERS[geometry.resizer]
    if geometry.method == "resize_once":
        size = _resized_size(image.width, image.height, round(px / geometry.crop_fraction))
        return _Grid(image.resize(size, resample), px, encode)
    grid = _common_grid(image, px, geometry.crop_fraction)
    if grid is not None:
        return _Grid(image.resize((grid, grid), resample), px, encode)
    boxes = crop_boxes(image.width, image.height, geometry.crop_fraction)
    return _Boxes(image, boxes, (px, px), resample, encode)


def _resized_size(width: int, height: int, shorter_px: int) -> tuple[int, int]:
    """Size with the shorter side given, the longer one cut to whole pixels (torchvision Resize)."""
    short, long = sorted((width, height))
    if long > LONGEST * short:
        raise InputError(
            f"the image is {width} x {height} pixels; resize_once takes a side of at most "
            f"{LONGEST} times the other: use boxes."
        )
    longer_px = int(shorter_px * long / short)
    return (shorter_px, longer_px) if width <= height else (longer_px, shorter_px)


def _common_grid(image: Image.Image, px: int, fraction: float) -> int | None:
    """Side of the resized image of which all five boxes are plain slices, if there is one.

    On a square image of w pixels, resizing a box of px / G of its side to px pixels samples it at
    the pitch w / G, and so does resizing the whole image to G. If G is a power of two all positions
    are exact in binary, and Pillow, which filters across a box's edge, computes the same
    coefficients: the slices are the resized boxes bit for bit.
    """
    grid = px / fraction
    power_of_two = grid.is_integer() and int(grid) & (int(grid) - 1) == 0
    exact = image.width == image.height and power_of_two and (int(grid) - px) % 2 == 0
    return int(grid) if exact else None


class _Grid:
    """Crops as slices of one resized image, and of its mirror image."""

    def __init__(self, resized: Image.Image, px: int, encode: Callable[[Pixels], Codes]) -> None:
        self._resized = resized
        self._px = px
        self._encode = encode
        self._planes: dict[bool, Codes] = {}

    def codes(self, crop: str, mirrored: bool) -> Codes:
        if mirrored not in self._planes:
            self._planes[mirrored] = self._encode(self._plane(mirrored))
        return self._cut(self._planes[mirrored], crop, mirrored)

    def pixels(self, crop: str, mirrored: bool) -> Pixels:
        return self._cut(self._plane(mirrored), crop, mirrored)

    def _plane(self, mirrored: bool) -> Pixels:
        flip = Image.Transpose.FLIP_LEFT_RIGHT
        return np.asarray(self._resized.transpose(flip) if mirrored else self._resized)

    def _cut(self, plane: Codes, crop: str, mirrored: bool) -> Codes:
        right, bottom = self._resized.width - self._px, self._resized.height - self._px
        if crop == "C":  # of the mirrored image its own, as in torchvision's ten_crop
            left, top = round(right / 2), round(bottom / 2)
        else:
            left, top = right * (crop.endswith("R") != mirrored), bottom * crop.startswith("B")
        return plane[top : top + self._px, left : left + self._px]


class _Boxes:
    """Crops resized one by one."""

    def __init__(
        self,
        image: Image.Image,
        boxes: dict[str, tuple[float, float, float, float]],
        size: tuple[int, int],
        resample: Image.Resampling,
        encode: Callable[[Pixels], Codes],
    ) -> None:
        self._image = image
        self._boxes = boxes
        self._size = size
        self._resample = resample
        self._encode = encode
        self._resized: dict[str, Image.Image] = {}

    def codes(self, crop: str, mirrored: bool) -> Codes:
        return self._encode(self.pixels(crop, mirrored))

    def pixels(self, crop: str, mirrored: bool) -> Pixels:
        if crop not in self._resized:
            box = self._boxes[crop]
            self._resized[crop] = self._image.resize(self._size, self._resample, box=box)
        resized = self._resized[crop]
        flip = Image.Transpose.FLIP_LEFT_RIGHT
        return np.asarray(resized.transpose(flip) if mirrored else resized)
