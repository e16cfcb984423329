"""The published phenomena hold in the twin, in the set-up they were published for."""

from typing import Any

import numpy as np
import pytest

from tvfs_gym.baselines import Design, build, characterise
from tvfs_gym.baselines.characterisation.characterisation import Characterisation
from tvfs_gym.envs.board_env import BoardEnv
from tvfs_gym.envs.boards.board import Configuration
from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.experiments.benchmarks.suite import load_suite
from tvfs_gym.experiments.episodes import Columns, Row, run_episode
from tvfs_gym.experiments.results.statistics import METRICS

CASES = load_suite("published").cases("odroid_xu4", {})
PUBLISHED = {name: case.scenario for name, case in CASES.items()}
HIGHEST = 18
WARM_ROOM_C = 35.0
"""Where full clock is too much: in a room of 25 degC the fan keeps the chip within a few degC of
T_max, and throttling costs few frames."""
SEEDS = range(3)


def episodes(
    name: str, env: BoardEnv, characterisation: Characterisation, **scenario: Any
) -> tuple[list[Columns], list[Row]]:
    """Steps and rows of all episodes of a controller."""
    env.scenario = Scenario(**scenario)
    controller = build(name, Design.of(env, characterisation))
    done = [run_episode(env, controller, seed) for seed in SEEDS]
    return [steps for steps, _ in done], [row for _, row in done]


@pytest.mark.parametrize(
    ("throttling", "trip_c"), [("vf_low", 85.0), ("mainline_step_wise", 70.0), ("vendor_xu4", 85.0)]
)
def test_at_full_clock_throttling_sets_in_and_a_deadline_met_when_cold_is_missed(
    throttling: str, trip_c: float, hosted: BoardEnv, hosted_characterisation: Characterisation
) -> None:
    """Rizzo, IWES 2021: at VF_max the chip oversteps its trip, the OS lowers the clock, and
    repeated throttling ends in a "latency constraint mismatch". Cold: under 3 % late (jitter);
    then over 5 %.
    """
    runs, rows = episodes(
        "performance",
        hosted,
        hosted_characterisation,
        latency_constraint_s=0.0365,
        throttling=throttling,
        ambient_c=WARM_ROOM_C,
    )
    throttled = [steps["throttled_s"].cumsum() > 0 for steps in runs]
    hot = np.concatenate(throttled)
    temperature_c, late = (
        np.concatenate([steps[name] for steps in runs])
        for name in ("temperature_max_c", "late_frames")
    )
    assert not all(steps[0] for steps in throttled) and temperature_c[hot].max() >= trip_c
    assert late[~hot].sum() <= 0.03 * 10 * np.sum(~hot)
    assert late[hot].sum() >= 0.05 * 10 * np.sum(hot)
    assert all(row["throttled_share"] > 0.05 for row in rows)


@pytest.mark.parametrize("family", ["mobilenet_v1_hosted", "recorded"])
def test_topology_scaling_alone_does_not_lower_the_steady_temperature(family: str) -> None:
    """Peluso et al., JLPEA 2020: "thermal behavior does not benefit from topology scaling as the
    on-chip temperature still reaches critical values". In the twin this follows from the networks'
    nearly equal switching activity, which is assumed (docs/claims.md sweeps it). Steady at the
    highest VF level, without throttling in the way, every network exceeds 85 degC, and they differ
    by less than 6 degC (the networks' switching activities do differ, as far as they are known).
    """
    env = TwinEnv("odroid_xu4", family)
    env.scenario = Scenario(t_max_c=119.0, latency_constraint_s=1.0, frames=1_000_000)
    reached_c = []
    for topology in range(len(env.board.family.topologies)):
        env.reset(seed=0)
        action = env.action(Configuration(topology, HIGHEST))
        window = Window(env.step(action)[4]["window"])
        while window.time_s < 150:
            window = Window(env.step(action)[4]["window"])
        reached_c.append(window.temperature_mean_c)
    assert min(reached_c) > 85.0
    assert max(reached_c) - min(reached_c) < 6.0


def test_the_topology_scaling_baseline_stays_as_hot_as_doing_nothing(
    hosted: BoardEnv, hosted_characterisation: Characterisation
) -> None:
    """With the kernel throttling, in a warm room: it reaches T_max too, is throttled too, and its
    mean temperature is within 2 degC of the performance governor's; but its answers come on time.
    """
    found = {}
    for name in ("performance", "topology_scaling"):
        _, rows = episodes(
            name,
            hosted,
            hosted_characterisation,
            latency_constraint_s=0.0365,
            ambient_c=WARM_ROOM_C,
        )
        found[name] = {
            key: np.mean([row[key] for row in rows]) for key in METRICS if key != "regret"
        }
        assert found[name]["temperature_c_max"] > 85.0 and found[name]["throttled_share"] > 0.05
    nothing, scaled = found["performance"], found["topology_scaling"]
    assert scaled["temperature_c_mean"] > nothing["temperature_c_mean"] - 2.0
    assert scaled["late_share"] < 0.01 < nothing["late_share"]
    assert scaled["accuracy"] < nothing["accuracy"] - 0.05  # the severe accuracy penalty


@pytest.mark.parametrize("name", ["tvfs", "tvfs_static"])
@pytest.mark.parametrize("scenario", PUBLISHED)
def test_tvfs_holds_2000_frames_cool_and_on_time(
    name: str, scenario: str, hosted: BoardEnv, hosted_characterisation: Characterisation
) -> None:
    """Published: up to 2000 inferences within limits, mean temperature 16.4 degC below the
    threshold. Here: never throttled, never above T_max, at most 1 % late (the table is made for the
    99th percentile), and on average at least 10 degC below.
    """
    _, rows = episodes(name, hosted, hosted_characterisation, **PUBLISHED[scenario].model_dump())
    for row in rows:
        assert row["frames"] == 2000 and not row["shut_down"]
        assert row["throttled_share"] == 0 and row["above_t_max_share"] == 0
        assert row["late_share"] <= 0.01
        assert row["temperature_c_mean"] <= 85.0 - 10.0


@pytest.mark.parametrize(("name", "share_at_best"), [("tvfs", 0.75), ("tvfs_static", 0.0)])
def test_tvfs_loses_the_published_accuracy(
    name: str,
    share_at_best: float,
    hosted: BoardEnv,
    hosted_characterisation: Characterisation,
) -> None:
    """Published: 0.9 to 3.1 points across latency constraints, which are the differences of 1.0 192
    and 1.0 160 to 1.0 224. The same frames are answered by 1.0 224 for comparison; tolerance 0.5
    points for the draw of the images. Under the tightest constraint the table walked by temperature
    answers three quarters of the frames, while the chip is cool, with 1.0 192 instead of 1.0 160.
    """
    losses = []
    for scenario in PUBLISHED.values():
        _, best = episodes(
            "performance", hosted, hosted_characterisation, latency_constraint_s=0.04
        )
        _, rows = episodes(name, hosted, hosted_characterisation, **scenario.model_dump())
        losses.append(
            100 * np.mean([b["accuracy"] - r["accuracy"] for b, r in zip(best, rows, strict=True)])
        )
    assert min(losses) == pytest.approx(0.9, abs=0.5)
    expected = share_at_best * 0.9 + (1.0 - share_at_best) * 3.1
    assert max(losses) == pytest.approx(expected, abs=0.5)


def test_frequency_scaling_alone_cools_but_misses_a_tight_deadline(hosted: BoardEnv) -> None:
    """The trade-off of Peluso et al., Electronics 2019: safe temperature, longer latency. Where the
    clock is known beforehand, a network is chosen that is fast enough there, and less accurate.
    """
    scenario = {"latency_constraint_s": 0.0365, "ambient_c": WARM_ROOM_C}
    characterisation = characterise(hosted.board, Scenario(ambient_c=WARM_ROOM_C))
    reactive, proactive = (
        episodes(name, hosted, characterisation, **scenario)[1]
        for name in ("frequency_reactive", "frequency_proactive")
    )
    for held, adapted in zip(reactive, proactive, strict=True):
        assert held["throttled_share"] == adapted["throttled_share"] == 0
        assert held["late_share"] > 0.3 and adapted["late_share"] < 0.02
        assert adapted["accuracy"] < held["accuracy"] - 0.005
