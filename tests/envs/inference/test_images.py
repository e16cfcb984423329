"""Image files, good and bad."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.augmentation import views
from tvfs_gym.envs.inference.images import open_image


@pytest.mark.parametrize("mode", ["L", "RGBA", "CMYK", "P", "1", "I;16"])
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("image.jpg" if mode == "CMYK" else "image.png")
    Image.new(mode, (5, 4)).save(path)
    image = open_image(path)
    assert (image.mode, image.size) == ("RGB", (5, 4))


def test_a_rotated_photograph_is_set_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.new("RGB", (30, 20)).save(tmp_path / "turned.jpg", exif=exif)
    assert open_image(tmp_path / "turned.jpg").size == (20, 30)


@pytest.mark.parametrize("size", [(1, 1), (8000, 6000), (2000, 3)])
def test_a_picture_of_any_size_is_read_as_it_is(tmp_path: Path, size: tuple[int, int]) -> None:
    """48 megapixels, and one; every view of it is square."""
    Image.new("RGB", size, (10, 200, 30)).save(tmp_path / "image.png", compress_level=1)
    image = open_image(tmp_path / "image.png")
    assert image.size == size
    found = [*views(image, 32)]
    assert len(found) == 10 and {view.shape for view in found} == {(32, 32, 3)}
    assert all((view == (10, 200, 30)).all() for view in found)


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n"])
def test_an_unreadable_image_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.png").write_bytes(content)
    with pytest.raises(InputError, match=r"cannot read the image .*bad\.png"):
        open_image(tmp_path / "bad.png")


def test_grey_of_16_bits_is_scaled_not_clipped(tmp_path: Path) -> None:
    grey = np.linspace(0, 65535, 256).round().astype(np.uint16).reshape(16, 16)
    Image.fromarray(grey).save(tmp_path / "deep.png")
    found = np.asarray(open_image(tmp_path / "deep.png"))
    assert np.array_equal(found, np.repeat(np.arange(256).reshape(16, 16, 1), 3, axis=2))


def test_of_an_animation_the_first_frame_is_taken(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (6, 6), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    assert open_image(tmp_path / "moving.gif").getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("L", 90, (90, 90, 90)),
        ("RGBA", (10, 20, 30, 40), (10, 20, 30)),
        ("CMYK", (255, 0, 0, 0), (0, 255, 255)),
        ("RGB", (10, 20, 30), (10, 20, 30)),
    ],
)
def test_colours_are_right(
    tmp_path: Path, mode: str, colour: tuple[int, ...] | int, expected: tuple[int, ...]
) -> None:
    path = tmp_path / ("image.tif" if mode == "CMYK" else "image.png")
    Image.new(mode, (1, 1), colour).save(path)
    assert open_image(path).getpixel((0, 0)) == expected


def test_floating_point_pixels_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.ones((4, 4), np.float32)).save(tmp_path / "depth.tif")
    with pytest.raises(
        InputError, match=r"cannot read the image .*depth\.tif: its pixels are float"
    ):
        open_image(tmp_path / "depth.tif")


WHOLE: dict[str, bytes] = {}


@given(data=st.data(), kind=st.sampled_from(["png", "jpg", "gif", "bmp", "tif", "webp"]))
def test_a_damaged_file_is_read_or_named(
    data: st.DataObject, kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever bytes are lost or changed: an RGB image, or one sentence with the file's name."""
    path = tmp_path_factory.getbasetemp() / f"damaged.{kind}"
    if kind not in WHOLE:
        Image.linear_gradient("L").resize((32, 24)).convert("RGB").save(path)
        WHOLE[kind] = path.read_bytes()
    content = bytearray(WHOLE[kind])
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        assert open_image(path).mode == "RGB"
    except InputError as error:
        assert f"damaged.{kind}" in str(error)
