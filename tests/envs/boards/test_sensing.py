"""The sensor of a twin: its lag, bias, noise and resolution, which nobody is told."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tvfs_gym.envs.boards.board import Configuration
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.boards.twin.randomness import AT_FRAMES, AT_POLLS, standard_normal
from tvfs_gym.envs.boards.window import F, W
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.topology import load_family
from tvfs_gym.envs.physics.thermal import die_temperature_c, temperature_before_c
from tvfs_gym.envs.scenario import Scenario, scenario_of

SHARP_C = 1e-6
"""A resolution that rounds nothing away."""

FREE = {"throttling": "none", "t_max_c": 89.0, "frames": 5000}
"""A board that no governor throttles, so that its course does not depend on the sensor."""


@pytest.fixture(scope="module")
def board() -> TwinBoard:
    return TwinBoard(load_profile("raspberry_pi_4b"), load_family("recorded"))


def course(
    board: TwinBoard, sensing: dict[str, Any], steps: int = 150
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, die temperatures and readings of an episode, cold at first, that heats and cools."""
    board.reset(scenario_of({**FREE, "sensing": sensing}), (3, 4))
    rows = []
    for step in range(steps):
        board.apply(Configuration(4, 9 if step % 50 < 40 else 0))
        window, _ = board.infer(3)
        assert board.telemetry().temperature_c == window[W.TEMPERATURE_C]
        rows.append((window[W.TIME_S], true_c(board), window[W.TEMPERATURE_C]))
    time_s, die_c, read_c = np.array(rows).T
    return time_s, die_c, read_c


def true_c(board: TwinBoard) -> float:
    return float(die_temperature_c(board.arrays.modes))


@given(
    st.floats(-50, 50),
    st.floats(-20, 20),
    st.floats(0.01, 5),
    st.floats(0, 100),
    st.integers(0, 10**6),
)
def test_a_lag_delays_a_ramp_by_just_that(
    start_c: float, rate_c_s: float, lag_s: float, now_s: float, latest: int
) -> None:
    """Wherever the looks lie; before the oldest of them nothing is known."""
    gaps_s = np.random.default_rng(latest).uniform(0.01, 0.5, 30)
    looks_s = now_s - np.concatenate([[0.0], np.cumsum(gaps_s)])
    ring = np.empty((len(looks_s), 2))
    for age, look_s in enumerate(looks_s):
        ring[(latest - age) % len(ring)] = look_s, start_c + rate_c_s * look_s
    before_c = temperature_before_c(ring, latest, now_s, start_c + rate_c_s * now_s, lag_s)
    then_s = max(now_s - lag_s, looks_s[-1])
    assert before_c == pytest.approx(start_c + rate_c_s * then_s, abs=1e-6)


def test_by_default_the_reading_is_the_profile_s(board: TwinBoard) -> None:
    _, die_c, read_c = course(board, {})
    step_c = board.profile.sensor.resolution_c
    assert np.array_equal(read_c, np.floor(die_c / step_c + 0.5) * step_c)


@pytest.mark.parametrize("lag_s", [0.1, 0.25, 1.0, 4.9])
def test_a_lag_shows_the_die_s_past(board: TwinBoard, lag_s: float) -> None:
    """Straight between polls of 0.25 s; before the start the board was settled."""
    start = board.reset(scenario_of({"sensing": {"resolution_c": SHARP_C}}), (3, 4))
    time_s, die_c, read_c = course(board, {"lag_s": lag_s, "resolution_c": SHARP_C})
    assert read_c[time_s < lag_s] == pytest.approx(start.temperature_c, abs=1e-5)
    then_s, now_s = time_s - lag_s, np.array([0.0, *time_s])
    expected_c = np.interp(then_s, now_s, [start.temperature_c, *die_c])
    assert np.abs(read_c - expected_c).max() < 0.5 * np.abs(die_c - expected_c).max()


@pytest.mark.parametrize("bias_c", [-7.5, 4.0])
def test_a_bias_shifts_the_reading(board: TwinBoard, bias_c: float) -> None:
    _, die_c, read_c = course(board, {"bias_c": bias_c, "resolution_c": SHARP_C})
    assert read_c - die_c == pytest.approx(bias_c, abs=1e-5)


def test_a_coarse_sensor_reads_in_its_own_steps(board: TwinBoard) -> None:
    _, _, read_c = course(board, {"resolution_c": 2.5})
    assert set(read_c) <= set(np.arange(0.0, 100.0, 2.5)) and len(set(read_c)) > 3


@pytest.mark.parametrize("noise_c", [0.5, 3.0])
def test_noise_has_its_sigma_no_mean_and_no_memory(board: TwinBoard, noise_c: float) -> None:
    _, die_c, read_c = course(board, {"noise_c": noise_c, "resolution_c": SHARP_C}, steps=1000)
    noise = (read_c - die_c) / noise_c
    assert noise.std() == pytest.approx(1.0, abs=0.08)
    assert noise.mean() == pytest.approx(0.0, abs=0.1)
    assert np.corrcoef(noise[1:], noise[:-1])[0, 1] == pytest.approx(0.0, abs=0.1)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_frames_and_polls_have_noise_of_their_own(key_0: int, key_1: int) -> None:
    drawn = np.array(
        [
            [standard_normal(key_0, key_1, look, stream) for look in range(400)]
            for stream in (AT_FRAMES, AT_POLLS)
        ]
    )
    assert abs(np.corrcoef(drawn)[0, 1]) < 0.25
    assert drawn.std() == pytest.approx(1.0, abs=0.15)


def test_noise_does_not_depend_on_the_controller(board: TwinBoard) -> None:
    """Two choices, two courses of the die, and the same noise after the same frame."""
    scenario = scenario_of({**FREE, "sensing": {"noise_c": 2.0, "resolution_c": SHARP_C}})
    noise = []
    for configuration in (Configuration(0, 0), Configuration(6, 9)):
        read_c = [board.reset(scenario, (8, 9)).temperature_c - true_c(board)]
        board.apply(configuration)
        read_c += [board.infer(5)[0][W.TEMPERATURE_C] - true_c(board) for _ in range(20)]
        noise.append(read_c)
    assert noise[0] == pytest.approx(noise[1], abs=1e-5)
    assert np.std(noise[0]) > 1.0


def hot_room(sensing: dict[str, Any]) -> tuple[float, float]:
    """Throttled time and highest die temperature at full clock, in 100 s."""
    twin = TwinBoard(load_profile("odroid_xu4"), load_family("recorded"))
    twin.reset(scenario_of({"ambient_c": 45.0, "sensing": sensing}), (1, 2))
    twin.apply(Configuration(5, 18))
    throttled_s, hottest_c = 0.0, 0.0
    while twin.telemetry().time_s < 100.0:
        window, _ = twin.infer(20)
        throttled_s += window[W.THROTTLED_S]
        hottest_c = max(hottest_c, window[W.TEMPERATURE_MAX_C])
    return throttled_s, hottest_c


def test_the_kernel_reads_the_same_sensor() -> None:
    """One that reads too low throttles later, and the die gets hotter; one that lags overshoots."""
    nominal_s, nominal_c = hot_room({})
    low_s, low_c = hot_room({"bias_c": -8.0})
    high_s, high_c = hot_room({"bias_c": 8.0})
    assert low_s < nominal_s < high_s
    assert high_c < nominal_c - 3.0 < nominal_c + 3.0 < low_c
    assert hot_room({"lag_s": 3.0})[1] > nominal_c + 0.5


def test_a_frame_is_cool_by_the_die_not_by_the_sensor(board: TwinBoard) -> None:
    frames = []
    for bias_c in (0.0, -20.0, 20.0):
        values = {**FREE, "t_max_c": 60.0, "sensing": {"bias_c": bias_c}}
        board.reset(scenario_of(values), (3, 4))
        board.apply(Configuration(4, 9))
        frames.append(np.concatenate([board.infer(20)[1] for _ in range(100)])[:, F.COOL])
    assert 0.1 < frames[0].mean() < 0.9
    assert np.array_equal(frames[0], frames[1]) and np.array_equal(frames[0], frames[2])


@pytest.mark.parametrize(
    ("sensing", "message"),
    [
        ({"lag_s": 5.1}, "less than or equal to 5"),
        ({"bias_c": -21.0}, "greater than or equal to -20"),
        ({"noise_c": -1.0}, "greater than or equal to 0"),
        ({"resolution_c": 0.0}, "greater than 0"),
        ({"delay_s": 1.0}, "delay_s"),
    ],
)
def test_a_sensor_that_cannot_be_is_refused(sensing: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        scenario_of({"sensing": sensing})


def test_a_change_of_the_scenario_leaves_the_sensor_as_it_is() -> None:
    scenario = scenario_of(
        {"sensing": {"bias_c": 2.0}, "changes": [{"at_s": 1.0, "ambient_c": 30.0}]}
    )
    assert scenario.at(2.0).sensing == scenario.sensing != Scenario().sensing
