"""``tvfs-gym adaptta`` on real networks: a folder of images, good and bad, and what is written."""

import csv
import json
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests import command_line
from tests.conftest import Cli
from tvfs_gym.envs.inference.adaptta import AdapTTA
from tvfs_gym.envs.inference.classifier import TfliteClassifier
from tvfs_gym.envs.inference.image_lists import read_image_list
from tvfs_gym.envs.inference.outcomes import load_outcomes
from tvfs_gym.envs.inference.topology import load_family
from tvfs_gym.experiments.adaptta.view_store import ViewOutputs, chunks_of, save_chunk

NAME = "mobilenet_v1_0.25_128"
GOOD = 60


@pytest.fixture(scope="module")
def listed(photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A list of 60 photographs with four bad files among them."""
    folder = tmp_path_factory.mktemp("listed")
    (folder / "empty.jpg").touch()
    (folder / "text.png").write_text("no image")
    whole = (photographs / read_image_list(photographs)[0].path).read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    rows = [(str(one.path), one.label) for one in read_image_list(photographs)[:GOOD]]
    for place, name in zip(
        (0, 20, 30, 50), ("empty.jpg", "text.png", "cut.jpg", "none.jpg"), strict=True
    ):
        rows.insert(place, (name, 0))
    with (folder / "images.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file", "label"), *rows])
    return folder


@pytest.fixture(scope="module")
def live(
    cli: Cli, models: Path, listed: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """The folder and the output of a run over them."""
    folder = tmp_path_factory.mktemp("live") / "run"
    done = cli(*arguments(models, listed, folder))
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def arguments(models: Path, images: Path, folder: Path) -> list[str]:
    return [
        "adaptta", "live", "--models", str(models), "--images", str(images), "--topology", NAME,
        "--output", str(folder),
    ]  # fmt: skip


def test_bad_files_are_named_and_lose_nothing(live: tuple[Path, str]) -> None:
    folder, printed = live
    with (folder / "failed.csv").open() as file:
        failed = {Path(row["file"]).name: row["error"] for row in csv.DictReader(file)}
    assert list(failed) == ["empty.jpg", "text.png", "cut.jpg", "none.jpg"]
    assert all(name in error for name, error in failed.items())
    said = (folder / "table.md").read_text()
    assert f"{GOOD} labelled images (4 more could not be used)" in said
    assert f"on {GOOD} images" in " ".join(printed.split())
    assert "4 images could not be used: see" in " ".join(printed.split())


def test_rows_are_what_adaptta_says_live(
    live: tuple[Path, str], models: Path, photographs: Path
) -> None:
    topology = load_family("recorded").recordable([NAME])[0]
    adaptta = AdapTTA(TfliteClassifier(topology, models), "5C")
    rows = pl.read_parquet(live[0] / "frames.parquet").filter(pl.col("policy") == "5C")
    assert rows.height == GOOD
    for row, photograph in zip(
        rows.iter_rows(named=True), read_image_list(photographs), strict=False
    ):
        answer = adaptta.predict(photograph.path)
        assert (row["label"], row["passes"]) == (answer.label, answer.passes)
        assert row["confidence"] == answer.confidence
        assert 0 < row["latency_s"] <= row["static_latency_s"]


def test_rows_follow_bit_for_bit_from_the_saved_views(live: tuple[Path, str]) -> None:
    """Re-computed here with plain NumPy loops."""
    folder, _ = live
    parts = [chunk.probabilities[chunk.errors == ""] for chunk in chunks_of(folder, NAME)]
    usable = np.concatenate(parts)
    assert usable.shape == (GOOD, 10, 1001)
    rows = pl.read_parquet(folder / "frames.parquet").filter(pl.col("policy") == "10C")
    for views, row in zip(usable, rows.iter_rows(named=True), strict=True):
        total = np.zeros(1001, np.float32)
        for passes, view in enumerate(views, 1):
            total = total + view
            mean = total / np.float32(passes)
            if float(mean.max()) >= 0.8:
                break
        assert (row["passes"], row["confidence"]) == (passes, float(mean.max()))
        assert row["label"] == int(mean.argmax()) - 1
        assert row["in_top5"] == (row["truth"] + 1 in np.argsort(-mean, kind="stable")[:5])


def test_outcomes_can_be_replayed_and_swept(live: tuple[Path, str], cli: Cli) -> None:
    folder, _ = live
    outcomes = load_outcomes(folder / "outcomes.npz")
    assert len(outcomes.truth) == GOOD and list(outcomes.recordings) == [NAME]
    replayed = cli("adaptta", "recorded", "--outcomes", folder)
    assert replayed.returncode == 0 and NAME in replayed.stdout
    swept = cli("adaptta", "sweep", "--outcomes", folder, "--target-latency-ms", "1000")
    assert swept.returncode == 0, swept.stderr
    assert "Calibrated" in swept.stdout and "Pareto front" not in swept.stdout


def test_the_folder_says_how_it_was_made_and_shows_it(live: tuple[Path, str]) -> None:
    folder, printed = live
    config = json.loads((folder / "config.json").read_text())
    assert config["tau"] == 0.8 and config["geometry"] == "boxes"
    assert (folder / "command.txt").read_text().startswith("tvfs-gym adaptta live --models")
    for figure in ("passes.png", "pareto.png"):
        assert (folder / figure).read_bytes().startswith(b"\x89PNG")
    said = (folder / "table.md").read_text()
    for heading in ("p95", "speed-up, time", "all passes", "top-5 AdapTTA", "AdapTTA − static"):
        assert heading in said
    assert "next: tvfs-gym adaptta sweep --outcomes" in printed


def test_a_killed_run_is_resumed(
    live: tuple[Path, str], models: Path, listed: Path, cli: Cli, tmp_path: Path
) -> None:
    """SIGKILL after the first chunk; the second run keeps it and ends with the same answers."""
    folder = tmp_path / "killed"
    running = command_line.start(tmp_path, arguments(models, listed, folder))
    first = folder / "views" / NAME / "00000.npz"
    while not first.exists():
        time.sleep(0.005)
        assert running.poll() is None
    running.send_signal(signal.SIGKILL)
    running.communicate()
    assert not (folder / "table.md").exists()
    kept = first.read_bytes()
    done = cli(*arguments(models, listed, folder))
    assert done.returncode == 0, done.stderr
    assert first.read_bytes() == kept
    answers = ["file", "label", "confidence", "passes", "static_label"]
    one, two = (pl.read_parquet(each / "frames.parquet")[answers] for each in (folder, live[0]))
    assert one.equals(two)


def test_a_folder_of_another_run_is_not_mixed_with(
    live: tuple[Path, str], models: Path, listed: Path, cli: Cli
) -> None:
    done = cli(*arguments(models, listed, live[0]), "--geometry", "resize_once", "--tau", "0.9")
    assert done.returncode == 2
    assert "which differs in geometry, tau: name another folder" in done.stderr


def test_a_folder_per_class_and_views_of_ones_own(
    models: Path, photographs: Path, cli: Cli, tmp_path: Path
) -> None:
    for one in read_image_list(photographs)[:3]:
        (tmp_path / "images" / str(one.label)).mkdir(parents=True, exist_ok=True)
        shutil.copy(one.path, tmp_path / "images" / str(one.label))
    done = cli(
        *arguments(models, tmp_path / "images", tmp_path / "run"), "--policy",
        "C, C+flip, C+brightness:1.3", "--geometry", "resize_once",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    again = f"--topology {NAME} --policy 'C, C+flip, C+brightness:1.3' --geometry resize_once"
    said = (tmp_path / "run" / "table.md").read_text()
    assert f"--models MODELS --images IMAGES {again}`" in said
    rows = pl.read_parquet(tmp_path / "run" / "frames.parquet")
    assert rows.height == 3 and set(rows["passes"]) <= {1, 2, 3}


def test_readings_take_a_run_of_all_published_networks(live: tuple[Path, str], cli: Cli) -> None:
    done = cli("adaptta", "readings", live[0])
    assert done.returncode == 2 and "holds no outputs of mobilenet_v1_1.0_224" in done.stderr


def test_a_run_without_any_usable_image_says_so(models: Path, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "images.csv").write_text("file,label\nnone.jpg,1\n")
    done = cli(*arguments(models, tmp_path, tmp_path / "run"))
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "no image could be used" in done.stderr


@pytest.mark.parametrize("exact", [True, False])
def test_a_chunk_is_kept_without_loss(exact: bool, tmp_path: Path) -> None:
    """Multiples of 1/256 as well as outputs that half precision cannot hold."""
    random = np.random.default_rng(0)
    steps = random.integers(0, 256, (3, 2, 7)).astype(np.float32) / np.float32(256)
    outputs = ViewOutputs(
        steps if exact else np.sqrt(steps), random.random((3, 2)), np.array(["", "", "bad: é"])
    )
    path = tmp_path / "views" / "net" / "00000.npz"
    save_chunk(path, outputs)
    (found,) = chunks_of(tmp_path, "net")
    assert np.array_equal(found.probabilities, outputs.probabilities)
    assert found.seconds.tolist() == outputs.seconds.tolist()
    assert found.errors.tolist() == outputs.errors.tolist()
    assert not list(path.parent.glob("*.part"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("live --models {empty} --images {list}", "holds no network of the family recorded"),
        ("live --models {models} --images {empty}", "holds neither images.csv nor a folder"),
        ("sweep --target-latency-ms 10", "these outcomes hold no latencies"),
        ("sweep --target-accuracy 99.9", "no setting reaches an accuracy of 99.9%"),
        ("sweep --target-accuracy 80 --target-passes 3", "takes one target"),
        ("sweep --outcomes {empty}", "holds no finished run of adaptta"),
        ("readings {empty}", "holds no"),
    ],
)
def test_a_mistake_is_one_sentence(
    given: str, message: str, cli: Cli, models: Path, listed: Path, tmp_path: Path
) -> None:
    (tmp_path / "0").mkdir()
    done = cli("adaptta", *given.format(models=models, list=listed, empty=tmp_path).split())
    assert done.returncode == 2, done.stderr
    assert message in done.stderr and "Traceback" not in done.stderr
