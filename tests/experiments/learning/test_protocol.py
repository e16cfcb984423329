"""Learned controllers are judged by rules that were written down before."""

import numpy as np
import polars as pl
import pytest

from tvfs_gym.baselines import CONTROLLERS, Design, characterise
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.experiments.benchmarks.kinds import BOARDS, CONDITIONS
from tvfs_gym.experiments.learning.judging import by_training, found, in_group
from tvfs_gym.experiments.learning.protocol import (
    CHANGING,
    REFERENCES,
    SUITE,
    UNMODELLED,
    Hope,
    group_of,
)
from tvfs_gym.experiments.learning.sets import (
    NEVER,
    ONCE,
    OTHERWISE,
    REGULARLY,
    sets_apart,
    shape_of,
)
from tvfs_gym.experiments.learning.tvfs_borrowed import borrowed_design, nearest

FRAMES = 100


def test_every_condition_of_the_suite_belongs_to_a_group() -> None:
    assert {*CHANGING, *UNMODELLED} <= CONDITIONS.keys()
    for condition in CONDITIONS:
        assert len(group_of(condition) & {"modelled", "unmodelled"}) == 1
    assert set(REFERENCES) <= CONTROLLERS.keys()


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ([], NEVER),
        ([(5.0, 1)], ONCE),
        ([(5.0, 1), (10.0, 0), (15.0, 1)], REGULARLY),
        ([(5.0, 1), (10.0, 0), (16.0, 1)], OTHERWISE),
        ([(5.0, 1), (10.0, 2), (15.0, 3)], OTHERWISE),
    ],
)
def test_courses_are_told_apart(values: list[tuple[float, object]], name: str) -> None:
    assert shape_of(values) == name


def test_training_and_suite_have_nothing_in_common_that_changes() -> None:
    apart = sets_apart(SUITE, seeds=10, draws=50)
    assert [one.what for one in apart if one.common] == []
    assert REGULARLY in apart[2].training and OTHERWISE in apart[2].suite


def test_seeds_that_training_uses_are_told() -> None:
    assert sets_apart(SUITE, seeds=10_001, draws=1)[0].common == "10000"


def test_a_board_borrows_the_table_of_the_nearest_clock() -> None:
    env = TwinEnv("odroid_c2")
    own = Design.of(env, characterise(env.board, Scenario(t_max_c=80.0)))
    borrowed = borrowed_design(own).characterisation
    assert borrowed.levels == own.characterisation.levels
    assert not np.allclose(borrowed.pass_median_s, own.characterisation.pass_median_s)
    for name in BOARDS:
        clocks_hz = np.array([point.frequency_hz for point in load_profile(name).operating_points])
        assert nearest(name, clocks_hz).name != name
        assert nearest(None, clocks_hz).name == name


def episodes(shares: dict[str, list[float]]) -> pl.DataFrame:
    """Episodes of controllers in two scenarios; of several shares, each is a training's."""
    rows = [
        {
            "controller": controller,
            "scenario": scenario,
            "objective": None,
            "training_seed": training if len(own) > 1 else None,
            "seed": seed,
            "bound": 0.9,
            "reliable_accuracy": 0.9 * share,
            "photograph_frames": [FRAMES],
            "photograph_reliable": [round(FRAMES * 0.9 * share)],
            "unanswered_frames": 0,
            "late_share": 0.0,
            "above_t_max_share": 1.0 - share,
            "energy_j_per_frame": 1.0,
        }
        for controller, own in shares.items()
        for training, share in enumerate(own)
        for scenario in ("nominal, odroid_c2, 100 ms", "load_bursts, odroid_c2, 100 ms")
        for seed in range(3)
    ]
    schema = {"objective": pl.String, "training_seed": pl.Int64}
    return pl.DataFrame(rows, schema_overrides=schema)


def test_hopes_are_compared_with_what_was_found() -> None:
    table = episodes({"student": [0.90, 0.92, 0.94, 0.96], "tvfs": [0.80]})
    one = found(table, Hope("student", "tvfs", "all", "share", 2.0, apart=True))
    assert one.difference == pytest.approx(13.0, abs=1.0) and one.low > 0.0 and one.met
    assert not found(table, Hope("student", "tvfs", "changing", "share", 20.0)).met
    assert found(table, Hope("student", "tvfs", "all", "above_t_max_share", 0.0)).met
    assert not found(table, Hope("tvfs", "student", "all", "above_t_max_share", 0.1)).met


def test_every_training_counts() -> None:
    table = episodes({"student": [0.90, 0.94], "tvfs": [0.80]})
    assert by_training(table, "student") == {0: pytest.approx(0.90), 1: pytest.approx(0.94)}
    assert in_group(table, "changing")["scenario"].unique().to_list() == [
        "load_bursts, odroid_c2, 100 ms"
    ]
