"""Image lists and image files, good and bad."""

from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.images import (
    open_image,
    read_image_list,
    read_images,
    unpack_images,
)


def test_a_list_is_relative_to_itself(tmp_path: Path) -> None:
    (tmp_path / "images.csv").write_text("file,label\na/b.png,7\n")
    (image,) = read_image_list(tmp_path)
    assert (image.path, image.label) == (tmp_path / "a" / "b.png", 7)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "names no image"),
        ("file,label\n", "names no image"),
        ("name,label\na,1\n", "must have the columns file and label; it has name, label"),
        ("file,class\na,1\n", "must have the columns file and label"),
        ("file,label\na.png,1\nb.png,cat\n", "line 3: a label is a class from 0 on, not 'cat'"),
        ("file,label\na.png,-1\n", "line 2"),
        ("file,label\na.png\n", "line 2: a label is a class from 0 on, not 'None'"),
    ],
)
def test_a_bad_list_says_what_is_wrong(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "list.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_image_list(path)


def test_a_missing_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read the image list .*none\.csv"):
        read_image_list(tmp_path / "none.csv")


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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes, three images, and a file that is none."""
    for name, files in {"cat": ("b.png", "a.JPG"), "dog": ("c.png", "notes.txt")}.items():
        (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file).touch()
    return tmp_path


def test_folders_are_classes_in_alphabetical_order(folder: Path) -> None:
    found = [(image.path.name, image.label) for image in read_images(folder, 2)]
    assert found == [("a.JPG", 0), ("b.png", 0), ("c.png", 1)]


def test_folders_named_by_number_are_these_classes(folder: Path) -> None:
    (folder / "cat").rename(folder / "281")
    (folder / "dog").rename(folder / "33")
    assert [image.label for image in read_images(folder, 1000)] == [281, 281, 33]


def test_a_part_of_the_classes_by_name_is_refused(folder: Path) -> None:
    """Their numbers could only be guessed."""
    with pytest.raises(InputError, match=r"holds 2 folders for the network's 1000 classes: name"):
        read_images(folder, 1000)


def test_a_list_in_the_folder_goes_first(folder: Path) -> None:
    (folder / "images.csv").write_text("file,label\ncat/b.png,7\n")
    assert [image.label for image in read_images(folder, 2)] == [7]


def test_a_folder_of_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0").mkdir()
    with pytest.raises(InputError, match=r"holds neither images\.csv nor a folder of images"):
        read_images(tmp_path, 2)


def test_an_archive_without_a_list_is_refused(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "none.zip", "w") as archive:
        archive.writestr("one.png", b"")
    with pytest.raises(InputError, match=r"cannot read the image list .*images\.csv"):
        unpack_images(tmp_path / "none.zip", tmp_path)
    (tmp_path / "bad.zip").write_bytes(b"no zip")
    with pytest.raises(InputError, match=r"cannot unpack the images in .*bad\.zip"):
        unpack_images(tmp_path / "bad.zip", tmp_path)
