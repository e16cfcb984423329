"""Suites: what they hold, and that what is frozen stays."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from tvfs_gym.baselines import Choice, Controller, Reading
from tvfs_gym.baselines.controller import State
from tvfs_gym.envs.boards.board import Configuration
from tvfs_gym.envs.boards.profile import profile_names
from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.experiments import benchmark
from tvfs_gym.experiments.benchmarks.suite import SUITES, load_suite

V1 = "bc53905e6a6c041a0e4876732461aec1a97d36e5d222c0944e2417398c400570"
CASES = load_suite("v1").cases("odroid_xu4", {})


def test_suite_v1_is_frozen() -> None:
    assert sha256((SUITES / "v1.toml").read_bytes()).hexdigest() == V1


def test_suite_v1_has_every_board_and_every_kind_of_condition() -> None:
    scenarios = [case.scenario for case in CASES.values()]
    changed = {
        name
        for scenario in scenarios
        for change in scenario.changes
        for name, value in change.model_dump(exclude={"at_s"}).items()
        if value is not None
    }
    assert {case.board for case in CASES.values()} == set(profile_names())
    assert changed == {"ambient_c", "cooling", "latency_constraint_s", "background_load"}
    assert {scenario.policy for scenario in scenarios} == {"10C", "1C"}
    assert any(scenario.arrival_period_s for scenario in scenarios)
    assert any(scenario.unit.resistance > 1 for scenario in scenarios)
    assert max(scenario.frames for scenario in scenarios) == 20_000


@pytest.mark.parametrize("name", CASES)
def test_every_case_of_v1_runs(name: str) -> None:
    """At the fastest configuration, cold, frames are on time: no constraint is out of reach."""
    env = TwinEnv(CASES[name].board, scenario=CASES[name].scenario)
    env.reset(seed=0)
    action = env.action(Configuration(0, len(env.board.operating_points) - 1))
    assert Window(env.step(action)[4]["window"]).late_frames == 0


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
    with pytest.raises(InputError, match="did you mean tvfs"):
        benchmark(["tvsf"], suite=str(one_scenario))
