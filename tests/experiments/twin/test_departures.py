"""Fans that follow the temperature, and logs whose heat stands beside its place."""

import numpy as np
import pytest

from tests.experiments.twin import identification_suite as suite
from tvfs_gym.experiments.twin.departures import fan_from_c, lag_s
from tvfs_gym.experiments.twin.identification import fit


@pytest.mark.parametrize("seed", range(4))
def test_a_lag_is_told_with_its_sign(seed: int) -> None:
    plain, _ = suite.cycles(seed)
    assert lag_s([plain]) is None
    shifted, _ = suite.lag(seed)
    found = lag_s([shifted])
    assert found is not None
    behind_s = np.interp(plain.time_s + found, plain.time_s, plain.heat)
    aside = np.abs(shifted.heat - plain.heat).mean()
    assert np.abs(shifted.heat - behind_s).mean() < aside


def test_fans_are_named_more_often_than_they_are_imagined() -> None:
    """The suite counts a hundred of each; these are the first few."""

    def named(seed: int, running: bool) -> bool:
        trace, board = suite.fan(seed, running)
        return (
            fan_from_c([trace], fit([trace], len(board.resistances_k_w)).time_constants_s)
            is not None
        )

    assert sum(named(seed, True) for seed in (4, 5, 6, 13, 19)) >= 4
    assert not any(named(seed, False) for seed in (0, 1, 2))
