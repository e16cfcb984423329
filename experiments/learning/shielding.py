"""What the safety shield does, measured on the conditions of training: with it and without."""

from importlib.resources import files
from pathlib import Path

import jinja2
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tvfs_gym.envs.errors import at_least
from tvfs_gym.envs.inference.topology import DEFAULT_FAMILY
from tvfs_gym.experiments.benchmarks.kinds import BOARDS
from tvfs_gym.experiments.controllers import SHIELD, policy_named
from tvfs_gym.experiments.episodes import Row, run_episodes
from tvfs_gym.experiments.progress import progress_bar
from tvfs_gym.experiments.results.folder import CONFIG, read_command, read_json, write_provenance
from tvfs_gym.experiments.results.frames import write_parquet
from tvfs_gym.experiments.results.resuming import resumed_folder
from tvfs_gym.experiments.results.statistics import mean_interval
from tvfs_gym.experiments.results.tables import markdown_table
from tvfs_gym.experiments.results.unfinished import finish
from tvfs_gym.experiments.tuning.distribution import TuningEpisode, draw_episodes

CONTROLLERS = ("performance", "tvfs", "student")
"""Controllers that are shielded: one that minds no heat, the table, a learned one."""


SHIELDING = "shielding.parquet"
"""File of a measurement: a row per controller and episode."""

METRICS = {"above_t_max_share": "above T_max, %", "reliable_accuracy": "reliable accuracy, %"}
"""What is compared, in points."""

TEMPLATE = files("tvfs_gym.experiments.learning") / "shield.md"


def measure_shield(episodes: int, output: Path | None) -> Path:
    """Runs every controller with and without a shield through the same episodes.

    Args:
        episodes: Episodes of each board, drawn as those that baselines are tuned on.
        output: Folder to write; None for the next free one under ``results/``.

    Returns:
        The folder.
    """
    at_least("the number of episodes", episodes, 1)
    config = {
        "controllers": list(CONTROLLERS), "boards": list(BOARDS), "episodes": episodes,
    }  # fmt: skip
    folder = resumed_folder(output, "shield", config)
    write_provenance(folder, config)
    rows: list[Row] = []
    drawn = draw_episodes(BOARDS, DEFAULT_FAMILY, episodes)
    with progress_bar() as bar:
        for episode in bar.track(drawn, description="episodes"):
            rows += _rows(episode)
    write_parquet(folder / SHIELDING, pl.DataFrame(rows))
    finish(folder)
    return folder


def _rows(episode: TuningEpisode) -> list[Row]:
    """An episode under every controller, without a shield and with it."""
    design, steps = episode.design(), episode.scenario.frames / episode.frames_per_step
    rows: list[Row] = []
    for name in CONTROLLERS:
        for shielded in (False, True):
            policy = policy_named(f"{SHIELD}{name}" if shielded else name, design)
            ((_, row),) = run_episodes(episode.twins(), policy, [episode.seed])
            keys: Row = {"controller": name, "shielded": shielded, "board": episode.board}
            vetoes = float(row.get("vetoes", 0))
            kept = {metric: float(row[metric]) for metric in METRICS}
            rows.append({**keys, "seed": episode.seed, "vetoes": vetoes, "steps": steps, **kept})
    return rows


def publish_shield(folder: Path, checkout: Path) -> None:
    """Writes docs/shield.md from a measurement.

    Raises:
        InputError: The folder holds none.
    """
    config = read_json(folder, CONFIG)
    rows = pl.read_parquet(folder / SHIELDING)
    template = jinja2.Template(TEMPLATE.read_text(encoding="utf-8"), keep_trailing_newline=True)
    page = template.render(
        table=_table(rows),
        episodes=config["episodes"],
        boards=len(config["boards"]),
        command=read_command(folder),
    )
    (checkout / "docs" / "shield.md").write_text(page, encoding="utf-8")


def _table(rows: pl.DataFrame) -> str:
    table = []
    for name in rows["controller"].unique(maintain_order=True):
        bare, shielded = (
            rows.filter((pl.col("controller") == name) & (pl.col("shielded") == with_shield))
            for with_shield in (False, True)
        )
        per_100 = 100 * shielded["vetoes"].to_numpy() / shielded["steps"].to_numpy()
        cells = [f"`{name}`", _interval(per_100)]
        for metric in METRICS:
            before, after = bare[metric].to_numpy(), shielded[metric].to_numpy()
            cells += [f"{100 * before.mean():.2f}", f"{100 * after.mean():.2f}"]
            cells.append(_interval(100 * (after - before), signed=True))
        table.append(cells)
    header = ["controller", "vetoes per 100 steps"]
    for heading in METRICS.values():
        header += [f"{heading}: without", "with", "difference"]
    return markdown_table(header, table)


def _interval(values: NDArray[np.float64], signed: bool = False) -> str:
    """Mean, and its 95 % interval over the episodes."""
    low, high = mean_interval(values[:, np.newaxis])
    sign = "+" if signed else ""
    return f"{values.mean():{sign}.2f} ({low[0]:{sign}.2f} to {high[0]:{sign}.2f})"
