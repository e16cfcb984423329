"""A controller knows what it is said to know: taken away, that matters, and nothing else does."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.baselines.courses import BOARDS, choices, random_course
from tvfs_gym.baselines import CONTROLLERS, HINDSIGHT, Design, build
from tvfs_gym.baselines.characterisation.characterisation import Characterisation
from tvfs_gym.baselines.knowledge import KNOWLEDGE, Knowledge
from tvfs_gym.envs.boards.profile import BoardProfile, Trip
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.observation import Reading

CAMERA_PERIOD_S = 0.1


def in_the_profile(edit: Callable[[BoardProfile], dict[str, Any]]) -> Callable[[Design], Design]:
    def edited(design: Design) -> Design:
        profile = design.model("a test")
        return replace(design, profile=profile.model_copy(update=edit(profile)))

    return edited


def in_the_characterisation(
    edit: Callable[[Characterisation], dict[str, Any]],
) -> Callable[[Design], Design]:
    def edited(design: Design) -> Design:
        measured = design.characterisation
        return replace(design, measured=replace(measured, **edit(measured)))

    return edited


def slower(measured: Characterisation) -> dict[str, Any]:
    latencies = ("pass_median_s", "pass_p99_s", "throttled_p99_s")
    return {name: 2.5 * getattr(measured, name) for name in latencies}


def cooler(measured: Characterisation) -> dict[str, Any]:
    return {"temperature_c": 25.0 + 0.3 * (measured.temperature_c - 25.0)}


def another_model(profile: BoardProfile) -> dict[str, Any]:
    """Three times the switching power while idle, four times while busy, at one supply."""
    power, points = profile.power, profile.operating_points
    factors = {"cluster_nf": 3.0 * power.cluster_nf, "thread_nf": 4.0 * power.thread_nf}
    supply_v = points[-1].voltage_v
    flat = tuple(point.model_copy(update={"voltage_v": supply_v}) for point in points)
    return {"power": power.model_copy(update=factors), "operating_points": flat}


def early_trips(profile: BoardProfile) -> dict[str, Any]:
    presets = {
        name: preset.model_copy(
            update={"trips": (Trip(temperature_c=60.0, hysteresis_c=4.0, lower=0, upper=6),)}
        )
        for name, preset in profile.throttling.items()
    }
    return {"throttling": presets}


DESIGNS = {
    Knowledge.LATENCIES: in_the_characterisation(slower),
    Knowledge.TEMPERATURES: in_the_characterisation(cooler),
    Knowledge.MODEL: in_the_profile(another_model),
    Knowledge.TRIPS: in_the_profile(early_trips),
}

READINGS: dict[Knowledge, dict[str, Any]] = {
    Knowledge.TEMPERATURE: {"temperature_c": np.full(BOARDS, 50.0)},
    Knowledge.LATENCY: {
        "latency_mean_s": np.full(BOARDS, 0.03),
        "latency_max_s": np.full(BOARDS, 0.03),
    },
    Knowledge.CAP: {"cap_level": np.full(BOARDS, 3)},
}


@pytest.fixture(scope="module")
def course(xu4: Design) -> list[Reading]:
    return random_course(xu4.highest, len(xu4.topologies) - 1)


def changed(name: str, design: Design, course: list[Reading], knowledge: Knowledge) -> bool:
    """Tells whether the choices depend on it, back to back or with a camera."""
    camera = replace(design, known=design.known.with_values({"arrival_period_s": CAMERA_PERIOD_S}))
    for before in (design, camera):
        after, seen = before, course
        if knowledge in DESIGNS:
            after = DESIGNS[knowledge](before)
        if knowledge in READINGS:
            seen = [
                each._replace(**READINGS[knowledge]) if step else each
                for step, each in enumerate(course)
            ]
        if (choices(build(name, before), course) != choices(build(name, after), seen)).any():
            return True
    return False


@pytest.mark.parametrize("knowledge", [*DESIGNS, *READINGS])
@pytest.mark.parametrize("name", CONTROLLERS)
def test_choices_depend_on_what_a_controller_knows_and_on_nothing_else(
    name: str, knowledge: Knowledge, xu4: Design, course: list[Reading]
) -> None:
    assert changed(name, xu4, course, knowledge) == (knowledge in KNOWLEDGE[name])


@pytest.mark.parametrize("name", CONTROLLERS)
def test_a_controller_without_the_model_needs_no_profile(
    name: str, xu4: Design, course: list[Reading]
) -> None:
    """But for those with the kernel's trips, which then take the usual ones, it changes nothing."""
    bare = replace(xu4, profile=None)
    if Knowledge.TRIPS not in KNOWLEDGE[name] and Knowledge.MODEL not in KNOWLEDGE[name]:
        same = choices(build(name, bare), course) == choices(build(name, xu4), course)
        assert same.all()


@pytest.mark.parametrize("name", CONTROLLERS)
def test_a_controller_without_a_characterisation_says_so_if_it_needs_one(
    name: str, xu4: Design, course: list[Reading]
) -> None:
    bare = replace(xu4, measured=None)
    if KNOWLEDGE[name] & {Knowledge.LATENCIES, Knowledge.TEMPERATURES}:
        with pytest.raises(InputError, match="built from what was measured on the board"):
            build(name, bare)
    else:
        assert choices(build(name, bare), course).shape[0] == len(course)


def test_every_baseline_says_what_it_knows() -> None:
    assert set(KNOWLEDGE) == {*CONTROLLERS, *HINDSIGHT}
    for name in HINDSIGHT:
        assert Knowledge.SCENARIO in KNOWLEDGE[name]
    for name in CONTROLLERS:
        assert Knowledge.SCENARIO not in KNOWLEDGE[name]
