"""Suites: their steps, units and rooms, and the benchmark of a suite from Python."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.conftest import Cli
from tvfs_gym.baselines import Choice, Controller, Reading
from tvfs_gym.baselines.controller import State
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.lengths import frames_per_step
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv
from tvfs_gym.experiments import benchmark
from tvfs_gym.experiments.benchmarks.suite import Suite, load_suite, suite_for
from tvfs_gym.experiments.results.cells import read_episodes


def test_a_step_lasts_as_long_in_every_scenario_as_whole_frames_allow() -> None:
    for constraint_s in (0.01, 0.05, 0.075, 0.15, 0.3, 0.5):
        step_s = frames_per_step(constraint_s) * constraint_s
        assert 0.5 <= step_s <= 1.0
    assert frames_per_step(0.075) == 10 and frames_per_step(3.0) == 1


def suite_of(**condition: object) -> Suite:
    return Suite.model_validate(
        {"family": "recorded", "latency_constraints_s": [0.3], "conditions": {"own": condition}}
    )


def test_a_seed_has_the_unit_and_room_that_an_environment_draws_from_it() -> None:
    (case,) = suite_of(units=True).cases("odroid_xu4", {}).values()
    drawn = case.scenarios([3, 4, 3])
    twins = TwinVectorEnv(2, scenario=case.scenario, randomise=True)
    twins.reset(seed=[3, 4])
    assert drawn == [*twins._episode, twins._episode[0]]
    assert drawn[0].unit != drawn[1].unit
    again = TwinVectorEnv(2, scenario=drawn[:2])
    for env in (twins, again):
        env.reset(seed=[3, 4])
    actions = np.full(2, 60)
    assert np.array_equal(*(env.step(actions)[4]["window"] for env in (twins, again)))


def test_constraints_that_are_written_alike_are_not_one_scenario() -> None:
    suite = suite_of(latency_constraints_s=[0.075, 0.07500001])
    with pytest.raises(InputError, match="two scenarios of the suite are called 'own, 75 ms'"):
        suite.cases("odroid_xu4", {})


def test_a_room_that_the_condition_sets_holds() -> None:
    suite = suite_of(units=True, rooms_c=(50.0, 55.0))
    (case,) = suite.cases("odroid_xu4", {}).values()
    rooms_c = [scenario.ambient_c for scenario in case.scenarios(range(20))]
    assert 50 <= min(rooms_c) < 52 and 53 < max(rooms_c) <= 55
    (kept,) = suite.cases("odroid_xu4", {"ambient_c": 30.0}).values()
    assert {scenario.ambient_c for scenario in kept.scenarios(range(3))} == {30.0}


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({"rooms_c": (50.0, 55.0)}, "rooms_c needs units = true"),
        ({"rooms_c": (55.0, 50.0), "units": True}, "must ascend"),
    ],
)
def test_rooms_that_cannot_be_meant_are_refused(condition: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        suite_of(**condition)


def test_a_benchmark_of_units_has_a_bound_per_seed(cli: Cli, tmp_path: Path) -> None:
    suite = tmp_path / "units.toml"
    suite.write_text(
        'family = "recorded"\nlatency_constraints_s = [0.3]\n[conditions.own]\nunits = true\n'
        "scenario = { frames = 100 }\n"
    )
    done = cli("benchmark", "--suite", suite, "--seeds", "2", "--controller", "powersave",
               "--controller", "best_fixed", "--output", tmp_path / "run")  # fmt: skip
    assert done.returncode == 0, done.stderr
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    (scenario,) = config["scenarios"].values()
    assert scenario["units"] and scenario["frames_per_step"] == 2
    episodes = read_episodes(tmp_path / "run", config)
    assert episodes.height == 4 and episodes["duration_s"].n_unique() == 4
    by_seed = episodes.group_by("seed").agg(pl.col("bound").unique())["bound"]
    assert by_seed.list.len().to_list() == [1, 1] and by_seed.explode().n_unique() == 2


class Slow(Controller):
    """A user's controller: the fastest topology at the slowest clock."""

    def decide(self, reading: Reading, state: State) -> tuple[Choice, State]:
        zeros = np.zeros(len(reading.temperature_c), int)
        return Choice(zeros, zeros), state


def test_a_benchmark_ranks_names_and_classes(one_scenario: Path) -> None:
    ranking = benchmark([Slow, "tvfs"], suite=str(one_scenario), seeds=2)
    assert ranking["controller"].to_list() == ["tvfs", "Slow"]
    assert ranking["reason"].to_list() == [None, None]
    assert (ranking["share_low"] <= ranking["share"]).all()
    printed = str(ranking).splitlines()
    assert all(len(line) <= 80 for line in printed)
    assert [line.split()[0] for line in printed if "█" in line] == ["tvfs", "Slow"]
    with pytest.raises(InputError, match="did you mean tvfs"):
        benchmark(["tvsf"], suite=str(one_scenario))


@pytest.mark.parametrize(
    ("board", "suite"),
    [(None, "main"), ("odroid_xu4", "main"), ("raspberry_pi_5", "any_board")],
)
def test_every_board_has_a_default_suite(board: str | None, suite: str) -> None:
    assert suite_for(board) == suite
    assert load_suite(suite).on_board(board).conditions
