"""``tvfs-gym dev film``: an episode of a controller on a twin as an animated picture."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tvfs_gym.baselines.characterisation.characterisation import characterise
from tvfs_gym.baselines.controller import Design
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.rendering.canvas import Pixels
from tvfs_gym.envs.rendering.display import board_title, frequencies_hz
from tvfs_gym.envs.rendering.picture import HEIGHT, WIDTH, Picture
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.experiments.controllers import check_name, policy_named
from tvfs_gym.experiments.episodes import Episode
from tvfs_gym.experiments.results.folder import checked_output

SHOWN_WIDTH = 600
"""Width of an animated picture in pixels."""

COLOURS = 256
"""Colours of its palette."""

PICTURES_PER_S = 10


@dataclass(frozen=True)
class Film:
    """An episode to be shown.

    Attributes:
        profile: Board profile: name or TOML file.
        controller: As `tvfs_gym.experiments.controllers` names them.
        scenario: Its conditions.
        pace: Seconds of the episode per second of the film.
        length_s: Length of the film.
    """

    profile: str
    controller: str
    scenario: Scenario
    pace: float = 7.5
    length_s: float = 10.0


def write_film(film: Film, output: Path) -> None:
    """Runs the episode and writes an animated GIF.

    Raises:
        InputError: There is no such board or controller, or the file cannot be written.
    """
    if output.suffix != ".gif":
        raise InputError(f"a film is a GIF file: name {output.with_suffix('.gif')}, not {output}.")
    checked_output(output, overwrite=True)
    check_name(film.controller)
    pictures = [_small(image) for image in _pictures(film)]
    # One palette for all, which keeps the rare colours of the legend and the limits.
    palette = pictures[-1].quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE)
    images = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    images[0].save(
        output,
        save_all=True,
        append_images=images[1:],
        duration=round(1000 / PICTURES_PER_S),
        loop=0,
        optimize=True,
    )
    print(f"{output}: {len(images)} pictures, {output.stat().st_size / 1e6:.1f} MB")


def _pictures(film: Film) -> list[Pixels]:
    env = TwinEnv(film.profile, scenario=film.scenario, choose_passes=True)
    known = Scenario(t_max_c=film.scenario.t_max_c, throttling=film.scenario.throttling)
    design = Design.of(env, characterise(env.board, known))
    policy = policy_named(film.controller, design)
    picture = Picture(
        board_title(env.board), env.board.family.names, frequencies_hz(env.board), film.controller
    )
    episode = Episode(env, policy, seed=0)
    picture.begin(episode.begin())
    images: list[Pixels] = []
    for window in episode:
        picture.add(window, episode.frames[-1])
        while window.time_s >= (len(images) + 1) * film.pace / PICTURES_PER_S:
            images.append(picture.image())
        if len(images) >= film.length_s * PICTURES_PER_S:
            break
    return images


def _small(image: Pixels) -> Image.Image:
    size = SHOWN_WIDTH, round(SHOWN_WIDTH * HEIGHT / WIDTH)
    return Image.fromarray(np.ascontiguousarray(image)).resize(size, Image.Resampling.LANCZOS)
