"""The ranking of a suite, on data that is skewed, paired, hot and late."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest

from tvfs_gym.agents.pretrained import load_pretrained
from tvfs_gym.baselines import build
from tvfs_gym.baselines.characterisation.characterisation import Characterisation
from tvfs_gym.baselines.controller import Design
from tvfs_gym.baselines.fixed import Fixed
from tvfs_gym.envs.boards.board import Configuration
from tvfs_gym.envs.boards.window import F
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.experiments.benchmarks.objective import training_of
from tvfs_gym.experiments.episodes import run_episode
from tvfs_gym.experiments.results.aggregate import (
    MEANS,
    REFERENCE,
    aggregate,
    interquartile_mean,
    worst_tenth,
)
from tvfs_gym.experiments.results.ranking import print_ranking
from tvfs_gym.experiments.results.statistics import METRICS

Row = dict[str, Any]


def episode(
    controller: str,
    scenario: str,
    seed: int,
    reliable: Sequence[int],
    frames: Sequence[int] | None = None,
    **others: Any,
) -> Row:
    """An episode of so many reliable answers per photograph, each of which came once or so often.

    Its other metrics are far off.
    """
    came = [1] * len(reliable) if frames is None else list(frames)
    score = sum(reliable) / max(sum(came) + others.get("unanswered_frames", 0), 1)
    return {
        "controller": controller, "scenario": scenario, "seed": seed,
        **dict.fromkeys(METRICS, 0.99), "reliable_accuracy": score,
        "photograph_frames": came, "photograph_reliable": list(reliable),
        "unanswered_frames": 0, "objective": None, "training_seed": None,
    } | others  # fmt: skip


def flat(controller: str, scenario: str, score: float, seeds: int = 2, **others: Any) -> list[Row]:
    """Episodes of the same score."""
    right = round(10 * score)
    answers = [1] * right + [0] * (10 - right)
    return [episode(controller, scenario, seed, answers, **others) for seed in range(seeds)]


def rows_of(episodes: Sequence[Row], bounds: dict[str, float] | None = None) -> dict[str, Row]:
    """The ranking; the bounds are the scenarios', or None if every episode has one."""
    bounded = [
        row if bounds is None else {**row, "bound": bounds[row["scenario"]]} for row in episodes
    ]
    table = aggregate(pl.DataFrame(bounded, infer_schema_length=None))
    return {row["controller"]: row for row in table.iter_rows(named=True)}


def width(row: Row, name: str) -> float:
    return float(row[f"{name}_high"] - row[f"{name}_low"])


def test_the_interquartile_mean_leaves_out_a_quarter_at_either_end_and_no_more() -> None:
    sorted_scores = 1.5 ** np.arange(100)
    skewed = np.random.default_rng(0).permutation(sorted_scores)
    middle = pytest.approx(np.mean(sorted_scores[25:75]))
    assert interquartile_mean(skewed) == middle
    assert interquartile_mean(np.stack([skewed[::-1], skewed])).tolist() == [middle, middle]
    assert interquartile_mean(np.array([1.0, 2.0, 9.0])) == 4.0


def test_the_worst_tenth_is_rounded_up() -> None:
    shares = np.array([0.9] * 18 + [0.2, 0.6, 0.1])
    assert worst_tenth(shares) == pytest.approx((0.1 + 0.2 + 0.6) / 3)
    assert worst_tenth(shares[:20]) == pytest.approx(0.4)
    assert worst_tenth(shares[15:19]) == 0.2


def test_the_ranking_leaves_out_no_scenario() -> None:
    """One failure in eight weighs an eighth: an interquartile mean would not see it."""
    names = "abcdefgh"
    steady = [row for name in names for row in flat("steady", name, 0.8)]
    fails = [row for name in names for row in flat("fails", name, 0.1 if name == "c" else 0.9)]
    rows = rows_of([*fails, *steady], dict.fromkeys(names, 0.9))
    assert list(rows) == ["steady", "fails"]
    assert rows["fails"]["share"] == pytest.approx((7 + 1 / 9) / 8)
    assert rows["fails"]["worst"] == pytest.approx(1 / 9)
    assert rows["fails"]["tenth"] == pytest.approx(1 / 9)
    assert rows["fails"]["worst_scenario"] == "c"
    assert rows["steady"]["share"] == pytest.approx(8 / 9)


def test_a_share_is_of_the_bound_of_its_own_scenario() -> None:
    rows = rows_of([*flat("x", "a", 0.5), *flat("x", "b", 0.5)], {"a": 0.5, "b": 1.0})
    assert (rows["x"]["share"], rows["x"]["worst_scenario"]) == (0.75, "b")


def test_a_share_is_of_the_mean_bound_of_its_own_seeds() -> None:
    """A seed's unit has a bound of its own, drawn with it: half of each is half throughout."""
    bounds = 0.8, 0.4, 0.6
    episodes = []
    for seed, bound in enumerate(bounds):
        right = round(50 * bound)
        episodes += [
            episode("half", "a", seed, [1] * right + [0] * (100 - right), bound=bound),
            episode("flat", "a", seed, [1] * 25 + [0] * 75, bound=bound),
        ]
    rows = rows_of(episodes)
    assert rows["half"]["share"] == pytest.approx(0.5)
    assert rows["flat"]["share"] == pytest.approx(0.25 / 0.6)
    assert width(rows["half"], "share") < width(rows["flat"], "share")


def test_frames_that_were_late_hot_or_not_answered_do_not_count() -> None:
    right, halted = [1] * 10, [1] * 5
    rows = rows_of(
        [
            episode("cool", "a", 0, right, on_time_accuracy=1.0),
            episode("hot", "a", 0, [0] * 10, on_time_accuracy=1.0, accuracy=1.0),
            episode("halts", "a", 0, halted, unanswered_frames=5, accuracy=1.0),
        ],
        {"a": 1.0},
    )
    assert {name: row["share"] for name, row in rows.items()} == {
        "cool": 1.0, "halts": 0.5, "hot": 0.0,
    }  # fmt: skip


def test_without_photographs_the_score_itself_counts() -> None:
    row = episode("x", "a", 0, [], [0]) | {"photograph_frames": [], "reliable_accuracy": 0.4}
    assert rows_of([row], {"a": 1.0})["x"]["share"] == 0.4


def test_seeds_and_photographs_count_as_often_as_they_came() -> None:
    rows = [
        episode("x", "a", 0, [4, 0, 0], [6, 1, 3]),
        episode("x", "a", 1, [1], [2]),
    ]
    assert rows_of(rows, {"a": 1.0})["x"]["share"] == pytest.approx((0.4 + 0.5) / 2)


def test_the_interval_covers_the_mean_of_skewed_episodes() -> None:
    """Nineteen times in twenty; of 100 draws at least 86 times but for one draw in 1000."""
    covered = 0
    for draw in range(100):
        rng = np.random.default_rng(draw)
        rates = rng.beta(0.6, 2.4, size=30)  # mean 0.2, skewed
        rows = [
            episode("x", "a", seed, [1000 - round(1000 * rate)], [1000])
            for seed, rate in enumerate(rates)
        ]
        row = rows_of(rows, {"a": 1.0})["x"]
        covered += row["share_low"] <= 0.8 <= row["share_high"]
    assert covered >= 86


@pytest.mark.parametrize("seeds", [1, 5])
def test_photographs_are_uncertain_even_where_all_seeds_agree(seeds: int) -> None:
    """Of 400 photographs a fifth is never answered: the interval is that of a share of 400, however
    many seeds and scenarios answer them again.
    """
    answers = [0] * 80 + [1] * 320
    rows = [episode("x", name, seed, answers) for name in "abc" for seed in range(seeds)]
    expected = 2 * 1.96 * np.sqrt(0.2 * 0.8 / 400)
    assert width(rows_of(rows, dict.fromkeys("abc", 1.0))["x"], "share") == pytest.approx(
        expected, rel=0.07
    )


def test_seeds_are_uncertain_even_where_all_photographs_agree() -> None:
    """The variance of the mean of few seeds, unbiased, in all scenarios alike."""
    scores = np.array([0.2, 0.9, 0.9, 1.0, 0.9, 0.8])
    rows = [
        episode("x", name, seed, [round(100 * score)], [100])
        for name in "ab"
        for seed, score in enumerate(scores)
    ]
    drawn = np.random.default_rng(5).choice(scores, size=(20_000, 5)).mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    row = rows_of(rows, {"a": 1.0, "b": 1.0})["x"]
    assert (row["share_low"], row["share_high"]) == pytest.approx((low, high), abs=0.03)


def test_units_are_drawn_where_there_are_several() -> None:
    rows = [
        episode("x", "a", seed, [right], [10], unit=unit)
        for seed in range(4)
        for unit, right in enumerate((9, 9, 2))
    ]
    row = rows_of(rows, {"a": 1.0})["x"]
    assert row["share"] == pytest.approx(2 / 3)
    assert (row["share_low"], row["share_high"]) == pytest.approx((0.2, 0.9))


def test_differences_are_paired() -> None:
    """All photographs but 4 of 400 are answered alike: they say nothing of the difference."""
    rng = np.random.default_rng(0)
    reference = rng.integers(0, 2, 400)
    better = reference.copy()
    better[np.flatnonzero(reference == 0)[:4]] = 1
    rows = rows_of(
        [
            episode(name, "a", seed, answers.tolist())
            for seed in range(3)
            for name, answers in ((REFERENCE, reference), ("better", better))
        ],
        {"a": 1.0},
    )
    assert width(rows["better"], "share") > 0.09
    assert rows["better"]["difference"] == pytest.approx(0.01)
    assert width(rows["better"], "difference") < 0.025
    assert rows["better"]["improvement"] == 1.0
    assert rows[REFERENCE]["difference"] == width(rows[REFERENCE], "difference") == 0.0


def test_nobody_is_better_than_itself() -> None:
    """Exactly one half, whatever was drawn; so is one who answers the same."""
    rng = np.random.default_rng(1)
    answers = rng.integers(0, 2, (6, 50))
    rows = rows_of(
        [
            episode(name, scenario, seed, answers[seed].tolist())
            for name in (REFERENCE, "twin")
            for scenario in "ab"
            for seed in range(6)
        ],
        {"a": 1.0, "b": 0.5},
    )
    for row in rows.values():
        ends = [row["improvement"], row["improvement_low"], row["improvement_high"]]
        assert ends == pytest.approx([0.5] * 3, abs=1e-12)


def test_the_probability_of_improvement_compares_the_same_seed() -> None:
    """Better by a little in three seeds of four, though seeds differ by far more."""
    rows = [
        episode(name, "a", seed, [base + more], [100])
        for seed, base in enumerate((10, 40, 70, 90))
        for name, more in ((REFERENCE, 0), ("better", 1 if seed else -1))
    ]
    row = rows_of(rows, {"a": 1.0})["better"]
    assert row["improvement"] == 0.75
    assert row["improvement_low"] < 0.5 and row["improvement_high"] == 1.0


def test_over_trainings_an_interquartile_mean_is_taken() -> None:
    """Eight trainings, skewed: neither the mean nor another trim gives the same."""
    right = (0, 10, 80, 88, 90, 91, 92, 95)
    rows = [
        episode("learner", "a", seed, [score], [100], training_seed=training)
        for training, score in enumerate(right)
        for seed in range(3)
    ]
    row = rows_of(rows, {"a": 1.0})["learner"]
    assert row["share"] == pytest.approx(np.mean([80, 88, 90, 91]) / 100)
    assert row["share_low"] < 0.6 and row["share_high"] > 0.9


def test_others_stand_apart_with_the_reason() -> None:
    rows = rows_of(
        [
            *flat(REFERENCE, "a", 0.5), *flat(REFERENCE, "b", 0.5),
            *flat("good", "a", 0.6, objective="reliable_accuracy"),
            *flat("good", "b", 0.6, objective="reliable_accuracy"),
            *flat("elsewhere", "a", 0.9),
            *flat("ztt", "a", 0.3, objective="its own reward"),
        ],
        {"a": 1.0, "b": 1.0},
    )  # fmt: skip
    assert {name: row["reason"] for name, row in rows.items()} == {
        "elsewhere": "1 of 2 scenarios",
        "good": None,
        REFERENCE: None,
        "ztt": "1 of 2 scenarios; trained for the reward its own reward",
    }
    assert rows["elsewhere"]["difference"] == pytest.approx(0.4)  # in the scenario that it ran in
    assert rows[REFERENCE]["improvement"] == 0.5


def test_without_the_reference_there_is_nothing_to_differ_from() -> None:
    row = rows_of(flat("x", "a", 0.5), {"a": 1.0})["x"]
    assert np.isnan([row["difference"], row["improvement_high"]]).all()


def test_the_means_beside_the_ranking_are_over_seeds_and_scenarios() -> None:
    rows = [
        {**episode("x", scenario, seed, [1]), **dict.fromkeys(MEANS, value * (1 + seed))}
        for scenario, value in (("a", 0.1), ("b", 0.3))
        for seed in range(3)
    ]
    row = rows_of(rows, {"a": 1.0, "b": 1.0})["x"]
    assert [row[name] for name in MEANS] == pytest.approx([0.4] * 3)
    assert 0.2 <= row["late_share_low"] < 0.4 < row["late_share_high"] <= 0.6


def test_a_ranking_fits_a_terminal_of_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    wide: Row = {"energy_j_per_frame": 1.234, "late_share": 1.0, "above_t_max_share": 0.5}
    rows = [
        *flat("ztt_released_accuracy", "a", 1.0, **wide),
        *flat("results/training of a long name", "a", 0.5, objective="my_reward"),
    ]
    table = pl.DataFrame(rows, infer_schema_length=None).with_columns(bound=1.0)
    print_ranking(aggregate(table))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    (ranked,) = (line.split() for line in lines if "ztt_released_accuracy" in line)
    assert ranked[1:] == ["100.0", "±0.0", "100.0", "100.0", "100.0", "50.0", "1234"]
    text = " ".join(" ".join(lines).split())
    assert text.index("not ranked: trained for the reward my_reward") < text.index(
        "results/training"
    )


def test_an_episode_counts_its_photographs(
    recorded_characterisation: Characterisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one that is partly hot, late and wrong, so that each of the conditions matters."""
    env = TwinEnv("odroid_xu4", scenario={"latency_constraint_s": 0.05, "ambient_c": 35.0})
    frames: list[np.ndarray] = []
    step = env.step

    def kept(action: Any) -> Any:
        answer = step(action)
        frames.append(answer[4]["frames"])
        return answer

    monkeypatch.setattr(env, "step", kept)
    controller = build("performance", Design.of(env, recorded_characterisation))
    _, row = run_episode(env, controller, 3)
    every = np.concatenate(frames)
    for column in (F.CORRECT, F.ON_TIME, F.COOL):
        assert 0.05 < every[:, column].mean() < 0.95
    good = (every[:, [F.CORRECT, F.ON_TIME, F.COOL]] == 1).all(axis=1)
    images = every[:, F.IMAGE].astype(int)
    assert row["photograph_frames"] == np.bincount(images).tolist()
    assert row["photograph_reliable"] == [
        int(good[images == image].sum()) for image in range(images.max() + 1)
    ]
    assert row["reliable_accuracy"] == pytest.approx(good.mean())
    assert row["unanswered_frames"] == 0


def test_a_policy_says_what_it_was_trained_for() -> None:
    env = TwinEnv("odroid_xu4")
    nobody = {"objective": None, "training_seed": None}
    assert training_of(load_pretrained("ztt"))["objective"] == "ztt"
    assert training_of(load_pretrained("ppo"))["training_seed"] == 0
    assert training_of(Fixed(Design.of(env, None), Configuration(0, 0))) == nobody
