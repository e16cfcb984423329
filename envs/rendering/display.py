"""The picture of an environment's episode, on screen or as an array."""

from typing import Any

from numpy.typing import NDArray

from tvfs_gym.envs.boards.board import Board
from tvfs_gym.envs.boards.window import Window


class Display:
    """The picture of an environment's episode.

    Drawing code loads when it is first needed.

    Args:
        board: The board; its profile gives the title.
        on_screen: True to show every step in a window.

    Raises:
        gymnasium.error.DependencyNotInstalled: A window is wanted, and there is no pygame.
    """

    def __init__(self, board: Board, on_screen: bool) -> None:
        from tvfs_gym.envs.rendering.picture import Picture
        from tvfs_gym.envs.rendering.screen import Screen

        name = board_title(board)
        self._picture = Picture(name, board.family.names, frequencies_hz(board))
        self._screen = Screen(f"tvfs-gym: {name}") if on_screen else None

    def begin(self, window: Window) -> None:
        """Starts an episode with its start's window."""
        self._picture.begin(window)
        self._show()

    def add(self, window: Window, frames: NDArray[Any]) -> None:
        """Adds a window and its frames."""
        self._picture.add(window, frames)
        self._show()

    def render(self) -> NDArray[Any] | None:
        """The picture; None where it is on screen."""
        return self._picture.image() if self._screen is None else None

    def close(self) -> None:
        """Closes the window, if there is one."""
        if self._screen is not None:
            self._screen.close()

    def _show(self) -> None:
        if self._screen is not None:
            self._screen.show(self._picture.image())


def board_title(board: Board) -> str:
    """The board's name in a picture's title."""
    return "this board" if board.profile is None else board.profile.name.replace("_", " ")


def frequencies_hz(board: Board) -> list[float]:
    """Clocks of the VF levels, slowest first."""
    return [point.frequency_hz for point in board.operating_points]
