"""Image lists and image files, good and bad."""

from pathlib import Path
from zipfile import ZipFile

import pytest
from PIL import Image

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.images import open_image, read_image_list, unpack_images


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


def test_an_archive_without_a_list_is_refused(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "none.zip", "w") as archive:
        archive.writestr("one.png", b"")
    with pytest.raises(InputError, match=r"cannot read the image list .*images\.csv"):
        unpack_images(tmp_path / "none.zip", tmp_path)
    (tmp_path / "bad.zip").write_bytes(b"no zip")
    with pytest.raises(InputError, match=r"cannot unpack the images in .*bad\.zip"):
        unpack_images(tmp_path / "bad.zip", tmp_path)
