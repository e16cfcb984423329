"""Where learning may win: what real runs leave over comes back on the twin; rations run out."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pytest

from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.physics.thermal import AMBIENT_SHARE, RATE
from tvfs_gym.experiments.benchmarks.suite import load_suite
from tvfs_gym.experiments.learning import unforeseen
from tvfs_gym.experiments.learning.energy import RATION, on_battery, rationed
from tvfs_gym.experiments.learning.unforeseen import (
    ELSEWHERE,
    PIECE_S,
    REPLAYED,
    ReplayedHeat,
    draw_unforeseen,
    fits,
    replay_of,
)
from tvfs_gym.experiments.results.aggregate import aggregate


@dataclass
class Fitted:
    """Stands for a fit whose prediction is known."""

    shown: Any
    fit: Any
    model: Any = None
    first: Any = None


def test_what_a_fit_left_over_comes_back_at_the_die(monkeypatch: pytest.MonkeyPatch) -> None:
    time_s = np.arange(0.0, 400.0)
    left_k = 3.0 * np.sin(2 * np.pi * time_s / 120.0)
    trace = type("Trace", (), {"time_s": time_s, "temperature_c": 60.0 + left_k})()
    free = np.ones(len(time_s), bool)
    told = {"model": np.full(len(time_s), 60.0)}, free
    monkeypatch.setattr(unforeseen, "predictions", lambda *_: told)
    fit = type("Fit", (), {"board": "raspberry_pi_4b", "cooling": "tower"})()
    replay = replay_of(Fitted((trace, None), fit))  # type: ignore[arg-type]
    assert replay.residual_k == pytest.approx(3.0 / 2**0.5, rel=0.05)
    assert replay.missed_k < 0.5 * replay.residual_k
    modes = load_profile("raspberry_pi_4b").cooling_named("tower").networks[0].modes
    die_k, level = np.zeros(len(modes)), []
    for deviation_k in replay.course_k:
        settled = modes[:, AMBIENT_SHARE] * deviation_k
        die_k = settled + (die_k - settled) * np.exp(-modes[:, RATE] * PIECE_S)
        level.append(die_k.sum())
    wanted = np.interp(PIECE_S * np.arange(1, len(level) + 1), time_s, left_k)
    assert np.corrcoef(level, wanted)[0, 1] > 0.9


def test_a_board_whose_run_was_predicted_perfectly_is_left_alone() -> None:
    """Of such a course nothing is left; its scenarios stand beside those of other work."""
    quiet = ReplayedHeat("raspberry_pi_4b", "tower", 0.0, 0.0, (0.0,) * 60)
    drawn = draw_unforeseen([quiet])
    name = f"{REPLAYED}, raspberry_pi_4b, tower"
    changes = drawn[name][1].scenario["changes"]
    assert {change["ambient_c"] for change in changes} == {25.0}
    assert sum(name.startswith(ELSEWHERE) for name in drawn) == 12


def test_the_suite_that_ships_is_about_the_fits() -> None:
    conditions = load_suite(unforeseen.SUITE).conditions
    boards = {condition.board for condition in conditions.values()}
    assert boards == {fit.board for fit in fits()}
    replayed = [name for name in conditions if name.startswith(REPLAYED)]
    assert 8 <= len(replayed) <= len(fits())


def episodes(energy_j: dict[str, float]) -> pl.DataFrame:
    rows = [
        {
            "scenario": "one", "controller": name, "seed": seed, "reliable_accuracy": 0.8,
            "bound": 0.9, "energy_j_per_frame": used_j, "photograph_frames": [10, 10],
            "photograph_reliable": [8.0, 8.0], "unanswered_frames": 0, "training_seed": None,
            "late_share": 0.0, "above_t_max_share": 0.0, "objective": "reliable_accuracy",
        }
        for name, used_j in energy_j.items()
        for seed in range(3)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema_overrides={"training_seed": pl.Int64})


def shares(frame: pl.DataFrame) -> dict[str, float]:
    return dict(aggregate(frame).select("controller", "share").iter_rows())


def test_who_uses_more_than_the_ration_answers_less() -> None:
    found = shares(rationed(episodes({"tvfs": 1.0, "frugal": 0.5, "lavish": 2.0})))
    expected = {"tvfs": 0.8 * RATION, "frugal": 0.8, "lavish": 0.8 * RATION / 2}
    assert found == pytest.approx(expected)


def test_a_battery_gives_more_right_answers_to_who_uses_less() -> None:
    found = shares(on_battery(episodes({"tvfs": 1.0, "frugal": 0.5, "lavish": 2.0})))
    assert found == pytest.approx({"tvfs": 0.8, "frugal": 1.6, "lavish": 0.4})
