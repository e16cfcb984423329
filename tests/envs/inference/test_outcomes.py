"""Recorded outcomes: those that ship, and recording itself."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tvfs_gym.baselines.characterisation.characterisation import Characterisation
from tvfs_gym.baselines.model_based.budgets import replays
from tvfs_gym.baselines.oracle.options import options
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.boards.window import F, W
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference import runtime
from tvfs_gym.envs.inference.image_lists import read_image_list
from tvfs_gym.envs.inference.outcomes import HalfName, halves, load_outcomes, outcome_tables
from tvfs_gym.envs.inference.topology import ZOO, load_family
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.experiments.adaptta.recording import record_chunk

SHIPPED = load_outcomes(ZOO / "recorded.npz")
FAMILY = load_family("recorded")
HALVES = halves(SHIPPED.truth)


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
    family = load_family("mobilenet_v1_hosted")
    tables = outcome_tables(family)
    for table in (tables.design, tables.run):
        for index, topology in enumerate(family.topologies):
            assert 100 * table.accuracy(index, 1, 0.8) == pytest.approx(topology.top1_published)
        assert table.views == 1


def test_accuracy_within_passes_is_adaptta_cut_short() -> None:
    tables = outcome_tables(FAMILY)
    for table, photographs in ((tables.design, HALVES.design), (tables.run, HALVES.run)):
        for index, name in enumerate(FAMILY.names):
            one = SHIPPED.correct(name)[photographs, 0].mean()
            five = SHIPPED.adaptta(name, 5, 0.8)[0][photographs].mean()
            assert table.accuracy(index, 1, 0.8) == pytest.approx(one)
            assert table.accuracy(index, 5, 0.8) == pytest.approx(five)


def test_photographs_of_a_class_go_alternately_to_the_halves() -> None:
    """Class 1 gives its extra one to the design half, class 2 to the run half."""
    parts = halves([3, 1, 1, 3, 1, 2])
    assert parts.design.tolist() == [0, 1, 4]
    assert parts.run.tolist() == [2, 3, 5]


@given(st.lists(st.integers(0, 5), min_size=2, max_size=60))
def test_halves_are_disjoint_cover_all_and_are_balanced_by_class(truth: list[int]) -> None:
    parts = halves(truth)
    assert sorted([*parts.design, *parts.run]) == list(range(len(truth)))
    assert list(parts.design) == sorted(parts.design) and list(parts.run) == sorted(parts.run)
    assert 0 <= len(parts.design) - len(parts.run) <= 1
    counts = [Counter(truth[index] for index in part) for part in (parts.design, parts.run)]
    surplus = [counts[0][label] - counts[1][label] for label in sorted(set(truth))]
    assert set(surplus) <= {-1, 0, 1}
    extra = [more for more in surplus if more]
    assert extra == [(-1) ** turn for turn in range(len(extra))]


@pytest.mark.parametrize("count", [0, 1])
def test_a_single_photograph_belongs_to_both_halves(count: int) -> None:
    parts = halves([7] * count)
    assert parts.design.tolist() == parts.run.tolist() == list(range(count))


def test_a_family_of_one_photograph_runs_and_says_that_it_is_shared(tmp_path: Path) -> None:
    recordings = {
        name: type(recording)(*(values[:1] for values in vars(recording).values()))
        for name, recording in SHIPPED.recordings.items()
    }
    only = type(SHIPPED)(SHIPPED.truth[:1], recordings, SHIPPED.provenance)
    only.save(tmp_path / "only.npz")
    family = FAMILY.model_copy(update={"name": "only", "outcomes": tmp_path / "only.npz"})
    with pytest.warns(UserWarning, match="the family only has a single photograph, which design"):
        board = TwinBoard(load_profile("odroid_xu4"), family)
    board.reset(Scenario(), (0, 0))
    assert (board.infer(20)[1][:, F.IMAGE] == 0).all()


def test_design_time_and_run_time_have_half_of_the_photographs_each() -> None:
    assert len(HALVES.design) == len(HALVES.run) == 500
    assert set(SHIPPED.truth[HALVES.design]) & set(SHIPPED.truth[HALVES.run])


def test_what_is_known_at_design_time_comes_from_the_design_half(
    recorded_characterisation: Characterisation,
) -> None:
    known = recorded_characterisation.accuracy(100.0, Scenario(policy="1C"))
    budgets = replays(FAMILY, 10, 0.8)
    for index, name in enumerate(FAMILY.names):
        right = SHIPPED.correct(name)[:, 0]
        assert known[index] == pytest.approx(right[HALVES.design].mean())
        assert budgets.accuracy[index, 0] == pytest.approx(right[HALVES.design].mean())
        assert right[HALVES.design].mean() != pytest.approx(right[HALVES.run].mean())


def test_episodes_show_the_run_half() -> None:
    board = TwinEnv("odroid_xu4").board
    assert np.array_equal(board.outcomes, TwinBoard(board.profile, FAMILY, "run").outcomes)


@pytest.mark.parametrize("photographs", ["run", "design"])
def test_frames_show_photographs_of_their_half_alone(photographs: HalfName) -> None:
    half = HALVES.named(photographs)
    env = TwinEnv(
        "odroid_xu4", scenario={"frames": 4000}, choose_passes=True, photographs=photographs
    )
    env.reset(seed=0)
    seen, truncated = set(), False
    while not truncated:
        _, _, _, truncated, info = env.step(env.action_space.sample())
        topology = FAMILY.names[int(info["window"][W.TOPOLOGY])]
        for row in info["frames"]:
            photograph, passes = half[int(row[F.IMAGE])], int(row[F.PASSES])
            assert row[F.CONFIDENCE] == SHIPPED[topology].confidence[photograph, passes - 1]
            assert row[F.CORRECT] == SHIPPED.correct(topology)[photograph, passes - 1]
            seen.add(int(row[F.IMAGE]))
    assert seen == set(range(500))


def test_the_bound_knows_the_photographs_of_run_time() -> None:
    board = TwinBoard(load_profile("odroid_xu4"), FAMILY)
    board.reset(Scenario(latency_constraint_s=10.0, policy="1C"), (0, 0))
    every = options(board, board.arrays.parameters, 1)
    for index, name in enumerate(FAMILY.names):
        known = every.on_time_accuracy[every.topology == index]
        assert known == pytest.approx(SHIPPED.correct(name)[HALVES.run, 0].mean())


def test_an_unknown_half_is_refused() -> None:
    with pytest.raises(
        InputError, match="unknown half of the photographs 'runs': did you mean run"
    ):
        TwinEnv("odroid_xu4", photographs="runs")  # type: ignore[arg-type]


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
    again = record_chunk(topology, models, read_image_list(photographs)[:20]).recording
    assert np.array_equal(again.label, SHIPPED[name].label[:20])
    assert np.array_equal(again.confidence, SHIPPED[name].confidence[:20])
    assert np.array_equal(again.in_top5, SHIPPED[name].in_top5[:20])
