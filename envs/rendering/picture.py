"""The last minute of one board's episode as a picture.

From the top: figures of the latest window, the die temperature against T_max, the clock and its
cap, the frame latency against L_c, the network that ran, and a strip of right, wrong and late
answers. All charts share one axis of simulated time.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.rendering import canvas
from tvfs_gym.envs.rendering.canvas import Colour, Panel, Pen, Pixels
from tvfs_gym.envs.rendering.history import RIGHT, SPAN_S, History, sample_of

WIDTH, HEIGHT = 960, 540
"""Size of a picture in pixels."""

_LEFT, _PLOT_WIDTH = 160, 728
_TEMPERATURE = Panel(_LEFT, 140, _PLOT_WIDTH, 110)
_CLOCK = Panel(_LEFT, 266, _PLOT_WIDTH, 70)
_LATENCY = Panel(_LEFT, 352, _PLOT_WIDTH, 80)
_NETWORK = Panel(_LEFT, 448, _PLOT_WIDTH, 22)
_ANSWERS = Panel(_LEFT, 484, _PLOT_WIDTH, 24)
_BIN = 4
"""Pixel columns of a bar of the answers' strip."""

_FAST, _ACCURATE = np.array([40, 62, 108]), np.array([150, 96, 158])
_OUTCOMES = (canvas.RIGHT, canvas.WRONG, canvas.LATE)


class Picture:
    """Draws a board's episode.

    Args:
        board_name: Title of the picture.
        topologies: Names of the networks, fastest first.
        frequencies_hz: Clocks of the VF levels, slowest first.
        caption: Words after the title: the controller's name, say.
    """

    def __init__(
        self,
        board_name: str,
        topologies: Sequence[str],
        frequencies_hz: Sequence[float],
        caption: str = "",
    ) -> None:
        self._board_name, self._caption = board_name, caption
        self._topologies = [name.replace("_", " ") for name in topologies]
        self._frequencies_hz = list(frequencies_hz)
        self._history = History()
        self._backdrop: Pixels = np.empty((0, 0, 3), np.uint8)
        self._backdrop_scales: tuple[Panel, ...] = ()

    def begin(self, window: Window) -> None:
        """Starts an episode with its start's window."""
        self._history.begin(sample_of(window, np.empty((0, 5)), self._frequencies_hz))

    def add(self, window: Window, frames: NDArray[np.float64]) -> None:
        """Adds a window and its frames."""
        self._history.add(sample_of(window, frames, self._frequencies_hz))

    def image(self) -> Pixels:
        """Draws the last minute."""
        temperature, clock, latency = scales = self._scales()
        if scales != self._backdrop_scales:
            self._backdrop, self._backdrop_scales = self._draw_backdrop(scales), scales
        pixels = self._backdrop.copy()
        draw_temperature(pixels, temperature, self._history)
        draw_clock(pixels, clock, self._history)
        _draw_latency(pixels, latency, self._history)
        self._draw_network(pixels)
        draw_answers(pixels, _ANSWERS, self._history, _BIN)
        pen = Pen(pixels)
        self._write_figures(pen)
        self._write_networks(pen)
        self._write_limits(pen, temperature, latency)
        return pen.pixels

    def _scales(self) -> tuple[Panel, Panel, Panel]:
        """The charts' panels with scales that hold the last minute."""
        history = self._history
        constraint_s = history.column("latency_constraint_s").max()
        # A real board may tell no clock of its VF levels, nor its own.
        clocks_hz = [*self._frequencies_hz, *history.column("frequency_hz"), 1e8]
        highest_ghz = float(np.nanmax(clocks_hz)) / 1e9
        return (
            temperature_panel(_TEMPERATURE, history),
            replace(_CLOCK, high=1.12 * highest_ghz),
            replace(_LATENCY, high=2e3 * constraint_s),
        )

    def _draw_backdrop(self, scales: tuple[Panel, ...]) -> Pixels:
        """Draws all that stays the same while the scales do."""
        pixels = np.empty((HEIGHT, WIDTH, 3), np.uint8)
        pixels[:] = canvas.BACKGROUND
        pen = Pen(pixels)
        end = pen.text(24, 37, self._board_name, 24)
        pen.text(end + 14, 37, self._caption, 18, canvas.MUTED)
        names = ("Die temperature", "Clock and cap", "Frame latency", "Network", "Answers")
        units = ("°C", "GHz", "ms", "", "")
        for panel, name, unit in zip((*scales, _NETWORK, _ANSWERS), names, units, strict=True):
            right, bottom = panel.left + panel.width - 1, panel.top + panel.height - 1
            pen.box(panel.left, panel.top, right, bottom, canvas.SURFACE)
            middle = panel.top + (11 if unit else panel.height / 2)
            pen.text(24, middle, name, 13, anchor="lm")
            if unit:
                pen.text(24, middle + 16, unit, 12, canvas.MUTED, "lm")
                _write_ticks(pen, panel)
        self._write_axis(pen)
        x: float = 660
        for outcome, colour in zip(("right", "wrong", "late"), _OUTCOMES, strict=True):
            pen.box(x, 27, x + 10, 37, colour, 2)
            x = pen.text(x + 15, 37, outcome, 13, canvas.MUTED) + 14
        return pen.pixels

    def _write_axis(self, pen: Pen) -> None:
        for back_s in (60, 45, 30, 15, 0):
            x = _LEFT + _PLOT_WIDTH * (1.0 - back_s / SPAN_S)
            words = f"-{back_s} s" if back_s else "0 s"
            pen.text(x, 518, words, 12, canvas.MUTED, {60: "la", 0: "ra"}.get(back_s, "ma"))

    def _write_figures(self, pen: Pen) -> None:
        """Writes the figures of the latest window, and the time."""
        last = self._history.last
        hot = last.temperature_c > last.t_max_c
        late = last.latency_s > last.latency_constraint_s
        pen.text(WIDTH - 24, 37, f"{last.time_s:.1f} s", 24, anchor="rs")
        right = self._history.share(RIGHT)
        figures = (
            (f"{last.temperature_c:.1f}", "°C", f"die, T_max {last.t_max_c:.0f} °C", hot),
            (
                _number(last.frequency_hz / 1e9, 2),
                "GHz",
                f"clock, cap {_number(last.cap_hz / 1e9, 2)} GHz",
                False,
            ),
            (
                _number(1e3 * last.latency_s, 1),
                "ms",
                f"latency, L_c {1e3 * last.latency_constraint_s:.0f} ms",
                late,
            ),
            (_number(100.0 * right, 0), "%", "right and on time, last minute", False),
        )
        for x, (number, unit, label, alarm) in zip((24, 246, 468, 700), figures, strict=True):
            end = pen.text(x, 98, number, 40, canvas.LIMIT if alarm else canvas.TEXT)
            pen.text(end + 6, 98, unit, 20, canvas.MUTED)
            pen.text(x, 120, label, 13, canvas.MUTED)

    def _draw_network(self, pixels: Pixels) -> None:
        topology = self._history.steps("topology", _NETWORK.width)
        for index in np.unique(topology[~np.isnan(topology)]).astype(int):
            _NETWORK.view(pixels)[:, topology == index] = self._network_colour(index)

    def _network_colour(self, index: int) -> Colour:
        share = index / max(1, len(self._topologies) - 1)
        red, green, blue = (_FAST + share * (_ACCURATE - _FAST)).astype(int).tolist()
        return red, green, blue

    def _write_networks(self, pen: Pen) -> None:
        """Writes the names of the networks that ran long enough for their name to fit."""
        topology = self._history.steps("topology", _NETWORK.width)
        edges = np.flatnonzero(np.diff(topology, prepend=np.nan, append=np.nan) != 0.0)
        for first, end in pairwise(edges):
            if np.isnan(topology[first]):
                continue
            name = self._topologies[int(topology[first])]
            if canvas.font(12).getlength(name) + 12 < end - first:
                middle = _NETWORK.top + _NETWORK.height / 2
                pen.text(_LEFT + (first + end) / 2, middle, name, 12, anchor="mm")

    def _write_limits(self, pen: Pen, temperature: Panel, latency: Panel) -> None:
        last, right = self._history.last, _LEFT + _PLOT_WIDTH + 8
        for panel, limit, name in (
            (temperature, last.t_max_c, "T_max"),
            (latency, 1e3 * last.latency_constraint_s, "L_c"),
        ):
            pen.text(right, panel.row(limit), name, 13, canvas.LIMIT, "lm")


def temperature_panel(panel: Panel, history: History) -> Panel:
    """A panel with a scale of temperatures that holds the last minute and T_max."""
    temperature, t_max_c = history.column("temperature_c"), history.column("t_max_c")
    low = min(temperature.min() - 2.0, t_max_c.min() - 40.0)
    high = max(temperature.max() + 2.0, t_max_c.max() + 12.0)
    return replace(panel, low=10.0 * np.floor(low / 10.0), high=10.0 * np.ceil(high / 10.0))


def draw_temperature(pixels: Pixels, panel: Panel, history: History, width: float = 2.5) -> None:
    """Draws the die temperature, T_max, and shades the area between them where it is above."""
    temperature = history.smooth("temperature_c", panel.width)
    t_max_c = np.full(panel.width, history.last.t_max_c)
    canvas.shade(pixels, panel, np.full(panel.width, panel.low), temperature, canvas.HEAT, 0.12)
    canvas.shade(pixels, panel, t_max_c, temperature, canvas.LIMIT, 0.75)
    _draw_limit(pixels, panel, t_max_c)
    canvas.curve(pixels, panel, temperature, canvas.HEAT, width)


def draw_clock(pixels: Pixels, panel: Panel, history: History) -> None:
    """Draws the clock, filled, and the cap above it."""
    clock = history.steps("frequency_hz", panel.width) / 1e9
    cap = history.steps("cap_hz", panel.width) / 1e9
    full = np.full(panel.width, panel.high)
    canvas.shade(pixels, panel, cap, np.where(np.isnan(cap), np.nan, full), canvas.GRID, 0.8)
    canvas.shade(pixels, panel, np.zeros(panel.width), clock, canvas.CLOCK, 0.25)
    canvas.curve(pixels, panel, cap, canvas.MUTED, 1.2)
    canvas.curve(pixels, panel, clock, canvas.CLOCK, 2.0)


def draw_answers(pixels: Pixels, panel: Panel, history: History, bar: int) -> None:
    """Draws the strip of answers: right at the bottom, wrong, late at the top."""
    shares = np.repeat(history.shares(panel.width // bar), bar, axis=1)
    canvas.bars(pixels, panel, shares, _OUTCOMES)


def _draw_latency(pixels: Pixels, panel: Panel, history: History) -> None:
    mean_ms = 1e3 * history.steps("latency_s", panel.width)
    worst_ms = 1e3 * history.steps("worst_s", panel.width)
    constraint_ms = 1e3 * history.steps("latency_constraint_s", panel.width)
    constraint_ms[np.isnan(constraint_ms)] = 1e3 * history.last.latency_constraint_s
    canvas.shade(pixels, panel, np.zeros(panel.width), mean_ms, canvas.LATENCY, 0.22)
    canvas.shade(pixels, panel, mean_ms, worst_ms, canvas.LATENCY, 0.4)
    canvas.shade(pixels, panel, constraint_ms, worst_ms, canvas.LIMIT, 0.75)
    _draw_limit(pixels, panel, constraint_ms)
    canvas.curve(pixels, panel, mean_ms, canvas.LATENCY, 2.0)


def _draw_limit(pixels: Pixels, panel: Panel, values: NDArray[np.float64]) -> None:
    dashed = np.where(np.arange(panel.width) % 10 < 6, values, np.nan)
    canvas.curve(pixels, panel, dashed, canvas.LIMIT, 1.4)


def _write_ticks(pen: Pen, panel: Panel) -> None:
    for value in _ticks(panel):
        y = round(panel.row(value))
        pen.line(panel.left, y, panel.left + panel.width - 1, canvas.GRID)
        pen.text(panel.left - 8, y, f"{value:g}", 12, canvas.MUTED, "rm")


def _ticks(panel: Panel) -> NDArray[np.float64]:
    """Two to four round values within the panel."""
    rough = (panel.high - panel.low) / 4.0
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(s * power for s in (1.0, 2.0, 2.5, 5.0, 10.0) if s * power >= rough)
    ticks: NDArray[np.float64] = step * np.arange(
        np.ceil(panel.low / step), np.floor(panel.high / step) + 1
    )
    return ticks[(ticks > panel.low) & (ticks < panel.high)]


def _number(value: float, digits: int) -> str:
    return "-" if np.isnan(value) else f"{value:.{digits}f}"
