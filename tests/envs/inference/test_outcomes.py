"""Recorded outcomes: those that ship, and recording itself."""

import json
from pathlib import Path

import numpy as np
import pytest

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference import runtime
from tvfs_gym.envs.inference.images import read_image_list
from tvfs_gym.envs.inference.outcomes import load_outcomes, outcome_table
from tvfs_gym.envs.inference.topology import ZOO, load_family
from tvfs_gym.experiments.adaptta.recording import record_chunk

SHIPPED = load_outcomes(ZOO / "recorded.npz")
FAMILY = load_family("recorded")


@pytest.mark.parametrize(
    ("name", "one_view", "static_5c", "static_10c", "passes_5c", "passes_10c"),
    [
        ("mobilenet_v1_0.25_128", 44.0, 48.2, 49.5, 4.68, 9.26),
        ("mobilenet_v1_0.5_160", 65.0, 70.1, 71.5, 3.93, 7.50),
        ("mobilenet_v1_0.75_192", 75.5, 80.4, 80.6, 3.26, 6.00),
        ("mobilenet_v1_1.0_224", 81.9, 85.2, 85.3, 2.77, 4.88),
        ("mobilenet_v2_1.0_224", 83.3, 86.1, 86.4, 2.75, 4.86),
        ("efficientnet_lite0", 90.0, 91.4, 91.6, 3.15, 5.76),
        ("efficientnet_lite1", 89.6, 92.8, 93.0, 4.22, 8.18),
    ],
)
def test_an_earlier_recording_of_the_png_originals_agrees(
    name: str,
    one_view: float,
    static_5c: float,
    static_10c: float,
    passes_5c: float,
    passes_10c: float,
) -> None:
    """The same networks and photographs before JPEG compression, recorded independently."""
    correct = SHIPPED.correct(name)
    accuracy = 100 * correct.mean(axis=0)[[0, 4, 9]]
    assert accuracy == pytest.approx([one_view, static_5c, static_10c], abs=1.0)
    assert SHIPPED.adaptta(name, 5, 0.8)[1] == pytest.approx(passes_5c, abs=0.06)
    assert SHIPPED.adaptta(name, 10, 0.8)[1] == pytest.approx(passes_10c, abs=0.14)


@pytest.mark.parametrize("name", SHIPPED.recordings)
@pytest.mark.parametrize("views", [5, 10])
def test_adaptta_keeps_the_accuracy_of_static_augmentation(name: str, views: int) -> None:
    """Within 0.2 points, at fewer passes."""
    right, passes = SHIPPED.adaptta(name, views, 0.8)
    assert right.mean() == pytest.approx(SHIPPED.correct(name)[:, views - 1].mean(), abs=0.002)
    assert 1.0 < passes < views


@pytest.mark.parametrize("name", FAMILY.names)
def test_every_topology_of_the_family_can_stop_early(name: str) -> None:
    """A quantised network whose confidence never reaches tau is static augmentation in disguise."""
    assert SHIPPED[name].confidence[:, 0].max() >= 0.8


def test_the_outcomes_say_where_they_come_from() -> None:
    made_by = SHIPPED.provenance
    assert made_by["command"].startswith("tvfs-gym record")
    assert made_by["runtime"].startswith("ai-edge-litert")
    assert len(made_by["images"]) == len(SHIPPED.truth) == 1000
    for topology in FAMILY.topologies + FAMILY.variants:
        assert made_by["networks_sha256"][topology.name] == topology.sha256


def test_published_accuracy_stands_for_outcomes_exactly() -> None:
    table = outcome_table(load_family("mobilenet_v1_hosted"))
    for index, topology in enumerate(load_family("mobilenet_v1_hosted").topologies):
        assert 100 * table.accuracy(index, 1, 0.8) == pytest.approx(topology.top1_published)
    assert table.views == 1


def test_accuracy_within_passes_is_adaptta_cut_short() -> None:
    table = outcome_table(load_family("recorded"))
    for index, name in enumerate(FAMILY.names):
        assert table.accuracy(index, 1, 0.8) == pytest.approx(SHIPPED.correct(name)[:, 0].mean())
        assert table.accuracy(index, 5, 0.8) == pytest.approx(
            SHIPPED.adaptta(name, 5, 0.8)[0].mean()
        )


def test_saving_and_loading_changes_nothing(tmp_path: Path) -> None:
    SHIPPED.save(tmp_path / "copy.npz")
    copy = load_outcomes(tmp_path / "copy.npz")
    assert json.dumps(copy.provenance) == json.dumps(SHIPPED.provenance)
    assert np.array_equal(copy.truth, SHIPPED.truth)
    for name, recording in SHIPPED.recordings.items():
        assert np.array_equal(copy[name].confidence, recording.confidence)
        assert np.array_equal(copy[name].label, recording.label)
        assert np.array_equal(copy[name].in_top5, recording.in_top5)


@pytest.mark.parametrize("content", [b"", b"nonsense"])
def test_a_file_without_outcomes_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"bad\.npz holds no recorded outcomes"):
        load_outcomes(tmp_path / "bad.npz")


@pytest.mark.parametrize("name", ["mobilenet_v1_0.25_128", "mobilenet_v1_0.5_160"])
def test_recording_again_gives_what_ships(name: str, models: Path, photographs: Path) -> None:
    if runtime.runtime() != SHIPPED.provenance["runtime"]:
        pytest.skip(f"recorded under {SHIPPED.provenance['runtime']}, here is {runtime.runtime()}")
    topology = next(t for t in FAMILY.topologies if t.name == name)
    again = record_chunk(topology, models, read_image_list(photographs)[:20])
    assert np.array_equal(again.label, SHIPPED[name].label[:20])
    assert np.array_equal(again.confidence, SHIPPED[name].confidence[:20])
    assert np.array_equal(again.in_top5, SHIPPED[name].in_top5[:20])
