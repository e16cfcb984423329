"""Figures, drawn from tables and traces alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import polars as pl
from matplotlib.axes import Axes
from numpy.typing import NDArray

from tvfs_gym.envs.inference.calibration import OperatingPoint, pareto_front
from tvfs_gym.envs.physics.identification import Trace
from tvfs_gym.experiments.statistics import METRICS

ARGUMENT = ("performance", "topology_scaling", "frequency_reactive", "tvfs", "predictive")
"""The controllers of the published argument, in its order (nothing, one knob, the other, both), and
the one that follows heat and latency on line."""

_BLUE, _ORANGE, _GREY, _RED = "#1f5fa8", "#d9822b", "#8a8f98", "#c0392b"
_DPI = 120


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
    _save(figure, path)


def _course_of(axes: Sequence[Axes], rows: pl.DataFrame) -> None:
    time_s = rows["time_s"].to_numpy()
    temperature, clock, latency, topology = axes
    temperature.plot(time_s, rows["temperature_c_highest"], color=_BLUE, lw=1)
    temperature.plot(time_s, rows["t_max_c"], color=_RED, lw=1, ls="--", label="T_max")
    clock.plot(time_s, rows["frequency_ghz"], color=_ORANGE, lw=0.8, drawstyle="steps-pre")
    clock.set_ylim(0, 2.1)
    latency.plot(time_s, rows["latency_ms_highest"], color=_GREY, lw=0.8, label="highest")
    latency.plot(time_s, rows["latency_ms_mean"], color=_BLUE, lw=1, label="mean")
    latency.plot(time_s, rows["constraint_ms"], color=_RED, lw=1, ls="--", label="L_c")
    latency.set_ylim(bottom=0)
    topology.plot(time_s, rows["topology"], color=_BLUE, lw=1.5, drawstyle="steps-pre")
    for one in axes:
        one.grid(alpha=0.25)


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
        summary: As from `tvfs_gym.experiments.statistics.summarise`.
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
        tvfs = [name.startswith("tvfs") for name in rows["controller"]]
        places = range(len(mean))
        panel.errorbar(mean, places, xerr=[low, high], fmt="none", ecolor=_GREY, capsize=2)
        panel.scatter(mean, places, c=[_ORANGE if one else _BLUE for one in tvfs], s=22, zorder=3)
        panel.set_yticks(places, rows["controller"].to_list())
        panel.set_title(scenario, fontsize=10)
        panel.grid(alpha=0.25)
    for panel in axes[-1]:
        panel.set_xlabel(heading)
    _save(figure, path)


def ranking_figure(ranking: pl.DataFrame, path: Path) -> None:
    """Draws the share of the bound that every controller reaches, best at the top.

    Args:
        ranking: As from `tvfs_gym.experiments.aggregate.aggregate`.
        path: PNG to write.
    """
    rows = ranking.reverse()
    share, low, high = (
        100 * rows[name].to_numpy() for name in ("share", "share_low", "share_high")
    )
    figure, panel = plt.subplots(figsize=(7.5, 0.8 + 0.24 * len(share)))
    places = range(len(share))
    tvfs = [name.startswith("tvfs") for name in rows["controller"]]
    panel.errorbar(share, places, xerr=[share - low, high - share], fmt="none", ecolor=_GREY)
    panel.scatter(share, places, c=[_ORANGE if one else _BLUE for one in tvfs], s=22, zorder=3)
    panel.set_yticks(places, rows["controller"].to_list())
    panel.set_xlabel("on-time accuracy relative to the bound, % (interquartile mean)")
    panel.grid(alpha=0.25)
    _save(figure, path)


def passes_distribution(passes: Mapping[str, NDArray[np.intp]], path: Path) -> None:
    """Draws how many images were answered after how many passes, a panel per case.

    Args:
        passes: Passes of every image, by the case's name.
        path: PNG to write.
    """
    columns = min(4, len(passes))
    lines = -(-len(passes) // columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=(3.0 * columns, 2.4 * lines), sharey=True, squeeze=False
    )
    for panel, (name, counts) in zip(axes.flat, passes.items(), strict=False):
        shares = 100 * np.bincount(counts)[1:] / len(counts)
        panel.bar(range(1, len(shares) + 1), shares, color=_BLUE)
        panel.axvline(counts.mean(), color=_ORANGE, lw=1.5, ls="--")
        panel.set_title(name, fontsize=8)
    for panel in axes[-1]:
        panel.set_xlabel("passes (dashed: mean)")
    for panel in axes[:, 0]:
        panel.set_ylabel("images, %")
    _save(figure, path)


def pareto_fronts(points: Mapping[str, Sequence[OperatingPoint]], path: Path) -> None:
    """Draws accuracy over mean passes: all points of a sweep, and their front.

    Args:
        points: As from `tvfs_gym.envs.inference.calibration.sweep`, by network.
        path: PNG to write.
    """
    columns = min(4, len(points))
    lines = -(-len(points) // columns)
    figure, axes = plt.subplots(lines, columns, figsize=(3.2 * columns, 2.8 * lines), squeeze=False)
    for panel, (name, every) in zip(axes.flat, points.items(), strict=False):
        limits = sorted({one.max_passes for one in every})
        for limit, colour in zip(limits, (_GREY, _ORANGE, _BLUE, _RED), strict=False):
            own = [one for one in every if one.max_passes == limit]
            accuracy = [100 * one.accuracy for one in own]
            label = f"at most {limit} passes"
            panel.plot([one.passes for one in own], accuracy, ".", ms=4, color=colour, label=label)
        front = pareto_front(every)
        accuracy = [100 * one.accuracy for one in front]
        panel.step([one.passes for one in front], accuracy, where="post", color=_RED, lw=1)
        panel.set_title(name, fontsize=9)
        panel.grid(alpha=0.25)
    for panel in axes[-1]:
        panel.set_xlabel("mean passes (line: front)")
    for panel in axes[:, 0]:
        panel.set_ylabel("top-1 accuracy, %")
    axes[0][-1].legend(loc="lower right", frameon=False, fontsize=8)
    _save(figure, path)


def measured_against_predicted(
    trace: Trace,
    predicted: Mapping[str, NDArray[np.float64]],
    behind: NDArray[np.bool_],
    path: Path,
) -> None:
    """Draws a run's temperature, its free-run predictions, and its heat.

    Args:
        trace: The run.
        predicted: Temperatures by predictor, the model's first.
        behind: Which samples lie behind the window in which ambient and start were found.
        path: PNG to write.
    """
    figure, (temperature, heat) = plt.subplots(
        2, 1, figsize=(9, 6), sharex=True, height_ratios=(3, 1)
    )
    temperature.axvspan(0, trace.time_s[behind][0], color=_GREY, alpha=0.15, lw=0, label="window")
    temperature.plot(trace.time_s, trace.temperature_c, color=_GREY, lw=0.8, label="measured")
    styles = zip(predicted.items(), (_BLUE, _ORANGE, _RED), ("-", "--", ":"), strict=False)
    for (name, values), colour, style in styles:
        temperature.plot(trace.time_s, values, color=colour, lw=1, ls=style, label=name)
    temperature.set_ylabel("temperature, °C")
    temperature.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    heat.plot(trace.time_s, trace.heat, color=_ORANGE, lw=0.6)
    heat.set_ylabel("heat, W")
    heat.set_xlabel("time, s")
    _save(figure, path)


def _save(figure: plt.Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.savefig(path, dpi=_DPI)
    plt.close(figure)
