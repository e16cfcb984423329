"""How learned controllers are judged: on which scenarios, against whom, and what is hoped for.

All of this was written before the first learned controller of its kind had been run on suite v2.
Ten trainings, with the training seeds 0 to 9, each run through every scenario of their board with
the suite's ten seeds; all are shown, and none is chosen.
"""

from dataclasses import dataclass
from typing import Literal

SUITE = "v2"

TRAINING_SEEDS = 10
"""Trainings of a learner."""

STUDENT, GENERALIST = "student", "pretrained"
"""The specialists, one per board, and the policy for any board."""

BORROWED = "tvfs_borrowed"
"""TVFS with the table of the board whose highest clock is nearest."""

REFERENCES = ("tvfs", "predictive", "predictive_generic")
"""Controllers that run beside the learned ones."""

CHANGING = ("sensor_lags", "load_bursts", "load_alternates")
"""Conditions with a lag of the sensor or with a load that comes and goes."""

UNMODELLED = (
    "fan_fails_and_returns", "fan_steps", "load_steady", "load_bursts", "load_alternates",
    "sensor_lags", "sensor_is_coarse", "sensor_is_noisy", "sensor_is_biased",
)  # fmt: skip
"""Conditions of which a board's profile says nothing: loads, fans, sensors that deviate."""

Group = Literal["all", "changing", "modelled", "unmodelled"]

GROUPS: dict[Group, str] = {
    "all": "all scenarios",
    "changing": "the sensor lags, or the load comes and goes",
    "modelled": "the profile's model holds",
    "unmodelled": "loads, fans or sensors that no profile tells of",
}
"""Groups of scenarios, and what they are."""

Measure = Literal["share", "tenth", "above_t_max_share"]

MEASURES: dict[Measure, str] = {
    "share": "share of the bound",
    "tenth": "share of the bound in the worst tenth of the scenarios",
    "above_t_max_share": "time above T_max",
}
"""What is compared: columns of `tvfs_gym.experiments.results.aggregate.aggregate`."""


@dataclass(frozen=True)
class Hope:
    """A hope, in numbers.

    Attributes:
        learned: The learned controller.
        reference: The controller that it is compared with.
        group: The scenarios.
        measure: The measure.
        limit: Least difference, learned less reference, in points; of times above T_max the most.
        apart: Whether the interval of the difference must exclude zero, too.
    """

    learned: str
    reference: str
    group: Group
    measure: Measure
    limit: float
    apart: bool = False


HOPES = (
    Hope(STUDENT, "tvfs", "all", "share", 0.0, apart=True),
    Hope(STUDENT, "tvfs", "changing", "share", 2.0, apart=True),
    Hope(STUDENT, "tvfs", "all", "tenth", 0.0),
    Hope(STUDENT, "predictive", "modelled", "share", -0.15),
    Hope(STUDENT, "predictive", "unmodelled", "share", -0.3),
    Hope(STUDENT, "tvfs", "all", "above_t_max_share", 0.1),
    Hope(GENERALIST, BORROWED, "all", "share", 0.0, apart=True),
    Hope(GENERALIST, "predictive_generic", "all", "share", -0.5),
    Hope(GENERALIST, "predictive_generic", "all", "above_t_max_share", 0.2),
)


def group_of(condition: str) -> set[Group]:
    """The groups that a scenario belongs to.

    Args:
        condition: Its kind, as `tvfs_gym.experiments.benchmarks.kinds` names it.
    """
    groups: set[Group] = {"all", "unmodelled" if condition in UNMODELLED else "modelled"}
    if condition in CHANGING:
        groups.add("changing")
    return groups
