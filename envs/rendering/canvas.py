"""Drawing on an RGB array: smooth curves and areas by column, bars, text."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Pixels = NDArray[np.uint8]
"""A picture of shape (height, width, 3)."""

Columns = NDArray[np.float64]
"""One value per pixel column; NaN where there is nothing to draw."""

Colour = tuple[int, int, int]

BACKGROUND: Colour = (15, 20, 28)
SURFACE: Colour = (24, 31, 42)
GRID: Colour = (44, 54, 69)
TEXT: Colour = (236, 240, 245)
MUTED: Colour = (148, 160, 176)
LIMIT: Colour = (255, 122, 89)
HEAT: Colour = (255, 183, 77)
CLOCK: Colour = (86, 180, 233)
LATENCY: Colour = (204, 160, 235)
RIGHT: Colour = (38, 166, 154)
WRONG: Colour = (240, 228, 66)
LATE: Colour = (230, 80, 50)


@dataclass(frozen=True)
class Panel:
    """A rectangle of the picture with a scale of values.

    Attributes:
        left: First pixel column.
        top: First pixel row.
        width: Pixel columns.
        height: Pixel rows.
        low: Value at the lower edge.
        high: Value at the upper edge.
    """

    left: int
    top: int
    width: int
    height: int
    low: float = 0.0
    high: float = 1.0

    def row(self, value: float) -> float:
        """Pixel row of a value, counted from the top of the picture."""
        return self.top + float(self.depth(np.array([value]))[0])

    def depth(self, values: Columns) -> Columns:
        """Distances of values from the panel's upper edge, in pixels, kept within it."""
        share = (values - self.low) / (self.high - self.low)
        return (1.0 - np.clip(share, 0.0, 1.0)) * self.height

    def view(self, pixels: Pixels) -> Pixels:
        """The panel's part of a picture."""
        rows, columns = slice(self.top, self.top + self.height), slice(self.left, None)
        return pixels[rows, columns][:, : self.width]


def shade(
    pixels: Pixels, panel: Panel, lower: Columns, upper: Columns, colour: Colour, opacity: float
) -> None:
    """Shades, in every column, the values between `lower` and `upper`."""
    _blend(pixels, panel, panel.depth(upper), panel.depth(lower), colour, opacity)


def curve(
    pixels: Pixels, panel: Panel, values: Columns, colour: Colour, width: float = 2.0
) -> None:
    """Draws a smooth line through one value per column."""
    depth = panel.depth(values)
    before, after = np.roll(depth, 1), np.roll(depth, -1)
    before[0], after[-1] = depth[0], depth[-1]
    to_before, to_after = (depth + before) / 2.0, (depth + after) / 2.0
    top = np.fmin(np.fmin(depth, to_before), to_after) - width / 2.0
    bottom = np.fmax(np.fmax(depth, to_before), to_after) + width / 2.0
    _blend(
        pixels, panel, np.minimum(top, panel.height - width), np.maximum(bottom, width), colour, 1.0
    )


def _blend(
    pixels: Pixels, panel: Panel, top: Columns, bottom: Columns, colour: Colour, opacity: float
) -> None:
    """Blends a colour into the pixels between two depths; edges cover pixels in part."""
    drawn = np.flatnonzero(bottom > top)
    if len(drawn) == 0:
        return
    first = max(0, int(np.min(top[drawn])))
    last = min(panel.height, int(np.ceil(np.max(bottom[drawn]))))
    columns = slice(int(drawn[0]), int(drawn[-1]) + 1)
    rows = np.arange(first, last, dtype=np.float32)[:, None]
    above = np.maximum(rows, top[columns].astype(np.float32))
    below = np.minimum(rows + 1.0, bottom[columns].astype(np.float32))
    cover = opacity * np.nan_to_num(np.clip(below - above, 0.0, 1.0))[:, :, None]
    view = panel.view(pixels)[first:last, columns]
    view[:] = (view + cover * (np.array(colour, np.float32) - view) + 0.5).astype(np.uint8)


def bars(
    pixels: Pixels, panel: Panel, shares: NDArray[np.float64], colours: tuple[Colour, ...]
) -> None:
    """Stacks shares from the bottom up in every column.

    Args:
        pixels: The picture.
        panel: Its part to fill.
        shares: Shape (colours, columns); a column of NaN stays empty.
        colours: Colours of the shares, the lowest first.
    """
    lower = np.zeros(panel.width)
    for share, colour in zip(shares, colours, strict=True):
        shade(pixels, panel, lower, lower + share, colour, 1.0)
        lower = lower + share


class Pen:
    """Writes text on a picture.

    Args:
        pixels: The picture; `pixels` holds it again once the text is written.
    """

    def __init__(self, pixels: Pixels) -> None:
        self._image = Image.fromarray(pixels)
        self._draw = ImageDraw.Draw(self._image)

    @property
    def pixels(self) -> Pixels:
        """The picture with the text."""
        return np.array(self._image)

    def text(
        self, x: float, y: float, words: str, size: float, colour: Colour = TEXT, anchor: str = "ls"
    ) -> float:
        """Writes words at a point; the anchor is Pillow's.

        Returns:
            The pixel column where they end.
        """
        self._draw.text((x, y), words, fill=colour, font=font(size), anchor=anchor)
        return x + font(size).getlength(words)

    def line(self, x: int, y: int, to_x: int, colour: Colour) -> None:
        """Draws a horizontal line of one pixel."""
        self._draw.line((x, y, to_x, y), fill=colour)

    def box(
        self, x: float, y: float, to_x: float, to_y: float, colour: Colour, radius: int = 0
    ) -> None:
        """Fills a rectangle with round corners."""
        self._draw.rounded_rectangle((x, y, to_x, to_y), radius, fill=colour)


@lru_cache(maxsize=32)
def font(size: float) -> ImageFont.FreeTypeFont:
    """Pillow's own scalable font."""
    loaded = ImageFont.load_default(size)
    assert isinstance(loaded, ImageFont.FreeTypeFont)
    return loaded
