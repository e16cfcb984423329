"""Runs that do not show a steady gain, and runs that do."""

import numpy as np
import pytest
from scipy.signal import lfilter

from tvfs_gym.experiments.twin.excitation import changes_of_heat, reached_gain
from tvfs_gym.experiments.twin.identification import Trace

BOARDS = 100


def board(seed: int, heat: np.ndarray, period_s: float = 1.0) -> tuple[Trace, float]:
    """A run of a board of two nodes, drawn at random, and its steady gain in K/W."""
    draw = np.random.default_rng(seed)
    gains = draw.uniform((0.5, 1.0), (3.0, 8.0))
    taus_s = np.array([draw.uniform(3, 20), draw.uniform(60, 600)])
    kept = np.exp(-period_s / taus_s)
    warm = sum(
        gain * lfilter([1 - one], [1, -one], heat) for gain, one in zip(gains, kept, strict=True)
    )
    noise = draw.normal(0, 0.2, len(heat))
    temperature_c = np.asarray(np.round(2 * (25 + warm + noise)) / 2, np.float64)
    time_s = np.arange(len(heat), dtype=float) * period_s
    return Trace(f"board {seed}", time_s, heat.astype(float), temperature_c), float(gains.sum())


def step(seed: int) -> np.ndarray:
    """Rest for a while, then load to the end."""
    draw = np.random.default_rng(1000 + seed)
    length = int(draw.uniform(60, 900))
    heat = np.full(length, draw.uniform(5, 12))
    heat[: int(draw.uniform(5, length / 3))] = draw.uniform(1, 3)
    return heat + draw.normal(0, 0.05, length)


def cycles(seed: int) -> np.ndarray:
    """Load and rest in turn, for half an hour."""
    draw = np.random.default_rng(2000 + seed)
    half_s = draw.uniform(60, 250)
    busy = (np.arange(1800) // half_s) % 2 == 1
    return np.where(busy, draw.uniform(5, 12), 2.0) + draw.normal(0, 0.05, 1800)


def test_no_single_step_is_wrong_in_silence() -> None:
    """The gain reached at its end is a lower bound of the true one."""
    for seed in range(BOARDS):
        trace, gain = board(seed, step(seed))
        reached = reached_gain([trace])
        assert len(changes_of_heat(trace)) == 1
        assert reached is not None and reached <= 1.02 * gain


def test_load_cycles_are_not_warned_about() -> None:
    assert sum(reached_gain([board(seed, cycles(seed))[0]]) is not None for seed in range(100)) == 0


def test_a_step_that_has_settled_is_not_warned_about() -> None:
    heat = np.where(np.arange(6000) < 300, 2.0, 9.0)
    assert reached_gain([board(1, heat)[0]]) is None


@pytest.mark.parametrize(
    ("heat", "held_s", "expected"),
    [([1, 1, 5, 5], 60, 1), ([1, 5, 1, 5], 60, 3), ([2, 2], 60, 0), ([1, 1, 1, 5, 1, 1, 1], 20, 0)],
)
def test_changes_of_heat_are_counted(heat: list[float], held_s: int, expected: int) -> None:
    """A pause of twenty seconds is none."""
    values = np.repeat(np.array(heat, float), held_s)
    trace = Trace("run", np.arange(len(values), dtype=float), values, values)
    assert len(changes_of_heat(trace)) == expected
