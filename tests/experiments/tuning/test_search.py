"""The search: of what is as good as the best, the safest; and the optimum of a smooth score."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tvfs_gym.baselines.tuned import (
    GUARD_C,
    GUARD_SIGMAS,
    HYSTERESIS_C,
    MARGIN_C,
    SLOW_DOWN_DRIFT,
    Scores,
    safest_of_the_best,
)
from tvfs_gym.experiments.tuning.search import Candidate, search

EPISODES = 20
NOISE = np.random.default_rng(0).uniform(0.0, 0.5, EPISODES)
"""What the episodes themselves are worth; the same to all candidates."""


def paired(score: float) -> Scores:
    """A score that differs from episode to episode as all of them do."""
    return NOISE + score


def test_the_noise_that_candidates_share_does_not_count() -> None:
    scores = np.stack([paired(0.10), paired(0.101), paired(0.09)])
    assert safest_of_the_best(scores) == 1


def test_a_lead_within_its_standard_error_is_a_tie_and_the_safest_wins() -> None:
    """+1 in a half and -0.9 in the other: 0.05 in the mean, 0.95 / sqrt(19) = 0.22 of error."""
    swings = np.where(np.arange(EPISODES) % 2, 1.0, -0.9)
    assert safest_of_the_best(np.stack([paired(0.0), paired(0.0) + swings])) == 0
    assert safest_of_the_best(np.stack([paired(0.0), paired(0.0) + 0.3 * swings + 0.2])) == 1


@given(arrays(float, (5, 12), elements=st.floats(0.0, 1.0)))
def test_what_is_taken_is_tied_with_the_best_and_nothing_safer_is(scores: Scores) -> None:
    taken = safest_of_the_best(scores)
    lead = scores[scores.mean(axis=1).argmax()] - scores
    error = lead.std(axis=1, ddof=1) / np.sqrt(12)
    tied = lead.mean(axis=1) <= error
    assert tied[taken] and not tied[:taken].any()


class Smooth:
    """Scores with one optimum at given values, in which parameters lean on each other."""

    def __init__(self, **best: tuple[float, ...]) -> None:
        self.best = best
        self.asked: list[Candidate] = []

    def __call__(self, candidates: Sequence[Candidate]) -> Scores:
        self.asked += candidates
        return np.stack([paired(0.4 - self._loss(*each)) for each in candidates])

    def _loss(self, name: str, values: tuple[float, ...]) -> float:
        off = [(a - b) / b for a, b in zip(values, self.best[name], strict=True)]
        return 0.01 * sum(one**2 for one in off) + 0.005 * abs(sum(off))


@pytest.mark.parametrize("guard_c", GUARD_C.grid)
def test_it_finds_the_best_guard(guard_c: float) -> None:
    evaluate = Smooth(tvfs=(guard_c,))
    found = search(["tvfs"], evaluate)["tvfs"]
    assert found.values == {"guard_c": guard_c}
    assert found.difference > 0.0 and found.standard_error == pytest.approx(0.0, abs=1e-6)
    assert found.reliable_accuracy == pytest.approx(NOISE.mean() + 0.4, abs=1e-6)
    assert sorted(evaluate.asked) == sorted(("tvfs", (value,)) for value in GUARD_C.grid)


def test_it_finds_two_parameters_and_asks_for_no_candidate_twice() -> None:
    evaluate = Smooth(frequency_reactive=(2.0, 5.0), predictive=(2.0, 1.0, 0.0003), tvfs=(5.0,))
    found = search(list(evaluate.best), evaluate)
    assert found["frequency_reactive"].values == {"guard_c": 2.0, "hysteresis_c": 5.0}
    assert found["predictive"].values == {
        "guard_sigmas": 2.0,
        "margin_c": 1.0,
        "slow_down_drift": 0.0003,
    }
    assert found["tvfs"].values == {"guard_c": 5.0}
    assert len(evaluate.asked) == len(set(evaluate.asked))
    grids = {"frequency_reactive": (GUARD_C, HYSTERESIS_C), "tvfs": (GUARD_C,)}
    grids["predictive"] = (GUARD_SIGMAS, MARGIN_C, SLOW_DOWN_DRIFT)
    for name, values in evaluate.asked:
        assert all(v in p.grid for v, p in zip(values, grids[name], strict=True))


def test_a_runner_up_that_is_better_but_less_safe_is_named() -> None:
    swings = np.where(np.arange(EPISODES) % 2, 1.0, -0.9)

    def evaluate(candidates: Sequence[Candidate]) -> Scores:
        bold = [values == (1.0,) for _, values in candidates]
        return np.stack([0.3 + 0.1 * swings * each for each in bold])

    found = search(["alert_t"], evaluate)["alert_t"]
    assert found.values == {"guard_c": 5.0} and found.runner_up == {"guard_c": 1.0}
    assert found.difference == pytest.approx(-0.005)
    assert found.standard_error == pytest.approx(0.095 / np.sqrt(EPISODES - 1), abs=1e-6)
