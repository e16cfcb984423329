"""Label lists as people have them."""

from pathlib import Path

import pytest

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.labels import Labels, labels_in, read_labels

ABC = ("tench", "great white shark", "cock")


@pytest.mark.parametrize(
    "text",
    [
        "tench\ngreat white shark\ncock",
        "tench\r\ngreat white shark\r\ncock\r\n\r\n",
        "tench,great white shark,cock",
        "0 tench\n1 great white shark\n2 cock\n",
        "1: tench\n2: great white shark\n3: cock\n",
        "2  cock\n0  tench\n1  great white shark\n",
        "id,name\n0,tench\n1,great white shark\n2,cock\n",
        "name,id\ntench,0\ngreat white shark,1\ncock,2\n",
        "name\ntench\ngreat white shark\ncock\n",
        '"tench"\n"great white shark"\n"cock"\n',
        '["tench", "great white shark", "cock"]',
        '{"0": "tench", "1": "great white shark", "2": "cock"}',
        '{"cock": 2, "tench": 0, "great white shark": 1}',
        "{0: 'tench', 1: 'great white shark', 2: 'cock'}",
        "['tench', 'great white shark', 'cock']",
        '{"labels": ["tench", "great white shark", "cock"]}',
        '[{"id": 2, "name": "cock"}, {"id": 0, "name": "tench"}, '
        '{"id": 1, "name": "great white shark"}]',
        "path: data\nnames:\n  0: tench\n  1: great white shark\n  2: cock\n",
        "train: a\nnames: [tench, great white shark, cock]\n",
        "item {\n  id: 1\n  name: 'tench'\n}\nitem {\n  id: 3\n  name: 'cock'\n}\n"
        "item {\n  id: 2\n  name: 'n0'\n  display_name: 'great white shark'\n}\n",
        "# classes of the network\ntench\ngreat white shark\ncock\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_way_to_write_a_list_is_read(text: str, encoding: str) -> None:
    assert labels_in(text.encode(encoding), "list") == Labels(ABC)


@pytest.mark.parametrize(
    "first", ["background", "Background", "__background__", "dummy", "unused", "???"]
)
@pytest.mark.parametrize("form", ["{}\n{}\n{}\n{}", "0 {}\n1 {}\n2 {}\n3 {}"])
def test_a_first_line_that_names_no_class_is_the_background(first: str, form: str) -> None:
    content = form.format(first, *ABC).encode("utf-8-sig")
    assert labels_in(content, "list") == Labels(ABC, background_first=True)


def test_a_background_elsewhere_is_an_output_like_any_other() -> None:
    """As iNaturalist's lists have it, in the last line."""
    assert labels_in(b"crow\nowl\nbackground", "list").names == ("crow", "owl", "background")


def test_names_that_end_in_numbers_are_names() -> None:
    text = "\n".join(f"class {index}" for index in range(4))
    assert labels_in(text.encode(), "list").names[2] == "class 2"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the label list list names no class"),
        (b"\n \n", "names no class"),
        (b"a\n\n\nb", "line 2 of the label list list is empty"),
        (b"0 a\n1 b\n3 c", "leaves numbers out before 3"),
        (b"5 a\n6 b", "leaves numbers out before 5"),
        (b"{}", "expected a JSON list of names"),
        (b'{"a": "b"}', "expected a JSON list of names"),
        (b"[1, ", "list is not a label list"),
        (b'[{"id": 0}, {"id": 1}]', "not each of its objects has a name"),
        (b"item {\n name: 'a'\n}", "an item lacks its id or name"),
        (b"names: [a, ", "list is no YAML file"),
        (b"\xe9t\xe9\nhiver", "list is not a label list"),
    ],
)
def test_a_list_whose_order_cannot_be_told_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        labels_in(content, "list")


def test_a_missing_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read the label list .*none\.txt"):
        read_labels(tmp_path / "none.txt")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("great_white-shark", 0),
        ("Great White Shark", 0),
        ("Carcharodon carcharias", 0),
        ("n01440764", 1),
        ("tench", 1),
        ("cat", None),
    ],
)
def test_a_folders_name_finds_its_class(name: str, expected: int | None) -> None:
    labels = Labels(("great white shark, Carcharodon carcharias", "n01440764 tench, Tinca tinca"))
    assert labels.class_of(name) == expected


def test_a_name_of_two_classes_is_refused() -> None:
    with pytest.raises(InputError, match=r"gives the name crane to the classes 0 and 2"):
        Labels(("crane", "cat", "crane")).class_of("crane")
