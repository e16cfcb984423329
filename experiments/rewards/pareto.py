"""Accuracy, latency and energy of the policies of a study: table, figure and page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import polars as pl

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from tvfs_gym.baselines import HINDSIGHT
from tvfs_gym.experiments.adaptta.calibration import pareto_indices
from tvfs_gym.experiments.results.cells import read_episodes
from tvfs_gym.experiments.results.figures import BLUE, GREY, ORANGE, save
from tvfs_gym.experiments.results.folder import CONFIG, read_json
from tvfs_gym.experiments.results.statistics import Metric, cell, mean_interval
from tvfs_gym.experiments.results.tables import markdown_table
from tvfs_gym.experiments.rewards.study import BENCHMARK, policy_folder

FIGURE = "rewards_pareto.png"

COLUMNS: dict[str, Metric] = {
    "reliable_accuracy": ("reliable accuracy, %", 100.0, 1),
    "accuracy": ("accuracy, late or not, %", 100.0, 1),
    "latency_share": ("latency p95 / L_c, %", 100.0, 0),
    "late_share": ("late frames, %", 100.0, 1),
    "above_t_max_share": ("time above T_max, %", 100.0, 1),
    "energy_j_per_frame": ("energy per frame, mJ", 1e3, 0),
}
"""Metrics that all are judged by."""

COSTS = ("energy_j_per_frame", "latency_share")
"""Those that are drawn against accuracy."""


def policies_judged(folder: Path) -> pl.DataFrame:
    """Metrics of everyone in a study, the most reliable first.

    Args:
        folder: The study's folder.

    Returns:
        Columns: trained, the reward that a policy was trained under, or null; controller; each of
        `COLUMNS`, the mean over the scenarios, with NAME_low and NAME_high, its 95 % interval over
        the seeds.

    Raises:
        InputError: The folder holds no study.
    """
    config = read_json(folder / BENCHMARK, CONFIG)
    rewards = {
        str(policy_folder(folder, reward)): reward
        for reward in read_json(folder, CONFIG)["rewards"]
    }
    constraints_s = {
        name: scenario["latency_constraint_s"] for name, scenario in config["scenarios"].items()
    }
    episodes = read_episodes(folder / BENCHMARK, config).with_columns(
        pl.col("controller", "scenario").cast(pl.String)
    )
    constraint_s = pl.col("scenario").replace_strict(constraints_s, return_dtype=pl.Float64)
    episodes = episodes.with_columns(latency_share=pl.col("latency_s_p95") / constraint_s)
    rows = []
    for (controller,), own in episodes.group_by(["controller"], maintain_order=True):
        by_seed = own.group_by("seed", maintain_order=True).agg(pl.col(list(COLUMNS)).mean())
        values = by_seed.select(list(COLUMNS)).to_numpy()
        low, high = mean_interval(values)
        row: dict[str, Any] = {"trained": rewards.get(str(controller)), "controller": controller}
        for column, name in enumerate(COLUMNS):
            row |= {name: values[:, column].mean()}
            row |= {f"{name}_low": low[column], f"{name}_high": high[column]}
        rows.append(row)
    return pl.DataFrame(rows).sort("reliable_accuracy", descending=True)


def outcome_rows(outcomes: pl.DataFrame) -> list[list[str]]:
    """Cells: the reward that a policy was trained under, or the baseline; then `COLUMNS`."""
    return [
        [_name(row), *(cell(row, name, columns=COLUMNS) for name in COLUMNS)]
        for row in outcomes.iter_rows(named=True)
    ]


def _name(row: Mapping[str, Any]) -> str:
    if row["trained"] is not None:
        return f"trained: {row['trained'].rpartition(':')[2]}"
    return f"{row['controller']} *" if row["controller"] in HINDSIGHT else str(row["controller"])


def draw(outcomes: pl.DataFrame, path: Path) -> None:
    """Draws reliable accuracy against energy and latency, with the fronts that nobody beats."""
    figure, panels = plt.subplots(1, len(COSTS), figsize=(10, 4.2), sharey=True)
    for panel, cost in zip(panels, COSTS, strict=True):
        _draw_front(panel, outcomes, cost)
    panels[0].set_ylabel(COLUMNS["reliable_accuracy"][0])
    save(figure, path)


def _draw_front(panel: Axes, outcomes: pl.DataFrame, cost: str) -> None:
    heading, factor, _ = COLUMNS[cost]
    x, y = factor * outcomes[cost].to_numpy(), 100 * outcomes["reliable_accuracy"].to_numpy()
    front = pareto_indices(x, y)
    panel.step(x[front], y[front], where="post", color=GREY, lw=1)
    for place, row in enumerate(outcomes.iter_rows(named=True)):
        color, name = (ORANGE if row["trained"] is None else BLUE), _name(row)
        panel.plot(x[place], y[place], "o", color=color, ms=5)
        panel.annotate(
            name.removeprefix("trained: "), (x[place], y[place]), (4, 4),
            textcoords="offset points", fontsize=7,
        )  # fmt: skip
    panel.set_xlabel(heading)
    panel.margins(x=0.2)
    panel.grid(alpha=0.25)


def publish_study(folder: Path, checkout: Path) -> None:
    """Writes docs/rewards.md and its figure into a checkout.

    Raises:
        InputError: The folder holds no study.
    """
    study, outcomes = read_json(folder, CONFIG), policies_judged(folder)
    docs = checkout / "docs"
    draw(outcomes, docs / "figures" / FIGURE)
    page = "\n\n".join(_page(folder, study, outcomes))
    (docs / "rewards.md").write_text(page + "\n", encoding="utf-8")


def _page(folder: Path, study: dict[str, Any], outcomes: pl.DataFrame) -> Sequence[str]:
    versions = read_json(folder, "versions.json")
    scenarios = len(read_json(folder / BENCHMARK, CONFIG)["scenarios"])
    steps = "the algorithm's own number of" if study["steps"] is None else f"{study['steps']:,}"
    headings = ["", *(heading for heading, _, _ in COLUMNS.values())]
    return (
        "# Rewards compared",
        "A reward says what is wanted; what comes of it shows in metrics that no reward chose. "
        f"`{study['algorithm']}` was trained under each of {len(study['rewards'])} rewards "
        f"({steps} steps, conditions, units and rooms drawn at random, one training seed), and all "
        f"policies were judged alike: {scenarios} scenarios of suite {Path(study['suite']).stem} "
        f"on `{study['board']}`, {study['seeds']} seeds. The rewards are defined in "
        "[envs/reward.py](../envs/reward.py) and [envs/published_rewards.py]"
        "(../envs/published_rewards.py).",
        f"![accuracy against energy and latency](figures/{FIGURE})",
        "Blue: trained policies; orange: baselines; grey: the fronts that nobody beats.",
        markdown_table(headings, outcome_rows(outcomes)),
        "Mean over the scenarios ± half the width of the 95 % interval over the seeds; one "
        "training each, so what another training seed would change is not in it. Those marked `*` "
        "know the scenario in advance. The energy is the twin's.",
        f"Command: `{(folder / 'command.txt').read_text().strip()}`; tvfs-gym "
        f"{versions['tvfs-gym']}, Python {versions['python']}, {versions['machine']}.",
    )
