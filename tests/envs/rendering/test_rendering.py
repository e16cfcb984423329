"""Pictures of episodes: their shape, and that they show what happened."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.conftest import Cli
from tvfs_gym.envs.board_env import BoardEnv
from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.rendering import canvas
from tvfs_gym.envs.rendering.canvas import Panel
from tvfs_gym.envs.rendering.history import (
    LATE,
    RIGHT,
    SPAN_S,
    WRONG,
    History,
    outcomes_of,
    sample_of,
)
from tvfs_gym.envs.rendering.mosaic import TILE_HEIGHT, TILE_WIDTH, Tile, mosaic
from tvfs_gym.envs.rendering.picture import HEIGHT, WIDTH, Picture, draw_temperature
from tvfs_gym.envs.twin_env import TwinEnv

ANSWERS = slice(484, 508)
"""Pixel rows of the strip of answers."""


def episode(action: int, steps: int, **scenario: Any) -> tuple[BoardEnv, list[dict[str, Any]]]:
    env = TwinEnv("odroid_xu4", scenario={"ambient_c": 40.0, **scenario})
    _, info = env.reset(seed=1)
    return env, [info, *(env.step(action)[4] for _ in range(steps))]


def picture(env: BoardEnv, infos: list[dict[str, Any]]) -> Picture:
    frequencies_hz = [point.frequency_hz for point in env.board.operating_points]
    drawn = Picture("Odroid-XU4", env.board.family.names, frequencies_hz)
    drawn.begin(Window(infos[0]["window"]))
    for info in infos[1:]:
        drawn.add(Window(info["window"]), info["frames"])
    return drawn


def has(image: NDArray[np.uint8], colour: canvas.Colour) -> bool:
    return bool((image == np.array(colour, np.uint8)).all(-1).any())


def test_a_picture_is_rgb_from_the_start_on() -> None:
    image = picture(*episode(0, 0)).image()
    assert image.shape == (HEIGHT, WIDTH, 3) and image.dtype == np.uint8


def test_a_board_that_tells_no_clock_of_its_levels_is_drawn() -> None:
    env, infos = episode(132, 3)
    drawn = Picture("board", env.board.family.names, [np.nan] * len(env.board.operating_points))
    drawn.begin(Window(infos[0]["window"]))
    drawn.add(Window(infos[1]["window"]), infos[1]["frames"])
    assert has(drawn.image()[ANSWERS], canvas.RIGHT)


def test_late_answers_show_in_the_strip_of_answers() -> None:
    in_time = picture(*episode(18, 20, latency_constraint_s=10.0)).image()
    late = picture(*episode(18, 20, latency_constraint_s=1e-4)).image()
    assert has(in_time[ANSWERS], canvas.RIGHT) and not has(in_time[ANSWERS], canvas.LATE)
    assert has(late[ANSWERS], canvas.LATE) and not has(late[ANSWERS], canvas.RIGHT)


@pytest.mark.parametrize(("t_max_c", "shaded"), [(40.0, True), (110.0, False)])
def test_the_area_above_t_max_is_shaded(t_max_c: float, shaded: bool) -> None:
    env, infos = episode(132, 30)
    frequencies_hz = [point.frequency_hz for point in env.board.operating_points]
    history = History()
    for info in infos:
        sample = sample_of(Window(info["window"]), info["frames"], frequencies_hz)
        history.add(replace(sample, t_max_c=t_max_c))
    pixels = np.zeros((100, 400, 3), np.uint8)
    draw_temperature(pixels, Panel(0, 0, 400, 100, 20.0, 120.0), history)
    between_t_max_and_curve = pixels[65:70, 300]
    assert (between_t_max_and_curve[:, 0] > 150).all() == shaded


def test_a_window_changes_the_picture_and_a_new_episode_begins_it_anew() -> None:
    env, infos = episode(132, 3)
    drawn = picture(env, infos[:1])
    start = drawn.image()
    drawn.add(Window(infos[1]["window"]), infos[1]["frames"])
    assert (drawn.image() != start).any()
    drawn.begin(Window(infos[0]["window"]))
    assert (drawn.image() == start).all()


def test_only_the_last_minute_is_shown() -> None:
    env, infos = episode(132, 150, latency_constraint_s=0.06)
    now_s = Window(infos[-1]["window"]).time_s
    late = [
        i for i, info in enumerate(infos) if Window(info["window"]).time_s > now_s - SPAN_S - 2.0
    ]
    recent = picture(env, infos[late[0] :])
    assert late[0] > 0 and (recent.image() == picture(env, infos).image()).all()


@pytest.mark.parametrize(
    ("correct", "on_time", "outcome"),
    [(1.0, 1.0, RIGHT), (0.0, 1.0, WRONG), (1.0, 0.0, LATE), (np.nan, 1.0, RIGHT)],
)
def test_outcomes_of_answers(correct: float, on_time: float, outcome: int) -> None:
    assert outcomes_of(np.array([[0.1, 1.0, 0.5, correct, on_time]]), 1).tolist() == [outcome]


def test_frames_that_a_shut_down_left_unanswered_are_late() -> None:
    answered = np.array([[0.1, 1.0, 0.5, 1.0, 1.0]])
    unanswered = np.full((2, 5), np.nan)
    expected = [RIGHT, LATE, LATE]
    assert outcomes_of(answered, 3).tolist() == expected
    assert outcomes_of(np.concatenate([answered, unanswered]), 3).tolist() == expected


@pytest.mark.parametrize("boards", [1, 16])
def test_a_mosaic_has_one_shape_for_any_number_of_boards(boards: int) -> None:
    env, infos = episode(132, 5)
    tile = Tile("twin 1", [point.frequency_hz for point in env.board.operating_points])
    tile.begin(Window(infos[0]["window"]))
    tile.add(Window(infos[1]["window"]), infos[1]["frames"])
    image = mosaic([tile.image()] * boards)
    assert image.shape == (4 * TILE_HEIGHT, 4 * TILE_WIDTH, 3) and image.dtype == np.uint8


def test_a_film_shows_an_episode(cli: Cli, tmp_path: Path) -> None:
    output = tmp_path / "film.gif"
    done = cli("dev", "film", "--controller", "powersave", "--frames", "300", "--output", output)
    assert done.returncode == 0, done.stderr
    with Image.open(output) as film:
        assert film.size == (600, 338) and getattr(film, "n_frames", 1) > 10
