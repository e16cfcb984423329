"""Sweeps over the clock: latency and power of a board, from tables."""

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import Cli
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.physics.power import dynamic_power_w, leakage_power_w
from tvfs_gym.experiments.twin.sweep_fits import fit_latency, fit_power
from tvfs_gym.experiments.twin.traces.sweep import fit_sweep, is_sweep, read_sweep

XU4 = load_profile("odroid_xu4")
CLOCKS_GHZ = np.arange(0.5, 2.05, 0.1)
LEAKAGE = XU4.leakage.c1_a_k2, XU4.leakage.c2_k, XU4.leakage.gate_a


def big_cluster(markdown: Path) -> pl.DataFrame:
    """The HC2's table of the big cluster alone: MIPS of 7-zip, degC and wall watts by clock."""
    text = markdown.read_text(encoding="utf-8")
    rows = re.findall(r"^ +(\d+) / +\d+ : +(\d+) +([\d.]+)°C +(\d+)mW$", text, re.MULTILINE)
    # The second of the two XU4 tables.
    second = [i for i, row in enumerate(rows) if row[0] == "500"][1]
    table = np.array(rows[second : second + 16], float)
    assert table[-1].tolist() == [2000, 5522, 63.5, 12640]
    return pl.DataFrame(
        {
            "frequency_mhz": table[:, 0],
            "latency_ms": 1e6 / table[:, 1],
            "temperature_c": table[:, 2],
            "power_w": table[:, 3] / 1000,
        }
    )


def test_the_hc2_s_sweeps_are_the_published_fits(traces: Path, tmp_path: Path) -> None:
    """16 clocks of an Exynos 5422 under 7-zip: W = 4.10 + 2.41 V^2 f with an rms of 0.11 W, and a
    memory-bound share of 29 % at 2.0 GHz, R^2 1.000.
    """
    table = big_cluster(traces / "sbc_bench" / "Efficiency_Graphing.md")
    table.select("frequency_mhz", "latency_ms").write_csv(tmp_path / "latency.csv")
    table.select("frequency_mhz", "power_w").write_csv(tmp_path / "power.csv")
    _, latency = fit_sweep(read_sweep(tmp_path / "latency.csv"), XU4)
    clock_s, memory_s = latency.values["clock_gcycles"] / 2.0, latency.values["memory_s"]
    assert memory_s / (clock_s + memory_s) == pytest.approx(0.29, abs=0.01)
    assert latency.r2 > 0.999
    mine, power = fit_sweep(read_sweep(tmp_path / "power.csv"), XU4)
    assert mine.power.cluster_nf + 4 * mine.power.thread_nf == pytest.approx(2.41, abs=0.03)
    # That fit left leakage out; with the profile's held, the constant is a little smaller.
    assert mine.power.rest_w == pytest.approx(4.05, abs=0.1)
    assert power.rms == pytest.approx(0.11, abs=0.02)
    assert "held" in mine.power.source


@given(st.floats(1e-3, 0.2), st.floats(1e-3, 0.05), st.integers(0, 10))
def test_a_latency_sweep_gives_its_law_back(clock: float, memory: float, seed: int) -> None:
    noise_s = 1e-4 * np.random.default_rng(seed).normal(size=16)
    found = fit_latency(CLOCKS_GHZ, clock / CLOCKS_GHZ + memory + noise_s)
    for name, true in (("clock_gcycles", clock), ("memory_s", memory)):
        assert abs(found.values[name] - true) <= 5 * found.errors[name]


def swept_power(scale: float, noise_w: float) -> dict[str, np.ndarray]:
    """Powers of the XU4's model at 1 to 4 threads and several temperatures."""
    clock, threads, warm = (
        grid.ravel() for grid in np.meshgrid(CLOCKS_GHZ, [1.0, 2.0, 4.0], [40.0, 90.0])
    )
    voltage = XU4.voltages_v(clock)
    power = np.array(
        [
            dynamic_power_w(f, v, n, 1.0, 0.285, 0.4) + scale * leakage_power_w(v, t, *LEAKAGE)
            for f, v, n, t in zip(clock, voltage, threads, warm, strict=True)
        ]
    )
    power += 0.5 + np.random.default_rng(0).normal(0, noise_w, len(power))
    return {
        "frequency_mhz": 1e3 * clock,
        "threads": threads,
        "temperature_c": warm,
        "power_w": power,
    }


def test_a_power_sweep_gives_capacitances_leakage_and_the_rest(tmp_path: Path) -> None:
    pl.DataFrame(swept_power(1.5, 0.02)).write_csv(tmp_path / "sweep.csv")
    mine, found = fit_sweep(read_sweep(tmp_path / "sweep.csv"), XU4)
    truth = {"cluster_nf": 0.285, "thread_nf": 0.4, "rest_w": 0.5, "leakage_scale": 1.5}
    for name, true in truth.items():
        assert abs(found.values[name] - true) <= 3 * found.errors[name] < 0.2 * true
    assert mine.leakage.c1_a_k2 == pytest.approx(found.values["leakage_scale"] * 0.002488)
    assert mine.latency == XU4.latency


def test_what_a_power_sweep_cannot_tell_is_held() -> None:
    """One number of threads, one temperature: cluster and leakage stay the profile's."""
    sweep = swept_power(1.0, 0.05)
    some = (sweep["threads"] == 4) & (sweep["temperature_c"] == 40)
    clock = sweep["frequency_mhz"][some] / 1e3
    found = fit_power(
        clock,
        XU4.voltages_v(clock),
        sweep["threads"][some],
        None,
        sweep["power_w"][some],
        {"cluster_nf": 0.285, "leakage_scale": 1.0},
        LEAKAGE,
    )
    assert set(found.errors) == {"thread_nf", "rest_w"}
    assert found.values["thread_nf"] == pytest.approx(0.4, abs=0.02)


def test_sweeps_and_traces_make_one_profile(cli: Cli, tmp_path: Path) -> None:
    frame = pl.DataFrame({"frequency_mhz": 1e3 * CLOCKS_GHZ, "latency_ms": 60 / CLOCKS_GHZ + 10})
    frame.write_csv(tmp_path / "latency.csv")
    pl.DataFrame(swept_power(1.0, 0.01)).write_parquet(tmp_path / "power.parquet")
    out = tmp_path / "mine.toml"
    done = cli("identify", tmp_path / "latency.csv", tmp_path / "power.parquet", "--output", out)
    assert done.returncode == 0, done.stderr
    assert "latency:" in done.stdout and "power:" in done.stdout
    mine = load_profile(str(out))
    assert mine.latency.memory_s == pytest.approx(0.01)
    assert mine.latency.switch_s == XU4.latency.switch_s
    assert mine.power.thread_nf == pytest.approx(0.4, rel=0.02)
    assert mine.cooling == XU4.cooling


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("frequency_mhz,latency_ms\n500,60\n1000,40\n", "2 different clocks; a sweep of latency"),
        ("frequency_mhz,threads\n500,1\n", "must have the columns frequency_mhz and latency_ms or"),
        ("frequency_mhz,latency_ms\n500,40\n1000,50\n1500,60\n", "latency does not fall with the"),
        ("frequency_mhz,latency_ms\n500,60\n1000,-4\n", "line 3, column latency_ms: expected a po"),
        ("frequency_mhz,power_w\n500,hot\n1000,4\n", "line 2, column power_w: expected a positive"),
    ],
)
def test_a_sweep_that_shows_nothing_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "sweep.csv").write_text(content)
    assert is_sweep(tmp_path / "sweep.csv")
    with pytest.raises(InputError, match=r"sweep\.csv") as caught:
        fit_sweep(read_sweep(tmp_path / "sweep.csv"), XU4)
    assert message in str(caught.value)
