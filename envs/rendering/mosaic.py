"""Small pictures of the first sixteen boards of a batch, side by side."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.rendering import canvas
from tvfs_gym.envs.rendering.canvas import Panel, Pen, Pixels
from tvfs_gym.envs.rendering.history import RIGHT, History, sample_of
from tvfs_gym.envs.rendering.picture import draw_answers, draw_temperature, temperature_panel

TILES_A_SIDE = 4
"""Rows, and columns, of a mosaic."""

TILES = TILES_A_SIDE**2

TILE_WIDTH, TILE_HEIGHT = 240, 136
"""Size of a small picture in pixels."""

_TEMPERATURE = Panel(10, 50, 220, 60)
_ANSWERS = Panel(10, 116, 220, 10)
_BIN = 4


class Tile:
    """A small picture of a board: temperature against T_max, answers, and three figures.

    Args:
        name: Its title.
        frequencies_hz: Clocks of the VF levels, slowest first.
    """

    def __init__(self, name: str, frequencies_hz: Sequence[float]) -> None:
        self._name, self._frequencies_hz = name, list(frequencies_hz)
        self._history = History()

    def begin(self, window: Window) -> None:
        """Starts an episode with its start's window."""
        self._history.begin(sample_of(window, np.empty((0, 5)), self._frequencies_hz))

    def add(self, window: Window, frames: NDArray[np.float64]) -> None:
        """Adds a window and its frames."""
        self._history.add(sample_of(window, frames, self._frequencies_hz))

    def image(self) -> Pixels:
        """Draws the last minute."""
        history, last = self._history, self._history.last
        pixels = np.empty((TILE_HEIGHT, TILE_WIDTH, 3), np.uint8)
        pixels[:] = canvas.BACKGROUND
        panel = temperature_panel(_TEMPERATURE, history)
        for part in (panel, _ANSWERS):
            part.view(pixels)[:] = canvas.SURFACE
        draw_temperature(pixels, panel, history, 1.8)
        draw_answers(pixels, _ANSWERS, history, _BIN)
        pen = Pen(pixels)
        hot = last.temperature_c > last.t_max_c
        pen.text(10, 19, self._name, 12, canvas.MUTED)
        pen.text(230, 19, f"{last.time_s:.0f} s", 12, canvas.MUTED, "rs")
        pen.text(10, 42, f"{last.temperature_c:.0f} °C", 17, canvas.LIMIT if hot else canvas.TEXT)
        pen.text(118, 42, f"{last.frequency_hz / 1e9:.2f} GHz", 17, anchor="ms")
        right = history.share(RIGHT)
        pen.text(230, 42, "-" if np.isnan(right) else f"{100.0 * right:.0f} %", 17, anchor="rs")
        return pen.pixels


def mosaic(images: Sequence[Pixels]) -> Pixels:
    """Puts at most sixteen small pictures side by side; places without one stay dark."""
    dark = np.full_like(images[0], canvas.BACKGROUND)
    places = [*images, *[dark] * (TILES_A_SIDE**2 - len(images))]
    rows = [
        np.concatenate(places[first : first + TILES_A_SIDE], axis=1)
        for first in range(0, TILES_A_SIDE**2, TILES_A_SIDE)
    ]
    return np.concatenate(rows)
