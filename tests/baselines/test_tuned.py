"""Baselines run with the values that were found for them, and a user may give others."""

from dataclasses import replace
from inspect import signature
from itertools import pairwise

import pytest

from tests.baselines.courses import choices, random_course
from tvfs_gym.baselines import CONTROLLERS, Design, build
from tvfs_gym.baselines.tuned import (
    GUARD_C,
    TUNED_PARAMETERS,
    TunedParameter,
    tuned,
    tuned_values,
)
from tvfs_gym.baselines.tvfs.tvfs import Tvfs
from tvfs_gym.envs.scenario import Change, Scenario
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv
from tvfs_gym.experiments.episodes import run_episodes

EACH = [(name, parameter) for name, each in TUNED_PARAMETERS.items() for parameter in each]


def test_the_file_has_a_value_of_the_grid_for_every_parameter() -> None:
    found = tuned_values().controllers
    assert list(found) == list(TUNED_PARAMETERS)
    for name, parameters in TUNED_PARAMETERS.items():
        for values in (found[name].values, found[name].runner_up):
            assert list(values) == [parameter.name for parameter in parameters]
            assert all(values[p.name] in p.grid for p in parameters)
        assert found[name].values != found[name].runner_up


def test_the_file_names_its_command_and_episodes_apart_from_every_suites() -> None:
    file = tuned_values()
    assert file.command.startswith("tvfs-gym dev tune-baselines")
    assert file.distribution.first_seed >= 10_000
    assert len(file.distribution.boards) == 4


@pytest.mark.parametrize(("name", "parameter"), EACH)
def test_a_baseline_takes_the_value_of_the_file(name: str, parameter: TunedParameter) -> None:
    value = tuned_values().controllers[name].values[parameter.name]
    assert signature(CONTROLLERS[name]).parameters[parameter.name].default == value
    assert tuned(name, parameter) == value


HOT_THEN_COLD = Scenario(
    frames=1500,
    ambient_c=42.0,
    changes=(
        *(Change(at_s=8.0 * k, background_load=0.3 if k % 2 else 0.0) for k in range(1, 7)),
        Change(at_s=50.0, ambient_c=0.0),
    ),
)


@pytest.mark.parametrize(("name", "parameter"), EACH)
def test_a_value_matters_and_the_default_is_the_one_of_the_file(
    name: str, parameter: TunedParameter, xu4: Design
) -> None:
    values = tuned_values().controllers[name].values
    far = {**values, parameter.name: 10.0 * parameter.grid[0]}
    twins = TwinVectorEnv(1, scenario=HOT_THEN_COLD, choose_passes=True, info_frames=True)
    design = replace(xu4, actions=twins.actions)
    default, same, other = (
        run_episodes(twins, build(name, design, **given), [0])[0][1] for given in ({}, values, far)
    )
    assert default == same != other


@pytest.mark.parametrize("parameter", [GUARD_C])
def test_grids_begin_with_the_safest_value(parameter: TunedParameter) -> None:
    assert all(safer > bolder for safer, bolder in pairwise(parameter.grid))


def test_a_controller_that_was_not_tuned_yet_has_the_safest_value() -> None:
    assert tuned("a controller of tomorrow", GUARD_C) == max(GUARD_C.grid)


def test_a_user_gives_a_guard_of_their_own(xu4: Design) -> None:
    course = random_course(xu4.highest, len(xu4.topologies) - 1)
    own, other = (choices(Tvfs(xu4, guard_c=guard_c), course) for guard_c in (1.0, 9.0))
    assert (own != other).any()
