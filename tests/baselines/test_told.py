"""The controller that is told everything: it keeps below T_max, and nobody is more accurate."""

from collections.abc import Sequence

import numpy as np
import pytest

from tvfs_gym.baselines import Design, build, characterise
from tvfs_gym.baselines.controller import Controller
from tvfs_gym.baselines.model_based.told import GUARD_C, Told
from tvfs_gym.envs.boards.twin.foresight import C
from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.scenario import Change, Scenario
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv
from tvfs_gym.experiments.episodes import run_episodes

SEED, TWINS = 700_000, 12


def batch(board: str, scenarios: Sequence[Scenario]) -> TwinVectorEnv:
    """Twins that show the design half, as in training."""
    return TwinVectorEnv(
        len(scenarios), board, scenario=scenarios, choose_passes=True, photographs="design",
        info_frames=True,
    )  # fmt: skip


def conditions(board: str) -> list[Scenario]:
    """Conditions of training, as they are drawn."""
    drawn = TwinVectorEnv(
        TWINS, board, scenario={"frames": 1000}, randomise="conditions", choose_passes=True
    )
    drawn.reset(seed=SEED)
    return list(drawn.episode_scenarios)


def results(twins: TwinVectorEnv, controller: Controller, seed: int = SEED) -> np.ndarray:
    """Reliable accuracy and share of the time above T_max, by episode."""
    seeds = [seed + i for i in range(twins.num_envs)]
    rows = [row for _, row in run_episodes(twins, controller, seeds)]
    return np.array([(row["reliable_accuracy"], row["above_t_max_share"]) for row in rows])


@pytest.mark.parametrize("board", ["odroid_xu4", "drawn:1"])
def test_it_is_at_least_as_good_as_who_was_told_the_model(board: str) -> None:
    scenarios = conditions(board)
    twins = batch(board, scenarios)
    told = results(twins, Told(Design.of(twins, None), twins))
    measured = characterise(twins.board, Scenario())
    others = []
    for number, scenario in enumerate(scenarios):
        single = batch(board, [scenario])
        controller = build("predictive", Design.of(single, measured))
        others.append(results(single, controller, SEED + number)[0])
    assert told[:, 0].mean() >= np.mean(others, axis=0)[0]
    assert told[:, 1].mean() < 0.001


def test_it_is_told_the_present_load() -> None:
    """At the first step under another load it runs what is in time then."""
    changes = (Change(at_s=10.0, background_load=0.5),)
    scenario = Scenario(latency_constraint_s=0.05, changes=changes, frames=600)
    twins = batch("odroid_xu4", [scenario])
    ((steps, _),) = run_episodes(twins, Told(Design.of(twins, None), twins), [SEED])
    after = steps["time_s"] > 10.0
    assert after.sum() > 10
    assert steps["late_frames"].sum() <= 2


def test_what_it_foresees_comes_true() -> None:
    """Of a step at any level, to its guard."""
    twins = batch("odroid_xu4", [Scenario(latency_constraint_s=0.1, policy="1C")] * 4)
    profile, topology = twins.board.profile, 6
    activity = twins.board.family.topologies[topology].activity
    twins.reset(seed=SEED)
    for level in (18, 3, 12):
        dynamic_w = profile.switching_w(level, profile.threads, activity)
        frame_s = twins.board.pass_latency_s[topology, level]
        candidate = np.zeros((4, 1, len(C)))
        candidate[..., C.MEAN_W] = candidate[..., C.BUSY_W] = dynamic_w
        candidate[..., C.VOLTAGE_V] = profile.operating_points[level].voltage_v
        candidate[..., C.DURATION_S], candidate[..., C.BUSY_S] = 10 * frame_s, frame_s
        before_c, foreseen_c = twins.foreseen_c(candidate), twins.foreseen_c(candidate)
        assert np.array_equal(before_c, foreseen_c), "the twins stay as they are"
        actions = twins.actions.batch(*(np.full(4, n) for n in (topology, level, 1)))
        *_, info = twins.step(actions)
        if level != 3:  # there the die cools, and was hottest at the begin
            hottest_c = Window(info["window"]).temperature_max_c
            assert np.abs(foreseen_c[:, 0] - hottest_c).max() < GUARD_C
