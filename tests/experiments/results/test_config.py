"""The folder of a run from elsewhere: what it says of itself is meant, or refused in a sentence."""

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import polars as pl
import pytest

from tests.conftest import Cli
from tvfs_gym.experiments.results.cells import EPISODES, STEPS
from tvfs_gym.experiments.results.folder import CONFIG

READERS = (("replay",), ("replay", "--controller", "powersave"), ("report",))


@pytest.fixture(scope="module")
def ran(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ran") / "run"
    done = cli("run", "--controller", "performance", "--frames", "60", "--output", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def folder(ran: Path, tmp_path: Path) -> Path:
    return Path(copytree(ran, tmp_path / "run"))


def refused(cli: Cli, folder: Path, reader: tuple[str, ...]) -> str:
    """The sentence with which a reader refuses the folder."""
    done = cli(reader[0], folder, *reader[1:])
    assert done.returncode == 2, done.stdout + done.stderr
    sentence, *more = done.stderr.splitlines()
    assert not more and sentence.startswith("tvfs-gym: ")
    return sentence


def put(place: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Changes a value that a path of keys and indices leads to."""

    def change(config: dict[str, Any]) -> None:
        holder: Any = config
        *way, last = [int(key) if key.isdecimal() else key for key in place.split(".")]
        for key in way:
            holder = holder[key]
        holder[last] = value

    return change


@pytest.mark.parametrize("reader", READERS, ids=" ".join)
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (put("operating_points.3.voltage_v", 1.18e21), "operating_points.3.voltage_v"),
        (put("operating_points.3.frequency_hz", 1536.0), "operating_points.3.frequency_hz"),
        (put("boards.odroid_xu4.cooling.fan.capacitances_j_k.0", 1e308), "capacitances_j_k"),
        (put("scenarios.75 ms.t_max_c", float("nan")), "scenarios.75 ms.t_max_c"),
        (put("scenarios.75 ms.latency_constraint_s", 0), "latency_constraint_s"),
        (put("scenarios", {}), "scenarios"),
        (put("controllers", "performance"), "controllers"),
        (put("controllers", ["performance", "performance"]), "named once"),
        (put("seeds", []), "seeds"),
        (put("views", 10**12), "views"),
        (put("description", "a board\x1b[31m"), "description"),
        (put("controllers", ["\x1b]0;x\x07"]), "controllers.0"),
        (put("nominal_latency_s", -1.0), "nominal_latency_s"),
        (put("topology_family.topologies.0.relative_latency", 1e308), "topology_family"),
        (lambda config: config.pop("family"), "family"),
    ],
)
def test_what_cannot_be_meant_is_named(
    cli: Cli, folder: Path, reader: tuple[str, ...], change: Callable[[Any], Any], told: str
) -> None:
    config = json.loads((folder / CONFIG).read_text())
    change(config)
    (folder / CONFIG).write_text(json.dumps(config))
    assert told in refused(cli, folder, reader)


@pytest.mark.parametrize("reader", READERS, ids=" ".join)
@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b"9" * 5000])
def test_what_is_no_configuration_is_refused(
    cli: Cli, folder: Path, reader: tuple[str, ...], content: bytes
) -> None:
    (folder / CONFIG).write_bytes(content)
    assert "no usable config.json" in refused(cli, folder, reader)


@pytest.mark.parametrize("reader", READERS, ids=" ".join)
@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (STEPS, pl.DataFrame.clear),
        (STEPS, lambda steps: steps.drop("temperature_c")),
        (STEPS, lambda steps: steps.with_columns(temperature_c=1e30)),
        (STEPS, lambda steps: steps.with_columns(latency_mean_s=float("inf"))),
        (STEPS, lambda steps: steps.with_columns(topology=pl.lit("fast"))),
        (EPISODES, pl.DataFrame.clear),
        (EPISODES, lambda episodes: episodes.with_columns(accuracy=5.0)),
        (EPISODES, lambda episodes: episodes.with_columns(controller=pl.lit("another"))),
        (EPISODES, lambda episodes: episodes.with_columns(seed=pl.lit("x"))),
        (EPISODES, lambda episodes: episodes.with_columns(vf_switches=pl.lit("few"))),
        (EPISODES, lambda episodes: episodes.with_columns(passes_mean=pl.lit(None))),
        (EPISODES, lambda episodes: episodes.with_columns(photograph_frames=pl.lit(1))),
    ],
)
def test_cells_that_are_not_of_a_run_are_refused(
    cli: Cli, folder: Path, reader: tuple[str, ...], kind: str, change: Callable[[Any], Any]
) -> None:
    (cell,) = (folder / kind).iterdir()
    change(pl.read_parquet(cell, glob=False)).write_parquet(cell)
    refused(cli, folder, reader)


@pytest.mark.parametrize("value", [99, -1])
@pytest.mark.parametrize("name", ["requested_level", "topology", "requested_passes"])
def test_a_log_of_choices_that_there_are_not_is_not_replayed(
    cli: Cli, folder: Path, name: str, value: int
) -> None:
    (cell,) = (folder / STEPS).iterdir()
    steps = pl.read_parquet(cell, glob=False)
    steps.with_columns(pl.lit(value).cast(steps[name].dtype).alias(name)).write_parquet(cell)
    refused(cli, folder, ("replay", "--controller", "powersave"))
