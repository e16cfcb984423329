"""Folders of pictures as people have them, under the networks that ship: labels that are wrong."""

import shutil
from pathlib import Path

import pytest

from tests.conftest import Cli
from tvfs_gym.envs.inference.image_lists import LabelledImage, read_images, unpacked
from tvfs_gym.envs.inference.outcomes import load_outcomes
from tvfs_gym.envs.inference.topology import load_family

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
PER_CLASS = 2


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledImage]:
    """Two pictures of each digit."""
    family, folder = load_family("digits"), tmp_path_factory.mktemp("digits")
    assert family.models is not None
    with unpacked(Path(family.models) / "pictures.zip") as pictures:
        found: list[LabelledImage] = []
        for image in read_images(pictures, 10).images:
            if sum(one.label == image.label for one in found) < PER_CLASS:
                path = folder / f"{len(found)}.png"
                shutil.copy(image.path, path)
                found.append(LabelledImage(path, image.label))
    return found


def sorted_into(folder: Path, digits: list[LabelledImage], names: list[str]) -> Path:
    """A folder per class that has a name."""
    for image in digits:
        if name := names[image.label]:
            (folder / name).mkdir(parents=True, exist_ok=True)
            shutil.copy(image.path, folder / name)
    return folder


def live(images: Path, output: Path) -> list[object]:
    return [
        "adaptta", "live", "--family", "digits", "--models", load_family("digits").models,
        "--topology", "digits_1.0_32", "--images", images, "--policy", "1C", "--output", output,
    ]  # fmt: skip


def test_folders_by_number_are_right_and_not_warned_about(
    cli: Cli, digits: list[LabelledImage], tmp_path: Path
) -> None:
    images = sorted_into(tmp_path / "images", digits, [str(number) for number in range(10)])
    (images / ".ipynb_checkpoints").mkdir()
    (images / "__MACOSX" / "0").mkdir(parents=True)
    (images / "0" / "._a.JPG").write_bytes(b"AppleDouble")
    done = cli(*live(images, tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stdout and "could not be used" not in done.stdout


def test_folders_that_count_from_one_are_noticed(
    cli: Cli, digits: list[LabelledImage], tmp_path: Path
) -> None:
    """Ten of them end in a folder that is no class; without it, all labels are one off."""
    names = [str(number + 1) for number in range(10)]
    done = cli(*live(sorted_into(tmp_path / "ten", digits, names), tmp_path / "run"))
    assert done.returncode == 2
    assert "10 is no class of the label list, as 1 is" in done.stderr
    nine = sorted_into(tmp_path / "nine", digits, [*names[:9], ""])
    done = cli(*live(nine, tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    told = " ".join(done.stdout.split())
    assert "of 18 images right, as a guess would" in told
    assert "of them right if the labels were shifted by one" in told


def test_folders_by_other_names_than_the_label_list_are_told_and_noticed(
    cli: Cli, digits: list[LabelledImage], tmp_path: Path
) -> None:
    done = cli(*live(sorted_into(tmp_path / "images", digits, list(NAMES)), tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    told = " ".join(done.stdout.split())
    assert "folders are the classes by alphabet: 0 = eight, 1 = five, 2 = four" in told
    assert "as a guess would: labels, their order or the normalisation may be wrong" in told


def test_record_takes_folders_and_lists_bad_pictures(
    cli: Cli, digits: list[LabelledImage], tmp_path: Path
) -> None:
    """HEIC is counted, and what is truncated does not lose the others."""
    images = sorted_into(tmp_path / "images", digits, [str(number) for number in range(10)])
    whole = digits[0].path.read_bytes()
    (images / "0" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (images / "0" / "more").mkdir()
    (images / "0" / "more" / "dead.png").symlink_to("nothing.png")
    (images / "9" / "phone.HEIC").touch()
    output = tmp_path / "own.npz"
    done = cli(
        "dev", "record", "--family", "digits", "--topology", "digits_1.0_32", "--models",
        load_family("digits").models, "--images", images, "--output", output,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "left out: 1 file that is no picture of a class (9/phone.HEIC)" in done.stdout
    assert "left out: 2 of 22 images could not be used" in done.stdout
    assert len(load_outcomes(output).truth) == PER_CLASS * 10
    assert "warning" not in done.stdout
