"""TVFS' latency feedback: where it helps, and that it costs nothing elsewhere."""

from typing import Any

import numpy as np
import pytest

from tests.driving import Driven
from tvfs_gym.baselines import Design, build
from tvfs_gym.baselines.characterisation.characterisation import Characterisation
from tvfs_gym.baselines.tvfs.tvfs import table
from tvfs_gym.envs.board_env import BoardEnv
from tvfs_gym.envs.boards.board import Configuration
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv
from tvfs_gym.experiments.episodes import run_episodes

SEEDS = [400, 401, 402]
BURSTS = [
    {"at_s": 10.0, "background_load": 0.4},
    {"at_s": 30.0, "background_load": 0.0},
    {"at_s": 50.0, "background_load": 0.2},
]


def score(name: str, env: BoardEnv, measured: Characterisation, **fields: Any) -> float:
    """Mean reliable accuracy."""
    scenario = Scenario(**fields)
    controller = build(name, Design.of(env, measured, scenario), guard_c=3.0)
    twins = TwinVectorEnv(len(SEEDS), scenario=scenario, info_frames=True)
    rows = [row for _, row in run_episodes(twins, controller, SEEDS)]
    return float(np.mean([row["reliable_accuracy"] for row in rows]))


@pytest.mark.parametrize("constraint_s", [0.05, 0.075])
def test_under_background_load_feedback_beats_the_open_loop(
    constraint_s: float, recorded: BoardEnv, recorded_characterisation: Characterisation
) -> None:
    fields = {"latency_constraint_s": constraint_s, "changes": BURSTS}
    open_loop, fed_back = (
        score(name, recorded, recorded_characterisation, **fields)
        for name in ("tvfs_open_loop", "tvfs")
    )
    assert open_loop < 0.5 and fed_back > 0.8


@pytest.mark.parametrize(
    "fields",
    [
        {"latency_constraint_s": 0.05},
        {},
        {"latency_constraint_s": 0.055, "ambient_c": 45.0},
        {"latency_constraint_s": 0.046, "ambient_c": 5.0},
        {"arrival_period_s": 0.08},
    ],
)
def test_elsewhere_feedback_changes_nothing_beyond_the_noise(
    fields: dict[str, Any], recorded: BoardEnv, recorded_characterisation: Characterisation
) -> None:
    open_loop, fed_back = (
        score(name, recorded, recorded_characterisation, **fields)
        for name in ("tvfs_open_loop", "tvfs")
    )
    assert fed_back == pytest.approx(open_loop, abs=0.005)


def test_the_table_is_read_at_what_the_slow_down_leaves_of_the_constraint(
    recorded: BoardEnv, recorded_characterisation: Characterisation
) -> None:
    """A slow window counts at once, a fast one not at all."""
    made_from = Design.of(recorded, recorded_characterisation)
    median_s = recorded_characterisation.pass_median_s

    best = table(made_from, 0.075)[0].configuration

    def chosen(slow_down: float) -> Configuration:
        driven = Driven(build("tvfs", made_from), recorded)
        assert driven(40.0) == best
        latency_s = slow_down * float(median_s[best.topology, best.vf_level])
        ran = {"topology": best.topology, "vf_level": best.vf_level, "passes_mean": 1.0}
        return driven(40.0, latency_mean_s=latency_s, **ran)

    assert chosen(1.01) == chosen(0.8) == best
    assert chosen(1.65) == table(made_from, 0.075 / np.exp(0.5))[0].configuration
