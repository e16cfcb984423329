"""Guards and thresholds that no source fixes: what may be tuned, and the values that were found.

``tvfs-gym dev tune-baselines`` finds them all on one distribution of conditions and writes
``tuned.toml``, with itself; the controllers take them from here as their defaults. Constants that
the authors published stay as published.
"""

from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tvfs_gym.envs.tables import Table, read_toml

TUNED_FILE = "tuned.toml"
"""Name of the file, in the folder of the baselines."""


class TunedParameter(NamedTuple):
    """A parameter of a controller.

    Attributes:
        name: The keyword under which the controller's factory takes it.
        meaning: In a few words, with the unit.
        grid: Values to choose from, the safest first.
    """

    name: str
    meaning: str
    grid: tuple[float, ...]


GUARD_C = TunedParameter(
    "guard_c", "distance to T_max at which it acts, °C", (5.0, 4.0, 3.0, 2.0, 1.0, 0.5)
)
HYSTERESIS_C = TunedParameter(
    "hysteresis_c", "further distance at which it speeds up again, °C", (10.0, 7.0, 5.0, 3.0, 2.0)
)
GUARD_SIGMAS = TunedParameter(
    "guard_sigmas",
    "distance to T_max in standard deviations of the prediction",
    (4.0, 3.5, 3.0, 2.5, 2.0, 1.5),
)
MARGIN_C = TunedParameter("margin_c", "further distance to T_max, °C", (4.0, 3.0, 2.0, 1.0, 0.0))
SLOW_DOWN_DRIFT = TunedParameter(
    "slow_down_drift", "random walk of the slow-down's logarithm per step", (0.003, 0.001, 0.0003)
)

TUNED_PARAMETERS: dict[str, tuple[TunedParameter, ...]] = {
    "frequency_reactive": (GUARD_C, HYSTERESIS_C),
    "frequency_proactive": (GUARD_C,),
    "tvfs_static": (GUARD_C,),
    "tvfs_open_loop": (GUARD_C,),
    "tvfs": (GUARD_C,),
    "tvfs_duty": (GUARD_C,),
    "tvfs_passes": (GUARD_C,),
    "ipa_topology": (GUARD_C,),
    "alert_t": (GUARD_C,),
    "predictive": (GUARD_SIGMAS, MARGIN_C, SLOW_DOWN_DRIFT),
    "predictive_plain": (GUARD_SIGMAS, MARGIN_C, SLOW_DOWN_DRIFT),
    "predictive_generic": (GUARD_SIGMAS, MARGIN_C, SLOW_DOWN_DRIFT),
}
"""Parameters by controller."""

PER_BOARD = ("predictive", "predictive_plain", "predictive_generic")
"""Controllers whose parameters may be arrays, a value for every board of a batch."""

Scores = NDArray[np.float64]
"""Reliable accuracies, the last axis over episodes."""

Values = dict[str, float]
"""A value for each of a controller's parameters, by name."""


class TunedController(Table):
    """The values of a controller, and what speaks for them.

    Attributes:
        values: The values taken.
        reliable_accuracy: Mean over the episodes with them, 0..1.
        runner_up: The best of the values that were not taken.
        difference: Mean reliable accuracy with the values taken, less that of the runner-up. It is
            negative where the runner-up is better by less than the standard error, and less safe.
        standard_error: Of the difference, paired over the episodes.
    """

    values: Values
    reliable_accuracy: float = Field(ge=0, le=1)
    runner_up: Values
    difference: float
    standard_error: float = Field(ge=0)


class TuningDistribution(Table):
    """What was tuned on.

    Attributes:
        boards: Board profiles.
        family: Topology family.
        episodes: Episodes of each board; each has a scenario of its own.
        first_seed: Their seeds count up from it, over all boards.
        digest: SHA-256 of all the scenarios drawn.
    """

    boards: tuple[str, ...]
    family: str
    episodes: int = Field(gt=0)
    first_seed: int
    digest: str


class TunedValues(Table):
    """The file.

    Attributes:
        command: The command that finds these values.
        distribution: What it tunes on.
        controllers: By name.
    """

    command: str
    distribution: TuningDistribution
    controllers: dict[str, TunedController]


@cache
def tuned_values() -> TunedValues:
    """Reads the values that ship with the package."""
    return read_toml(files("tvfs_gym.baselines") / TUNED_FILE, TunedValues)


def tuned(controller: str, parameter: TunedParameter) -> float:
    """A controller's value of a parameter; the safest one where none was found yet."""
    found = tuned_values().controllers.get(controller)
    return (
        parameter.grid[0] if found is None else found.values.get(parameter.name, parameter.grid[0])
    )


def safest_of_the_best(scores: Scores) -> int:
    """The first candidate that the best one does not beat by more than the standard error.

    Args:
        scores: The safest candidate first, shape (candidates, episodes).
    """
    lead = scores[scores.mean(axis=1).argmax()] - scores
    return int(np.flatnonzero(lead.mean(axis=1) <= standard_error(lead))[0])


def standard_error(difference: Scores) -> Scores:
    """The standard error of the mean of differences, over the last axis."""
    spread: Scores = difference.std(axis=-1, ddof=1)
    return spread / np.sqrt(difference.shape[-1])
