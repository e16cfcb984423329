"""The kernel's governors, which a twin runs at their own rate; docs/governors.md."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.conftest import ROOT
from tvfs_gym.envs.boards.board import Configuration
from tvfs_gym.envs.boards.profile import load_profile, profile_names
from tvfs_gym.envs.boards.thermal_map import passive_trips, power_allocator
from tvfs_gym.envs.boards.twin.arrays import S
from tvfs_gym.envs.boards.twin.cpufreq import SAMPLE_S
from tvfs_gym.envs.boards.window import F, W, Window
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.governors import CPUFREQ, THERMAL, Governors
from tvfs_gym.envs.physics.power_budget import SUSTAINABLE_MW, SWITCH_ON_MC, TICK_MS
from tvfs_gym.envs.scenario import scenario_of
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv

XU4_TOP = 18
PERIOD_S = 0.080
LITE_0 = 5
"""EfficientNet-Lite0: about 43 ms a pass at the highest clock."""

BUSY = Configuration(LITE_0, XU4_TOP, 1)

EVERY = [{"cpufreq": name} for name in CPUFREQ[1:]] + [{"thermal": name} for name in THERMAL[1:]]


def episode(
    scenario: dict[str, Any],
    frames_per_step: int = 10,
    configuration: Configuration = BUSY,
    profile: str = "odroid_xu4",
) -> tuple[Window, NDArray[np.float64]]:
    """Windows and frames of an episode under one configuration."""
    env = TwinEnv(profile, scenario=scenario, frames_per_step=frames_per_step, choose_passes=True)
    action = env.action(configuration)
    env.reset(seed=3)
    windows, frames, ended = [], [], False
    while not ended:
        *_, terminated, truncated, info = env.step(action)
        windows.append(info["window"])
        frames.append(info["frames"])
        ended = terminated or truncated
    rows = np.concatenate(frames)
    return Window(np.array(windows)), rows[~np.isnan(rows[:, F.LATENCY_S])]


@pytest.mark.parametrize("cpufreq", CPUFREQ[1:])
@settings(max_examples=10)
@given(st.sampled_from([0.0, 0.03, PERIOD_S, 0.3]), st.sampled_from([0.0, 0.3]), st.integers(2, 13))
def test_the_step_is_no_clock_of_cpufreqs(
    cpufreq: str, period_s: float, load: float, frames_per_step: int
) -> None:
    scenario = {
        "governors": {"cpufreq": cpufreq},
        "arrival_period_s": period_s,
        "background_load": load,
        "ambient_c": 0.0,
        "frames": 150,
    }
    _, alone = episode(scenario, 1)
    _, together = episode(scenario, frames_per_step)
    np.testing.assert_allclose(alone[:, F.LATENCY_S], together[:, F.LATENCY_S], rtol=1e-9)


@pytest.mark.parametrize("thermal", THERMAL[1:])
@pytest.mark.parametrize("period_s", [0.0, PERIOD_S])
def test_the_step_is_no_clock_of_a_thermal_governor(thermal: str, period_s: float) -> None:
    """The die is computed in other pieces of time, which can move a reading by its resolution."""
    scenario = {
        "governors": {"thermal": thermal, "sustainable_w": 3.0},
        "arrival_period_s": period_s, "ambient_c": 45.0, "start_temperature_c": 60.0,
        "frames": 1500,
    }  # fmt: skip
    means = []
    for frames_per_step in (1, 10, 50):
        windows, frames = episode(scenario, frames_per_step)
        assert windows.throttled_s.sum() > 0.0
        means.append(frames[:, F.LATENCY_S].mean())
    assert means == pytest.approx([means[0]] * 3, rel=0.01)


@pytest.mark.parametrize("frames_per_step", [1, 10])
def test_the_power_allocator_ticks_every_100_ms(frames_per_step: int) -> None:
    env = TwinEnv(
        scenario={"governors": {"thermal": "power_allocator"}}, frames_per_step=frames_per_step
    )
    env.reset(seed=0)
    for _ in range(20):
        *_, info = env.step(0)
        time_s, next_s = info["window"][W.TIME_S], env.board.arrays.state[S.NEXT_TICK_S]
        assert next_s == pytest.approx(0.1 * (np.floor(time_s / 0.1) + 1))


def test_an_ondemand_kernel_is_at_the_top_while_a_camera_keeps_it_busy() -> None:
    """A pass of 43 ms every 80 ms: full load in every sample of 10 ms; after the pause, which is
    longer than two samples, the load of before holds."""
    scenario = {"arrival_period_s": PERIOD_S, "frames": 300, "ambient_c": 15.0}
    governed, frames = episode({**scenario, "governors": {"cpufreq": "ondemand"}})
    _, at_the_top = episode(scenario)
    assert 0.040 < np.median(at_the_top[:, F.LATENCY_S]) < 0.045
    np.testing.assert_allclose(frames[1:, F.LATENCY_S], at_the_top[1:, F.LATENCY_S], atol=1e-4)
    assert (governed.vf_level == XU4_TOP).all()
    # The first frame finds the slowest clock, and runs at it until the first sample.
    assert frames[0, F.LATENCY_S] > at_the_top[0, F.LATENCY_S] + 0.5 * SAMPLE_S


def test_an_ondemand_kernel_slows_down_when_pauses_are_short_but_many() -> None:
    """A pause shorter than two samples counts: some of the load of the sample after it is gone."""
    scenario = {"arrival_period_s": 0.050, "frames": 300, "ambient_c": 15.0}
    governed, _ = episode({**scenario, "governors": {"cpufreq": "ondemand"}})
    fixed, _ = episode(scenario)
    assert governed.vf_switches.sum() > 50
    assert governed.energy_j.sum() < fixed.energy_j.sum()


def test_schedutil_leaves_a_fifth_spare_where_a_camera_is_slow() -> None:
    """Frames of 17 ms at the top every 300 ms: the utilisation peaks at 1 - 2^(-17/32) = 0.31."""
    scenario = {"arrival_period_s": 0.3, "frames": 200, "ambient_c": 15.0}
    small = Configuration(1, XU4_TOP, 1)
    governed, frames = episode({**scenario, "governors": {"cpufreq": "schedutil"}}, 10, small)
    _, at_the_top = episode(scenario, 10, small)
    assert np.median(frames[:, F.LATENCY_S]) > 1.2 * np.median(at_the_top[:, F.LATENCY_S])
    assert governed.vf_level[-1] < XU4_TOP


@pytest.mark.parametrize("cpufreq", CPUFREQ[1:])
def test_back_to_back_they_climb_to_the_top_and_stay(cpufreq: str) -> None:
    governed, frames = episode({"governors": {"cpufreq": cpufreq}, "frames": 100})
    _, at_the_top = episode({"frames": 100})
    assert (governed.vf_level[1:] == XU4_TOP).all()
    np.testing.assert_array_equal(frames[20:, F.PASSES], at_the_top[20:, F.PASSES])
    np.testing.assert_allclose(frames[20:, F.LATENCY_S], at_the_top[20:, F.LATENCY_S])


@pytest.mark.parametrize("cpufreq", CPUFREQ[1:])
def test_the_level_of_the_controller_is_the_highest_that_they_choose(cpufreq: str) -> None:
    governed, _ = episode(
        {"governors": {"cpufreq": cpufreq}, "frames": 100}, 10, Configuration(0, 7, 1)
    )
    assert (governed.vf_level[1:] == 7).all() and governed.throttled_s.sum() == 0.0


def test_other_work_is_load() -> None:
    """Utilisation does not fall below the share of other work in a pause."""
    scenario = {"arrival_period_s": 0.3, "frames": 100, "governors": {"cpufreq": "schedutil"}}
    alone, _ = episode(scenario, 10, Configuration(0, XU4_TOP, 1))
    shared, _ = episode({**scenario, "background_load": 0.6}, 10, Configuration(0, XU4_TOP, 1))
    assert shared.frequency_mean_hz[-1] > 1.2 * alone.frequency_mean_hz[-1]


@pytest.mark.parametrize(
    ("thermal", "preset"),
    [("step_wise", "mainline_step_wise_old"), ("step_wise_hysteresis", "mainline_step_wise")],
)
def test_step_wise_is_the_kernels_preset_where_t_max_is_its_last_trip(
    thermal: str, preset: str
) -> None:
    hot = {"ambient_c": 40.0, "frames": 1200, "t_max_c": 85.0}
    governed, frames = episode({**hot, "governors": {"thermal": thermal}})
    as_preset, same = episode({**hot, "throttling": preset})
    assert governed.throttled_s.sum() > 0.0
    np.testing.assert_array_equal(frames, same)
    np.testing.assert_array_equal(governed.cap_level, as_preset.cap_level)


@pytest.mark.parametrize("thermal", THERMAL[1:])
def test_a_firmware_throttles_whatever_the_kernel_does(thermal: str) -> None:
    """On a Raspberry Pi the kernel's trip may lie above the firmware's 80 degC."""
    scenario = {
        "cooling": "solid_top", "ambient_c": 50.0, "t_max_c": 89.0, "frames": 600,
        "governors": {"thermal": thermal, "sustainable_w": 100.0},
    }  # fmt: skip
    governed, _ = episode(scenario, 10, Configuration(5, 6, 1), "raspberry_pi_3b")
    assert governed.temperature_max_c.max() < 89.0
    assert governed.throttled_s.sum() > 0.0


def test_the_power_allocator_holds_the_control_temperature_with_the_right_power() -> None:
    """Whatever the room: its integral finds the power above T_max, its gain that below."""
    for ambient_c in (25.0, 45.0):
        scenario = {
            "ambient_c": ambient_c, "frames": 4000, "start_temperature_c": 70.0,
            "governors": {"thermal": "power_allocator", "sustainable_w": 4.0},
        }  # fmt: skip
        governed, _ = episode(scenario)
        settled_c = governed.temperature_mean_c[-100:]
        assert settled_c.min() > 70.0 and settled_c.max() < 87.0


def test_without_a_sustainable_power_it_is_estimated_from_the_slowest_clock() -> None:
    profile = load_profile("odroid_xu4")
    trips = passive_trips(profile, XU4_TOP, 85.0)
    made = power_allocator(profile.core_mw, 4, trips, 85.0)
    assert made[SUSTAINABLE_MW] == 4 * profile.core_mw[0]
    assert made[SWITCH_ON_MC] == 15000


@pytest.mark.parametrize(
    ("board", "trips_c"),
    [
        ("odroid_xu4", [70.0, 85.0]),
        ("odroid_c2", [85.0]),  # its second trip is a hot one
        ("raspberry_pi_4b", [85.0]),  # its kernel has none
    ],
)
def test_trips_are_the_boards_own_the_last_at_t_max(board: str, trips_c: list[float]) -> None:
    profile = load_profile(board)
    highest = len(profile.operating_points) - 1
    for moved_c in (0.0, -12.5):
        trips = passive_trips(profile, highest, 85.0 + moved_c)
        assert [trip.temperature_c for trip in trips] == [c + moved_c for c in trips_c]
    assert passive_trips(None, highest, 85.0)[0].upper == highest


@pytest.mark.parametrize("governors", EVERY, ids=str)
def test_a_twin_of_a_batch_is_a_twin_alone(governors: dict[str, Any]) -> None:
    scenario = {"arrival_period_s": 0.050, "ambient_c": 45.0, "start_temperature_c": 75.0}
    options = {"governors": governors, "frames": 150}
    batch = TwinVectorEnv(3, scenario=scenario, info_frames=True)
    alone = [TwinEnv(scenario=scenario) for _ in range(3)]
    batch.reset(seed=5, options=options)
    for seed, env in enumerate(alone, start=5):
        env.reset(seed=seed, options=options)
    for _ in range(15):
        _, rewards, *_, info = batch.step(np.full(3, 5 * 19 + XU4_TOP))
        for i, env in enumerate(alone):
            _, reward, *_, own = env.step(5 * 19 + XU4_TOP)
            np.testing.assert_array_equal(info["window"][i], own["window"])
            np.testing.assert_array_equal(info["frames"][i], own["frames"])
            assert reward == rewards[i]


def test_the_default_leaves_the_clock_to_the_controller_and_throttling_to_the_board() -> None:
    assert Governors() == Governors(cpufreq="userspace", thermal="board")
    with pytest.raises(InputError, match="cpufreq"):
        scenario_of({"governors": {"cpufreq": "turbo"}})


def test_the_page_has_the_periods_and_trips_of_the_profiles() -> None:
    page = (ROOT / "docs" / "governors.md").read_text()
    assert f"{1e3 * SAMPLE_S:g} ms" in page and f"{TICK_MS} ms" in page
    for name in profile_names():
        profile = load_profile(name)
        trips = passive_trips(profile, len(profile.operating_points) - 1, 0.0)
        cells = [
            f"T_max{'' if trip.at_c(0.0) == 0.0 else f' - {-trip.at_c(0.0):g}'} "
            f"({trip.hysteresis_c:g}; {trip.lower}..{trip.upper})"
            for trip in trips
        ]
        assert re.search(rf"\| {name} +\| {re.escape(', '.join(cells))} +\|", page), cells
    for name in (*CPUFREQ, *THERMAL):
        assert f"`{name}`" in page, name
