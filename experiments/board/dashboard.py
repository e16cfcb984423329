"""Progress of a run: a live dashboard, or plain lines where there is no terminal."""

import math
from collections import deque
from types import TracebackType
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tvfs_gym.envs.boards.board import Board
from tvfs_gym.envs.boards.window import Window
from tvfs_gym.experiments.episodes import Row

_BARS = "▁▂▃▄▅▆▇█"
_HISTORY = 60
"""Steps whose course is drawn."""

_LINES = 10
"""Plain lines per episode."""


class LiveEpisode:
    """The episode under way.

    Args:
        board: The board.
        title: Which episode it is.
        frames: Its frames.
    """

    def __init__(self, board: Board, title: str, frames: int) -> None:
        self.title = title
        self.frames = frames
        self.answered = self.on_time_correct = self.late = 0.0
        self._board = board
        self._windows: deque[Window] = deque(maxlen=_HISTORY)

    @property
    def window(self) -> Window:
        """The last one."""
        return self._windows[-1]

    def add(self, window: Window) -> None:
        """Takes a step in."""
        self._windows.append(window)
        self.answered += window.frames
        self.on_time_correct += window.on_time_correct_frames
        self.late += window.late_frames

    def quantities(self) -> list[tuple[str, str, str, str]]:
        """Name, value, limit and course of what is shown."""
        window = self.window
        cap_hz = self._board.operating_points[int(window.cap_level)].frequency_hz
        latency = f"{1e3 * window.latency_mean_s:.1f} ms, worst {1e3 * window.latency_max_s:.1f}"
        right = shown(100 * self.on_time_correct / self.answered, "{:.1f} % so far")
        late = f"late {100 * self.late / self.answered:.1f} %"
        rights = [past.on_time_correct_frames / past.frames for past in self._windows]
        clock, cap = (
            shown(window.frequency_hz / 1e9, "{:.2f} GHz"),
            shown(cap_hz / 1e9, "cap {:.2f} GHz"),
        )
        celsius, limit = shown(window.temperature_c, "{:.1f} °C"), f"T_max {window.t_max_c:g} °C"
        network = self._board.family.names[int(window.topology)]
        passes = f"{window.passes_mean:.1f} passes per frame"
        constraint = f"L_c {1e3 * window.latency_constraint_s:g} ms"
        return [
            ("temperature", celsius, limit, self._past("temperature_c")),
            ("clock", clock, cap, self._past("frequency_mean_hz")),
            ("topology", network, passes, self._past("topology")),
            ("latency", latency, constraint, self._past("latency_max_s")),
            ("right and on time", right, late, sparkline(rights)),
        ]

    def _past(self, field: str) -> str:
        return sparkline([getattr(window, field) for window in self._windows])


def shown(value: float, form: str) -> str:
    """A value as text, or that the board does not tell it."""
    return "unknown" if math.isnan(value) else form.format(value)


def sparkline(values: list[float]) -> str:
    """Values as a row of bars between their lowest and highest; nothing if one is unknown."""
    if any(map(math.isnan, values)):
        return ""
    low, span = min(values), max(values) - min(values)
    if span == 0:
        return _BARS[0] * len(values)
    return "".join(_BARS[round((value - low) / span * (len(_BARS) - 1))] for value in values)


class RunView(Protocol):
    """Shows a run; a context manager."""

    def begins(self, episode: LiveEpisode) -> None:
        """An episode begins: the board is reset, and may have to cool down."""

    def stepped(self, episode: LiveEpisode) -> None:
        """A step was added to the episode."""

    def ended(self, controller: str, episode: Row) -> None:
        """An episode ended."""

    def __enter__(self) -> "RunView": ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def display(console: Console) -> RunView:
    """The dashboard on a terminal that can be drawn on, else plain lines."""
    drawn = console.is_terminal and not console.is_dumb_terminal
    return Dashboard(console) if drawn else Lines(console)


class Lines:
    """Ten lines per episode.

    Args:
        console: Where they go.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown = 0

    def begins(self, episode: LiveEpisode) -> None:
        """Prints a heading."""
        self._shown = 0
        self._print(episode.title)

    def stepped(self, episode: LiveEpisode) -> None:
        """Prints a line for every tenth of the episode."""
        tenths = int(_LINES * episode.answered / episode.frames)
        if tenths > self._shown:
            self._shown = tenths
            quantities = "  ".join(
                f"{name} {value} ({limit})" for name, value, limit, _ in episode.quantities()
            )
            self._print(f"{episode.window.time_s:8.1f} s  {quantities}")

    def ended(self, controller: str, episode: Row) -> None:
        """Prints what the episode came to."""
        self._print(f"{controller}: {_result(episode)}")

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to undo."""

    def _print(self, line: str) -> None:
        self._console.print(line, soft_wrap=True, highlight=False, markup=False)


class Dashboard:
    """A panel that is redrawn during the run.

    Args:
        console: The terminal.
    """

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=8)
        self._results: dict[str, list[Row]] = {}

    def begins(self, episode: LiveEpisode) -> None:
        """Says that the board is being reset."""
        waiting = Text("resetting the board: a real one cools down first", style="dim")
        self._live.update(Panel(self._with_results(waiting), title=episode.title))

    def stepped(self, episode: LiveEpisode) -> None:
        """Draws the episode."""
        table = Table.grid(padding=(0, 2))
        for name, value, limit, bars in episode.quantities():
            table.add_row(name, Text(value, style="bold"), Text(limit, style="dim"), bars)
        bar = ProgressBar(total=episode.frames, completed=episode.answered, width=_HISTORY)
        self._live.update(Panel(self._with_results(table, bar), title=episode.title))

    def ended(self, controller: str, episode: Row) -> None:
        """Keeps the episode's result."""
        self._results.setdefault(controller, []).append(episode)

    def _with_results(self, *shown: Table | Text | ProgressBar) -> Group:
        table = Table.grid(padding=(0, 2))
        for controller, episodes in self._results.items():
            table.add_row(controller, f"{len(episodes)} done", f"last: {_result(episodes[-1])}")
        return Group(*shown, "", table)

    def __enter__(self) -> "Dashboard":
        self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leaves the last picture standing."""
        self._live.__exit__(kind, error, trace)


def _result(episode: Row) -> str:
    return (
        f"{shown(100 * episode['on_time_accuracy'], '{:.1f} %')} right and on time, "
        f"{100 * episode['late_share']:.1f} % late, at most "
        f"{shown(episode['temperature_c_max'], '{:.1f} °C')}, "
        f"{100 * episode['throttled_share']:.1f} % of the time throttled"
    )
