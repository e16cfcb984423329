"""cpufreq's governors as baselines: in user space, and on a twin."""

import pytest

from tests.baselines.readings import readings
from tvfs_gym.baselines import Design, build
from tvfs_gym.baselines.characterisation.characterisation import Characterisation
from tvfs_gym.baselines.frequency_governor import FrequencyGovernor
from tvfs_gym.baselines.governors.cpufreq import userspace, utilisation
from tvfs_gym.envs.scenario import Scenario, scenario_of
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.experiments.episodes import run_episode

TOP = 18
LOAD_DRIVEN = ("ondemand", "ondemand_ds3", "schedutil")


def level_of(mhz: int) -> int:
    return round(mhz / 100) - 2


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


@pytest.mark.parametrize("name", ["ondemand_ds3", "schedutil"])
def test_with_a_slow_camera_they_save_energy(
    name: str, recorded_characterisation: Characterisation
) -> None:
    scenario = Scenario(arrival_period_s=0.25, frames=300, ambient_c=15.0, policy="1C")
    env = TwinEnv("odroid_xu4", "recorded", scenario=scenario)
    design = Design.of(env, recorded_characterisation)
    _, fast = run_episode(env, build("performance", design), 0)
    steps, slow = run_episode(env, build(name, design), 0)
    assert slow["energy_j_per_frame"] < 0.98 * fast["energy_j_per_frame"]
    assert 200e6 < steps["frequency_mean_hz"][-1] < 2e9


def test_a_kernels_ondemand_stays_at_the_top_whatever_a_cameras_pauses(
    recorded_characterisation: Characterisation,
) -> None:
    """Where a sample per step would find a load of a fifth; see tests/envs/boards."""
    scenario = Scenario(arrival_period_s=0.25, frames=300, ambient_c=15.0, policy="1C")
    env = TwinEnv("odroid_xu4", "recorded", scenario=scenario)
    controller = build("ondemand", Design.of(env, recorded_characterisation))
    steps, _ = run_episode(env, controller, 0)
    assert (steps["vf_level"] == TOP).all()


def test_a_baseline_names_the_governors_that_a_twins_kernel_runs(xu4: Design) -> None:
    for name in LOAD_DRIVEN:
        controller = build(name, xu4)
        assert isinstance(controller, FrequencyGovernor)
        assert controller.governors == scenario_of({"governors": {"cpufreq": name}}).governors


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
