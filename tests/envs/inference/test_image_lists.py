"""Lists and folders of labelled images, as people have them."""

from collections.abc import Callable
from pathlib import Path
from time import process_time
from zipfile import ZipFile

import pytest

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.image_lists import (
    is_list,
    read_image_list,
    read_images,
    unpacked,
)
from tvfs_gym.envs.inference.labels import Labels

ANIMALS = Labels(("dog", "cat"))

Make = Callable[..., Path]


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
        ("file,label\na.png,3.0\n", "line 2: a label is a class from 0 on, not '3.0'"),
        ("path,class\na.png,3\n", "must have the columns file and label; it has path, class"),
        ("file,label_1001\na.png,3\n", "must have the columns file and label"),
        ("file,label\na.png\n", "line 2: a label is a class from 0 on, not nothing"),
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


@pytest.mark.parametrize(
    "content",
    [
        "\ufefffile,label\na/b.png,7\n",
        "file, label\na/b.png, 7\n",
        "file;label\na/b.png;7\n",
        "file\tlabel\na/b.png\t7\n",
        "label,file\n7,a/b.png\n",
        "file,label_1001,label_1000\na/b.png,8,7\n",
        "file,label\r\n\r\na/b.png,7\r\n",
        "a/b.png,7\n",
        "a/b.png, 7\n",
        "a/b.png 7\n",
        "file,label\na\\b.png,7\n",
        '"file","label"\n"a/b.png","7"\n',
        "File,Label\na/b.png,7\n",
        "file,label\na/b.png,٧\n",
        "file,label\na/b.png,Tree Frog\n",
    ],
)
def test_every_way_to_write_a_list_is_read(tmp_path: Path, content: str) -> None:
    path = tmp_path / "list.csv"
    path.write_text(content, encoding="utf-8", newline="")
    names = Labels((*map(str, range(100, 107)), "tree_frog"))
    (image,) = read_image_list(path, names)
    assert (image.path, image.label) == (tmp_path / "a" / "b.png", 7)


def test_a_picture_may_come_twice_and_by_an_absolute_path(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"file,label\n{tmp_path}/a b é.png,1\n{tmp_path}/a b é.png,2\n")
    found = [(image.path, image.label) for image in read_image_list(path)]
    assert found == [(tmp_path / "a b é.png", 1), (tmp_path / "a b é.png", 2)]


def test_an_archive_writes_nothing_outside_its_folder(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "pictures.zip", "w") as archive:
        archive.writestr("../evil.png", b"")
        archive.writestr("/evil.png", b"")
        archive.writestr("0/a.png", b"")
    with unpacked(tmp_path / "pictures.zip") as folder:
        assert (folder / "0" / "a.png").exists()
        assert not (folder.parent / "evil.png").exists() and not Path("/evil.png").exists()


def test_a_row_without_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "images.csv").write_text("file,label\n,7\n")
    with pytest.raises(InputError, match=r"images\.csv, line 2: the name of an image's file"):
        read_image_list(tmp_path)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes a folder of empty files."""

    def making(*files: str) -> Path:
        for file in files:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).touch()
        return tmp_path

    return making


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes, three images, and a file that is none."""
    for name, files in {"cat": ("b.png", "a.JPG"), "dog": ("c.png", "notes.txt")}.items():
        (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file).touch()
    return tmp_path


def test_folders_are_classes_in_alphabetical_order(folder: Path) -> None:
    found = [(image.path.name, image.label) for image in read_images(folder, 2).images]
    assert found == [("a.JPG", 0), ("b.png", 0), ("c.png", 1)]


def test_folders_named_by_number_are_these_classes(folder: Path) -> None:
    (folder / "cat").rename(folder / "281")
    (folder / "dog").rename(folder / "33")
    assert [image.label for image in read_images(folder, 1000).images] == [281, 281, 33]


def test_a_part_of_the_classes_by_name_is_refused(folder: Path) -> None:
    """Their numbers could only be guessed."""
    with pytest.raises(InputError, match=r"holds 2 folders for the network's 1000 classes: name"):
        read_images(folder, 1000)


@pytest.mark.parametrize("first", [0, 1])
def test_folders_with_a_number_behind_are_the_classes_in_its_order(make: Make, first: int) -> None:
    """By alphabet, class_10 would come before class_2."""
    folder = make(*(f"class_{number}/a.png" for number in range(first, first + 12)))
    found = read_images(folder, 12)
    assert {image.path.parent.name: image.label for image in found.images} == {
        f"class_{number}": number - first for number in range(first, first + 12)
    }
    assert "by the number behind: 0 = class_" in found.notes[0]


def test_a_link_to_a_folder_above_is_not_followed(make: Make) -> None:
    folder = make("0/a.png", "1/b.png", "1/more/c.png")
    (folder / "0" / "all").symlink_to(folder)
    (folder / "0" / "again").symlink_to(folder / "1" / "more")
    found = [(image.path.name, image.label) for image in read_images(folder, 2).images]
    assert sorted(found) == [("a.png", 0), ("b.png", 1), ("c.png", 0), ("c.png", 1)]


def test_a_list_in_utf_16_is_read(tmp_path: Path) -> None:
    (tmp_path / "images.csv").write_text("file,label\na.png,3\n", encoding="utf-16")
    assert read_image_list(tmp_path)[0].label == 3


def test_many_pictures_are_listed_at_once(make: Make) -> None:
    """20 000 in 10 folders: 0.15 s of processor time; a hundred times as long would be a bug."""
    folder = make(*(f"{number}/{index}.png" for number in range(10) for index in range(2000)))
    begin_s = process_time()
    images = read_images(folder, 10).images
    assert process_time() - begin_s < 15
    assert [image.label for image in images] == sorted([*range(10)] * 2000)
    assert len({image.path for image in images}) == 20_000


def test_a_list_in_the_folder_goes_first(folder: Path) -> None:
    (folder / "images.csv").write_text("file,label\ncat/b.png,7\n")
    assert [image.label for image in read_images(folder, 2).images] == [7]


def test_a_folder_of_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0").mkdir()
    with pytest.raises(InputError, match=r"holds neither images\.csv nor a folder of images"):
        read_images(tmp_path, 2)


def test_folders_within_a_class_belong_to_it(make: Make) -> None:
    folder = make("0/a.png", "0/more/b.png", "1/c.png", "1/x/y/d.JPG")
    found = [(image.path.name, image.label) for image in read_images(folder, 2).images]
    assert found == [("a.png", 0), ("b.png", 0), ("c.png", 1), ("d.JPG", 1)]


def test_hidden_and_system_files_and_folders_are_no_classes(make: Make) -> None:
    folder = make(
        "0/a.png", "0/._a.png", "0/.DS_Store", "0/Thumbs.db", "1/b.png", "1/.thumbnails/c.png",
        ".ipynb_checkpoints/d.png", "__MACOSX/0/._a.png", "@eaDir/e.png",
    )  # fmt: skip
    found = read_images(folder, 10)
    assert [image.path.name for image in found.images] == ["a.png", "b.png"]
    assert not found.notes


def test_what_is_left_out_is_counted_and_named(make: Make) -> None:
    found = read_images(make("0/a.png", "0/b.HEIC", "0/d.heif", "0/g.jpg.part", "x.png"), 10)
    assert len(found.images) == 1
    (note,) = found.notes
    assert note.startswith("left out: 4 files that are no picture of a class")
    assert "b.HEIC" in note and "convert HEIC pictures to JPEG" in note


def test_a_folder_of_heic_alone_says_so(make: Make) -> None:
    with pytest.raises(InputError, match=r"folder of images.*2 files .*HEIC pictures to JPEG"):
        read_images(make("0/a.HEIC", "1/b.heic"), 2)


def test_folders_are_the_classes_of_their_names_in_the_label_list(make: Make) -> None:
    """In the list's order, not by alphabet."""
    found = read_images(make("Cat/a.png", "dog/b.png"), 2, ANIMALS)
    assert {image.path.name: image.label for image in found.images} == {"a.png": 1, "b.png": 0}
    assert not found.notes


def test_classes_by_alphabet_are_told(make: Make) -> None:
    assert (
        read_images(make("cat/a.png", "dog/b.png"), 2)
        .notes[0]
        .endswith("folders are the classes by alphabet: 0 = cat, 1 = dog.")
    )


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (("cat/a.png", "dog/a.png", "duck/a.png"), r"duck is no class of the label list, as cat"),
        (("0/a.png", "1/a.png", "unsorted/a.png"), r"unsorted is no class number, as 0 is"),
    ],
)
def test_a_folder_that_is_no_class_is_named(
    make: Make, files: tuple[str, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_images(make(*files), 10, ANIMALS)


@pytest.mark.parametrize("top", ["", "photos/"])
@pytest.mark.parametrize("as_list", [True, False])
def test_an_archive_is_read_with_or_without_a_top_folder(
    tmp_path: Path, top: str, as_list: bool
) -> None:
    with ZipFile(tmp_path / "pictures.zip", "w") as archive:
        archive.writestr(f"{top}1/one.png", b"")
        archive.writestr(f"{top}0/two.png", b"")
        archive.writestr("__MACOSX/._photos", b"")
        if as_list:
            archive.writestr(f"{top}images.csv", "file,label\n1/one.png,1\n0/two.png,0\n")
    with unpacked(tmp_path / "pictures.zip") as folder:
        found = {image.path.name: image.label for image in read_images(folder, 2).images}
    assert found == {"one.png": 1, "two.png": 0}
    assert not folder.exists()


def test_the_list_of_an_archive_is_at_the_top_or_one_folder_down() -> None:
    assert is_list("images.csv") and is_list("photos/images.csv")
    assert not is_list("__MACOSX/images.csv") and not is_list("a/b/images.csv")


def test_an_archive_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.zip").write_bytes(b"no zip")
    with (
        pytest.raises(InputError, match=r"cannot unpack the images in .*bad\.zip"),
        unpacked(tmp_path / "bad.zip"),
    ):
        pass
