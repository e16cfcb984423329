"""Statements about controllers, and which of them a benchmark and its variations carry.

They were written before suite v2 was first run. A statement stands if the better controller's mean
share of the bound exceeds the worse one's in the suite by more than the interval of the difference,
and if it does not fall below it in any variation of the suite ``sensitivity``.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from tvfs_gym.experiments.results.aggregate import aggregate


@dataclass(frozen=True)
class Statement:
    """A comparison of two controllers in words.

    Attributes:
        better: Controller said to be better.
        worse: The other one.
        text: What that means.
    """

    better: str
    worse: str
    text: str


STATEMENTS = (
    Statement("tvfs", "performance", "choosing network and clock beats the kernel's throttling"),
    Statement("tvfs", "topology_scaling", "network and clock beat the network alone"),
    Statement("tvfs", "frequency_reactive", "network and clock beat a clock that reacts to heat"),
    Statement("tvfs", "frequency_proactive", "network and clock beat a clock fixed beforehand"),
    Statement("tvfs", "power_allocator", "network and clock beat the kernel's power allocator"),
    Statement("tvfs", "tvfs_open_loop", "TVFS gains from looking at the latency"),
    Statement("tvfs_passes", "tvfs", "TVFS gains from choosing AdapTTA's passes, too"),
    Statement("alert_t", "alert", "ALERT gains from a limit of temperature"),
    Statement("predictive", "tvfs", "following heat and latency beats the design-time table"),
    Statement("predictive", "alert_t", "following heat beats reacting to it"),
    Statement("predictive", "predictive_plain", "a belief over load and lag gains something"),
    Statement("predictive_generic", "tvfs", "a model that nobody identified beats the table"),
)
"""The statements that the README may make."""


@dataclass(frozen=True)
class Difference:
    """Difference of two controllers' mean shares of the bound, 0..1.

    Attributes:
        mean: The difference.
        low: Lower end of its 95 % interval.
        high: Upper end.
    """

    mean: float
    low: float
    high: float


def difference(episodes: pl.DataFrame, statement: Statement) -> Difference:
    """How much better the better controller is, paired, over the scenarios of the episodes."""
    both = episodes.filter(pl.col("controller").is_in([statement.better, statement.worse]))
    ranking = aggregate(both, reference=statement.worse)
    row = ranking.row(by_predicate=pl.col("controller") == statement.better, named=True)
    return Difference(row["difference"], row["difference_low"], row["difference_high"])


def stands(in_suite: Difference, in_variations: Mapping[str, Difference]) -> bool:
    """Whether a suite and all variations carry a statement."""
    return in_suite.low > 0.0 and all(each.mean >= 0.0 for each in in_variations.values())
