"""Boards that are to have a profile if their traces suffice: the rule, and what came of it."""

from pathlib import Path

import polars as pl
import pytest

from tests.conftest import ROOT
from tvfs_gym.envs.boards.profile import load_profile, profile_names
from tvfs_gym.experiments.benchmarks.kinds import BOARDS
from tvfs_gym.experiments.twin.admission import WORST_C, verdict
from tvfs_gym.experiments.twin.catalogue import load_catalogue, profile_to_fit
from tvfs_gym.experiments.twin.errors import Error
from tvfs_gym.experiments.twin.traces.record import read_record
from tvfs_gym.experiments.twin.traces.sbc_bench import clusters_in


def run(model_c: float, constant_c: float) -> dict[str, Error]:
    """A held-out run with these errors."""
    errors = {"model": model_c, "constant": constant_c, "first order": model_c}
    return {name: Error(c, c, c, 0.0) for name, c in errors.items()}


@pytest.mark.parametrize(
    ("gain_log_se", "runs", "reason"),
    [
        (0.1, [run(1.0, 5.0), run(3.0, 5.0)], None),
        (0.3, [run(1.0, 5.0)], "its steady gain is known to ±30 % only, not 25"),
        (0.1, [run(1.0, 9.0), run(5.0, 9.0)], "missed by 3.0 °C, more than 2.5"),
        (0.1, [run(1.0, 0.9)], "a constant predicts the held-out runs as well or better"),
        (float("nan"), [run(1.0, 5.0)], "its steady gain is known"),
    ],
)
def test_the_rule_says_what_it_misses(
    gain_log_se: float, runs: list[dict[str, Error]], reason: str | None
) -> None:
    reasons = verdict(gain_log_se, runs).reasons
    assert (not reasons) if reason is None else (len(reasons) == 1 and reason in reasons[0])


def test_every_later_board_that_ships_passes_the_rule_as_published() -> None:
    """Its default cooling is one of the catalogue, and the page's figures are within the rule."""
    table = pl.read_csv(ROOT / "experiments" / "twin" / "twin_errors.csv")
    later = {*profile_names()} - {*BOARDS}
    assert later == {"jetson_orin_nano", "raspberry_pi_5"}
    for board in later:
        (first, *_) = [one for one in load_catalogue().candidates if one.board == board]
        assert next(iter(load_profile(board).cooling)) == first.cooling
        (row,) = table.filter(board=board, cooling=first.cooling).to_dicts()
        assert row["model_rmse_c"] <= WORST_C
        assert row["model_rmse_c"] < row["constant_rmse_c"]


def test_boards_without_a_profile_are_named_with_the_reason() -> None:
    page = (ROOT / "docs" / "twin.md").read_text(encoding="utf-8")
    for one in load_catalogue().candidates:
        name = f"| {one.board}, {one.cooling} |"
        (row,) = [line for line in page.splitlines() if (line.startswith(name) and "yes" in line)
                  or (line.startswith(name) and "no: " in line)]  # fmt: skip
        shipped = one.board in profile_names()
        assert shipped == ("yes" in row) or one.cooling not in profile_to_fit(one.board).cooling
    for untried in load_catalogue().untried:
        assert f"{untried.board} was not tried: {untried.reason}." in page


def log(tmp_path: Path, heading: str, tops: dict[str, int], clocks: str, load_pct: int) -> Path:
    """A log of sbc-bench with its clusters' clocks and a section of one thread."""
    lines = ["sbc-bench v0.9.65 a board"]
    for cores, mhz in tops.items():
        lines += [
            f"Checking cpufreq OPP for {cores} (Cortex):",
            "",
            f"Cpufreq OPP: {mhz}  Measured",
        ]
    lines += ["System health while running tinymembench:", "", f"Time   {heading}  load %cpu  Temp"]
    for i in range(60):
        lines.append(f"10:{i:02}:00: {clocks}MHz  1.0 {load_pct + i % 2}%  0%  {40 + i % 5},5°C")
    (tmp_path / "log.txt").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path / "log.txt"


def test_three_clusters_of_sbc_bench_are_told_apart_by_their_clocks(tmp_path: Path) -> None:
    """An RK3588: four A55, then twice two A76; a thread visits each cluster in turn."""
    tops = {"cpu0-cpu3": 1800, "cpu4-cpu5": 2400, "cpu6-cpu7": 2400}
    path = log(tmp_path, "cpu0/cpu4/cpu6", tops, "1800/2400/2200", 12)
    clusters = clusters_in(path.read_text(encoding="utf-8"))
    assert clusters is not None and (clusters.big_share, clusters.big) == (0.5, 2)
    (run,) = read_record(path).runs
    assert run.load is not None and run.little_load is not None
    assert run.frequency_mhz is not None and set(run.frequency_mhz) == {2300.0}
    assert (run.little_load[:20] > 0).all() and (run.load[20:] > 0).all()
    assert (run.load[:20] == 0).all() and run.temperature_c[0] == 40.5


def test_a_big_cluster_of_four_among_six_takes_its_share_of_one_thread(tmp_path: Path) -> None:
    """An S922X: one of six cores is a sixth of all, a quarter of the four A73."""
    path = log(tmp_path, "big.LITTLE", {"cpu0-cpu1": 2016, "cpu2-cpu5": 2400}, "2400/2016", 16)
    (run,) = read_record(path).runs
    assert run.load is not None and run.little_load is not None
    assert run.load[-2] == pytest.approx(0.16 * 6 / 4) and run.little_load[0] == pytest.approx(0.48)


def test_clusters_that_are_alike_are_one(tmp_path: Path) -> None:
    """A Jetson Orin Nano: two policies of the same cores."""
    path = log(tmp_path, "big.LITTLE", {"cpu0-cpu3": 1510, "cpu4-cpu5": 1510}, "1510/1510", 16)
    (run,) = read_record(path).runs
    assert run.load is not None and run.little_load is not None
    assert run.load[0] == pytest.approx(0.16) and (run.little_load == 0).all()
