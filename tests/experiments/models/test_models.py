"""``tvfs-gym models``: lists, checks, copies and adds networks."""

import shutil
import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import tomlkit
from gymnasium import spaces

from tests.conftest import Cli
from tvfs_gym.baselines import make
from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.outcomes import load_outcomes, outcome_tables
from tvfs_gym.envs.inference.topology import family_names, load_family
from tvfs_gym.envs.twin_env import TwinEnv

DIGITS = load_family("digits")
assert DIGITS.models and DIGITS.images
SMALL = ("digits_0.25_32", "digits_0.5_32")


@pytest.fixture(scope="module")
def own(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a user may have one, with a family added from it."""
    folder = tmp_path_factory.mktemp("own")
    assert DIGITS.models and DIGITS.images
    assert cli("models", "fetch", folder, "--family", "digits").returncode == 0
    rows = (folder / "images.csv").read_text().splitlines()[:26]
    (folder / "few.csv").write_text("\n".join(rows) + "\n")
    (folder / "labels.txt").write_text("\n".join("abcdefghij") + "\n")
    networks = [folder / f"{name}.tflite" for name in SMALL]
    done = cli(
        "models", "add", *networks, "--labels", folder / "labels.txt", "--images",
        folder / "few.csv", "--output", folder / "own.toml",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def test_every_family_is_listed(cli: Cli) -> None:
    done = cli("models", "list")
    assert done.returncode == 0
    for name in family_names():
        assert f"{name}: " in done.stdout
        assert all(topology in done.stdout for topology in load_family(name).names)
    assert "storage.googleapis.com" in done.stdout


def test_what_ships_passes_its_check(cli: Cli) -> None:
    done = cli("models", "check", "--family", "digits")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert len(lines) == len(DIGITS.topologies + DIGITS.variants)
    assert all(": ok (hash as expected, " in line for line in lines)


def test_fetching_what_ships_needs_no_network_and_can_be_checked(cli: Cli, own: Path) -> None:
    assert cli("models", "check", own, "--family", "digits").returncode == 0
    assert len(list((own / "field").iterdir())) == 500
    assert (own / "labels.txt").read_text().startswith("a\nb"), "one that is there is kept"
    again = cli("models", "fetch", own, "--family", "digits")
    assert again.returncode == 0 and again.stdout.count("already there") == 13


def test_a_check_says_what_does_not_fit_one_line_each(cli: Cli, tmp_path: Path) -> None:
    assert DIGITS.models
    wide, other = "digits_0.5_32", "digits_0.25_48"
    shutil.copy(DIGITS.models / f"{wide}.tflite", tmp_path / "digits_0.25_32.tflite")
    shutil.copy(DIGITS.models / f"{other}.tflite", tmp_path)
    names = ["digits_0.25_32", other, "digits_1.0_64"]
    asked = [word for name in names for word in ("--topology", name)]
    done = cli("models", "check", tmp_path, "--family", "digits", *asked)
    assert done.returncode == 1
    lines = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert lines["digits_0.25_32"].startswith("FAILED") and "SHA-256" in lines["digits_0.25_32"]
    assert lines[other].startswith("ok (")
    assert "there is no network" in lines["digits_1.0_64"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"input_px": 48}, "takes inputs of shape (1, 32, 32, 3); expected (1, 48, 48, 3)"),
        ({"classes": 11}, "has 10 outputs; expected 11, one for each class"),
    ],
)
def test_a_file_that_does_not_fit_its_topology_fails(
    cli: Cli, tmp_path: Path, changed: dict[str, int], message: str
) -> None:
    (topology,) = DIGITS.recordable([SMALL[0]])
    row = topology.model_copy(update=changed).model_dump(exclude_defaults=True)
    family = {"name": "f", "description": "d", "outcomes": "none.npz", "topologies": [row]}
    (tmp_path / "family.toml").write_text(tomlkit.dumps(family))
    assert DIGITS.models
    done = cli("models", "check", DIGITS.models, "--family", tmp_path / "family.toml")
    assert done.returncode == 1 and message in done.stdout


def test_a_family_of_ones_own_is_read_timed_and_recorded(own: Path) -> None:
    family = load_family(str(own / "own.toml"))
    assert set(family.names) == set(SMALL)
    for topology in family.topologies:
        (shipped,) = DIGITS.recordable([topology.name])
        kept = {
            "sha256",
            "input_px",
            "width",
            "classes",
            "label_offset",
            "pixel_mean",
            "pixel_scale",
        }
        assert topology.model_dump(include=kept) == shipped.model_dump(include=kept)
        assert 0 < topology.relative_latency <= 1 and "one thread" in topology.source
    assert max(topology.relative_latency for topology in family.topologies) == 1
    assert family.outcomes and DIGITS.outcomes
    outcomes, shipped_outcomes = load_outcomes(family.outcomes), load_outcomes(DIGITS.outcomes)
    if outcomes.provenance["runtime"] == shipped_outcomes.provenance["runtime"]:
        for name in SMALL:
            assert np.array_equal(outcomes[name].label, shipped_outcomes[name].label[:25])


def test_a_family_of_ones_own_runs_in_the_environment(own: Path) -> None:
    env = TwinEnv("odroid_xu4", str(own / "own.toml"))
    assert isinstance(env.action_space, spaces.Discrete) and env.action_space.n == 2 * 19
    env.reset(seed=0)
    assert Window(env.step(0)[4]["window"]).frames == 10
    tables = outcome_tables(env.board.family)
    assert tables.design.correct.shape == (2, 13, 10)
    assert env.board.outcomes.shape == (2, 12, 10, 2)


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        (1, "1 image, which design time and run time share"),
        (3, "3 images, 2 for design time and 1 for run time"),
    ],
)
def test_few_pictures_are_split_as_far_as_they_go(
    cli: Cli, own: Path, tmp_path: Path, pictures: int, message: str
) -> None:
    rows = (own / "images.csv").read_text().splitlines()[: pictures + 1]
    (own / f"{pictures}.csv").write_text("\n".join(rows) + "\n")
    family = tmp_path / "few.toml"
    done = cli(
        "models", "add", own / f"{SMALL[0]}.tflite", "--labels", own / "labels.txt", "--images",
        own / f"{pictures}.csv", "--output", family,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert message in " ".join(done.stdout.split())
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        env = TwinEnv("odroid_xu4", str(family), scenario={"frames": 20})
        observation, _ = env.reset(seed=0)
        env.step(make("predictive", env).predict(observation)[0])
    assert [str(one.message)[:30] for one in told] == ["the family few has a single ph"] * (
        pictures == 1
    )


def test_a_family_of_ones_own_runs_in_the_benchmark(
    cli: Cli, own: Path, one_scenario: Path, tmp_path: Path
) -> None:
    done = cli(
        "benchmark", "--family", own / "own.toml", "--seeds", "1", "--frames", "100",
        "--suite", one_scenario, "--controller", "tvfs", "--output", tmp_path / "run",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert '"family": "own"' in (tmp_path / "run" / "config.json").read_text()
    steps = pl.read_parquet(tmp_path / "run" / "steps" / "*.parquet")
    assert set(steps["topology"]) <= {0.0, 1.0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("check", "the family recorded does not ship its networks: name their folder"),
        ("check {own} --family digit", "unknown topology family 'digit': did you mean digits?"),
        ("list --family {own}/none.toml", "none.toml: No such file"),
        ("fetch {own}/labels.txt", "cannot make the folder"),
        ("fetch {own} --topology lite0", "unknown topology 'lite0'"),
        ("add {net} --labels {own}/labels.txt --images {own}/few.csv --output {own}/own.toml",
         "own.toml already exists"),
        ("add {net} --labels {own}/labels.txt --images {own}/few.csv --output {own}/new",
         "a family is a TOML file"),
        ("add {net} --labels {own}/none.txt --images {own}/few.csv --output {own}/new.toml",
         "cannot read the label list"),
        ("add {net} --labels {own}/own.toml --images {own}/few.csv --output {own}/new.toml",
         "own.toml is empty: name its class"),
        ("add {own}/labels.txt --labels {own}/labels.txt --images {own}/few.csv "
         "--output {own}/new.toml", "is no TFLite network"),
        ("add {net} --labels {own}/labels.txt --images {own}/no.csv --output {own}/new.toml",
         "cannot read the image list"),
        ("add {net} --labels {own}/labels.txt --images {net}.zip --output {own}/new.toml",
         "cannot unpack the images"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(cli: Cli, own: Path, arguments: str, message: str) -> None:
    net = own / f"{SMALL[0]}.tflite"
    done = cli("models", *arguments.format(own=own, net=net).split())
    assert done.returncode == 2
    assert message in done.stderr and "Traceback" not in done.stderr
    assert not (own / "new.toml").exists()


def test_a_network_that_does_not_tell_its_normalisation_is_not_guessed(
    cli: Cli, models: Path, own: Path, tmp_path: Path
) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(str(label) for label in range(1000)))
    done = cli(
        "models", "add", models / "efficientnet_lite1_fp32.tflite", "--labels", labels,
        "--images", own / "few.csv", "--output", tmp_path / "new.toml",
    )  # fmt: skip
    assert done.returncode == 2 and "give --pixel-mean and --pixel-scale" in done.stderr


def test_without_outcomes_every_topology_needs_its_accuracy(tmp_path: Path) -> None:
    row = DIGITS.topologies[0].model_dump(exclude_defaults=True)
    family = {"name": "f", "description": "d", "topologies": [row]}
    (tmp_path / "family.toml").write_text(tomlkit.dumps(family))
    with pytest.raises(InputError, match="without outcomes, every topology needs"):
        load_family(str(tmp_path / "family.toml"))
