"""Training and testing, set apart: seeds, photographs, and courses of what changes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from tvfs_gym.agents.training import EVALUATION_SEED, SEEDS_PER_TRAINING, TRAINING_SEED
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.inference.outcomes import halves, load_outcomes
from tvfs_gym.envs.inference.topology import load_family
from tvfs_gym.envs.randomisation import DomainRandomisation, Episodes
from tvfs_gym.envs.scenario import Change, Scenario
from tvfs_gym.experiments.benchmarks.suite import load_suite
from tvfs_gym.experiments.learning.protocol import TRAINING_SEEDS

DRAWS = 2000
"""Conditions of training that are drawn to see which courses they take."""

SAME = 1e-6
"""Relative difference up to which two lengths of time are one."""

QUANTITIES = ("background_load", "latency_constraint_s", "ambient_c", "cooling")
"""Quantities of a scenario that may change while it runs."""

NEVER, ONCE, REGULARLY, OTHERWISE = (
    "does not change", "changes once", "regular square wave", "irregular",
)  # fmt: skip
"""Courses."""


@dataclass(frozen=True)
class Apart:
    """Something of training and of the suite, side by side.

    Attributes:
        what: What it is.
        training: Of training.
        suite: Of the suite.
        common: What both have.
    """

    what: str
    training: str
    suite: str
    common: str


def shape_of(values: list[tuple[float, object]]) -> str:
    """Names the course of a quantity.

    Args:
        values: Times of its changes, s, in order, and the values taken then.
    """
    if not values:
        return NEVER
    if len(values) == 1:
        return ONCE
    times_s = np.array([0.0, *(at_s for at_s, _ in values)])
    lengths_s = np.diff(times_s)
    regular = np.ptp(lengths_s) <= SAME * lengths_s.max()
    two = len({value for _, value in values}) == 2
    return REGULARLY if regular and two else OTHERWISE


def courses(scenarios: Iterable[Scenario]) -> dict[str, set[str]]:
    """Courses that occur, of each of `QUANTITIES`."""
    found: dict[str, set[str]] = {quantity: set() for quantity in QUANTITIES}
    for scenario in scenarios:
        for quantity in QUANTITIES:
            found[quantity].add(shape_of(list(_values(scenario.changes, quantity))))
    return found


def _values(changes: Iterable[Change], quantity: str) -> Iterator[tuple[float, object]]:
    for change in changes:
        value = getattr(change, quantity)
        if value is not None:
            yield change.at_s, value


def training_scenarios(board: str, family: str, draws: int = DRAWS) -> Iterator[Scenario]:
    """Scenarios that a training on a board draws."""
    profile = load_profile(board)
    nominal_s = TwinBoard(profile, load_family(family)).nominal_latency_s
    randomisation = DomainRandomisation.of("conditions", profile, nominal_s)
    assert randomisation is not None
    for index in range(draws):
        key = Episodes.seeded(TRAINING_SEED + index).next_key()
        yield randomisation.draw(Scenario(), key)


def sets_apart(suite_name: str, seeds: int, draws: int = DRAWS) -> list[Apart]:
    """Compares the sets; whatever is common to both beyond constancy is named.

    Args:
        suite_name: Suite, name or TOML file.
        seeds: Episodes per scenario of the suite, with the seeds 0, 1, ...
        draws: Conditions of training to draw on every board.
    """
    suite = load_suite(suite_name)
    cases = suite.cases("", {})
    boards = sorted({case.board for case in cases.values()})
    trained = courses(
        scenario for board in boards for scenario in training_scenarios(board, suite.family, draws)
    )
    tested = courses(case.scenario for case in cases.values())
    return [
        _seeds(seeds),
        _photographs(suite.family),
        *(_courses(quantity, trained[quantity], tested[quantity]) for quantity in QUANTITIES),
    ]


def _seeds(seeds: int) -> Apart:
    last = TRAINING_SEED + SEEDS_PER_TRAINING * TRAINING_SEEDS - 1
    training = f"{TRAINING_SEED:,} to {last:,}; {EVALUATION_SEED:,} and on to choose by"
    common = range(max(0, EVALUATION_SEED), seeds)
    return Apart("seeds of episodes", training, f"0 to {seeds - 1}", ", ".join(map(str, common)))


def _photographs(family: str) -> Apart:
    file = load_family(family).outcomes
    assert file is not None
    parts = halves(load_outcomes(file).truth)
    common = set(parts.design.tolist()) & set(parts.run.tolist())
    return Apart(
        "photographs",
        f"{len(parts.design)}, the design half",
        f"{len(parts.run)}, the run half",
        ", ".join(map(str, sorted(common))),
    )


def _courses(quantity: str, trained: set[str], tested: set[str]) -> Apart:
    common = sorted(trained & tested - {NEVER})
    training, suite = (", ".join(sorted(names)) for names in (trained, tested))
    return Apart(f"course of {quantity}", training, suite, ", ".join(common))
