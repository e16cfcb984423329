"""TVFS in its published set-up: losses paired frame by frame, over deadlines and thresholds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tvfs_gym.baselines import Design, build, characterise
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.experiments.episodes import Row, run_episode

CONTROLLERS = ("tvfs", "tvfs_static")
CONSTRAINTS_S = (0.024, 0.027, 0.0315, 0.0365, 0.042, 0.05)
T_MAX_C = (70.0, 75.0, 80.0, 85.0, 90.0, 95.0)
FAMILY = "mobilenet_v1_hosted"

BEST_CONSTRAINT_S, NEVER_C = 0.1, 119.0
"""Under these the most accurate network answers every frame, at any temperature."""


@dataclass(frozen=True)
class Outcome:
    """A controller under a deadline and a threshold, means over the episodes.

    Attributes:
        controller: Its name.
        constraint_s: L_c.
        t_max_c: T_max, degC.
        loss: Points of accuracy below the most accurate network on the very same frames.
        loss_se: Standard error of the loss over the episodes; the draw of the frames is common.
        below_k: How far the mean temperature lies below T_max.
        throttled_share: Share of the time.
    """

    controller: str
    constraint_s: float
    t_max_c: float
    loss: float
    loss_se: float
    below_k: float
    throttled_share: float


def limits_swept(
    seeds: int,
    board: str = "odroid_xu4",
    constraints_s: Sequence[float] = CONSTRAINTS_S,
    thresholds_c: Sequence[float] = T_MAX_C,
) -> Iterator[Outcome]:
    """Every controller at every L_c and T_max."""
    env = TwinEnv(board, FAMILY)
    best = _rows(env, "performance", Scenario(latency_constraint_s=BEST_CONSTRAINT_S,
                                              t_max_c=NEVER_C), seeds)  # fmt: skip
    for t_max_c in thresholds_c:
        for constraint_s in constraints_s:
            scenario = Scenario(latency_constraint_s=constraint_s, t_max_c=t_max_c)
            for name in CONTROLLERS:
                yield _outcome(name, scenario, _rows(env, name, scenario, seeds), best)


def _rows(env: TwinEnv, name: str, scenario: Scenario, seeds: int) -> list[Row]:
    env.scenario = scenario
    measured = characterise(env.board, Scenario(t_max_c=scenario.t_max_c))
    controller = build(name, Design.of(env, measured))
    return [run_episode(env, controller, seed)[1] for seed in range(seeds)]


def _outcome(name: str, scenario: Scenario, rows: list[Row], best: list[Row]) -> Outcome:
    losses = 100 * np.array(
        [b["accuracy"] - r["accuracy"] for b, r in zip(best, rows, strict=True)]
    )
    mean_c = np.mean([row["temperature_c_mean"] for row in rows])
    return Outcome(
        name,
        scenario.latency_constraint_s,
        scenario.t_max_c,
        float(losses.mean()),
        float(losses.std(ddof=1) / np.sqrt(len(losses))),
        float(scenario.t_max_c - mean_c),
        float(np.mean([row["throttled_share"] for row in rows])),
    )
