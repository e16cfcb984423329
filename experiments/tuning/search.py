"""The search for a controller's values: one parameter at a time, over its grid, on paired episodes.

Every candidate meets the same episodes, on the same units and with the same photographs. Of those
that are behind the best by no more than the standard error of the paired difference, the safest is
taken. Each parameter's grid is searched twice in turn, from the safest values on; the second time
finds out whether the first one's value still stands beside the others'.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from tvfs_gym.baselines.tuned import (
    TUNED_PARAMETERS,
    Scores,
    TunedController,
    Values,
    safest_of_the_best,
    standard_error,
)

DIGITS = 6
"""Digits of accuracies that are kept."""

Candidate = tuple[str, tuple[float, ...]]
"""A controller, and a value for each of its parameters in order."""

Evaluate = Callable[[Sequence[Candidate]], Scores]
"""Reliable accuracies of candidates in all episodes, shape (candidates, episodes)."""


def search(controllers: Sequence[str], evaluate: Evaluate) -> dict[str, TunedController]:
    """Finds the values of some controllers.

    Args:
        controllers: Of `TUNED_PARAMETERS`.
        evaluate: Runs candidates; each is asked for once.
    """
    best = {name: tuple(p.grid[0] for p in TUNED_PARAMETERS[name]) for name in controllers}
    scores: dict[Candidate, Scores] = {}
    most = max(len(TUNED_PARAMETERS[name]) for name in controllers)
    for turn in [*range(most)] * 2:
        lines = {name: _line(name, best[name], turn) for name in controllers}
        missing = [c for line in lines.values() for c in line if c not in scores]
        if missing:
            scores.update(zip(missing, evaluate(missing), strict=True))
        for name, line in lines.items():
            best[name] = line[safest_of_the_best(np.stack([scores[c] for c in line]))][1]
    return {name: _found((name, best[name]), scores) for name in controllers}


def by_name(candidate: Candidate) -> Values:
    """A candidate's values by their parameters' names."""
    name, values = candidate
    parameters = TUNED_PARAMETERS[name]
    return {p.name: value for p, value in zip(parameters, values, strict=True)}


def _line(name: str, values: tuple[float, ...], turn: int) -> list[Candidate]:
    """Candidates that differ in one parameter, or the values alone if there is no such one."""
    if turn >= len(values):
        return [(name, values)]
    grid = TUNED_PARAMETERS[name][turn].grid
    return [(name, (*values[:turn], value, *values[turn + 1 :])) for value in grid]


def _found(taken: Candidate, scores: dict[Candidate, Scores]) -> TunedController:
    others: Iterable[Candidate] = (c for c in scores if c[0] == taken[0] and c != taken)
    runner_up = max(others, key=lambda other: float(scores[other].mean()))
    difference = scores[taken] - scores[runner_up]
    return TunedController(
        values=by_name(taken),
        reliable_accuracy=round(float(scores[taken].mean()), DIGITS),
        runner_up=by_name(runner_up),
        difference=round(float(difference.mean()), DIGITS),
        standard_error=round(float(standard_error(difference)), DIGITS),
    )
