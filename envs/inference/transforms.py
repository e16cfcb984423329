"""Alterations of a view beyond crop and mirroring: geometry, light, contrast, blur, channels.

These are the kinds of transform that the published slides name (R. G. Rizzo, IWES 2021); their
strengths are not published, so each takes its own. Pillow does the work.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from tvfs_gym.envs.errors import InputError, unknown

Pixels = NDArray[np.uint8]
Transform = Callable[[Pixels], Pixels]
"""Takes and returns RGB pixels, shape (input_px, input_px, 3)."""


@dataclass(frozen=True)
class Rotate:
    """Turns the view counter-clockwise by so many degrees; the corners become black."""

    degrees: float

    def __call__(self, view: Pixels) -> Pixels:
        """Turns it, bilinearly."""
        turned = Image.fromarray(view).rotate(self.degrees, Image.Resampling.BILINEAR)
        return np.asarray(turned)


@dataclass(frozen=True)
class Zoom:
    """Enlarges the view's middle by a factor of at least 1, to the view's size."""

    factor: float

    def __post_init__(self) -> None:
        if not self.factor >= 1:
            raise InputError(f"zoom takes a factor of at least 1, not {self.factor}.")

    def __call__(self, view: Pixels) -> Pixels:
        """Resizes the middle, bilinearly."""
        height, width = view.shape[:2]
        margin_x, margin_y = (side * (1 - 1 / self.factor) / 2 for side in (width, height))
        box = (margin_x, margin_y, width - margin_x, height - margin_y)
        size = (width, height)
        return np.asarray(Image.fromarray(view).resize(size, Image.Resampling.BILINEAR, box=box))


@dataclass(frozen=True)
class Brightness:
    """Multiplies the grey levels by a factor."""

    factor: float

    def __call__(self, view: Pixels) -> Pixels:
        """Multiplies and clips."""
        return np.asarray(ImageEnhance.Brightness(Image.fromarray(view)).enhance(self.factor))


@dataclass(frozen=True)
class Contrast:
    """Multiplies the distance of the grey levels from their mean by a factor."""

    factor: float

    def __call__(self, view: Pixels) -> Pixels:
        """Multiplies and clips."""
        return np.asarray(ImageEnhance.Contrast(Image.fromarray(view)).enhance(self.factor))


@dataclass(frozen=True)
class Blur:
    """Gaussian blur of a standard deviation in pixels of the view."""

    radius_px: float

    def __post_init__(self) -> None:
        if not self.radius_px >= 0:
            raise InputError(f"blur takes a radius of at least 0 pixels, not {self.radius_px}.")

    def __call__(self, view: Pixels) -> Pixels:
        """Blurs."""
        return np.asarray(Image.fromarray(view).filter(ImageFilter.GaussianBlur(self.radius_px)))


@dataclass(frozen=True)
class Shuffle:
    """Puts the colour channels in another order, e.g. ``BGR``."""

    channels: str

    def __post_init__(self) -> None:
        if sorted(self.channels) != ["B", "G", "R"]:
            raise InputError(f"shuffle takes an order of R, G and B, not '{self.channels}'.")

    def __call__(self, view: Pixels) -> Pixels:
        """Picks the channels."""
        return np.ascontiguousarray(view[..., ["RGB".index(name) for name in self.channels]])


TRANSFORMS: dict[str, Callable[[float], Transform]] = {
    "rotate": Rotate,
    "zoom": Zoom,
    "brightness": Brightness,
    "contrast": Contrast,
    "blur": Blur,
}
"""Transforms of one number, by their names in a policy; ``shuffle`` takes letters instead."""


def read_transform(text: str) -> Transform:
    """Reads a transform as it stands in a policy, e.g. ``brightness:1.2`` or ``shuffle:BGR``.

    Raises:
        InputError: There is no such transform, or its strength is impossible.
    """
    name, _, strength = text.partition(":")
    if name == "shuffle":
        return Shuffle(strength)
    if name not in TRANSFORMS:
        raise unknown("transform", name, [*TRANSFORMS, "shuffle", "flip"])
    try:
        value = float(strength)
    except ValueError:
        raise InputError(f"{name} takes a number, as in {name}:1.2, not '{strength}'.") from None
    if not np.isfinite(value):
        raise InputError(f"{name} takes a finite number, not {strength}.")
    return TRANSFORMS[name](value)
