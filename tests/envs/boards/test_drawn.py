"""Boards drawn at random: all of them could be built, and they span those that ship."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tvfs_gym.baselines import characterise
from tvfs_gym.envs.boards import drawn
from tvfs_gym.envs.boards.drawn import HOT_C, SPREAD, Range, drawn_names, drawn_values, ranges
from tvfs_gym.envs.boards.profile import BoardProfile, Throttling, load_profile, profile_names
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.experiments.benchmarks.kinds import BOARDS

NUMBERS = st.integers(0, 10**9)


@given(NUMBERS)
@settings(max_examples=50, deadline=None)
def test_every_number_is_a_board_and_always_the_same(number: int) -> None:
    (name,) = drawn_names(number, 1)
    profile = load_profile(name)
    assert profile.name == name
    assert BoardProfile.model_validate(drawn_values(name)) == profile
    within(profile)


@given(NUMBERS, NUMBERS)
@settings(max_examples=15, deadline=None)
def test_its_units_run_under_the_conditions_of_training(number: int, seed: int) -> None:
    env = TwinEnv(f"drawn:{number}", scenario={"frames": 20}, randomise="conditions")
    env.reset(seed=seed)
    *_, info = env.step(env.action_space.sample())
    assert np.isfinite(info["window"]).all()


def test_boards_differ() -> None:
    profiles = [load_profile(name) for name in drawn_names(0, 50)]
    assert len({len(profile.operating_points) for profile in profiles}) > 10
    assert {profile.cooling_named(None).nodes for profile in profiles} == {1, 2, 3}
    assert {name for profile in profiles for name in profile.throttling} == {
        "step_wise", "vf_low", "firmware", "none",
    }  # fmt: skip
    assert {name for profile in profiles for name in profile.cooling} == {
        "usual", "other", "fan_steps",
    }  # fmt: skip


def test_the_rule_reads_no_profile_that_ships(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that each of them stays a board never seen: a single rule, without any of them."""
    read: list[str] = []
    read_toml = drawn.read_toml

    def recorded(path: Any, model: Any) -> Any:
        read.append(Path(str(path)).name)
        return read_toml(path, model)

    monkeypatch.setattr(drawn, "read_toml", recorded)
    ranges.cache_clear()
    drawn_values("drawn:17")
    ranges.cache_clear()
    assert read == ["drawn.toml"]
    text = (Path(drawn.__file__).parent / "drawn.toml").read_text()
    assert not [name for name in ("XU3", "XU4", "C2", "Pi 3", "Pi 4") if name in text]


@pytest.mark.parametrize("board", BOARDS)
def test_a_board_of_the_suites_lies_within_the_ranges(board: str) -> None:
    """Though they were drawn up without it: what was learnt on such boards may hold on it."""
    within(load_profile(board))


@pytest.mark.parametrize("board", sorted({*profile_names()} - {*BOARDS}))
def test_a_board_that_came_later_may_lie_outside(board: str) -> None:
    """The ranges are older, and not widened for it: what was learnt there may not hold on it."""
    outside = [
        value
        for range_, value in quantities(load_profile(board))
        if not range_.low <= value <= range_.high
    ]
    assert outside


def within(profile: BoardProfile) -> None:
    """Checks that a profile could have been drawn, to the rounding of its ranges' ends."""
    for range_, value in quantities(profile):
        slack = 1e-9 * abs(range_.high)
        assert range_.low - slack <= value <= range_.high + slack, (range_.source, value)


def quantities(profile: BoardProfile) -> Iterator[tuple[Range, float]]:
    """The quantities that are drawn, as a profile has them."""
    of, power, latency = ranges(), profile.power, profile.latency
    points = profile.operating_points
    slowest, highest = points[0], points[-1]
    cluster_w = profile.switching_w(-1, 0)
    full_w = profile.switching_w(-1, profile.threads)
    yield of.levels, len(points)
    yield of.highest_hz, highest.frequency_hz
    yield of.lowest_clock, slowest.frequency_hz / highest.frequency_hz
    yield of.highest_v, highest.voltage_v
    yield of.lowest_v, slowest.voltage_v / highest.voltage_v
    yield of.full_load_w, full_w
    yield of.cluster_share, cluster_w / full_w
    yield of.rest_share, power.rest_w / full_w
    yield of.leakage_share, profile.leakage_w(highest.voltage_v, HOT_C) / full_w
    yield of.leakage_c2_k, profile.leakage.c2_k
    reference_s = latency.clock_gcycles / (highest.frequency_hz / 1e9) + latency.memory_s
    yield of.reference_s, reference_s
    yield of.memory_share, latency.memory_s / reference_s
    yield of.jitter_log_sigma, latency.jitter_log_sigma
    yield of.switch_s, latency.switch_s
    yield of.resolution_c, profile.sensor.resolution_c
    yield of.critical_c, profile.critical_c
    for cooling in profile.cooling.values():
        yield widened(of.rise_k, of.other_cooling), sum(cooling.resistances_k_w) * full_w
    for preset in profile.throttling.values():
        yield from throttling_quantities(preset)


def throttling_quantities(preset: Throttling) -> Iterator[tuple[Range, float]]:
    of = ranges()
    yield of.poll_s, preset.poll_s
    if preset.progressive_from_c is not None:
        yield of.progressive_hz_per_c, preset.progressive_hz_per_c
    for trip in preset.trips:
        yield of.hysteresis_c, trip.hysteresis_c
        if trip.temperature_c is not None:
            yield of.trip_c, trip.temperature_c


def widened(range_: Range, factor: Range) -> Range:
    """The range of a product, whose factor is part of the whole alone."""
    update = {"low": range_.low * min(factor.low, 1.0), "high": range_.high * factor.high}
    return range_.model_copy(update=update)


def test_units_differ_as_those_of_the_boards_that_ship() -> None:
    keys = [key for key in SPREAD if key != "source"]
    for board in profile_names():
        spread = load_profile(board).spread
        assert spread is not None
        assert [getattr(spread, key) for key in keys] == [SPREAD[key] for key in keys]


def test_it_is_a_board_of_every_environment_and_can_be_varied() -> None:
    env = gymnasium.make("tvfs_gym/Twin-v1", profile="drawn:17")
    slower = gymnasium.make("tvfs_gym/Twin-v1", profile="drawn:17?latency=2")
    latency_s = [made.unwrapped.board.nominal_latency_s for made in (env, slower)]  # type: ignore[attr-defined]
    assert latency_s[1] == pytest.approx(2.0 * latency_s[0])
    batch = gymnasium.make_vec("tvfs_gym/Twin-v1", num_envs=3, profile="drawn:17")
    assert batch.single_action_space == env.action_space


@pytest.mark.parametrize("board", ["drawn:", "drawn:-1", "drawn:1.5", "drawn:x"])
def test_a_number_that_is_none_is_refused_in_a_sentence(board: str) -> None:
    with pytest.raises(InputError, match="expected a board such as drawn:17"):
        load_profile(board)


def test_a_board_that_shuts_down_is_measured_too() -> None:
    """Its kernel throttles it by one level only; leakage would run away."""
    board = TwinEnv("drawn:900011").board
    measured = characterise(board, Scenario())
    assert measured.extrapolated.any() and np.all(np.diff(measured.temperature_c) > 0.0)
