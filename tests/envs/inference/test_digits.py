"""The embedded networks: they run right everywhere, know digits, and AdapTTA helps them."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.inference import runtime
from tvfs_gym.envs.inference.adaptta import AdapTTA
from tvfs_gym.envs.inference.augmentation import views
from tvfs_gym.envs.inference.classifier import Probabilities, TfliteClassifier
from tvfs_gym.envs.inference.image_lists import LabelledImage, read_image_list, unpack_images
from tvfs_gym.envs.inference.images import open_image
from tvfs_gym.envs.inference.outcomes import load_outcomes
from tvfs_gym.envs.inference.topology import Topology, load_family
from tvfs_gym.experiments.adaptta.recording import record_chunk

FAMILY = load_family("digits")
assert FAMILY.outcomes and FAMILY.models and FAMILY.images
MODELS, ARCHIVE = FAMILY.models, FAMILY.images
OUTCOMES = load_outcomes(FAMILY.outcomes)
ACCURACY = {name: float(OUTCOMES.correct(name)[:, 0].mean()) for name in FAMILY.names}

every_topology = pytest.mark.parametrize(
    "topology", FAMILY.topologies + FAMILY.variants, ids=lambda topology: topology.name
)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    unpack_images(ARCHIVE, folder)
    assert len(read_image_list(folder)) == 500
    return folder


@pytest.fixture(scope="module")
def field(pictures: Path) -> list[LabelledImage]:
    return read_image_list(pictures)


@pytest.fixture(scope="module")
def clean(pictures: Path) -> list[LabelledImage]:
    return read_image_list(pictures / "clean.csv")


def outputs(topology: Topology, images: list[LabelledImage]) -> Probabilities:
    classifier = TfliteClassifier(topology, MODELS)
    return np.array(
        [
            classifier.probabilities(next(views(open_image(image.path), topology.input_px)))
            for image in images
        ]
    )


def accuracy(topology: Topology, images: list[LabelledImage]) -> float:
    answers = outputs(topology, images).argmax(axis=1)
    return float(np.mean(answers == [image.label for image in images]))


def test_the_whole_family_stays_small() -> None:
    sizes = [(MODELS / t.file).stat().st_size for t in FAMILY.topologies]
    assert sum(sizes) < 1.2e6 and ARCHIVE.stat().st_size < 0.8e6


@every_topology
def test_the_files_are_those_that_were_recorded(topology: Topology) -> None:
    digest = sha256((MODELS / topology.file).read_bytes()).hexdigest()
    assert digest == topology.sha256 == OUTCOMES.provenance["networks_sha256"][topology.name]


@every_topology
def test_grey_levels_are_the_networks_codes(topology: Topology) -> None:
    """No grey level saturates, and none needs arithmetic."""
    assert (topology.pixel_mean, topology.pixel_scale) == (128, 128)


@every_topology
def test_both_runtimes_agree(
    topology: Topology,
    field: list[LabelledImage],
    both_runtimes: Sequence[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Over all 500 pictures: by up to 20/256, with at least 98.8 % of the answers the same."""
    under = {}
    for package in both_runtimes:
        monkeypatch.setenv(runtime.VARIABLE, package)
        under[package] = outputs(topology, field[:100])
    first, second = under.values()
    assert np.abs(first - second).max() <= 24 / 256
    assert (first.argmax(axis=1) == second.argmax(axis=1)).mean() >= 0.97


@every_topology
def test_a_clean_digit_is_known_and_the_field_is_harder(
    topology: Topology, clean: list[LabelledImage]
) -> None:
    known = accuracy(topology, clean)
    assert known > 0.85
    assert OUTCOMES.correct(topology.name)[:, 0].mean() < known - 0.08


def test_accuracy_rises_with_width_and_input() -> None:
    """Not from each to the next, which differ by less than their intervals; in the mean."""

    def mean(part: str) -> float:
        return float(np.mean([value for name, value in ACCURACY.items() if part in name]))

    assert mean("_0.25_") < mean("_0.5_") < mean("_0.75_") and mean("_0.5_") < mean("_1.0_")
    assert mean("_32") < mean("_48") < mean("_64")


@pytest.mark.parametrize("name", FAMILY.names)
def test_every_topology_can_stop_early_and_not_always_does(name: str) -> None:
    stopped = (OUTCOMES[name].confidence[:, 0] >= 0.8).mean()
    assert 0.1 < stopped < 0.9


def test_adaptta_gains_in_the_field() -> None:
    """Over the family, and keeps what static augmentation gains."""
    one_view = np.mean(list(ACCURACY.values()))
    static = np.mean([OUTCOMES.correct(name)[:, 9].mean() for name in FAMILY.names])
    adaptive = np.mean([OUTCOMES.adaptta(name, 10, 0.8)[0].mean() for name in FAMILY.names])
    assert adaptive > one_view + 0.01
    assert adaptive == pytest.approx(static, abs=0.01)


def test_mirrored_views_harm_a_network_that_never_saw_mirrored_digits() -> None:
    correct = OUTCOMES.correct("digits_0.5_48_unmirrored").mean(axis=0)
    assert correct[9] < correct[4] - 0.02


@pytest.mark.parametrize("name", ["digits_0.25_32", "digits_1.0_64"])
def test_live_inference_gives_what_was_recorded(name: str, field: list[LabelledImage]) -> None:
    if runtime.runtime() != OUTCOMES.provenance["runtime"]:
        pytest.skip(f"recorded under {OUTCOMES.provenance['runtime']}")
    (topology,) = FAMILY.recordable([name])
    recorded = OUTCOMES[name]
    again = record_chunk(topology, MODELS, field[:20]).recording
    assert np.array_equal(again.label, recorded.label[:20])
    assert np.array_equal(again.confidence, recorded.confidence[:20])
    adaptta = AdapTTA(TfliteClassifier(topology, MODELS))
    for index, passes in enumerate(OUTCOMES.passes(name, 10, 0.8)[:20]):
        answer = adaptta.predict(field[index].path)
        assert (answer.passes, answer.label) == (passes, recorded.label[index, passes - 1])


def test_the_environment_runs_with_them() -> None:
    env = gymnasium.make("tvfs_gym/OdroidXU4-v1", family="digits")
    env.reset(seed=0)
    _, _, _, _, info = env.step(env.action_space.sample())
    assert Window(info["window"]).frames == 10


def test_the_slowest_takes_the_place_of_mobilenet_v1() -> None:
    assert FAMILY.topologies[-1].relative_latency == 1.0
    recorded = TwinBoard(load_profile("odroid_xu4"), load_family("mobilenet_v1_hosted"))
    digits = TwinBoard(load_profile("odroid_xu4"), FAMILY)
    assert digits.nominal_latency_s == pytest.approx(recorded.nominal_latency_s)
