"""Predictive control without an identification: what it needs not, and what it finds out."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.baselines import generic_study
from tests.driving import Driven
from tvfs_gym import baselines
from tvfs_gym.baselines import UNMEASURED, Design, build, make
from tvfs_gym.baselines.model_based.generic import PredictiveGeneric
from tvfs_gym.envs.board_env import BoardEnv
from tvfs_gym.envs.boards.board import Configuration
from tvfs_gym.envs.boards.profile import OperatingPoint
from tvfs_gym.envs.scenario import Scenario, Unit
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.experiments.benchmarks.kinds import BOARDS
from tvfs_gym.experiments.board.run import _design
from tvfs_gym.experiments.episodes import run_episode

TOP = 18
COOL_C, WARM_C = 40.0, 84.0


class Untouchable:
    """Stands for what must not be looked at."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"{name} was looked at")


@pytest.fixture
def env() -> BoardEnv:
    return TwinEnv("odroid_xu4", "recorded", scenario=Scenario(frames=600), choose_passes=True)


@pytest.fixture
def design(env: BoardEnv) -> Design:
    return replace(Design.of(env, None), profile=None)


def test_neither_profile_nor_characterisation_is_looked_at(env: BoardEnv, design: Design) -> None:
    """Even where both are given; and it chooses what it chooses without them."""
    untouchable: Any = Untouchable()
    given = replace(design, profile=untouchable, measured=untouchable)
    steps, row = run_episode(env, build("predictive_generic", given), 10_000)
    without, same = run_episode(env, build("predictive_generic", design), 10_000)
    assert row["reliable_accuracy"] == same["reliable_accuracy"] > 0.8
    assert all(np.array_equal(steps[name], without[name]) for name in steps)


def test_a_twin_is_not_measured_for_it(env: BoardEnv, monkeypatch: pytest.MonkeyPatch) -> None:
    def measured(*arguments: Any) -> None:
        raise AssertionError("the twin was measured")

    monkeypatch.setattr(baselines, "characterise", measured)
    assert isinstance(make("predictive_generic", env), PredictiveGeneric)
    monkeypatch.setattr("tvfs_gym.experiments.board.run.characterise", measured)
    assert _design(env, None, UNMEASURED).measured is None
    with pytest.raises(AssertionError, match="was measured"):
        _design(env, None, ["tvfs", *UNMEASURED])


def test_voltages_are_not_used(env: BoardEnv, design: Design) -> None:
    """The kernel does not tell them, so those of a twin must not help."""
    mute = tuple(
        OperatingPoint.model_construct(frequency_hz=point.frequency_hz, voltage_v=math.nan)
        for point in design.operating_points
    )
    steps, _ = run_episode(env, build("predictive_generic", design), 10_001)
    blind = build("predictive_generic", replace(design, operating_points=mute))
    assert np.array_equal(run_episode(env, blind, 10_001)[0]["vf_level"], steps["vf_level"])


def test_a_clock_that_is_not_known_leaves_the_choice_of_networks(design: Design) -> None:
    env = TwinEnv("odroid_xu4", "recorded", choose_passes=True)
    points = (OperatingPoint.model_construct(frequency_hz=math.nan, voltage_v=math.nan),)
    driven = Driven(PredictiveGeneric(replace(design, operating_points=points)), env)
    assert driven(COOL_C) == Configuration(0, 0, 1)
    seen = {"latency_mean_s": 0.004, "passes_mean": 1.0, "latency_constraint_s": 0.05}
    chosen = driven(COOL_C, topology=0.0, **seen)
    assert chosen.topology > 0 and chosen.vf_level == 0


def test_the_first_frames_are_short_and_as_fast_as_the_heat_allows(design: Design) -> None:
    env = TwinEnv("odroid_xu4", "recorded", choose_passes=True)
    controller = PredictiveGeneric(design, guard_sigmas=2.5, margin_c=0.0)
    first = [Driven(controller, env)(at_c, cap_level=TOP) for at_c in (25.0, 60.0, WARM_C)]
    assert [(choice.topology, choice.max_passes) for choice in first] == [(0, 1)] * 3
    assert TOP >= first[0].vf_level > first[1].vf_level > first[2].vf_level == 0
    assert Driven(controller, env)(25.0, cap_level=7.0).vf_level == 7


@pytest.mark.parametrize("times", [0.1, 1.0, 30.0])
def test_the_scale_of_the_latencies_is_found(design: Design, times: float) -> None:
    """However fast the board, from the second step on a more accurate network runs in time."""
    env = TwinEnv("odroid_xu4", "recorded", choose_passes=True)
    driven = Driven(PredictiveGeneric(design, margin_c=0.0), env)
    constraint_s = 0.04 * times
    reading = {"latency_constraint_s": constraint_s, "cap_level": float(TOP)}
    configuration = driven(COOL_C, **reading)
    for _ in range(3):
        relative = design.family.topologies[configuration.topology].relative_latency
        clock = design.operating_points[configuration.vf_level].frequency_hz / 2e9
        latency_s = times * 0.033 * relative * (0.75 / clock + 0.25)
        configuration = driven(
            COOL_C,
            **reading,
            topology=float(configuration.topology),
            vf_level=float(configuration.vf_level),
            latency_mean_s=latency_s,
            passes_mean=1.0,
        )
        assert configuration.topology > 0
        slowest_s = (
            1.1 * times * 0.033 * design.family.topologies[configuration.topology].relative_latency
        )
        assert slowest_s <= constraint_s


def test_the_trips_that_a_board_tells_are_kept(env: BoardEnv, design: Design) -> None:
    """Half a step of the sensor below, as the kernel sees readings."""
    told = replace(design, info=replace(design.info, passive_c=(60.0,)))
    steps, _ = run_episode(env, build("predictive_generic", told), 10_002)
    free, _ = run_episode(env, build("predictive_generic", design), 10_002)
    assert steps["temperature_max_c"].max() < 60.0 < free["temperature_max_c"].max()


def test_without_a_sensor_no_heat_holds_it_back(design: Design) -> None:
    env = TwinEnv("odroid_xu4", "recorded", choose_passes=True)
    controller = PredictiveGeneric(design)
    driven = Driven(controller, env)
    driven(math.nan, cap_level=TOP)
    seen = {"latency_mean_s": 0.004, "passes_mean": 1.0, "vf_level": float(TOP)}
    blind = driven(math.nan, cap_level=TOP, topology=0.0, **seen)
    warm = Driven(controller, env)
    warm(WARM_C, cap_level=TOP)
    assert blind.topology > warm(WARM_C, cap_level=TOP, topology=0.0, **seen).topology


@pytest.mark.parametrize("hot", [False, True])
def test_a_hot_unit_is_held_below_t_max_from_the_first_frame(design: Design, hot: bool) -> None:
    """Its full load would heat it by two and a half times as much as the profile's board."""
    scenario = Scenario(
        unit=Unit(resistance=1.8, switching=1.4),
        ambient_c=35.0,
        start_temperature_c=70.0 if hot else None,
        latency_constraint_s=0.05,
    )
    env = TwinEnv("odroid_xu4", "recorded", scenario=scenario, choose_passes=True)
    steps, _ = run_episode(env, build("predictive_generic", design), 10_003)
    assert steps["time_above_t_max_s"].sum() < 0.005 * steps["time_s"][-1]


@pytest.mark.slow
@pytest.mark.parametrize("board", BOARDS)
def test_on_units_drawn_wide_it_stays_near_who_was_told(board: str) -> None:
    """Within a point of `predictive` with the board's profile, and hardly hotter at first.

    The bounds were set before these units were drawn.
    """
    rows = generic_study.summary(generic_study.compare(board)).rows_by_key("controller", named=True)
    (generic,), (told,) = rows["predictive_generic"], rows["predictive"]
    assert generic["reliable_pct"] > told["reliable_pct"] - 1.0
    assert generic["above_pct"] < told["above_pct"] + 0.5
    assert generic["above_first_pct"] < told["above_first_pct"] + 0.5
