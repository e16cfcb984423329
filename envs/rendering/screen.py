"""A window that shows pictures, with pygame."""

from types import ModuleType
from typing import Any

import gymnasium
import numpy as np

from tvfs_gym.envs.rendering.canvas import Pixels


class Screen:
    """A window on the desktop; it opens with the first picture.

    Args:
        title: Title of the window.

    Raises:
        gymnasium.error.DependencyNotInstalled: There is no pygame.
    """

    def __init__(self, title: str) -> None:
        self._pygame = _pygame()
        self._title = title
        self._surface: Any = None

    def show(self, image: Pixels) -> None:
        """Shows a picture, shape (height, width, 3)."""
        if self._surface is None:
            self._pygame.display.init()
            self._pygame.display.set_caption(self._title)
            self._surface = self._pygame.display.set_mode((image.shape[1], image.shape[0]))
        picture = self._pygame.surfarray.make_surface(np.swapaxes(image, 0, 1))
        self._surface.blit(picture, (0, 0))
        self._pygame.event.pump()
        self._pygame.display.flip()

    def close(self) -> None:
        """Closes the window."""
        if self._surface is not None:
            self._pygame.display.quit()
            self._surface = None


def _pygame() -> ModuleType:
    try:
        import pygame
    except ImportError as error:
        raise gymnasium.error.DependencyNotInstalled(
            'pygame is not installed, run `pip install "tvfs-gym[render]"`'
        ) from error
    module: ModuleType = pygame
    return module
