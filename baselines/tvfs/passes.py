"""TVFS with AdapTTA's pass budget as a third knob: an extension of ours.

The table holds topology, VF level and budget. Its rows differ from TVFS' in four cases:

- Where AdapTTA does not know of the deadline, TVFS needs time for all passes of the policy; with a
  budget, a more accurate topology fits with fewer passes.
- With a camera slower than the board, a row's temperature is that of its share of busy time, which
  a lower budget shortens: the table knows that rows run cooler than under continuous inference.
- With a camera that delivers frames faster than L_c passes, a frame must be answered within the
  period, or frames queue and all are late: TVFS' table does not know of that.
- Where more passes lose accuracy on the recorded images, the budget stops before.

Back to back under a known deadline, a lower budget gains nothing: it saves time, but no heat.
"""

import numpy as np

from tvfs_gym.baselines.controller import Design
from tvfs_gym.baselines.model_based.board_model import BoardModel
from tvfs_gym.baselines.model_based.budgets import (
    Vector,
    accuracy_within,
    passes_in_time,
    ranking_score,
    replays_of,
)
from tvfs_gym.baselines.model_based.candidates import pareto
from tvfs_gym.baselines.tuned import GUARD_C, tuned
from tvfs_gym.baselines.tvfs.tvfs import Row, Tvfs
from tvfs_gym.envs.boards.board import Configuration


def table_with_passes(design: Design, latency_constraint_s: float) -> list[Row]:
    """The table for one latency constraint, the most accurate and hottest row first.

    Of all topologies, levels and budgets it has those than which no cooler one is as accurate.

    Raises:
        InputError: No configuration meets the constraint with a single pass, or frames arrive
            with a period and there is no profile to tell the heat between them.
    """
    accuracy = accuracy_within(design, latency_constraint_s)
    passes = passes_in_time(design, latency_constraint_s)
    spent = np.concatenate([np.ones((len(passes), 1)), replays_of(design).passes], axis=1)
    mean_passes = np.take_along_axis(spent[:, np.newaxis], passes, axis=2)
    time_s = mean_passes * design.characterisation.pass_median_s[..., np.newaxis]
    rows = front(design, accuracy, time_s)
    return [row for row in rows if row.accuracy > 0.0] or rows


def front(design: Design, accuracy: Vector, time_s: Vector) -> list[Row]:
    """Those configurations than which no cooler one is as accurate.

    Args:
        design: The controller's design.
        accuracy: Within L_c, shape (topologies, levels, budgets).
        time_s: Mean time of a frame, same shape.

    Raises:
        InputError: Frames arrive with a period, and there is no profile to tell how much heat the
            idle time between them saves.
    """
    ranked = ranking_score(accuracy, time_s, design.known.arrival_period_s).ravel()
    temperature_c = reached_c(design, time_s).ravel()
    topology, level, budget = (index.ravel() for index in np.indices(accuracy.shape))
    return [
        Row(
            Configuration(int(topology[row]), int(level[row]), int(budget[row]) + 1),
            float(accuracy.ravel()[row]),
            float(temperature_c[row]),
        )
        for row in pareto(temperature_c, ranked)
    ]


def reached_c(design: Design, time_s: Vector) -> Vector:
    """Design-time temperature of every configuration: that of its level, less what idling saves."""
    continuous_c = design.characterisation.temperature_c[:, np.newaxis]
    period_s = design.known.arrival_period_s
    if period_s == 0.0:
        return np.broadcast_to(continuous_c, time_s.shape)
    model = BoardModel(design, "a table of temperatures under periodic arrivals")
    idle_share = 1.0 - np.minimum(time_s / period_s, 1.0)
    saved_w = (model.busy_w - model.idle_w)[..., np.newaxis] * idle_share
    return continuous_c - model.resistance_k_w.sum() * saved_w


def tvfs_passes(design: Design, guard_c: float = tuned("tvfs_passes", GUARD_C)) -> Tvfs:
    """TVFS that chooses AdapTTA's passes, too, with the same feedback of the latency."""
    return Tvfs(design, table_with_passes, guard_c=guard_c)
