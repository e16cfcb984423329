"""Board profiles: what ships, and what is refused."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tvfs_gym.envs.boards.board import Configuration
from tvfs_gym.envs.boards.profile import PROFILES, load_profile, profile_names
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.boards.window import F, W
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.topology import load_family
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.experiments.benchmarks.suite import load_suite
from tvfs_gym.experiments.twin.catalogue import Fit, load_catalogue
from tvfs_gym.experiments.twin.fidelity import refitted
from tvfs_gym.experiments.twin.identification import fit
from tvfs_gym.experiments.twin.identify import cooling_of
from tvfs_gym.experiments.twin.traces.heat import heated
from tvfs_gym.experiments.twin.traces.record import read_record

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


def test_the_assumed_coolings_are_built_on_the_fitted_one() -> None:
    """Without a fan the total is the 20.7 K/W of DS3; its steps end at the fitted network."""
    cooling = load_profile("odroid_xu4").cooling
    fan, failed, steps = (cooling[name] for name in ("fan", "fan_failed", "fan_steps"))
    assert failed.resistances_k_w[0] == steps.resistances_k_w[0] == fan.resistances_k_w[0]
    assert failed.capacitances_j_k == steps.capacitances_j_k == fan.capacitances_j_k
    assert sum(failed.resistances_k_w) == pytest.approx(20.7)
    assert steps.fan is not None
    off, *_, full = conductances = [1 / r for r in steps.fan.outer_resistances_k_w]
    assert (off, full) == pytest.approx(
        (1 / failed.resistances_k_w[1], 1 / fan.resistances_k_w[1]), rel=1e-3
    )
    for conductance, pwm in zip(conductances[1:], (130, 170, 230), strict=True):
        assert conductance == pytest.approx(off + (full - off) * (pwm / 230) ** 0.8, rel=1e-3)


def test_the_reference_latency_is_the_measured_cores() -> None:
    """36 ms at 1.8 GHz, a quarter of it memory-bound at 2.0 GHz."""
    latency = load_profile("odroid_xu4").latency
    assert latency.clock_gcycles / 1.8 + latency.memory_s == pytest.approx(0.036, rel=1e-4)
    at_2_ghz = latency.clock_gcycles / 2.0 + latency.memory_s
    assert latency.memory_s / at_2_ghz == pytest.approx(0.25, rel=1e-4)


def test_the_c2_answers_as_published() -> None:
    """MobileNetV1 1.0 224 on an Odroid-C2 at 1.5 GHz: 53.1 ms (R. G. Rizzo, IWES 2021)."""
    board = TwinBoard(load_profile("odroid_c2"), load_family("mobilenet_v1_hosted"))
    board.reset(Scenario(policy="1C"), (0, 0))
    slowest = len(board.family.topologies) - 1
    board.apply(Configuration(slowest, 5))
    window, _ = board.infer(200)
    relative = board.family.topologies[slowest].relative_latency
    assert window[W.LATENCY_MEAN_S] / relative == pytest.approx(0.0531, rel=0.01)


@pytest.mark.parametrize("name", profile_names())
def test_every_board_can_run_the_suite_for_any_board(name: str) -> None:
    board = TwinBoard(load_profile(name), load_family("recorded"))
    for case in load_suite("any_board").cases(name, {}).values():
        board.reset(case.scenario, (0, 0))
        board.apply(Configuration(0, len(board.operating_points) - 1))
        window, _ = board.infer(20)
        assert window[W.LATE_FRAMES] == 0


@pytest.mark.parametrize("name", profile_names())
def test_an_idle_board_in_a_room_is_as_warm_as_the_logs(name: str) -> None:
    """Idle Pi 3B 38 to 52 degC by its top, Pi 4B 28 to 47, C2 about 32 in the cooler log; a Pi 5
    under little load 43 to 47 with its cooler, a Jetson Orin Nano 48.
    """
    profile = load_profile(name)
    expected = {"odroid_xu4": (26, 32), "odroid_c2": (28, 36), "raspberry_pi_3b": (38, 56),
                "raspberry_pi_4b": (27, 50), "raspberry_pi_5": (36, 47),
                "jetson_orin_nano": (46, 50)}  # fmt: skip
    low_c, high_c = expected[name]
    board = TwinBoard(profile, load_family("recorded"))
    for cooling in profile.cooling:
        start = board.reset(Scenario(cooling=cooling), (0, 0))
        assert low_c <= start.temperature_c <= high_c, cooling


def test_two_odroid_c2_differ_by_less_than_their_errors(traces: Path) -> None:
    """What the spread between units says of them: each log fitted by itself."""
    profile = load_profile("odroid_c2")
    gains, errors = [], []
    for code in ("1iSh", "3N6Q"):
        (run,) = read_record(traces / "sbc_bench" / f"{code}.csv").runs
        model = fit([heated(run, profile)], 2)
        gains.append(model.steady_gain)
        errors.append(model.steady_gain * model.steady_gain_log_se)
    assert gains == pytest.approx([21.8, 23.2], abs=0.1)
    assert abs(gains[1] - gains[0]) < min(errors)


def ships(entry: Fit) -> bool:
    """Tells whether a candidate has a profile, and its cooling in it."""
    return entry.board in profile_names() and entry.cooling in load_profile(entry.board).cooling


def fits() -> Iterator[object]:
    """The catalogue; the hours of the Raspberry Pi 3B in its cases take long."""
    catalogue = load_catalogue()
    for entry in (*catalogue.fits, *filter(ships, catalogue.candidates)):
        slow = entry.board == "raspberry_pi_3b" and entry.cooling != "bare"
        marks = pytest.mark.slow if slow else ()
        yield pytest.param(entry, id=f"{entry.board}, {entry.cooling}", marks=marks)


@pytest.mark.parametrize("entry", list(fits()))
def test_a_shipped_cooling_is_what_the_command_fits(entry: Fit, traces: Path) -> None:
    """`tvfs-gym dev fidelity` wrote it; refitted, it comes out the same, and within its claims."""
    result = refitted(entry, traces)
    shipped = load_profile(entry.board).cooling[entry.cooling]
    again = cooling_of(result.chosen, [])
    assert again.resistances_k_w == pytest.approx(shipped.resistances_k_w, rel=0.02)
    assert again.capacitances_j_k == pytest.approx(shipped.capacitances_j_k, rel=0.02)
    required_c = {"odroid_xu4": 1.15, "odroid_c2": 1.4}.get(entry.board)
    if required_c is not None:
        found = [one for runs in result.held_out.values() for one in runs]
        assert np.mean([one["model"].rmse_c for one in found]) <= required_c


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("threads = 4", "threads = 4\ncores = 4", "cores: unknown key"),
        ("\nthread_nf = 0.40", "\nthread_nf = 0.40\ncoreness = 1", "power.coreness: unknown key"),
        ("threads = 4", "", "threads: Field required"),
        ("frequency_hz = 300e6", "frequency_hz = 100e6", "must stand in ascending order"),
        ("frequency_hz = 300e6", "frequency_hz = -3e8", "operating_points.1.frequency_hz"),
        ("[0.06622, 5.969]", "[0.066]", "must be of the same length"),
        ("[6.59, 4.987]", "[6.59, 0.0]", "resistances_k_w.1: Input should be greater than"),
        ("upper = 14 }]", "upper = 19 }]", "cooling states 14..19 must ascend within 0..18"),
        ("k_w = [15.344, 5", "k_w = [15.0, 5", "must be the last of resistances_k_w"),
        ("lower = 2, upper = 3", "lower = 2, upper = 4", "states 2..4 must ascend within 0..3"),
        ("{ temperature_c = 50.0, hyst", "{ hyst", "fan: every trip needs a temperature_c"),
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
    assert board.infer(3)[1].shape == (3, len(F))


def test_a_missing_profile_is_named() -> None:
    with pytest.raises(InputError, match=r"cannot read none\.toml: No such file"):
        load_profile("none.toml")
