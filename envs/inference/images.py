"""Image files: decoding one to upright RGB."""

from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, ImageOps

from tvfs_gym.envs.errors import InputError

MOST_PIXELS = 64_000_000
"""Of the largest picture: more would take a second and a gigabyte each, for networks of 224 px."""


def open_image(path: Path | IO[bytes]) -> Image.Image:
    """Decodes an image file, open or not, upright, to RGB; of an animation the first frame.

    Raises:
        InputError: The file is missing or is not an image that Pillow reads.
    """
    try:
        with Image.open(path) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(
                    f"it has {image.width} x {image.height} pixels, more than {MOST_PIXELS:,}: "
                    "scale it down"
                )
            return to_rgb(image)
    except Exception as error:  # Pillow's plug-ins raise whatever their parsers stumble over
        raise InputError(f"cannot read the image {path}: {error}.") from error


def to_rgb(image: Image.Image) -> Image.Image:
    """Turns an image upright, as its EXIF data say, and to 8 bits of red, green and blue.

    Transparency is dropped, as by torchvision's loader. 16-bit greys are divided by 257, where
    Pillow itself would clip them at 255.

    Raises:
        ValueError: It holds floating-point pixels, whose range is anybody's guess.
    """
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers of unknown range")
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):
        grey = np.clip(np.asarray(upright, np.int32), 0, 65535)
        upright = Image.fromarray(((grey + 128) // 257).astype(np.uint8))
    return upright.convert("RGB")
