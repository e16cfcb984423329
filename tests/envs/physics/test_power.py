"""Power and latency against the measurements they were fitted to."""

import numpy as np
import pytest

from tvfs_gym.envs.boards.twin.randomness import jitter_table
from tvfs_gym.envs.physics.latency import jitter_factor, pass_latency_s
from tvfs_gym.envs.physics.power import dynamic_power_w, leakage_power_w


@pytest.mark.parametrize(
    ("threads", "ghz", "volt", "watt"),
    [(1, 1.0, 0.90, 0.59), (1, 1.4, 1.00, 0.98), (1, 1.8, 1.184, 1.64), (2, 1.8, 1.184, 2.60)],
)
def test_power_of_the_a15_as_measured(threads: int, ghz: float, volt: float, watt: float) -> None:
    """INA231 means over benchmarks on an Odroid-XU3 (kranik/ARMPM_BUILDMODEL), c = 0.33 nF."""
    dynamic_w = dynamic_power_w(ghz, volt, threads, 1.0, 0.285, 0.33)
    assert dynamic_w + leakage_power_w(volt, 50.0, 0.002488, 2660.0, 0.000519) == pytest.approx(
        watt, rel=0.12
    )


@pytest.mark.parametrize(("celsius", "watt"), [(40, 0.066), (60, 0.123), (80, 0.217), (95, 0.320)])
def test_leakage_as_ds3_has_it(celsius: float, watt: float) -> None:
    """segemena/DS3 config_file.ini at 1.3 V."""
    assert leakage_power_w(1.3, celsius, 0.002488, 2660.0, 0.000519) == pytest.approx(
        watt, abs=0.001
    )


def test_four_threads_at_the_highest_level_as_ds3_lists_them() -> None:
    """6.91 W at 2 GHz and 1.362 V."""
    assert dynamic_power_w(2.0, 1.362, 4, 1.0, 0.285, 0.40) == pytest.approx(6.91, rel=0.02)


def test_a_slower_clock_stretches_only_the_clock_bound_part() -> None:
    fast, slow = pass_latency_s(2.0, 1.0, 0.06, 0.01), pass_latency_s(1.0, 1.0, 0.06, 0.01)
    assert (fast, slow) == pytest.approx((0.04, 0.07))
    assert pass_latency_s(1.0, 0.5, 0.06, 0.01) == pytest.approx(slow / 2)


def test_jitter_has_median_one_and_the_published_spread() -> None:
    """p5 to p95 of +-5 % (MKDJr traces)."""
    assert jitter_factor(0.0304, 0.5) == 1.0
    assert jitter_factor(0.0304, 0.95) == pytest.approx(1.05, abs=0.002)


def test_the_table_that_the_twin_draws_from_is_that_distribution() -> None:
    """Mean and spread of a log-normal factor; the farthest quantiles lie 3.3 sigma out."""
    factors = jitter_table(0.0304)
    assert (np.diff(factors) > 0).all()
    assert factors.mean() == pytest.approx(np.exp(0.0304**2 / 2), rel=1e-5)
    assert np.log(factors).std() == pytest.approx(0.0304, rel=0.002)
    assert np.log(factors[-1]) / 0.0304 == pytest.approx(3.3, abs=0.01)
    assert (jitter_table(0.0) == 1.0).all()
