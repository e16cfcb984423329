"""A sensor's lag is found on line, and costs nothing where there is none."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tvfs_gym.baselines import Design
from tvfs_gym.baselines.controller import Choice, State
from tvfs_gym.baselines.model_based.follower import HEAT
from tvfs_gym.baselines.model_based.lag import Bank
from tvfs_gym.baselines.model_based.predictive import LAGS, Predictive
from tvfs_gym.envs.observation import Reading
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv
from tvfs_gym.experiments.episodes import run_episodes

SEEDS = [520, 521, 522]
HOT = Scenario(latency_constraint_s=0.055, ambient_c=52.0)


class Lagging(Predictive):
    """The controller behind a sensor that lags, for a single batch.

    Args:
        design: What it may know beforehand.
        lag: Of the sensor, in steps.
        lags: As of `Predictive`.
    """

    def __init__(self, design: Design, lag: int, lags: int) -> None:
        # A margin would pay for a part of what the lag costs.
        super().__init__(design, lags=lags, margin_c=0.0)
        self._lag = lag
        self._read_c: list[NDArray[np.float64]] = []
        self.found = np.zeros(0, np.int64)

    def decide(self, reading: Reading, state: State) -> tuple[Choice, State]:
        """Sees an older temperature."""
        self._read_c.append(reading.temperature_c)
        seen_c = self._read_c[max(len(self._read_c) - 1 - self._lag, 0)]
        choice, after = super().decide(reading._replace(temperature_c=seen_c), state)
        self.found = Bank(*after[:HEAT]).likelihood.argmax(axis=1)
        return choice, after


def episodes(design: Design, lag: int, lags: int) -> tuple[list[dict[str, Any]], set[int]]:
    """Rows, and the lags found in the end."""
    twins = TwinVectorEnv(len(SEEDS), scenario=HOT, info_frames=True)
    lagging = Lagging(design, lag, lags)
    rows = [row for _, row in run_episodes(twins, lagging, SEEDS)]
    return rows, set(lagging.found.tolist())


@pytest.mark.parametrize("lag", [1, 3])
def test_a_lag_is_found_and_its_cost_won_back(xu4: Design, lag: int) -> None:
    unlagged, _ = episodes(xu4, 0, lags=1)
    blind, _ = episodes(xu4, lag, lags=1)
    ours, found = episodes(xu4, lag, LAGS)
    assert found == {lag}
    best, worst, score = (
        np.mean([row["reliable_accuracy"] for row in rows]) for rows in (unlagged, blind, ours)
    )
    assert worst < best - 0.03 and score > best - 0.01
    assert all(row["above_t_max_share"] == 0.0 for row in ours)


def test_where_there_is_none_the_bank_changes_nothing(xu4: Design) -> None:
    ours, found = episodes(xu4, 0, LAGS)
    assert ours == episodes(xu4, 0, lags=1)[0]
    assert found == {0}
