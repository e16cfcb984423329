"""The command: it finds a guard that is not silly on a few episodes, and writes what it says."""

from pathlib import Path

import pytest

from tests.conftest import Cli
from tvfs_gym.baselines import tuned as module
from tvfs_gym.baselines.tuned import (
    PER_BOARD,
    TUNED_FILE,
    TunedParameter,
    TunedValues,
    tuned_values,
)
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.tables import read_toml
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.experiments.benchmarks.kinds import BOARDS
from tvfs_gym.experiments.tuning import search as searching
from tvfs_gym.experiments.tuning import tune as tuning
from tvfs_gym.experiments.tuning.distribution import FIRST_SEED, description, draw_episodes

SILLY_C = 45.0
"""A guard at which a controller slows down when it has hardly begun."""

GUARD_C = TunedParameter("guard_c", "distance to T_max", (SILLY_C, 3.0))


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A checkout; two boards, two controllers, a grid with a silly guard, and no processes."""
    parameters = {"tvfs_open_loop": (GUARD_C,), "frequency_reactive": (GUARD_C,)}
    for place in (module, searching, tuning):
        monkeypatch.setattr(place, "TUNED_PARAMETERS", parameters)
    monkeypatch.setattr(tuning, "BOARDS", ("odroid_c2", "odroid_xu4"))
    monkeypatch.setattr("psutil.cpu_count", lambda: 1)
    (tmp_path / "README.md").touch()
    return tmp_path


def written(checkout: Path) -> TunedValues:
    return read_toml(checkout / "baselines" / TUNED_FILE, TunedValues)


def test_it_finds_a_better_guard_than_a_silly_one_and_writes_what_it_says(
    tiny: Path, cli: Cli
) -> None:
    command = ("dev", "tune-baselines", "--episodes", "3", "--checkout", tiny)
    done = cli(*command)
    assert done.returncode == 0, done.stderr
    file = written(tiny)
    assert file.command == "tvfs-gym dev tune-baselines --episodes 3"
    assert file.distribution == description(
        draw_episodes(["odroid_c2", "odroid_xu4"], "recorded", 3)
    )
    reactive = file.controllers["frequency_reactive"]
    assert reactive.values == {"guard_c": 3.0} and reactive.runner_up == {"guard_c": SILLY_C}
    assert reactive.difference > reactive.standard_error > 0.0
    (row,) = (line for line in done.stdout.splitlines() if "frequency_reactive" in line)
    assert row.split()[1:4] == ["guard_c", "3", "45"]
    assert f"{100 * reactive.reliable_accuracy:.2f}" in row
    assert max(map(len, done.stdout.splitlines())) <= 80

    before = (tiny / "baselines" / TUNED_FILE).read_bytes()
    assert cli(*command, "--controller", "frequency_reactive").returncode == 0
    assert (tiny / "baselines" / TUNED_FILE).read_bytes() == before


def test_values_of_other_episodes_are_not_mixed(tiny: Path, cli: Cli) -> None:
    (tiny / "baselines").mkdir()
    tuning.write(tuned_values(), tiny / "baselines" / TUNED_FILE)
    done = cli(
        "dev", "tune-baselines", "--episodes", "1", "--controller", "tvfs_open_loop",
        "--checkout", tiny,
    )  # fmt: skip
    assert done.returncode == 2 and "tuned on other episodes" in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--controller", "tvsf"), "did you mean tvfs"),
        (("--controller", "performance"), "controller with parameters to be tuned"),
        (("--episodes", "0"), "must be at least 1, not 0"),
    ],
)
def test_mistakes_are_refused(
    options: tuple[str, ...], message: str, cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "README.md").touch()
    done = cli("dev", "tune-baselines", *options, "--checkout", tmp_path)
    assert done.returncode == 2 and message in done.stderr


def test_episodes_are_those_that_a_twin_draws_with_their_seeds() -> None:
    """Conditions, unit and room; seeds apart from every suite's, boards in turn."""
    episodes = draw_episodes(BOARDS, "recorded", 2)
    assert [episode.seed for episode in episodes] == list(range(FIRST_SEED, FIRST_SEED + 8))
    assert [episode.board for episode in episodes] == [*BOARDS] * 2
    assert len({episode.scenario for episode in episodes}) == 8
    for episode in episodes[:4]:
        env = TwinEnv(episode.board, "recorded", randomise="conditions")
        drawn, _ = env.reset(seed=episode.seed)
        given, _ = TwinEnv(episode.board, "recorded", scenario=episode.scenario).reset(
            seed=episode.seed
        )
        assert (drawn == given).all()


def test_the_description_follows_the_scenarios() -> None:
    drawn = draw_episodes(["odroid_xu4"], "recorded", 2)
    again = draw_episodes(["odroid_xu4"], "recorded", 2)
    other = draw_episodes(["odroid_xu4"], "recorded", 2, Scenario(frames=100))
    assert description(drawn) == description(again)
    assert description(drawn).digest != description(other).digest


def test_the_page_has_every_baseline_and_every_tuned_value(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "README.md").touch()
    (tmp_path / "docs").mkdir()
    done = cli("dev", "publish", "baselines", "--checkout", tmp_path)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "docs" / "baselines.md").read_text()
    rows = {
        line.split("`")[1]: line for line in reversed(page.splitlines()) if line.startswith("| `")
    }
    for name, each in tuned_values().controllers.items():
        for parameter, value in each.values.items():
            assert f"{parameter} = {value:g}" in rows[name]
    assert "yes" in rows["performance"] and "*" in rows["oracle"]


@pytest.mark.parametrize("name", PER_BOARD)
def test_candidates_side_by_side_come_to_what_each_comes_to_alone(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A warm episode with a sensor that lags, in which guard, margin and drift all matter."""
    (episode,) = draw_episodes(["odroid_xu4"], "recorded", 1, Scenario(frames=200, ambient_c=40.0))
    candidates = [(name, values) for values in ((4.0, 4.0, 0.003), (1.5, 0.0, 0.0003))]
    together = tuning._scores(episode, candidates)
    assert together is not None and together[0] != together[1]
    monkeypatch.setattr(tuning, "PER_BOARD", ())
    assert tuning._scores(episode, candidates) == together
