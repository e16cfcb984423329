"""``power_allocator`` and ``ipa_topology`` in user space, where they tick once per step."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.baselines.readings import readings
from tvfs_gym.baselines import Design, build
from tvfs_gym.baselines.frequency_governor import FrequencyGovernor
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.limits import GUARD_C
from tvfs_gym.envs.scenario import Scenario

CONTROL_C = 85.0


def levels(design: Design, course_c: Sequence[float], name: str = "power_allocator") -> list[int]:
    controller = build(name, design)
    state, seen = controller.start(1), []
    for reading_c in course_c:
        choice, state = controller.decide(readings(temperature_c=reading_c), state)
        seen.append(int(choice.vf_level[0]))
    return seen


def test_at_the_control_temperature_it_draws_what_the_board_was_seen_to_sustain(
    xu4: Design,
) -> None:
    """The Odroid-XU4 settled at 77 degC at 1.6 GHz and at 83 degC at 1.7 GHz; 82 lies between."""
    settled_c = xu4.characterisation.temperature_c
    (level,) = levels(xu4, [CONTROL_C])
    assert settled_c[level] <= CONTROL_C < settled_c[level + 1]


def test_a_board_that_never_gets_so_hot_runs_at_its_highest_level_up_to_there(
    xu4: Design,
) -> None:
    cool = replace(xu4.characterisation, temperature_c=np.full(19, 50.0))
    assert levels(replace(xu4, measured=cool), [50.0, CONTROL_C]) == [18, 18]


def test_it_slows_down_the_more_the_hotter_and_lets_go_below_the_switch_on_temperature(
    xu4: Design,
) -> None:
    """The trips are 15 degC apart on the Odroid-XU4's map."""
    rising = levels(xu4, [40.0, CONTROL_C - 15.1, CONTROL_C, CONTROL_C + 5, CONTROL_C + 10])
    assert rising[:2] == [18, 18]
    assert rising[1] > rising[2] > rising[3] > rising[4]
    overshoot = [CONTROL_C + 10] * 5
    assert levels(xu4, [*overshoot, CONTROL_C])[-1] < levels(xu4, [CONTROL_C])[-1]
    assert levels(xu4, [*overshoot, 40.0, CONTROL_C])[-1] == levels(xu4, [CONTROL_C])[-1]


def test_the_power_of_a_level_is_that_of_the_energy_model(xu4: Design) -> None:
    """(0.285 + 4 * 0.40) nF * (1.3125 V)^2 * 2 GHz = 6.4945 W, a quarter per core, no leakage."""
    assert xu4.model("a test").core_mw[-1] == 1623


def test_it_needs_a_profile(xu4: Design) -> None:
    for name in ("power_allocator", "ipa_topology"):
        with pytest.raises(InputError, match="the power allocator needs the board's thermal and"):
            build(name, replace(xu4, profile=None))


@given(st.floats(30, 110), st.sampled_from([0.04, 0.075, 0.2]))
def test_with_topologies_it_takes_the_most_accurate_one_within_the_budget(
    xu4: Design, temperature_c: float, constraint_s: float
) -> None:
    reading = readings(temperature_c=temperature_c, latency_constraint_s=constraint_s)
    together = build("ipa_topology", xu4, guard_c=GUARD_C)
    assert isinstance(together, FrequencyGovernor)
    allowed = int(together.level(reading, together.start(1))[0][0])
    choice, _ = together.decide(reading, together.start(1))
    topology, level = int(choice.topology[0]), int(choice.vf_level[0])
    accuracy = xu4.characterisation.accuracy(constraint_s, xu4.known)
    assert level <= allowed
    if accuracy[:, : allowed + 1].any():
        assert accuracy[topology, level] == accuracy[:, : allowed + 1].max()
        assert xu4.characterisation.pass_p99_s[topology, level] <= constraint_s
        assert (accuracy[:, :level] < accuracy[topology, level]).all()
    else:
        assert (topology, level) == (0, allowed)


def test_with_topologies_it_survives_a_constraint_that_nothing_meets(xu4: Design) -> None:
    together = build("ipa_topology", replace(xu4, known=Scenario()), guard_c=GUARD_C)
    reading = readings(temperature_c=[40.0, CONTROL_C - GUARD_C], latency_constraint_s=0.001)
    choice, _ = together.decide(reading, together.start(2))
    assert choice.topology.tolist() == [0, 0]
    assert isinstance(together, FrequencyGovernor)
    allowed, _ = together.level(reading, together.start(2))
    assert choice.vf_level.tolist() == allowed.tolist() and allowed[0] == 18 > allowed[1]
