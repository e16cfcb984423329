"""cpufreq's governors: cpufreq_ondemand.c (gregkh/linux v6.18.38), cpufreq_userspace.c (torvalds/
linux @03c11eb3), cpufreq_schedutil.c (torvalds/linux @00d6a8a7); DS3's ondemand (DTPM_policies.py,
segemena/DS3 @e0d80ee6).
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.baselines.readings import readings
from tvfs_gym.baselines import Design, build
from tvfs_gym.baselines.characterisation.characterisation import Characterisation
from tvfs_gym.baselines.governors.cpufreq import (
    ds3_level,
    ondemand_level,
    schedutil_level,
    userspace,
    utilisation,
)
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.experiments.episodes import run_episode

CLOCKS_KHZ = np.arange(200_000, 2_000_001, 100_000)
TOP = 18
LOAD_DRIVEN = ("ondemand", "ondemand_ds3", "schedutil")


def level_of(mhz: int) -> int:
    return CLOCKS_KHZ.tolist().index(1000 * mhz)


@pytest.mark.parametrize(
    ("percent", "mhz"),
    # 200 + percent of 1800 MHz, to the nearest level; above the threshold the highest.
    [(100, 2000), (96, 2000), (95, 1900), (80, 1600), (50, 1100), (33, 800), (2, 200), (0, 200)],
)
def test_ondemand_is_proportional_below_its_threshold(percent: int, mhz: int) -> None:
    load = np.array([percent / 100 + 1e-9])
    assert ondemand_level(load, np.array([7]), CLOCKS_KHZ).tolist() == [level_of(mhz)]


def test_ondemand_of_a_kernel_with_ticks_has_a_lower_threshold() -> None:
    load = np.array([0.8001, 0.8101])
    found = ondemand_level(load, np.array([7, 7]), CLOCKS_KHZ, up_threshold_percent=80)
    assert found.tolist() == [level_of(1600), TOP]


def test_ds3s_ondemand_jumps_up_steps_down_and_holds_in_between() -> None:
    load = np.array([0.81, 0.8, 0.5, 0.3, 0.29, 0.29])
    found = ds3_level(load, np.array([5, 5, 5, 5, 5, 0]), CLOCKS_KHZ)
    assert found.tolist() == [TOP, 5, 5, 5, 4, 0]


@pytest.mark.parametrize(
    ("load", "at_mhz", "mhz"),
    # util = 1024 load f / f_max; 2500 MHz * util / 1024, to the next level that is not slower.
    [(0.5, 2000, 1300), (0.5, 1000, 700), (0.8, 1000, 1000), (0.9, 1000, 1200), (0.1, 200, 200)],
)
def test_schedutil_asks_for_a_quarter_more_than_is_used(load: float, at_mhz: int, mhz: int) -> None:
    found = schedutil_level(np.array([load]), np.array([level_of(at_mhz)]), CLOCKS_KHZ)
    assert found.tolist() == [level_of(mhz)]


@given(st.integers(0, TOP), st.floats(0.01, 0.99))
def test_schedutil_settles_where_a_fifth_of_the_clock_is_spare(level: int, load: float) -> None:
    """With work that takes a given number of cycles, within the rounding of 1024 steps."""
    used_khz = load * CLOCKS_KHZ[level]
    settled = int(schedutil_level(np.array([load]), np.array([level]), CLOCKS_KHZ)[0])
    step_khz = 2.5e6 / 1024
    assert settled == TOP or 1.25 * used_khz <= CLOCKS_KHZ[settled] + step_khz
    assert settled == 0 or 1.25 * used_khz > CLOCKS_KHZ[settled - 1]


def test_back_to_back_the_cpu_is_always_busy() -> None:
    assert utilisation(readings(latency_mean_s=[0.0, 0.03]), 0.0).tolist() == [1.0, 1.0]


def test_with_a_camera_it_is_busy_for_a_frames_latency() -> None:
    reading = readings(latency_mean_s=[0.05, 0.1, 0.3, 0.0])
    assert utilisation(reading, 0.1).tolist() == [0.5, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("name", LOAD_DRIVEN)
def test_under_continuous_inference_they_are_performance(name: str, xu4: Design) -> None:
    reading = readings(vf_level=[0, 7, TOP], latency_mean_s=[0.0, 0.05, 0.03])
    choices = [
        controller.decide(reading, controller.start(3))[0]
        for controller in (build(name, xu4), build("performance", xu4))
    ]
    assert choices[0].vf_level.tolist() == choices[1].vf_level.tolist() == [TOP] * 3
    assert choices[0].topology.tolist() == choices[1].topology.tolist()


@pytest.mark.parametrize("name", LOAD_DRIVEN)
def test_with_a_slow_camera_they_save_energy_and_stay_on_time(
    name: str, recorded_characterisation: Characterisation
) -> None:
    scenario = Scenario(arrival_period_s=0.25, frames=300, ambient_c=15.0, policy="1C")
    env = TwinEnv("odroid_xu4", "recorded", scenario=scenario)
    design = Design.of(env, recorded_characterisation)
    _, fast = run_episode(env, build("performance", design), 0)
    steps, slow = run_episode(env, build(name, design), 0)
    assert slow["energy_j_per_frame"] < 0.95 * fast["energy_j_per_frame"]
    assert steps["vf_level"][-1] < TOP


@pytest.mark.parametrize(
    ("mhz", "expected_mhz"), [(1400, 1400), (1401, 1500), (1, 200), (2000, 2000), (9000, 2000)]
)
def test_userspace_takes_the_slowest_clock_that_is_not_below(
    mhz: float, expected_mhz: int, xu4: Design
) -> None:
    """`CPUFREQ_RELATION_L`; and the most accurate network that meets L_c there."""
    level = level_of(expected_mhz)
    assert userspace(xu4, 1e6 * mhz).configurations[0] == xu4.most_accurate(level)


def test_userspace_half_runs_in_the_middle(xu4: Design) -> None:
    controller = build("userspace_half", xu4)
    choice, _ = controller.decide(readings(temperature_c=90.0), ())
    assert choice.vf_level.tolist() == [level_of(1000)]
