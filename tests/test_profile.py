"""Board profiles: what ships, and what is refused."""

from pathlib import Path

import pytest

from tvfs_gym.envs.boards.profile import PROFILES, load_profile, profile_names
from tvfs_gym.envs.boards.twin import TwinBoard
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.topology import load_family

XU4 = (PROFILES / "odroid_xu4.toml").read_text()


@pytest.mark.parametrize("name", profile_names())
def test_every_section_names_its_source(name: str) -> None:
    profile = load_profile(name)
    sources = [profile.operating_points_source, profile.power.source, profile.leakage.source]
    sources += [profile.latency.source, profile.sensor.source]
    sources += [cooling.source for cooling in profile.cooling.values()]
    sources += [preset.source for preset in profile.throttling.values()]
    assert min(map(len, sources)) > 10


def test_the_xu4_has_the_run_time_operating_points() -> None:
    """sbc-bench opp-tables/exynos5-5.4.212."""
    points = {
        p.frequency_hz / 1e6: p.voltage_v for p in load_profile("odroid_xu4").operating_points
    }
    assert len(points) == 19
    assert (points[200], points[1000], points[1500], points[2000]) == (0.9, 0.975, 1.0875, 1.3125)


def test_the_reference_latency_is_the_measured_cores() -> None:
    """36 ms at 1.8 GHz, a quarter of it memory-bound at 2.0 GHz."""
    latency = load_profile("odroid_xu4").latency
    assert latency.clock_gcycles / 1.8 + latency.memory_s == pytest.approx(0.036, rel=1e-4)
    at_2_ghz = latency.clock_gcycles / 2.0 + latency.memory_s
    assert latency.memory_s / at_2_ghz == pytest.approx(0.25, rel=1e-4)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("threads = 4", "threads = 4\ncores = 4", "cores: unknown key"),
        ("\nthread_nf = 0.40", "\nthread_nf = 0.40\ncoreness = 1", "power.coreness: unknown key"),
        ("threads = 4", "", "threads: Field required"),
        ("frequency_hz = 300e6", "frequency_hz = 100e6", "must stand in ascending order"),
        ("frequency_hz = 300e6", "frequency_hz = -3e8", "operating_points.1.frequency_hz"),
        ("[0.066, 5.90]", "[0.066]", "must be of the same length"),
        ("[7.28, 4.23]", "[7.28, 0.0]", "must be positive"),
        ("upper = 14 }]", "upper = 19 }]", "cooling states 14..19 must ascend within 0..18"),
        ("threads = 4", "threads = ", "is not valid TOML"),
    ],
)
def test_a_wrong_profile_says_what_is_wrong(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in XU4
    path = tmp_path / "mine.toml"
    path.write_text(XU4.replace(old, new, 1))
    with pytest.raises(InputError, match=r"mine\.toml") as caught:
        load_profile(str(path))
    assert message in str(caught.value)


def test_a_users_own_profile_runs(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(XU4.replace('"odroid_xu4"', '"mine"'))
    board = TwinBoard(load_profile(str(path)), load_family("recorded"))
    assert board.infer(3)[1].shape == (3, 5)


def test_a_missing_profile_is_named() -> None:
    with pytest.raises(InputError, match=r"cannot read none\.toml: No such file"):
        load_profile("none.toml")
