"""Aggregations: what they compute, and that a settled answer cannot change."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.aggregation import AGGREGATIONS, FLOOR, Aggregation, aggregation_named

QUARTERS = [np.array([a, b, 4 - a - b], np.float32) / 4 for a in range(5) for b in range(5 - a)]
"""Every distribution over three classes in steps of a quarter."""


def after(name: str, views: int, outputs: list[np.ndarray]) -> Aggregation:
    consensus = aggregation_named(name)(views)
    for output in outputs:
        consensus.add(output)
    return consensus


TWO = [np.array([0.5, 0.25, 0.25], np.float32), np.array([0.25, 0.75, 0.0], np.float32)]


@pytest.mark.parametrize(
    ("name", "scores", "answer"),
    [
        ("mean", [0.375, 0.5, 0.125], 1),
        ("geometric", [0.125**0.5, (0.25 * 0.75) ** 0.5, (0.25 * FLOOR) ** 0.5], 1),
        ("max", [0.5, 0.75, 0.25], 1),
        ("vote", [0.2, 0.2, 0.0], 1),  # one vote each of five; the second has the higher mean
    ],
)
def test_the_consensus_of_two_views(name: str, scores: list[float], answer: int) -> None:
    consensus = after(name, 5, TWO)
    assert consensus.scores == pytest.approx(scores, abs=1e-6)
    assert consensus.answer == answer


def test_the_geometric_mean_of_nothing_is_nothing() -> None:
    zero = np.array([1, 0, 0], np.float32)
    assert after("geometric", 5, [zero, zero]).scores.tolist() == [1, 0, 0]


def test_more_votes_beat_a_higher_mean() -> None:
    outputs = [np.array(p, np.float32) for p in ([0.5, 0.4, 0.1], [0.5, 0.4, 0.1], [0, 1, 0])]
    consensus = after("vote", 3, outputs)
    assert consensus.answer == 0
    assert after("mean", 3, outputs).answer == 1


@given(st.lists(st.lists(st.floats(0, 1, width=32), min_size=4, max_size=4), min_size=1))
def test_the_mean_is_the_running_mean(rows: list[list[float]]) -> None:
    consensus = after("mean", 10, [np.array(row, np.float32) for row in rows])
    assert consensus.passes == len(rows)
    assert consensus.scores == pytest.approx(np.mean(rows, axis=0), abs=1e-5)


@given(st.lists(st.sampled_from(QUARTERS), min_size=1, max_size=4), st.integers(0, 2))
@pytest.mark.parametrize("name", AGGREGATIONS)
def test_rank_is_that_of_a_stable_sort(name: str, outputs: list[np.ndarray], index: int) -> None:
    consensus = after(name, 4, outputs)
    by_rank = np.argsort(-consensus.ranking, kind="stable")
    assert consensus.ahead_of(np.array(index)) == by_rank.tolist().index(index)


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_many_frames_at_once_are_the_frames_one_by_one(name: str) -> None:
    outputs = np.random.default_rng(0).dirichlet(np.full(20, 0.1), (30, 5)).astype(np.float32)
    together = after(name, 5, [np.ascontiguousarray(outputs[:, view]) for view in range(5)])
    for frame in range(30):
        alone = after(name, 5, list(outputs[frame]))
        assert np.array_equal(together.scores[frame], alone.scores)
        assert together.answer[frame] == alone.answer
        assert together.settled[frame] == alone.settled


@given(st.lists(st.sampled_from(QUARTERS), min_size=1, max_size=4), st.integers(0, 2))
@pytest.mark.parametrize("name", AGGREGATIONS)
def test_a_settled_answer_survives_whatever_comes(
    name: str, outputs: list[np.ndarray], remaining: int
) -> None:
    """Every completion out of all distributions in quarters is tried, stopping anywhere."""
    views = len(outputs) + remaining
    now = after(name, views, outputs)
    if not now.settled:
        return
    for completion in product(QUARTERS, repeat=remaining):
        for stop in range(remaining + 1):
            assert after(name, views, [*outputs, *completion[:stop]]).answer == now.answer


@given(st.lists(st.sampled_from(QUARTERS), min_size=1, max_size=4), st.integers(1, 2))
@pytest.mark.parametrize("name", ["mean", "vote"])
def test_an_answer_that_nothing_can_change_is_settled(
    name: str, outputs: list[np.ndarray], remaining: int
) -> None:
    """The bound is tight: short of a tie at the end, unsettled means that some completion wins."""
    views = len(outputs) + remaining
    now = after(name, views, outputs)
    if now.settled:
        return
    completed = [
        after(name, views, [*outputs, *completion])
        for completion in product(QUARTERS, repeat=remaining)
    ]
    ties = [np.diff(np.sort(one.scores)[-2:])[0] < 1e-5 for one in completed]
    assert any(ties) or any(one.answer != now.answer for one in completed)


@given(
    st.lists(st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3), min_size=1, max_size=9),
    st.sampled_from(["mean", "geometric", "vote"]),
)
def test_a_settled_answer_survives_the_worst_in_any_arithmetic(
    rows: list[list[float]], name: str
) -> None:
    outputs = [np.array(row, np.float32) for row in rows]
    now = after(name, 10, outputs)
    if now.settled:
        worst = np.ones(3, np.float32)
        worst[now.answer] = 0
        for stop in range(11 - len(rows)):
            assert after(name, 10, outputs + [worst] * stop).answer == now.answer


def test_a_clear_majority_of_the_mean_is_settled_early() -> None:
    sure = np.array([1, 0, 0], np.float32)
    settled = [bool(after("mean", 10, [sure] * passes).settled) for passes in range(1, 11)]
    assert settled == [False] * 5 + [True] * 5


def test_an_unknown_aggregation_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"unknown aggregation 'means': did you mean mean"):
        aggregation_named("means")
