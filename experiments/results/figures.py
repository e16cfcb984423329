"""Figures of a benchmark, drawn from its tables alone."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import polars as pl
from matplotlib.axes import Axes
from numpy.typing import NDArray

from tvfs_gym.envs.files import write_whole
from tvfs_gym.experiments.results.folder import DRAWN_BY
from tvfs_gym.experiments.results.statistics import METRICS

matplotlib.rcParams["text.parse_math"] = False  # a dollar sign in a name is a dollar sign

ARGUMENT = ("performance", "topology_scaling", "frequency_reactive", "tvfs", "predictive")
"""The controllers of the published argument, in its order (nothing, one knob, the other, both), and
the one that follows heat and latency on line."""

BLUE, ORANGE, GREY, RED = "#1f5fa8", "#d9822b", "#8a8f98", "#c0392b"
_DPI = 120

Array = NDArray[np.float64]


def course(steps: pl.DataFrame, scenario: str, topologies: Sequence[str], path: Path) -> None:
    """Draws temperature, frequency, latency and topology over time, a column per controller.

    Args:
        steps: A row per step; the first seed is drawn.
        scenario: Which scenario.
        topologies: Names, fastest first.
        path: PNG to write.
    """
    rows = steps.filter((pl.col("scenario") == scenario) & (pl.col("seed") == pl.col("seed").min()))
    present = rows["controller"].unique(maintain_order=True).to_list()
    shown = [name for name in ARGUMENT if name in present] or present[:4]
    names_in = max(2.1, 0.19 * len(topologies))  # what the topologies' names need
    figure, axes = plt.subplots(
        4,
        len(shown),
        figsize=(3.2 * len(shown) + 2.0, 6.3 + names_in),
        sharex=True,
        sharey="row",
        squeeze=False,
        height_ratios=(2.1, 2.1, 2.1, names_in),
    )
    for column, name in zip(axes.T, shown, strict=True):
        _course_of(column, rows.filter(pl.col("controller") == name))
        column[0].set_title(name)
        column[3].set_xlabel("time, s")
    axes[0][-1].legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    axes[2][-1].legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    axes[0][0].set_ylabel("highest\ntemperature, °C")
    axes[1][0].set_ylabel("mean clock, GHz")
    axes[2][0].set_ylabel("frame latency, ms")
    axes[3][0].set_yticks(range(len(topologies)), topologies)
    axes[3][0].set_ylim(-0.5, len(topologies) - 0.5)
    figure.suptitle(f"{scenario}: one episode")
    save(figure, path)


def _course_of(axes: Sequence[Axes], rows: pl.DataFrame) -> None:
    time_s = rows["time_s"].to_numpy()
    temperature, clock, latency, topology = axes
    temperature.plot(time_s, rows["temperature_c_highest"], color=BLUE, lw=1)
    temperature.plot(time_s, rows["t_max_c"], color=RED, lw=1, ls="--", label="T_max")
    clock.plot(time_s, rows["frequency_ghz"], color=ORANGE, lw=0.8, drawstyle="steps-pre")
    clock.set_ylim(0, 2.1)
    latency.plot(time_s, rows["latency_ms_highest"], color=GREY, lw=0.8, label="highest")
    latency.plot(time_s, rows["latency_ms_mean"], color=BLUE, lw=1, label="mean")
    latency.plot(time_s, rows["constraint_ms"], color=RED, lw=1, ls="--", label="L_c")
    latency.set_ylim(bottom=0)
    topology.plot(time_s, rows["topology"], color=BLUE, lw=1.5, drawstyle="steps-pre")
    for panel in axes:
        panel.grid(alpha=0.25)


def drawable(steps: pl.DataFrame) -> pl.DataFrame:
    """The steps with the columns that `course` draws, in the units it draws them in."""
    return steps.with_columns(
        temperature_c_highest=pl.col("temperature_max_c"),
        frequency_ghz=pl.col("frequency_mean_hz") / 1e9,
        latency_ms_mean=1e3 * pl.col("latency_mean_s"),
        latency_ms_highest=1e3 * pl.col("latency_max_s"),
        constraint_ms=1e3 * pl.col("latency_constraint_s"),
    )


def overview(summary: pl.DataFrame, metric: str, path: Path) -> None:
    """Draws one metric with its intervals: a panel per scenario, a row per controller.

    Args:
        summary: As from `tvfs_gym.experiments.results.statistics.metric_intervals`.
        metric: A key of `METRICS`.
        path: PNG to write.
    """
    heading, factor, _ = METRICS[metric]
    scenarios = summary["scenario"].unique(maintain_order=True).to_list()
    columns = min(3, len(scenarios))
    lines = -(-len(scenarios) // columns)
    height = max(2.6, 0.16 * summary["controller"].n_unique())
    figure, axes = plt.subplots(
        lines, columns, figsize=(3.6 * columns + 1.4, height * lines), sharex=True, sharey=True,
        squeeze=False,
    )  # fmt: skip
    for panel, scenario in zip(axes.flat, scenarios, strict=False):
        rows = summary.filter(pl.col("scenario") == scenario).reverse()
        mean = factor * rows[metric].to_numpy()
        # Where all seeds agree, an end can lie beside the mean by a rounding error.
        low = np.maximum(mean - factor * rows[f"{metric}_low"].to_numpy(), 0.0)
        high = np.maximum(factor * rows[f"{metric}_high"].to_numpy() - mean, 0.0)
        _dots(panel, rows, mean, (low, high))
        panel.set_title(scenario, fontsize=10)
    for panel in axes[-1]:
        panel.set_xlabel(heading)
    save(figure, path)


def ranking_figure(ranking: pl.DataFrame, path: Path) -> None:
    """Draws what share of the bound every controller reaches, best at the top, and its worst.

    Args:
        ranking: As from `tvfs_gym.experiments.results.aggregate.aggregate`.
        path: PNG to write.
    """
    rows = ranking.reverse()
    names = ("share", "share_low", "share_high", "worst")
    share, low, high, worst = (100 * rows[name].to_numpy() for name in names)
    figure, panel = plt.subplots(figsize=(7.5, 0.8 + 0.24 * len(share)))
    places = range(len(share))
    tvfs = [name.startswith("tvfs") for name in rows["controller"]]
    sides = np.maximum([share - low, high - share], 0.0)
    panel.errorbar(share, places, xerr=sides, fmt="none", ecolor=GREY)
    panel.scatter(
        share, places, c=[ORANGE if highlighted else BLUE for highlighted in tvfs], s=22, zorder=3
    )
    panel.set_yticks(places, rows["controller"].to_list())
    panel.scatter(worst, places, marker="|", color=RED, s=40, label="worst scenario")
    panel.legend(loc="upper left", frameon=False)
    panel.set_xlabel("reliable accuracy relative to the bound, % (mean over the scenarios)")
    panel.grid(alpha=0.25)
    save(figure, path)


def _dots(panel: Axes, rows: pl.DataFrame, values: Array, error: tuple[Array, Array]) -> None:
    """Draws a value and its interval per row; those of TVFS stand out."""
    places, names = range(len(values)), rows["controller"].to_list()
    colours = [ORANGE if name.startswith("tvfs") else BLUE for name in names]
    panel.errorbar(values, places, xerr=error, fmt="none", ecolor=GREY, capsize=2)
    panel.scatter(values, places, c=colours, s=22, zorder=3)
    panel.set_yticks(places, names)
    panel.grid(alpha=0.25)


def save(figure: plt.Figure, path: Path) -> None:
    """Writes a figure and closes it."""
    figure.tight_layout()
    content = BytesIO()
    figure.savefig(content, format="png", dpi=_DPI, metadata={"Source": DRAWN_BY})
    write_whole(path, content.getvalue())
    plt.close(figure)
