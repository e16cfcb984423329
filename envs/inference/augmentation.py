"""Augmented views of an image: the published 5C and 10C policies."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tvfs_gym.envs.errors import unknown

POLICIES = {"1C": 1, "5C": 5, "10C": 10}
"""Number of views per policy: the centre crop; four corner crops more; the mirrored five more."""

CROP_FRACTION = 0.875
"""Side of a crop relative to the image's shorter side (TensorFlow Lite's ImageNet evaluator,
``kCroppingFraction`` in image_classification_stage.cc; EfficientNet-Lite's preprocessing.py)."""

RESIZER = "Pillow bilinear, antialiased"

Pixels = NDArray[np.uint8]


def views_of(policy: str) -> int:
    """Number of views of a policy.

    Raises:
        InputError: There is no such policy.
    """
    if policy not in POLICIES:
        raise unknown("augmentation policy", policy, POLICIES)
    return POLICIES[policy]


def crop_boxes(width: int, height: int) -> list[tuple[float, float, float, float]]:
    """Boxes (left, top, right, bottom) of the five square crops, in pixels.

    The crops are torchvision's ``five_crop`` (four corners and the centre) with the centre first,
    the sensible order for an early exit; the order in AdapTTA's experiments is not published.
    """
    side = CROP_FRACTION * min(width, height)
    right, bottom = width - side, height - side
    corners = [
        (right / 2, bottom / 2),
        (0.0, 0.0),
        (right, 0.0),
        (0.0, bottom),
        (right, bottom),
    ]
    return [(left, top, left + side, top + side) for left, top in corners]


def views(image: Image.Image, input_px: int, policy: str = "10C") -> Iterator[Pixels]:
    """Yields the views of an RGB image in AdapTTA's order, each made only when asked for.

    Args:
        image: An RGB image of any size.
        input_px: Height and width of every view.
        policy: ``1C``, ``5C`` or ``10C``.

    Yields:
        Arrays of shape (input_px, input_px, 3).
    """
    size = (input_px, input_px)
    count = views_of(policy)
    crops = []
    for box in crop_boxes(image.width, image.height)[:count]:
        crops.append(np.asarray(image.resize(size, Image.Resampling.BILINEAR, box=box)))
        yield crops[-1]
    for crop in crops[: count - len(crops)]:
        yield np.ascontiguousarray(crop[:, ::-1])
